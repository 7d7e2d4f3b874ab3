/* See limit_req.h. */
#include "shm/limit_req.h"

#define BACKWARDS_MS 60000 /* a clock that is so far behind is another clock */

/* The dead had decided: what it meant to store is stored. */
static void repair(px_limit_table *table, uint32_t number, px_limit_bucket *bucket)
{
    (void)table;
    (void)number;
    int at = px_limit_meant_at(bucket);
    if (at < 0)
        return;
    px_limit_record *record = &px_limit_records(bucket)[at];
    uint64_t high = px_limit_load(bucket->more[1]);
    px_limit_store(record->last_ms, high << 32 | px_limit_load(bucket->more[0]));
    px_limit_store(record->value, px_limit_load(bucket->meant));
}

/* Order: what is meant; that it is meant; the record; that it is done. */
static void store(px_limit_bucket *bucket, int at, uint64_t last_ms, uint64_t excess)
{
    px_limit_record *record = &px_limit_records(bucket)[at];
    uint32_t value = excess < UINT32_MAX ? (uint32_t)excess : UINT32_MAX;
    px_limit_store(bucket->more[0], (uint32_t)last_ms);
    px_limit_store(bucket->more[1], (uint32_t)(last_ms >> 32));
    px_limit_mean(bucket, at, value);
    px_limit_store(record->last_ms, last_ms);
    px_limit_store(record->value, value);
    px_limit_store(bucket->intent, 0);
}

/* Milliseconds since the last request; two workers' clocks are the same one, but may be read before and
 * after each other. */
static uint64_t elapsed(const px_limit_record *record, uint64_t now_ms)
{
    uint64_t last = px_limit_load(record->last_ms);
    if (now_ms >= last)
        return now_ms - last;
    return last - now_ms > BACKWARDS_MS ? 1 : 0;
}

static uint64_t excess_with_one_more(const px_limit_record *record, uint64_t rate, uint64_t ms)
{
    uint64_t before = px_limit_load(record->value) + (uint64_t)1000;
    uint64_t leaked = rate > 0 && ms > UINT64_MAX / rate ? UINT64_MAX : rate * ms / 1000;
    return before > leaked ? before - leaked : 0;
}

/* The free record; or the one that was asked for longest ago. Ages are compared within 49 days. */
static int oldest(px_limit_bucket *bucket, uint64_t now_ms)
{
    px_limit_record *records = px_limit_records(bucket);
    uint32_t most = 0;
    int found = 0;
    for (int i = 0; i < (int)PX_LIMIT_WAYS; i++) {
        if (px_limit_load(records[i].first) == 0)
            return i;
        uint32_t age = (uint32_t)now_ms - px_limit_load(records[i].used_ms);
        if (age > most && age < UINT32_MAX / 2) {
            most = age;
            found = i;
        }
    }
    return found;
}

/* A record that says nothing that a new one would not say is no loss. */
static bool says_something(const px_limit_record *record, uint64_t rate, uint64_t now_ms)
{
    return px_limit_load(record->first) != 0 &&
           excess_with_one_more(record, rate, elapsed(record, now_ms)) > 0;
}

static int make(px_limit_table *table, px_limit_bucket *bucket, px_limit_key key, uint64_t rate,
                uint64_t now_ms)
{
    int at = oldest(bucket, now_ms);
    px_limit_record *record = &px_limit_records(bucket)[at];
    table->evictions += says_something(record, rate, now_ms);
    px_limit_make(table, record, key, now_ms);
    return at;
}

px_limit_verdict px_limit_req_ask(px_limit_table *table, px_limit_key key, px_limit_rate limit,
                                  uint64_t now_ms, bool account, uint64_t *excess)
{
    px_limit_bucket *bucket = px_limit_lock(table, px_limit_bucket_of(table, key), repair);
    *excess = 0;
    if (bucket == NULL)
        return PX_LIMIT_UNKNOWN;
    int at = px_limit_find(bucket, key);
    if (at < 0) {
        if (account)
            store(bucket, make(table, bucket, key, limit.rate, now_ms), now_ms, 0);
        px_limit_unlock(bucket);
        return PX_LIMIT_WITHIN;
    }
    px_limit_record *record = &px_limit_records(bucket)[at];
    px_limit_store(record->used_ms, (uint32_t)now_ms);
    uint64_t ms = elapsed(record, now_ms);
    *excess = excess_with_one_more(record, limit.rate, ms);
    bool within = *excess <= limit.burst;
    if (within && account)
        store(bucket, at, ms > 0 ? now_ms : px_limit_load(record->last_ms), *excess);
    px_limit_unlock(bucket);
    return within ? PX_LIMIT_WITHIN : PX_LIMIT_ABOVE;
}

px_limit_verdict px_limit_req_count(px_limit_table *table, px_limit_key key, px_limit_rate limit,
                                    uint64_t now_ms, uint64_t *excess)
{
    px_limit_rate any = {limit.rate, UINT64_MAX};
    return px_limit_req_ask(table, key, any, now_ms, true, excess);
}
