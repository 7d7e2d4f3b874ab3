/* shm/limit_*: random operations beside a model that is too simple to be wrong, by several workers, some of
 * whom are killed at random instructions. The numbers are the same in each run. */
#include "check.h"
#include "step.h"

#include "limit_support.h"
#include "shm/limit_conn.h"
#include "shm/limit_req.h"

#define KEYS 48u

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % below;
}

static int fd;

static px_limit_key numbered(const px_limit_table *table, uint32_t number)
{
    return px_limit_hash(table, px_slice_from(&number, sizeof number));
}

/* ---- connections ---- */

#define WORKERS 3u
#define HOLDS 24u

typedef struct worker {
    px_limit_table table;
    uint32_t holds[HOLDS], keys[HOLDS], count;
} worker;

static worker workers[WORKERS];
static uint32_t model[KEYS]; /* connections of each key */
static uint32_t refusals, far_away;

static void sit(px_limit_table *table)
{
    const char *why = "";
    if (!px_limit_open(table, fd, PX_LIMIT_CONN, &why) || !px_limit_conn_sit(table, &why))
        abort();
}

static px_limit_record *record_at(const px_limit_table *table, uint32_t bucket, uint32_t at)
{
    return &px_limit_records(px_limit_bucket_at(table, bucket))[at];
}

/* What the table says of a key: its connections, of however many records; where the first one is. */
static uint32_t value_of(const px_limit_table *table, px_limit_key key, uint32_t *where)
{
    uint32_t value = 0;
    for (uint32_t bucket = table->bucket_count; bucket-- > 0;)
        for (uint32_t at = 0; at < PX_LIMIT_WAYS; at++) {
            px_limit_record *record = record_at(table, bucket, at);
            if (px_limit_load(record->first) != key.first || px_limit_load(record->second) != key.second)
                continue;
            value += px_limit_load(record->value);
            *where = bucket;
        }
    return value;
}

static void check_all(const px_limit_table *table)
{
    for (uint32_t number = 0; number < KEYS; number++) {
        px_limit_key key = numbered(table, number);
        uint32_t home = px_limit_bucket_of(table, key), where = home;
        CHECK_INT(value_of(table, key, &where), model[number]);
        CHECK(where >= home &&
              where - home <= px_limit_load(*px_limit_reach(px_limit_bucket_at(table, home))));
        far_away += where != home;
    }
}

/* No bucket in which the key may be has room. */
static bool is_full_for(const px_limit_table *table, px_limit_key key)
{
    for (uint32_t bucket = px_limit_bucket_of(table, key); bucket < table->bucket_count; bucket++)
        for (uint32_t at = 0; at < PX_LIMIT_WAYS; at++)
            if (px_limit_load(record_at(table, bucket, at)->value) == 0)
                return false;
    return true;
}

static void take_one(worker *self)
{
    uint32_t number = draw(KEYS), most = 1 + draw(6), hold = 0;
    if (self->count == HOLDS)
        return;
    px_limit_key key = numbered(&self->table, number);
    px_limit_taken taken = px_limit_conn_take(&self->table, key, most, draw(1000), &hold);
    if (taken == PX_LIMIT_NO_ROOM) {
        refusals++;
        CHECK(model[number] == 0 && is_full_for(&self->table, key));
        return;
    }
    CHECK_INT(taken, model[number] < most ? PX_LIMIT_TAKEN : PX_LIMIT_REACHED);
    if (taken != PX_LIMIT_TAKEN)
        return;
    model[number]++;
    self->holds[self->count] = hold;
    self->keys[self->count++] = number;
}

static void give_one(worker *self, uint32_t at)
{
    model[self->keys[at]]--;
    px_limit_conn_give(&self->table, self->holds[at]);
    self->count--;
    self->holds[at] = self->holds[self->count];
    self->keys[at] = self->keys[self->count];
}

