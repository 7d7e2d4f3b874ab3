/* A limit Zone: a hash table of buckets of eight records, each bucket under a robust lock of its own, so that
 * a decision touches one bucket, whatever the Zone holds. Keys are never stored: records have a 128-bit hash
 * under the Zone's own random key, so that nobody can choose keys that fall together.
 *
 * What is decided is limit_req.h's and limit_conn.h's. Here: opening, locking with repair, finding a record
 * or the place for a new one. */
#ifndef PX_SHM_LIMIT_TABLE_H
#define PX_SHM_LIMIT_TABLE_H

#include "base/slice.h"
#include "generated/shm_layout.h"
#include "shm/robust.h"
#include "shm/zone.h"

typedef struct px_shm_limit_header px_limit_header;
typedef struct px_shm_limit_bucket px_limit_bucket;
typedef struct px_shm_limit_record px_limit_record;

/* Whoever holds a bucket's lock does nothing but a few stores, unless the kernel puts it aside just there: on
 * a loaded machine for tens of milliseconds. Who waits longer than this waits for one that was stopped. */
#define PX_LIMIT_WAIT_MS 100
/* After a wait in vain the same lock is not waited for again for so long. */
#define PX_LIMIT_STUCK_MS 1000

typedef struct px_limit_table {
    px_zone zone;
    px_limit_header *header;
    /* Where they lie is read once: whoever can write to the Zone cannot lead others out of it. */
    uint8_t *buckets;
    struct px_shm_limit_seat *seats;
    struct px_shm_limit_chunk *chunks;
    uint32_t bucket_count, home_count, seat_count, chunk_count;
    uint64_t secret[2];
    const px_limit_bucket *stuck; /* its lock could not be had; until stuck_until_ms it is not waited for */
    uint64_t stuck_until_ms;
    uint64_t recoveries, evictions; /* for the caller's counters, who clears them */
    /* limit_conn.c's. seat: -1: none. Numbers of holds that are ours and free; of those that could not be
     * given back yet. */
    int32_t seat;
    uint32_t *free_holds, *late_holds;
    uint32_t free_count, late_count, hold_capacity;
    uint32_t next_chunk;
} px_limit_table;

typedef struct px_limit_key {
    uint64_t first, second;
} px_limit_key;

/* fd: the segment; stays the caller's. Initialises the locks if nobody has. The reason why not is a static
 * text in *why. kind: PX_LIMIT_REQ or PX_LIMIT_CONN. */
bool px_limit_open(px_limit_table *table, int fd, uint32_t kind, const char **why);
/* Idempotent. */
void px_limit_close(px_limit_table *table);

/* The key of this text, under the Zone's secret: the same in every process that has it open. */
px_limit_key px_limit_hash(const px_limit_table *table, px_slice text);

/* The key's home. */
static inline uint32_t px_limit_bucket_of(const px_limit_table *table, px_limit_key key)
{
    return (uint32_t)(((unsigned __int128)key.first * table->home_count) >> 64);
}

#define PX_LIMIT_BUCKET_BYTES (sizeof(px_limit_bucket) + PX_LIMIT_WAYS * sizeof(px_limit_record))

static inline px_limit_bucket *px_limit_bucket_at(const px_limit_table *table, uint32_t number)
{
    return (px_limit_bucket *)(void *)(table->buckets + (size_t)number * PX_LIMIT_BUCKET_BYTES);
}
static inline px_limit_record *px_limit_records(px_limit_bucket *bucket)
{
    return (px_limit_record *)(void *)(bucket + 1);
}

/* What became of it if who held the lock died: called with the lock held, before it is declared good. */
typedef void px_limit_repair(px_limit_table *table, uint32_t number, px_limit_bucket *bucket);

/* NULL: the lock cannot be had in PX_LIMIT_WAIT_MS, or recently could not. */
px_limit_bucket *px_limit_lock(px_limit_table *table, uint32_t number, px_limit_repair *repair);
void px_limit_unlock(px_limit_bucket *bucket);

/* Under the lock. -1: not there. */
int px_limit_find(px_limit_bucket *bucket, px_limit_key key);
/* Under the lock: gives record `at` this key. Its value and last_ms are 0. */
void px_limit_make(px_limit_table *table, px_limit_record *record, px_limit_key key, uint64_t now_ms);
/* Under the lock: forgets the key of this record, whose value is 0. */
void px_limit_free(px_limit_table *table, px_limit_record *record);

/* Plain loads and stores of what only the lock's holder changes, in the order of the program: a death may
 * come between any two. */
#define px_limit_load(cell) atomic_load_explicit(&(cell), memory_order_relaxed)
#define px_limit_store(cell, number) atomic_store_explicit(&(cell), number, memory_order_release)

/* Says that this record is about to have this value, behind what `more` says. */
static inline void px_limit_mean(px_limit_bucket *bucket, int at, uint32_t value)
{
    px_limit_store(bucket->meant, value);
    px_limit_store(bucket->intent, (uint32_t)at + 1);
}
/* The record that is about to change; -1: nothing is meant. */
static inline int px_limit_meant_at(const px_limit_bucket *bucket)
{
    uint32_t number = px_limit_load(bucket->intent);
    return number <= PX_LIMIT_WAYS ? (int)number - 1 : -1;
}
/* LIMIT_CONN: no key at home in this bucket is farther behind than this. */
static inline _Atomic uint32_t *px_limit_reach(px_limit_bucket *bucket)
{
    return &bucket->more[1];
}

#endif
