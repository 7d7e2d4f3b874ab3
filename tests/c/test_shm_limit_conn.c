/* shm/limit_conn: connections are counted exactly, over processes that come, go and are killed anywhere. */
#include "check.h"
#include "step.h"

#include "limit_support.h"
#include "shm/limit_conn.h"

static px_limit_table table;
static int fd;

static void open_own(px_limit_table *own)
{
    const char *why = "";
    if (!px_limit_open(own, fd, PX_LIMIT_CONN, &why) || !px_limit_conn_sit(own, &why))
        abort();
}

static void begin(uint32_t buckets)
{
    fd = limit_segment(PX_LIMIT_CONN, buckets);
    open_own(&table);
}

static void end(void)
{
    px_limit_conn_rise(&table);
    px_limit_close(&table);
    close(fd);
}

static px_limit_key numbered(unsigned number)
{
    char text[16];
    return px_limit_hash(&table, px_slice_from(text, (size_t)snprintf(text, sizeof text, "%u", number)));
}

static uint32_t value_of(px_limit_key key)
{
    px_limit_bucket *bucket = px_limit_bucket_at(&table, px_limit_bucket_of(&table, key));
    int at = px_limit_find(bucket, key);
    return at < 0 ? 0 : px_limit_load(px_limit_records(bucket)[at].value);
}

/* Sums of all records and of all holds: what must agree when nobody is in between. */
static void check_sums(uint32_t want)
{
    uint64_t values = 0, holds = 0;
    for (uint32_t i = 0; i < table.bucket_count; i++)
        for (unsigned k = 0; k < PX_LIMIT_WAYS; k++)
            values += px_limit_load(px_limit_records(px_limit_bucket_at(&table, i))[k].value);
    struct px_shm_limit_chunk *chunks = (void *)(table.zone.base + table.header->chunks_offset);
    for (uint32_t i = 0; i < table.chunk_count; i++)
        for (unsigned k = 0; k < PX_LIMIT_HOLDS; k++)
            holds += px_limit_load(chunks[i].holds[k]) != 0;
    CHECK_INT(values, want);
    CHECK_INT(holds, want);
}

TEST(counts, "a key has as many places as it may, and they come back")
{
    uint32_t holds[4], other;
    begin(4);
    for (unsigned i = 0; i < 3; i++)
        CHECK_INT(px_limit_conn_take(&table, numbered(1), 3, 1, &holds[i]), PX_LIMIT_TAKEN);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 3, 1, &holds[3]), PX_LIMIT_REACHED);
    CHECK_INT(px_limit_conn_take(&table, numbered(2), 1, 1, &other), PX_LIMIT_TAKEN);
    check_sums(4);
    px_limit_conn_give(&table, holds[1]);
    CHECK_INT(value_of(numbered(1)), 2);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 3, 1, &holds[1]), PX_LIMIT_TAKEN);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 3, 1, &holds[3]), PX_LIMIT_REACHED);
    for (unsigned i = 0; i < 3; i++)
        px_limit_conn_give(&table, holds[i]);
    px_limit_conn_give(&table, other);
    check_sums(0);
    end();
}

TEST(hostile_header, "who can write to the Zone cannot lead others out of it")
{
    uint32_t hold;
    begin(1);
    uint64_t seats = table.header->seats_offset, chunks = table.header->chunks_offset;
    table.header->seats_offset = table.header->chunks_offset = table.header->buckets_offset = (uint64_t)1
                                                                                              << 40;
    if (CHECK_INT(px_limit_conn_take(&table, numbered(1), 1, 1, &hold), PX_LIMIT_TAKEN))
        px_limit_conn_give(&table, hold);
    px_limit_conn_reap(&table);
    table.header->seats_offset = seats;
    table.header->chunks_offset = chunks;
    check_sums(0);
    end();
}

TEST(full,
     "when no record is left, new keys are refused and old ones are not; keys without connections make room")
{
    uint32_t holds[9], hold;
    begin(1);
    for (unsigned i = 0; i < 8; i++)
        CHECK_INT(px_limit_conn_take(&table, numbered(i), 9, 1, &holds[i]), PX_LIMIT_TAKEN);
    CHECK_INT(px_limit_conn_take(&table, numbered(8), 9, 1, &hold), PX_LIMIT_NO_ROOM);
    CHECK_INT(px_limit_conn_take(&table, numbered(3), 9, 1, &hold), PX_LIMIT_TAKEN);
    px_limit_conn_give(&table, hold);
    px_limit_conn_give(&table, holds[5]);
    CHECK_INT(px_limit_conn_take(&table, numbered(8), 9, 1, &holds[5]), PX_LIMIT_TAKEN);
    for (unsigned i = 0; i < 8; i++)
        px_limit_conn_give(&table, holds[i]);
    check_sums(0);
    end();
}

