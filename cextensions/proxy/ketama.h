/* A ring of points for consistent hashing: 160 for each unit of a server's weight, where nginx and
 * Cache::Memcached::Fast have them. Made once, then read only; knows nothing of Peers. */
#ifndef PX_PROXY_KETAMA_H
#define PX_PROXY_KETAMA_H

#include "base/arena.h"
#include "base/slice.h"

#define PX_KETAMA_POINTS 160
#define PX_KETAMA_WEIGHT_MOST 65536

typedef struct px_ketama_point {
    uint32_t hash;
    uint32_t owner;
} px_ketama_point;

typedef struct px_ketama {
    px_ketama_point *points; /* sorted by hash, each hash once */
    uint32_t count;
    uint32_t capacity;
} px_ketama;

/* weight: the sum of all, 1 to PX_KETAMA_WEIGHT_MOST. Memory from the arena. */
px_ketama *px_ketama_begin(px_arena *arena, uint32_t weight);
/* server: as the operator wrote it, "host:port" or "unix:path". owner: what px_ketama_owner gives; of equal
 * points the smallest owner's counts. */
void px_ketama_add(px_ketama *ring, px_slice server, uint32_t weight, uint32_t owner);
/* No more are added. */
void px_ketama_finish(px_ketama *ring);

/* The number of the first point at or behind this hash; ring->count: there is none (the ring goes on at 0). */
uint32_t px_ketama_find(const px_ketama *ring, uint32_t hash);
/* Numbers go round. */
static inline uint32_t px_ketama_owner(const px_ketama *ring, uint32_t number)
{
    return ring->points[number % ring->count].owner;
}

#endif
