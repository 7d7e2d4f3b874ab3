/* shm/limit_req: decisions as nginx takes them, to the millisecond; what a full table forgets; whoever dies
 * where. The clock is the test's. */
#include "check.h"
#include "step.h"

#include "limit_support.h"
#include "shm/limit_req.h"

static px_limit_table table;
static int fd;

static void begin(uint32_t buckets)
{
    const char *why = "";
    fd = limit_segment(PX_LIMIT_REQ, buckets);
    if (!px_limit_open(&table, fd, PX_LIMIT_REQ, &why))
        abort();
}

static void end(void)
{
    px_limit_close(&table);
    px_limit_close(&table);
    close(fd);
}

static px_limit_key numbered(unsigned number)
{
    char text[16];
    return px_limit_hash(&table, px_slice_from(text, (size_t)snprintf(text, sizeof text, "%u", number)));
}

typedef struct decision {
    uint64_t at_ms;
    px_limit_verdict verdict;
    uint64_t excess;
} decision;

#define START 1000000

/* Each row: at this time one request of one key; verdict and excess in thousandths, as ngx_http_limit_req
 * would have them. */
static void schedule(uint64_t rate, uint64_t burst, const decision *rows, size_t count)
{
    begin(1);
    for (size_t i = 0; i < count; i++) {
        uint64_t excess = 99;
        px_limit_verdict verdict = px_limit_req_ask(&table, numbered(1), (px_limit_rate){rate, burst},
                                                    START + rows[i].at_ms, true, &excess);
        if (!CHECK_INT(verdict, rows[i].verdict) || !CHECK_INT(excess, rows[i].excess))
            fprintf(stderr, "row %zu, at %llu ms\n", i, (unsigned long long)rows[i].at_ms);
    }
    end();
}
#define SCHEDULE(rate, burst, ...)                                                                           \
    do {                                                                                                     \
        static const decision rows[] = {__VA_ARGS__};                                                        \
        schedule(rate, burst, rows, sizeof rows / sizeof rows[0]);                                           \
    } while (0)
#define IN PX_LIMIT_WITHIN
#define OUT PX_LIMIT_ABOVE

TEST(no_burst, "10 r/s: one request each 100 ms, to the millisecond; who is refused is not counted")
{
    SCHEDULE(10000, 0, {0, IN, 0}, {0, OUT, 1000}, {1, OUT, 990}, {50, OUT, 500}, {99, OUT, 10}, {100, IN, 0},
             {199, OUT, 10}, {200, IN, 0}, {100000, IN, 0});
}

TEST(burst, "a burst fills, leaks at the rate, and is refused when full")
{
    SCHEDULE(10000, 3000, {0, IN, 0}, {0, IN, 1000}, {0, IN, 2000}, {0, IN, 3000}, {0, OUT, 4000},
             {10, OUT, 3900}, {100, IN, 3000}, {150, OUT, 3500}, {250, IN, 2500}, {250, OUT, 3500},
             {300, IN, 3000}, {10000, IN, 0}, {10000, IN, 1000});
}

TEST(parts_of_a_millisecond,
     "what leaks in a millisecond is rounded down, and a request in the same millisecond "
     "does not move the clock of the key")
{
    /* 1 r/m is 16 thousandths a second: 16 * 62 / 1000 is 0 */
    SCHEDULE(16, 5000, {0, IN, 0}, {62, IN, 1000}, {124, IN, 2000}, {186, IN, 3000}, {249, IN, 3999},
             {250, IN, 4999}, {250, OUT, 5999}, {312, OUT, 5999}, {313, OUT, 5998});
    SCHEDULE(1000, 5000, {0, IN, 0}, {0, IN, 1000}, {5, IN, 1995}, {5, IN, 2995}, {1000, IN, 3000});
}

TEST(clock_behind,
     "a clock that was read a little earlier counts as no time; one from another life as one ms")
{
    SCHEDULE(10000, 9000, {500, IN, 0}, {400, IN, 1000}, {500, IN, 2000}, {600, IN, 2000});
    begin(1);
    uint64_t excess;
    px_limit_rate limit = {10000, 9000};
    px_limit_req_ask(&table, numbered(1), limit, 9000000, true, &excess);
    px_limit_req_ask(&table, numbered(1), limit, 1000, true, &excess);
    CHECK_INT(excess, 990);
    px_limit_req_ask(&table, numbered(1), limit, 1100, true, &excess);
    CHECK_INT(excess, 990);
    end();
}