TEST(no_holds_left, "when no hold is left, everybody is refused, until one comes back")
{
    static uint32_t holds[100];
    unsigned taken = 0;
    begin(1);
    while (px_limit_conn_take(&table, numbered(1), 1000, 1, &holds[taken]) == PX_LIMIT_TAKEN)
        taken++;
    CHECK_INT(taken, PX_LIMIT_HOLDS); /* one chunk */
    px_limit_conn_give(&table, holds[7]);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 1000, 1, &holds[7]), PX_LIMIT_TAKEN);
    for (unsigned i = 0; i < taken; i++)
        px_limit_conn_give(&table, holds[i]);
    check_sums(0);
    end();
}

TEST(leaving, "who closes the zone gives back what it holds, its chunks and its seat")
{
    px_limit_table other;
    uint32_t hold;
    begin(1);
    for (unsigned i = 0; i < 40; i++) {
        open_own(&other);
        CHECK_INT(px_limit_conn_take(&other, numbered(1), 2, 1, &hold), PX_LIMIT_TAKEN);
        CHECK_INT(px_limit_conn_take(&other, numbered(1), 2, 1, &hold), PX_LIMIT_TAKEN);
        CHECK_INT(other.seat, 1);
        px_limit_conn_rise(&other);
        px_limit_close(&other);
    }
    check_sums(0);
    end();
}

static void die_with(unsigned places)
{
    px_limit_table own;
    uint32_t hold;
    open_own(&own);
    for (unsigned i = 0; i < places; i++)
        if (px_limit_conn_take(&own, numbered(1), 1000, 1, &hold) != PX_LIMIT_TAKEN)
            _exit(1);
    raise(SIGKILL);
}

static void fork_and_die(unsigned places)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        die_with(places);
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
}

TEST(dead, "nobody is refused because of the dead: their places are given back when it matters")
{
    uint32_t holds[3];
    begin(2);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 5, 1, &holds[0]), PX_LIMIT_TAKEN);
    fork_and_die(5);
    CHECK_INT(value_of(numbered(1)), 6);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 5, 1, &holds[1]), PX_LIMIT_TAKEN);
    CHECK_INT(value_of(numbered(1)), 2);
    fork_and_die(20); /* all the holds that are left */
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 3, 1, &holds[2]), PX_LIMIT_TAKEN);
    check_sums(3);
    fork_and_die(4);
    px_limit_table successor;
    open_own(&successor); /* sitting down is enough */
    check_sums(3);
    px_limit_conn_rise(&successor);
    px_limit_close(&successor);
    for (unsigned i = 0; i < 3; i++)
        px_limit_conn_give(&table, holds[i]);
    end();
}

TEST(living, "what the living hold is left alone, also when they are stopped")
{
    int pipes[2];
    char byte;
    uint32_t hold;
    begin(2);
    REQUIRE(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        px_limit_table own;
        open_own(&own);
        for (unsigned i = 0; i < 3; i++)
            px_limit_conn_take(&own, numbered(1), 1000, 1, &hold);
        if (write(pipes[1], "x", 1) == 1)
            pause();
    }
    CHECK_INT(read(pipes[0], &byte, 1), 1);
    kill(child, SIGSTOP);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 3, 1, &hold), PX_LIMIT_REACHED);
    CHECK(!px_limit_conn_reap(&table));
    check_sums(3);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 1, 1, &hold), PX_LIMIT_TAKEN);
    px_limit_conn_give(&table, hold);
    check_sums(0);
    close(pipes[0]);
    close(pipes[1]);
    end();
}

TEST(late, "a place whose bucket is held up comes back later")
{
    int pipes[2];
    char byte;
    uint32_t hold, other;
    begin(1);
    REQUIRE(pipe(pipes) == 0);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 2, 1, &hold), PX_LIMIT_TAKEN);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(px_robust_at(px_limit_bucket_at(&table, 0)->lock));
        if (write(pipes[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    CHECK_INT(read(pipes[0], &byte, 1), 1);
    px_limit_conn_give(&table, hold);
    CHECK_INT(table.late_count, 1);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 2, 1, &other), PX_LIMIT_UNTAKEN);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 1, 1, &other), PX_LIMIT_TAKEN);
    CHECK_INT(table.late_count, 0);
    px_limit_conn_give(&table, other);
    check_sums(0);
    close(pipes[0]);
    close(pipes[1]);
    end();
}

/* ---- killed at any instruction ---- */

static bool nothing(void)
{
    return true;
}

/* A worker's life in small: sits down, takes three places of two keys, gives two back, takes one, rises. */
static void life(void)
{
    px_limit_table own;
    uint32_t holds[3];
    open_own(&own);
    px_limit_conn_take(&own, numbered(1), 9, 1, &holds[0]);
    px_limit_conn_take(&own, numbered(2), 9, 1, &holds[1]);
    px_limit_conn_take(&own, numbered(1), 9, 1, &holds[2]);
    px_limit_conn_give(&own, holds[0]);
    px_limit_conn_give(&own, holds[1]);
    px_limit_conn_take(&own, numbered(2), 9, 1, &holds[0]);
    px_limit_conn_rise(&own);
    px_limit_close(&own);
}

