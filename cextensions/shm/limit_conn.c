/* See limit_conn.h. */
#include "shm/limit_conn.h"

#include <errno.h>
#include <unistd.h>

#include "base/memory.h"
#include "shm/limit_place.h"

#define ZONE_WAIT_MS 100

typedef struct px_shm_limit_seat seat_record;
typedef struct px_shm_limit_chunk chunk_record;

static seat_record *seat_at(const px_limit_table *table, uint32_t number)
{
    return &table->seats[number];
}

static chunk_record *chunk_at(const px_limit_table *table, uint32_t number)
{
    return &table->chunks[number];
}

static _Atomic uint32_t *hold_at(const px_limit_table *table, uint32_t number)
{
    return &chunk_at(table, number / PX_LIMIT_HOLDS)->holds[number % PX_LIMIT_HOLDS];
}

/* ---- one bucket ---- */

/* Undoes what the dead had begun: the hold holds nothing, the value is what it is without it. The hold may be
 * somebody else's by now (its seat was reaped before it named this record): then it does not name it. */
static void repair(px_limit_table *table, uint32_t number, px_limit_bucket *bucket)
{
    uint64_t hold = px_limit_load(bucket->more[0]);
    int at = px_limit_meant_at(bucket);
    if (at < 0 || hold == 0 || hold > (uint64_t)table->chunk_count * PX_LIMIT_HOLDS)
        return;
    uint32_t slot = number * PX_LIMIT_WAYS + (uint32_t)at;
    _Atomic uint32_t *cell = hold_at(table, (uint32_t)hold - 1);
    if (px_limit_load(*cell) == slot + 1)
        px_limit_store(*cell, 0);
    px_limit_store(px_limit_records(bucket)[at].value, px_limit_load(bucket->meant));
}

/* Order: what is meant; that it is meant; the hold; the value; that it is done. */
static void change(px_limit_table *table, px_limit_bucket *bucket, uint32_t slot, uint32_t hold, bool more)
{
    int at = (int)(slot % PX_LIMIT_WAYS);
    px_limit_record *record = &px_limit_records(bucket)[at];
    uint32_t now = px_limit_load(record->value), without = more || now == 0 ? now : now - 1;
    px_limit_store(bucket->more[0], hold + 1);
    px_limit_mean(bucket, at, without);
    px_limit_store(*hold_at(table, hold), more ? slot + 1 : 0);
    px_limit_store(record->value, without + more);
    px_limit_store(bucket->intent, 0);
}

/* False: the lock cannot be had. */
static bool give(px_limit_table *table, uint32_t hold)
{
    uint32_t slot = px_limit_load(*hold_at(table, hold)) - 1;
    if (slot / PX_LIMIT_WAYS >= table->bucket_count)
        return true; /* it holds nothing */
    px_limit_bucket *bucket = px_limit_lock(table, slot / PX_LIMIT_WAYS, repair);
    if (bucket == NULL)
        return false;
    if (px_limit_load(*hold_at(table, hold)) == slot + 1) /* a repair may have emptied it */
        change(table, bucket, slot, hold, false);
    px_limit_unlock(bucket);
    return true;
}

/* ---- the dead ---- */

/* Gives back what a seat's chunks hold, and the chunks. False: something is left. */
static bool empty_seat(px_limit_table *table, uint32_t number)
{
    bool all = true;
    for (uint32_t i = 0; i < table->chunk_count; i++) {
        chunk_record *chunk = chunk_at(table, i);
        bool empty = true;
        if (px_limit_load(chunk->owner) != number + 1)
            continue;
        for (uint32_t k = 0; k < PX_LIMIT_HOLDS; k++)
            if (px_limit_load(chunk->holds[k]) != 0 && !give(table, i * PX_LIMIT_HOLDS + k))
                empty = false;
        if (empty)
            px_limit_store(chunk->owner, 0);
        all = all && empty;
    }
    return all;
}

/* A seat whose lock can be had is nobody's. False: somebody sits there. */
static bool lock_seat(px_limit_table *table, seat_record *seat)
{
    int error = pthread_mutex_trylock(px_robust_at(seat->life));
    if (error == EOWNERDEAD) {
        table->recoveries++;
        return px_robust_repaired(px_robust_at(seat->life));
    }
    return error == 0;
}

bool px_limit_conn_reap(px_limit_table *table)
{
    uint32_t used = px_limit_load(table->header->seats_used);
    bool any = false;
    for (uint32_t i = 0; i < used && i < table->seat_count; i++) {
        seat_record *seat = seat_at(table, i);
        if ((int32_t)i == table->seat || px_limit_load(seat->in_use) == 0 || !lock_seat(table, seat))
            continue;
        if (px_limit_load(seat->in_use) != 0) {
            any = true;
            if (empty_seat(table, i))
                px_limit_store(seat->in_use, 0);
        }
        pthread_mutex_unlock(px_robust_at(seat->life));
    }
    return any;
}

/* ---- the seat ---- */