static void some_operations(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        worker *self = &workers[draw(WORKERS)];
        if (self->count > 0 && draw(100) < 45)
            give_one(self, draw(self->count));
        else
            take_one(self);
    }
}

static void begin_connections(uint32_t homes, uint32_t buckets)
{
    seed = 20251;
    fd = limit_segment_of(PX_LIMIT_CONN, homes, buckets);
    memset(model, 0, sizeof model);
    refusals = far_away = 0;
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i].count = 0;
        sit(&workers[i].table);
    }
}

static void end_connections(void)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        while (workers[i].count > 0)
            give_one(&workers[i], 0);
        check_all(&workers[i].table);
        px_limit_conn_rise(&workers[i].table);
        px_limit_close(&workers[i].table);
    }
    close(fd);
}

TEST(connections,
     "random connections are counted exactly, in a table where many keys are not at home and some "
     "find no room")
{
    begin_connections(2, 4);
    for (int i = 0; i < 300; i++) {
        some_operations(20);
        check_all(&workers[0].table);
    }
    CHECK(refusals > 50);
    CHECK(far_away > 1000);
    end_connections();
}

TEST(comes_home, "when all have left a crowded home, its keys are looked for there alone")
{
    uint32_t hold;
    begin_connections(1, 4);
    some_operations(400);
    CHECK(px_limit_load(*px_limit_reach(px_limit_bucket_at(&workers[0].table, 0))) > 0);
    for (uint32_t i = 0; i < WORKERS; i++)
        while (workers[i].count > 0)
            give_one(&workers[i], 0);
    px_limit_key key = numbered(&workers[0].table, KEYS);
    if (CHECK_INT(px_limit_conn_take(&workers[0].table, key, 1, 1, &hold), PX_LIMIT_TAKEN))
        px_limit_conn_give(&workers[0].table, hold);
    CHECK_INT(px_limit_load(*px_limit_reach(px_limit_bucket_at(&workers[0].table, 0))), 0);
    CHECK_INT(px_limit_load(workers[0].table.header->used), 8);
    end_connections();
}

TEST(nearly_full, "a zone has room for another key until most of its records are in use")
{
    enum { HOMES = 1000 };
    uint32_t taken = 0, hold;
    fd = limit_segment_of(PX_LIMIT_CONN, HOMES, HOMES + PX_LIMIT_REACH);
    sit(&workers[0].table);
    while (px_limit_conn_take(&workers[0].table, numbered(&workers[0].table, taken), 1, 1, &hold) ==
           PX_LIMIT_TAKEN)
        taken++;
    CHECK(taken > HOMES * PX_LIMIT_WAYS * 8 / 10);
    px_limit_conn_rise(&workers[0].table);
    px_limit_close(&workers[0].table);
    close(fd);
}

/* ---- connections, and workers that die ---- */

static worker victim;

static void sit_down(void)
{
    victim.count = 0;
    sit(&victim.table);
    for (uint32_t i = draw(6); i > 0; i--)
        take_one(&victim);
}

static void take_or_give(void)
{
    if (victim.count > 0 && draw(2) == 0)
        give_one(&victim, 0);
    else
        take_one(&victim);
}

/* Each bucket's lock is taken once, so that what the dead began is repaired. */
static void touch_all(px_limit_table *table)
{
    px_limit_conn_reap(table);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t hold;
        if (px_limit_conn_take(table, numbered(table, i), UINT32_MAX, 1, &hold) == PX_LIMIT_TAKEN)
            px_limit_conn_give(table, hold);
    }
}

TEST(connections_and_deaths, "workers that are killed at random instructions take nothing with them")
{
    unsigned kills = 0;
    uint64_t recoveries = 0;
    begin_connections(2, 6); /* a chunk of holds for the victim, too */
    for (int i = 0; i < 150; i++) {
        some_operations(15);
        draw(10);
        kills += step_and_kill_behind(sit_down, take_or_give, 1 + draw(700));
        touch_all(&workers[i % (int)WORKERS].table);
        check_all(&workers[0].table);
    }
    for (uint32_t i = 0; i < WORKERS; i++)
        recoveries += workers[i].table.recoveries;
    CHECK(kills > 75);
    CHECK(recoveries > kills); /* seats, and some buckets */
    end_connections();
}