static unsigned kill_through(void (*operation)(void), void (*after)(void))
{
    begin(4);
    operation(); /* what is done once in the life of a process is done */
    unsigned all = step_through(operation, nothing), kills = 0;
    end();
    for (unsigned steps = 1; steps < all; steps += 1 + all / 40) {
        uint32_t holds[2];
        begin(4);
        px_limit_conn_take(&table, numbered(1), 9, 1, &holds[0]);
        px_limit_conn_take(&table, numbered(2), 9, 1, &holds[1]);
        kills += step_and_kill(operation, steps);
        after();
        if (value_of(numbered(1)) != 1 || value_of(numbered(2)) != 1)
            fprintf(stderr, "killed behind %u steps\n", steps);
        check_sums(2);
        px_limit_conn_give(&table, holds[0]);
        px_limit_conn_give(&table, holds[1]);
        check_sums(0);
        end();
    }
    return kills;
}

/* All buckets are touched, so that a lock that died is taken over. */
static void touch(void)
{
    uint32_t hold;
    px_limit_conn_reap(&table);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 2, 1, &hold), PX_LIMIT_TAKEN);
    px_limit_conn_give(&table, hold);
}

TEST(killed_anywhere, "whoever is killed at any instruction of its life has held nothing in the end")
{
    CHECK(kill_through(life, touch) > 20);
}

static void clear_up(void)
{
    px_limit_table own;
    open_own(&own);
}

TEST(reaper_killed, "who is killed while it gives back what the dead held leaves the rest to the next one")
{
    enum { ROUNDS = 40 };
    unsigned kills = 0;
    begin(4);
    fork_and_die(4);
    unsigned all = step_through(clear_up, nothing);
    for (unsigned round = 1; round < ROUNDS; round++) {
        fork_and_die(4);
        kills += step_and_kill(clear_up, all * round / ROUNDS);
        touch();
        check_sums(0);
    }
    CHECK(kills > ROUNDS / 2);
    end();
}

TEST(chunks_change_hands, "a hold of the dead that is somebody else's by now is not touched by a late repair")
{
    uint32_t mine[40];
    unsigned taken = 0;
    begin(2);
    px_limit_bucket *bucket = px_limit_bucket_at(&table, px_limit_bucket_of(&table, numbered(1)));
    unsigned elsewhere = 2;
    while (px_limit_bucket_of(&table, numbered(elsewhere)) == px_limit_bucket_of(&table, numbered(1)))
        elsewhere++;
    /* As if one had died behind its intent to take hold 0 for a record of this bucket. */
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(px_robust_at(bucket->lock));
        px_limit_store(bucket->more[0], 1);
        px_limit_mean(bucket, 0, 0);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    for (; taken < 3; taken++)
        CHECK_INT(px_limit_conn_take(&table, numbered(elsewhere), 9, 1, &mine[taken]), PX_LIMIT_TAKEN);
    CHECK_INT(mine[0], 0);
    CHECK_INT(px_limit_conn_take(&table, numbered(1), 9, 1, &mine[3]), PX_LIMIT_TAKEN);
    CHECK_INT(table.recoveries, 1);
    check_sums(4);
    for (unsigned i = 0; i < 4; i++)
        px_limit_conn_give(&table, mine[i]);
    check_sums(0);
    end();
}

/* ---- several at the same time, some of which die ---- */

static void work(unsigned seed)
{
    px_limit_table own;
    uint32_t holds[8];
    bool held[8] = {false};
    open_own(&own);
    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * 1664525 + 1013904223;
        unsigned at = (seed >> 24) % 8;
        if (held[at])
            px_limit_conn_give(&own, holds[at]);
        held[at] = !held[at] &&
                   px_limit_conn_take(&own, numbered((seed >> 16) % 20), 3, 1, &holds[at]) == PX_LIMIT_TAKEN;
        if (i == 19999 || (seed >> 8) % 9973 == 1)
            raise(SIGKILL);
    }
}

TEST(at_the_same_time, "many that work and are killed leave no place taken")
{
    enum { PROCESSES = 4, LIVES = 12 };
    begin(4);
    unsigned alive = 0;
    for (unsigned i = 0; i < LIVES; i++) {
        if (fork() == 0)
            work(i * 7919);
        if (++alive == PROCESSES) {
            wait(NULL);
            alive--;
        }
    }
    while (wait(NULL) > 0)
        ;
    px_limit_conn_reap(&table);
    uint32_t hold;
    for (unsigned i = 0; i < 20; i++) { /* takes over each bucket's lock */
        if (CHECK_INT(px_limit_conn_take(&table, numbered(i), 1, 1, &hold), PX_LIMIT_TAKEN))
            px_limit_conn_give(&table, hold);
    }
    check_sums(0);
    end();
}