static bool lock_zone(px_limit_table *table)
{
    pthread_mutex_t *lock = px_robust_at(table->header->lock);
    int error = px_robust_lock(lock, ZONE_WAIT_MS);
    return error == 0 || (error == EOWNERDEAD && px_robust_repaired(lock));
}

static void unlock_zone(px_limit_table *table)
{
    pthread_mutex_unlock(px_robust_at(table->header->lock));
}

/* Order: its lock; that there is such a seat; that it is in use. Who dies before that leaves a free one. */
static bool take_seat(px_limit_table *table)
{
    for (uint32_t i = 0; i < table->seat_count; i++) {
        seat_record *seat = seat_at(table, i);
        if (px_limit_load(seat->in_use) != 0 || !lock_seat(table, seat))
            continue;
        if (px_limit_load(table->header->seats_used) <= i)
            px_limit_store(table->header->seats_used, i + 1);
        px_limit_store(seat->pid, (uint32_t)getpid());
        px_limit_store(seat->in_use, 1);
        table->seat = (int32_t)i;
        return true;
    }
    return false;
}

bool px_limit_conn_sit(px_limit_table *table, const char **why)
{
    px_limit_conn_reap(table);
    *why = "the limit zone has no place for another worker";
    if (!lock_zone(table))
        return false;
    bool good = take_seat(table);
    unlock_zone(table);
    return good;
}

void px_limit_conn_rise(px_limit_table *table)
{
    if (table->seat < 0)
        return;
    seat_record *seat = seat_at(table, (uint32_t)table->seat);
    if (empty_seat(table, (uint32_t)table->seat))
        px_limit_store(seat->in_use, 0);
    table->seat = -1;
    pthread_mutex_unlock(px_robust_at(seat->life));
}

/* ---- holds ---- */

static bool claim_chunk(px_limit_table *table, uint32_t *number)
{
    bool found = false;
    if (!lock_zone(table))
        return false;
    for (uint32_t i = 0; i < table->chunk_count && !found; i++) {
        uint32_t at = (table->next_chunk + i) % table->chunk_count;
        /* Behind what whoever emptied it stored there. */
        found = atomic_load_explicit(&chunk_at(table, at)->owner, memory_order_acquire) == 0;
        *number = at;
    }
    if (found)
        px_limit_store(chunk_at(table, *number)->owner, (uint32_t)table->seat + 1);
    unlock_zone(table);
    table->next_chunk = *number + 1;
    return found;
}

static bool more_holds(px_limit_table *table)
{
    uint32_t number = 0;
    if (!claim_chunk(table, &number))
        return false;
    table->hold_capacity += PX_LIMIT_HOLDS;
    table->free_holds = px_memory_resize(table->free_holds, table->hold_capacity * sizeof(uint32_t));
    table->late_holds = px_memory_resize(table->late_holds, table->hold_capacity * sizeof(uint32_t));
    for (uint32_t i = PX_LIMIT_HOLDS; i > 0; i--)
        table->free_holds[table->free_count++] = number * PX_LIMIT_HOLDS + i - 1;
    return true;
}

static void give_late(px_limit_table *table)
{
    while (table->late_count > 0 && give(table, table->late_holds[table->late_count - 1]))
        table->free_holds[table->free_count++] = table->late_holds[--table->late_count];
}

void px_limit_conn_give(px_limit_table *table, uint32_t hold)
{
    if (give(table, hold))
        table->free_holds[table->free_count++] = hold;
    else
        table->late_holds[table->late_count++] = hold;
}

static px_limit_taken take(px_limit_table *table, px_limit_key key, uint32_t most, uint64_t now_ms,
                           uint32_t hold)
{
    px_limit_place place;
    px_limit_taken taken = PX_LIMIT_TAKEN;
    if (!px_limit_place_find(table, key, now_ms, repair, &place))
        return PX_LIMIT_UNTAKEN;
    if (place.at < 0)
        taken = PX_LIMIT_NO_ROOM;
    else if (px_limit_load(px_limit_records(place.bucket)[place.at].value) >= most)
        taken = PX_LIMIT_REACHED;
    else
        change(table, place.bucket, place.number * PX_LIMIT_WAYS + (uint32_t)place.at, hold, true);
    px_limit_place_leave(&place);
    return taken;
}

px_limit_taken px_limit_conn_take(px_limit_table *table, px_limit_key key, uint32_t most, uint64_t now_ms,
                                  uint32_t *hold)
{
    give_late(table);
    if (table->free_count == 0 && !more_holds(table) && !(px_limit_conn_reap(table) && more_holds(table)))
        return PX_LIMIT_NO_ROOM;
    *hold = table->free_holds[table->free_count - 1];
    px_limit_taken taken = take(table, key, most, now_ms, *hold);
    if ((taken == PX_LIMIT_REACHED || taken == PX_LIMIT_NO_ROOM) && px_limit_conn_reap(table))
        taken = take(table, key, most, now_ms, *hold);
    if (taken == PX_LIMIT_TAKEN)
        table->free_count--;
    return taken;
}
