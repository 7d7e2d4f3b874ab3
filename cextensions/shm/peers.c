/* See peers.h.
 *
 * Records form a hash table: a key lives within WINDOW slots of where its first half points. A search
 * looks at the whole window and does not stop at a free slot, so that records may be freed (zeroed)
 * without breaking chains. A record is free while the first half of its key is zero; making one stores
 * that half last (release), so that whoever sees it sees a whole record, and one that was killed while it
 * made a record left a free slot. Nothing is to be repaired after a death. */
#include "shm/peers.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "shm/robust.h"

#define WINDOW 256
#define LOCK_WAIT_MS 100

typedef struct px_shm_peers_header header;

static header *header_of(const px_peers_zone *peers)
{
    return (header *)(void *)peers->zone.base;
}

static pthread_mutex_t *lock_of(const px_peers_zone *peers)
{
    return px_robust_at(header_of(peers)->lock);
}

static bool make_lock(void *peers)
{
    return px_robust_make(lock_of(peers));
}

/* ---- opening ---- */

static const char *fault(const px_zone *zone)
{
    const header *head = (const header *)(const void *)zone->base;
    if (zone->size < sizeof *head || head->magic != PX_PEERS_MAGIC)
        return "the segment is not a peers zone";
    if (head->layout != PX_SHM_LAYOUT)
        return "the peers zone was made by another build";
    if (head->capacity == 0 || head->capacity > PX_PEERS_MAX ||
        !px_zone_holds(zone, head->records_offset, head->capacity, sizeof(px_peer_record)))
        return "the peers zone's records lie outside of its segment";
    return NULL;
}

bool px_peers_open(px_peers_zone *peers, int fd, const char **why)
{
    *peers = (px_peers_zone){.capacity = 0};
    if (!px_zone_map(&peers->zone, fd)) {
        *why = "the peers zone could not be mapped";
        return false;
    }
    *why = fault(&peers->zone);
    if (*why == NULL && !px_robust_ready(&header_of(peers)->lock_state, make_lock, peers))
        *why = "the peers zone's lock was not made";
    if (*why != NULL) {
        px_zone_unmap(&peers->zone);
        return false;
    }
    peers->capacity = header_of(peers)->capacity;
    return true;
}

void px_peers_close(px_peers_zone *peers)
{
    px_zone_unmap(&peers->zone);
    peers->capacity = 0;
}

/* ---- records ---- */

px_peer_record *px_peers_record(px_peers_zone *peers, uint32_t slot)
{
    return (px_peer_record *)(void *)(peers->zone.base + header_of(peers)->records_offset) + slot;
}

typedef struct {
    uint64_t first, second;
} halves;

static halves halves_of(const uint8_t key[16])
{
    halves both;
    memcpy(&both.first, key, 8);
    memcpy(&both.second, key + 8, 8);
    return both;
}

static _Atomic uint64_t *half(px_peer_record *record, int number)
{
    return (_Atomic uint64_t *)(void *)(record->key + 8 * number);
}

/* The key's slot; or -1, and *free_slot is the first free one of its window (-1: none). */
static int32_t search(px_peers_zone *peers, halves key, int32_t *free_slot)
{
    uint32_t window = peers->capacity < WINDOW ? peers->capacity : WINDOW;
    uint32_t slot = (uint32_t)(key.first % peers->capacity);
    *free_slot = -1;
    for (uint32_t i = 0; i < window; i++) {
        px_peer_record *record = px_peers_record(peers, slot);
        uint64_t first = atomic_load_explicit(half(record, 0), memory_order_acquire);
        if (first == key.first && atomic_load_explicit(half(record, 1), memory_order_relaxed) == key.second)
            return (int32_t)slot;
        if (first == 0 && *free_slot < 0)
            *free_slot = (int32_t)slot;
        slot = slot + 1 < peers->capacity ? slot + 1 : 0;
    }
    return -1;
}

/* CLOCK_MONOTONIC seconds. */
static uint64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* Under the lock. Order: the values; the second half of the key; the first half (release). */
static void make_record(px_peer_record *record, halves key)
{
    atomic_store_explicit(&record->fails, 0, memory_order_relaxed);
    atomic_store_explicit(&record->accessed_s, 0, memory_order_relaxed);
    atomic_store_explicit(&record->checked_s, 0, memory_order_relaxed);
    atomic_store_explicit(&record->claimed_s, now_s(), memory_order_relaxed);
    atomic_store_explicit(half(record, 1), key.second, memory_order_relaxed);
    atomic_store_explicit(half(record, 0), key.first, memory_order_release);
}

static bool lock(px_peers_zone *peers)
{
    int error = px_robust_lock(lock_of(peers), LOCK_WAIT_MS);
    if (error != EOWNERDEAD)
        return error == 0;
    peers->recoveries++;
    return px_robust_repaired(lock_of(peers));
}

static int32_t find_or_make(px_peers_zone *peers, halves key)
{
    int32_t free_slot, slot = search(peers, key, &free_slot); /* another may have made it meanwhile */
    if (slot < 0 && free_slot >= 0) {
        make_record(px_peers_record(peers, (uint32_t)free_slot), key);
        slot = free_slot;
    }
    return slot;
}

int32_t px_peers_find(px_peers_zone *peers, const uint8_t key[16])
{
    halves both = halves_of(key);
    int32_t free_slot, slot = search(peers, both, &free_slot);
    if (slot >= 0) {
        atomic_store_explicit(&px_peers_record(peers, (uint32_t)slot)->claimed_s, now_s(),
                              memory_order_relaxed);
        return slot;
    }
    if (free_slot < 0 || !lock(peers))
        return -1;
    slot = find_or_make(peers, both);
    pthread_mutex_unlock(lock_of(peers));
    return slot;
}
