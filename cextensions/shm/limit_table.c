/* See limit_table.h. */
#include "shm/limit_table.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"

/* ---- opening ---- */

/* head: a copy, since others write to the segment. */
static const char *fault(const px_zone *zone, const px_limit_header *head, uint32_t kind)
{
    if (head->magic != PX_LIMIT_MAGIC)
        return "the segment is not a limit zone";
    if (head->layout != PX_SHM_LAYOUT)
        return "the limit zone was made by another build";
    if (head->kind != kind)
        return "the limit zone is of another kind";
    if (head->homes == 0 || head->homes > head->buckets || head->buckets > UINT32_MAX / PX_LIMIT_WAYS - 1 ||
        head->chunks > UINT32_MAX / PX_LIMIT_HOLDS - 1 || head->seats > PX_LIMIT_SEATS ||
        !px_zone_holds(zone, head->buckets_offset, head->buckets, PX_LIMIT_BUCKET_BYTES) ||
        !px_zone_holds(zone, head->seats_offset, head->seats, sizeof(struct px_shm_limit_seat)) ||
        !px_zone_holds(zone, head->chunks_offset, head->chunks, sizeof(struct px_shm_limit_chunk)))
        return "the limit zone's parts lie outside of its segment";
    return NULL;
}

static void take_places(px_limit_table *table, const px_limit_header *head)
{
    table->header = (px_limit_header *)(void *)table->zone.base;
    table->bucket_count = head->buckets;
    table->home_count = head->homes;
    table->seat_count = head->seats;
    table->chunk_count = head->chunks;
    table->buckets = table->zone.base + head->buckets_offset;
    table->seats = (void *)(table->zone.base + head->seats_offset);
    table->chunks = (void *)(table->zone.base + head->chunks_offset);
    memcpy(table->secret, head->secret, sizeof table->secret);
}

static bool make_locks(void *argument)
{
    const px_limit_table *table = argument;
    px_limit_header *head = table->header;
    if (!px_robust_make(px_robust_at(head->lock)))
        return false;
    for (uint32_t i = 0; i < table->seat_count; i++)
        if (!px_robust_make(px_robust_at(table->seats[i].life)))
            return false;
    for (uint32_t i = 0; i < table->bucket_count; i++)
        if (!px_robust_make(px_robust_at(px_limit_bucket_at(table, i)->lock)))
            return false;
    return true;
}

bool px_limit_open(px_limit_table *table, int fd, uint32_t kind, const char **why)
{
    *table = (px_limit_table){.seat = -1};
    if (!px_zone_map(&table->zone, fd)) {
        *why = "the limit zone could not be mapped";
        return false;
    }
    px_limit_header head;
    *why = "the segment is not a limit zone";
    if (table->zone.size >= sizeof head) {
        memcpy(&head, table->zone.base, sizeof head);
        *why = fault(&table->zone, &head, kind);
    }
    if (*why == NULL) {
        take_places(table, &head);
        if (!px_robust_ready(&table->header->lock_state, make_locks, table))
            *why = "the limit zone's locks were not made";
    }
    if (*why != NULL)
        px_limit_close(table);
    return *why == NULL;
}

void px_limit_close(px_limit_table *table)
{
    free(table->free_holds);
    free(table->late_holds);
    px_zone_unmap(&table->zone);
    *table = (px_limit_table){.seat = -1};
}

px_limit_key px_limit_hash(const px_limit_table *table, px_slice text)
{
    uint64_t hash[2];
    px_hash_128(table->secret, text, hash);
    return (px_limit_key){hash[0] != 0 ? hash[0] : 1, hash[1]};
}

/* ---- buckets ---- */

static px_limit_bucket *take_over(px_limit_table *table, uint32_t number, px_limit_bucket *bucket,
                                  px_limit_repair *repair)
{
    repair(table, number, bucket);
    px_limit_store(bucket->intent, 0);
    table->recoveries++;
    return px_robust_repaired(px_robust_at(bucket->lock)) ? bucket : NULL;
}

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Somebody holds it. Many wait here in vain for one that was stopped: each only once in a while. */
static int wait_for(px_limit_table *table, px_limit_bucket *bucket)
{
    if (table->stuck == bucket && clock_ms() < table->stuck_until_ms)
        return EBUSY;
    int error = px_robust_lock(px_robust_at(bucket->lock), PX_LIMIT_WAIT_MS);
    if (error == ETIMEDOUT) {
        table->stuck = bucket;
        table->stuck_until_ms = clock_ms() + PX_LIMIT_STUCK_MS;
    }
    return error;
}

px_limit_bucket *px_limit_lock(px_limit_table *table, uint32_t number, px_limit_repair *repair)
{
    px_limit_bucket *bucket = px_limit_bucket_at(table, number);
    for (unsigned line = 1; line < PX_LIMIT_BUCKET_BYTES / 64; line++)
        __builtin_prefetch((const uint8_t *)bucket + 64 * line, 1);
    int error = pthread_mutex_trylock(px_robust_at(bucket->lock));
    if (error == EBUSY)
        error = wait_for(table, bucket);
    if (error == EOWNERDEAD)
        return take_over(table, number, bucket, repair);
    return error == 0 ? bucket : NULL;
}

void px_limit_unlock(px_limit_bucket *bucket)
{
    pthread_mutex_unlock(px_robust_at(bucket->lock));
}

int px_limit_find(px_limit_bucket *bucket, px_limit_key key)
{
    px_limit_record *records = px_limit_records(bucket);
    for (int i = 0; i < (int)PX_LIMIT_WAYS; i++)
        if (px_limit_load(records[i].first) == key.first && px_limit_load(records[i].second) == key.second)
            return i;
    return -1;
}

/* Order: first = 0; the rest; first. A death in between leaves a free record. */
void px_limit_make(px_limit_table *table, px_limit_record *record, px_limit_key key, uint64_t now_ms)
{
    if (px_limit_load(record->first) == 0)
        atomic_fetch_add_explicit(&table->header->used, 1, memory_order_relaxed);
    px_limit_store(record->first, 0);
    px_limit_store(record->second, key.second);
    px_limit_store(record->last_ms, 0);
    px_limit_store(record->value, 0);
    px_limit_store(record->used_ms, (uint32_t)now_ms);
    px_limit_store(record->first, key.first);
}

void px_limit_free(px_limit_table *table, px_limit_record *record)
{
    px_limit_store(record->first, 0);
    atomic_fetch_sub_explicit(&table->header->used, 1, memory_order_relaxed);
}