/* ---- requests ---- */

typedef struct known {
    uint64_t last_ms, excess;
    bool there;
} known;

static px_limit_table requests;
static known past[KEYS];
static uint64_t now_ms;
static px_limit_rate limit = {7000, 5000};
static uint32_t asked; /* the key that the victim asks for */

/* limit_req's rule, written once more. */
static uint64_t excess_of(const known *key)
{
    int64_t ms = (int64_t)now_ms - (int64_t)key->last_ms;
    int64_t elapsed = ms >= 0 ? ms : ms < -60000 ? 1 : 0;
    int64_t excess = (int64_t)key->excess - (int64_t)limit.rate * elapsed / 1000 + 1000;
    return excess > 0 && key->there ? (uint64_t)excess : 0;
}

static known after_one_more(known key)
{
    known after = {now_ms, excess_of(&key), true};
    int64_t ms = (int64_t)now_ms - (int64_t)key.last_ms;
    if (key.there && ms <= 0 && ms >= -60000)
        after.last_ms = key.last_ms;
    return after;
}

static void ask_one(uint32_t number)
{
    uint64_t excess = 0, want = excess_of(&past[number]);
    bool account = draw(4) > 0;
    px_limit_verdict verdict =
        px_limit_req_ask(&requests, numbered(&requests, number), limit, now_ms, account, &excess);
    CHECK_INT(excess, want);
    CHECK_INT(verdict, want <= limit.burst ? PX_LIMIT_WITHIN : PX_LIMIT_ABOVE);
    if (account && want <= limit.burst)
        past[number] = after_one_more(past[number]);
}

static void begin_requests(void)
{
    const char *why = "";
    seed = 4711;
    now_ms = 5000000;
    memset(past, 0, sizeof past);
    fd = limit_segment(PX_LIMIT_REQ, 32); /* all keys fit */
    if (!px_limit_open(&requests, fd, PX_LIMIT_REQ, &why))
        abort();
}

static void some_requests(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        now_ms += draw(3) == 0 ? draw(400) : 0;
        now_ms -= draw(20) == 0 ? draw(5) : 0; /* a worker that read the clock and came late */
        ask_one(draw(KEYS));
    }
}

TEST(rates, "random requests of random keys are decided as the rule says")
{
    begin_requests();
    some_requests(20000);
    CHECK_INT(requests.evictions, 0);
    px_limit_close(&requests);
    close(fd);
}

static void one_request(void)
{
    uint64_t excess;
    px_limit_req_ask(&requests, numbered(&requests, asked), limit, now_ms, true, &excess);
}

TEST(rates_and_deaths,
     "who is killed at a random instruction of a decision was counted or was not, and nobody "
     "else's count has changed")
{
    unsigned kills = 0;
    begin_requests();
    for (int i = 0; i < 150; i++) {
        some_requests(20);
        asked = draw(KEYS);
        known without = past[asked], with = after_one_more(without);
        uint64_t refused = excess_of(&without), excess = 0;
        kills += step_and_kill(one_request, 1 + draw(500));
        px_limit_req_ask(&requests, numbered(&requests, asked), limit, now_ms, false, &excess);
        if (excess == excess_of(&with) && refused <= limit.burst)
            past[asked] = with;
        else
            CHECK_INT(excess, refused);
        for (uint32_t number = 0; number < KEYS; number++) {
            px_limit_req_ask(&requests, numbered(&requests, number), limit, now_ms, false, &excess);
            CHECK_INT(excess, excess_of(&past[number]));
        }
    }
    CHECK(kills > 75);
    px_limit_close(&requests);
    close(fd);
}