TEST(asked_is_not_counted, "a request that is only asked about changes nothing; counting it needs no room in "
                           "the burst")
{
    begin(1);
    uint64_t excess;
    px_limit_rate limit = {1000, 1000};
    for (int i = 0; i < 3; i++) {
        CHECK_INT(px_limit_req_ask(&table, numbered(1), limit, START, false, &excess), IN);
        CHECK_INT(excess, 0);
    }
    CHECK_INT(px_limit_req_count(&table, numbered(1), limit, START, &excess), IN);
    CHECK_INT(excess, 0);
    CHECK_INT(px_limit_req_ask(&table, numbered(1), limit, START, false, &excess), IN);
    CHECK_INT(excess, 1000);
    for (uint64_t i = 1; i < 5; i++) {
        CHECK_INT(px_limit_req_count(&table, numbered(1), limit, START, &excess), IN);
        CHECK_INT(excess, i * 1000);
    }
    CHECK_INT(px_limit_req_ask(&table, numbered(1), limit, START, true, &excess), OUT);
    end();
}

TEST(extremes, "the highest rate and burst, and years of rest, do not overflow")
{
    SCHEDULE(1000000000000, 4000000000, {0, IN, 0}, {0, IN, 1000}, {0, IN, 2000}, {100000000000, IN, 0},
             {100000000000, IN, 1000});
    begin(1);
    uint64_t excess = 0;
    px_limit_rate limit = {16, 4000000000};
    for (unsigned i = 0; i < 100000; i++)
        px_limit_req_ask(&table, numbered(1), limit, START, true, &excess);
    CHECK_INT(excess, 99999000);
    end();
}

/* ---- a table that is too small ---- */

TEST(oldest_goes, "a full bucket forgets the key that was asked for longest ago; that counts as an eviction "
                  "only if it still said something")
{
    begin(1);
    uint64_t excess;
    px_limit_rate limit = {1000, 5000};
    for (unsigned i = 0; i < 8; i++)
        for (int k = 0; k < 2; k++)
            px_limit_req_ask(&table, numbered(i), limit, START + i, true, &excess);
    CHECK_INT(px_limit_load(table.header->used), 8);
    CHECK_INT(table.evictions, 0);
    px_limit_req_ask(&table, numbered(0), limit, START + 8, false, &excess); /* looking is use */
    px_limit_req_ask(&table, numbered(100), limit, START + 9, true, &excess);
    CHECK_INT(table.evictions, 1);
    px_limit_req_ask(&table, numbered(0), limit, START + 9, false, &excess);
    CHECK(excess > 1900);
    px_limit_req_ask(&table, numbered(1), limit, START + 9, false, &excess);
    CHECK_INT(excess, 0);
    px_limit_req_ask(&table, numbered(101), limit, START + 60000, true, &excess);
    CHECK_INT(table.evictions, 1);
    CHECK_INT(px_limit_load(table.header->used), 8);
    end();
}

TEST(no_raw_key, "no key is stored as it came, and another Zone has other hashes")
{
    static const char key[] = "203.0.113.77-and-a-token";
    begin(64);
    uint64_t excess;
    px_limit_key hash = px_limit_hash(&table, px_slice_from(key, sizeof key - 1));
    px_limit_req_ask(&table, hash, (px_limit_rate){1000, 0}, START, true, &excess);
    CHECK(memmem(table.zone.base, table.zone.size, key, 8) == NULL);
    table.secret[0]++;
    CHECK(px_limit_hash(&table, px_slice_from(key, sizeof key - 1)).first != hash.first);
    end();
}

TEST(siphash, "hashes are SipHash-1-3-128: all bytes and the length count")
{
    begin(1);
    px_limit_key seen[70];
    uint8_t text[70] = {0};
    for (unsigned i = 0; i < 70; i++) {
        seen[i] = px_limit_hash(&table, px_slice_from(text, i));
        for (unsigned k = 0; k < i; k++)
            REQUIRE(seen[k].first != seen[i].first && seen[k].second != seen[i].second);
    }
    for (unsigned i = 0; i < 69; i++) {
        text[i] = 1;
        CHECK(px_limit_hash(&table, px_slice_from(text, 69)).first != seen[69].first);
        text[i] = 0;
    }
    end();
}

static void refused(size_t offset, uint32_t value, const char *want)
{
    int damaged = limit_segment(PX_LIMIT_REQ, 4);
    px_limit_table opened;
    const char *why = "";
    CHECK_INT(pwrite(damaged, &value, 4, (off_t)offset), 4);
    CHECK(!px_limit_open(&opened, damaged, PX_LIMIT_REQ, &why));
    CHECK_STRING(why, want);
    close(damaged);
}

TEST(refuses, "a segment that is not such a zone of this build is refused, with the reason")
{
    refused(offsetof(px_limit_header, magic), 1, "the segment is not a limit zone");
    refused(offsetof(px_limit_header, layout), 1, "the limit zone was made by another build");
    refused(offsetof(px_limit_header, kind), PX_LIMIT_CONN, "the limit zone is of another kind");
    refused(offsetof(px_limit_header, buckets), 5, "the limit zone's parts lie outside of its segment");
    refused(offsetof(px_limit_header, buckets), 0, "the limit zone's parts lie outside of its segment");
    refused(offsetof(px_limit_header, chunks), 1000, "the limit zone's parts lie outside of its segment");
    refused(offsetof(px_limit_header, buckets_offset), 1 << 20,
            "the limit zone's parts lie outside of its segment");
}

