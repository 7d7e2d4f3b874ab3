/* What a decision of a limit zone costs, and what a full one forgets: prints "name value" lines.
 *
 *     cost: nanoseconds per decision, of a zone with no key yet, and of the same zone with a million keys;
 *     lru:  of requests whose key a table of so many records could know, the share that it does: this table
 *           (buckets of eight, the oldest of the bucket goes) and a true LRU list beside it;
 *     room: the share of its records that a limit_conn zone of 1m, of 10m has in use when it first refuses a key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../c/limit_support.h"
#include "shm/limit_conn.h"
#include "shm/limit_req.h"

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t seed = 88172645463325252u;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static px_limit_table table;

static px_limit_key key_of(uint64_t number)
{
    return px_limit_hash(&table, px_slice_from(&number, sizeof number));
}

static void open_zone(uint32_t kind, uint32_t buckets)
{
    const char *why;
    uint32_t behind = kind == PX_LIMIT_CONN ? PX_LIMIT_REACH : 0;
    int fd = limit_segment_of(kind, buckets, buckets + behind);
    if (!px_limit_open(&table, fd, kind, &why) || (kind == PX_LIMIT_CONN && !px_limit_conn_sit(&table, &why)))
        abort();
    close(fd);
}

static void close_zone(void)
{
    px_limit_conn_rise(&table);
    px_limit_close(&table);
}

/* ---- cost ---- */

#define DECISIONS 300000u
#define MANY 1000000u

static double requests(uint64_t from, uint64_t keys)
{
    uint64_t excess, start = now_ns();
    for (uint32_t i = 0; i < DECISIONS; i++)
        px_limit_req_ask(&table, key_of(from + draw() % keys), (px_limit_rate){10000, 20000}, 1000 + i / 100,
                         true, &excess);
    return (double)(now_ns() - start) / DECISIONS;
}

static double connections(uint64_t from, uint64_t keys)
{
    uint32_t hold;
    uint64_t start = now_ns();
    for (uint32_t i = 0; i < DECISIONS; i++)
        if (px_limit_conn_take(&table, key_of(from + draw() % keys), 100, 1000, &hold) == PX_LIMIT_TAKEN)
            px_limit_conn_give(&table, hold);
    return (double)(now_ns() - start) / DECISIONS;
}

/* The least of some runs: other processes only add. */
static double least(double (*run)(uint64_t, uint64_t), uint64_t from, uint64_t keys, uint32_t kind,
                    bool filled)
{
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        uint64_t excess;
        open_zone(kind, 1 << 18);
        uint32_t hold;
        for (uint64_t k = 0; filled && k < MANY; k++) {
            if (kind == PX_LIMIT_REQ)
                px_limit_req_ask(&table, key_of(k), (px_limit_rate){10000, 20000}, 1000, true, &excess);
            else
                px_limit_conn_take(&table, key_of(k), 100, 1000, &hold);
        }
        double ns = run(from, keys);
        best = ns < best ? ns : best;
        close_zone();
    }
    return best;
}

static void cost(void)
{
    printf("req_one_key %.0f\n", least(requests, 0, 1, PX_LIMIT_REQ, false));
    printf("req_empty %.0f\n", least(requests, 0, MANY, PX_LIMIT_REQ, false));
    printf("req_million %.0f\n", least(requests, 0, MANY, PX_LIMIT_REQ, true));
    printf("req_million_new_keys %.0f\n", least(requests, MANY, MANY, PX_LIMIT_REQ, true));
    printf("conn_empty %.0f\n", least(connections, 0, MANY, PX_LIMIT_CONN, false));
    printf("conn_million %.0f\n", least(connections, 0, MANY, PX_LIMIT_CONN, true));
}

/* ---- a true LRU ---- */

typedef struct lru {
    uint32_t capacity, used;
    uint32_t *next, *before; /* by record; record 0 is the list's end */
    uint64_t *keys;
    uint32_t *place; /* of each key, which are small numbers; 0: not there */
} lru;

static void unlink_record(lru *self, uint32_t at)
{
    self->next[self->before[at]] = self->next[at];
    self->before[self->next[at]] = self->before[at];
}

static void put_first(lru *self, uint32_t at)
{
    self->next[at] = self->next[0];
    self->before[at] = 0;
    self->before[self->next[0]] = at;
    self->next[0] = at;
}

static bool lru_knows(lru *self, uint64_t key)
{
    uint32_t at = self->place[key];
    bool known = at != 0;
    if (known) {
        unlink_record(self, at);
    } else if (self->used < self->capacity) {
        at = ++self->used;
    } else {
        at = self->before[0];
        unlink_record(self, at);
        self->place[self->keys[at]] = 0;
    }
    self->keys[at] = key;
    self->place[key] = at;
    put_first(self, at);
    return known;
}

#define ALL_KEYS 200000u

/* Keys of which a few come often and most seldom: rank r about as often as 1/r. */
static uint64_t skewed(void)
{
    double u = (double)(draw() >> 11) / 9007199254740992.0;
    double rank = 1;
    for (double rest = u * 17.6; rest > 1; rest -= 1) /* 2^17.6 is ALL_KEYS */
        rank *= 2;
    double rest = u * 17.6 - (double)(int)(u * 17.6);
    rank *= 1 + rest;
    return (uint64_t)rank % ALL_KEYS;
}

static uint64_t even(void)
{
    return draw() % 40000;
}

static void compare(const char *name, uint64_t (*key)(void), uint32_t buckets)
{
    lru list = {.capacity = buckets * PX_LIMIT_WAYS};
    list.next = calloc(list.capacity + 1u, 4);
    list.before = calloc(list.capacity + 1u, 4);
    list.keys = calloc(list.capacity + 1u, 8);
    list.place = calloc(ALL_KEYS, 4);
    open_zone(PX_LIMIT_REQ, buckets);
    uint64_t ours = 0, true_one = 0;
    enum { REQUESTS = 1000000 };
    for (uint32_t i = 0; i < REQUESTS; i++) {
        uint64_t excess, number = key();
        px_limit_key hash = key_of(number);
        bool known = px_limit_find(px_limit_bucket_at(&table, px_limit_bucket_of(&table, hash)), hash) >= 0;
        px_limit_req_ask(&table, hash, (px_limit_rate){16, 4000000000}, 1000 + i, true, &excess);
        ours += known;
        true_one += lru_knows(&list, number);
    }
    printf("%s_ours %.4f\n%s_lru %.4f\n", name, (double)ours / REQUESTS, name, (double)true_one / REQUESTS);
    close_zone();
    free(list.next);
    free(list.before);
    free(list.keys);
    free(list.place);
}

/* ---- room ---- */

static void room(const char *name, uint32_t homes)
{
    uint64_t taken = 0;
    uint32_t hold;
    open_zone(PX_LIMIT_CONN, homes);
    while (px_limit_conn_take(&table, key_of(draw()), 1, 1000, &hold) == PX_LIMIT_TAKEN)
        taken++;
    printf("%s %.4f\n", name, (double)taken / table.bucket_count / PX_LIMIT_WAYS);
    close_zone();
}

int main(void)
{
    cost();
    room("room_1m", 2714);
    room("room_10m", 27146);
    compare("even_half", even, 2500);    /* 20,000 records, 40,000 keys */
    compare("even_tight", even, 5000);   /* as many records as keys */
    compare("even_double", even, 10000); /* twice as many */
    compare("skewed_tenth", skewed, 2500);
    compare("skewed_half", skewed, 12500);
    return 0;
}