/* ---- killed at any instruction ---- */

static px_limit_rate stepped = {1000, 50000};

static void one_request(void)
{
    uint64_t excess;
    px_limit_req_ask(&table, numbered(1), stepped, START + 500, true, &excess);
}

static bool nothing(void)
{
    return true;
}

/* What the next request in the same millisecond finds: with the dead one counted or without. */
static void check_after_kill(unsigned steps, uint64_t without, uint64_t with)
{
    uint64_t excess = 0;
    CHECK_INT(px_limit_req_ask(&table, numbered(1), stepped, START + 500, false, &excess), IN);
    if (!CHECK(excess == without || excess == with))
        fprintf(stderr, "killed behind %u steps: excess %llu\n", steps, (unsigned long long)excess);
    CHECK_INT(px_limit_load(px_limit_bucket_at(&table, 0)->intent), 0);
}

TEST(killed_counting,
     "whoever is killed at any instruction of a decision leaves a bucket that works, with that "
     "request counted or not, and nothing else changed")
{
    uint64_t excess, recoveries = 0;
    begin(1);
    unsigned all = step_through(one_request, nothing);
    end();
    for (unsigned steps = 1; steps < all; steps += 1 + all / 60) {
        begin(1);
        for (int i = 0; i < 4; i++)
            px_limit_req_ask(&table, numbered(1), stepped, START, true, &excess);
        step_and_kill(one_request, steps);
        check_after_kill(steps, 3500, 4500);
        recoveries += table.recoveries;
        end();
    }
    CHECK(recoveries > 0); /* some died with the lock */
}

TEST(killed_making,
     "whoever is killed while it makes a record, or takes one from another key, leaves a whole one "
     "or none")
{
    uint64_t excess;
    begin(1);
    unsigned all = step_through(one_request, nothing);
    end();
    for (unsigned steps = 1; steps < all; steps += 1 + all / 60) {
        begin(1);
        for (unsigned i = 10; i < 18; i++)
            for (int k = 0; k < 5; k++)
                px_limit_req_ask(&table, numbered(i), stepped, START + i, true, &excess);
        step_and_kill(one_request, steps);
        check_after_kill(steps, 0, 1000);
        px_limit_record *records = px_limit_records(px_limit_bucket_at(&table, 0));
        for (unsigned i = 0; i < PX_LIMIT_WAYS; i++)
            CHECK(px_limit_load(records[i].first) == 0 || px_limit_load(records[i].value) == 4000 ||
                  px_limit_load(records[i].value) == 0);
        end();
    }
}

/* ---- several at the same time ---- */

static void burst_of(int out)
{
    px_limit_table own;
    const char *why;
    uint32_t within = 0;
    uint64_t excess;
    if (!px_limit_open(&own, fd, PX_LIMIT_REQ, &why))
        _exit(1);
    px_limit_key key = px_limit_hash(&own, PX_SLICE("all"));
    for (int i = 0; i < 20000; i++)
        within += px_limit_req_ask(&own, key, (px_limit_rate){1000, 12345000}, START, true, &excess) == IN;
    _exit(write(out, &within, 4) == 4 ? 0 : 2);
}

TEST(at_the_same_time, "several processes together let in exactly the burst and one")
{
    enum { PROCESSES = 4 };
    int pipes[2];
    pid_t children[PROCESSES];
    begin(1);
    REQUIRE(pipe(pipes) == 0);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            burst_of(pipes[1]);
    }
    uint32_t total = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        uint32_t within = 0;
        waitpid(children[i], &status, 0);
        CHECK_INT(status, 0);
        CHECK_INT(read(pipes[0], &within, 4), 4);
        total += within;
    }
    CHECK_INT(total, 12346);
    close(pipes[0]);
    close(pipes[1]);
    end();
}

TEST(stuck, "a lock that somebody holds and does not give up is waited for once, and not again for a while")
{
    begin(1);
    uint64_t excess;
    int pipes[2];
    char byte;
    REQUIRE(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(px_robust_at(px_limit_bucket_at(&table, 0)->lock));
        if (write(pipes[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    CHECK_INT(read(pipes[0], &byte, 1), 1);
    for (int i = 0; i < 100; i++) /* a tenth of a second, or ten */
        CHECK_INT(px_limit_req_ask(&table, numbered(1), stepped, START, true, &excess), PX_LIMIT_UNKNOWN);
    CHECK(table.stuck == px_limit_bucket_at(&table, 0) && table.stuck_until_ms > 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK_INT(px_limit_req_ask(&table, numbered(1), stepped, START, true, &excess), IN);
    CHECK_INT(table.recoveries, 1);
    close(pipes[0]);
    close(pipes[1]);
    end();
}
