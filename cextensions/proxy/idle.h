/* Idle connections to peers, per worker. They outlive Generations: a pool belongs to an upstream's name, in
 * it a shelf to a peer's address, and a new Generation's Upstream finds what the old one left. Taking one
 * is one list operation. */
#ifndef PX_PROXY_IDLE_H
#define PX_PROXY_IDLE_H

#include "http/h1_client.h"
#include "net/address.h"
#include "proxy/worker.h"

typedef struct px_idle_pool {
    px_list link; /* in px_worker.idle_pools */
    px_worker *worker;
    uint32_t references; /* one per Upstream and per shelf */
    uint32_t count;
    px_list parked; /* px_idle.in_pool, the longest idle first */
    px_list shelves;
    size_t name_len;
    uint8_t name[];
} px_idle_pool;

/* The idle connections to one address. */
typedef struct px_idle_shelf {
    px_list link; /* in its pool */
    px_idle_pool *pool;
    uint32_t references; /* one per peer of a loaded Upstream */
    px_list parked;      /* px_idle.in_shelf, the last one parked first */
    px_address address;
} px_idle_shelf;

px_idle_shelf *px_idle_shelf_take(px_worker *worker, px_slice upstream, const px_address *address);
/* The last reference closes what is parked there. */
void px_idle_shelf_release(px_idle_shelf **shelf);

/* Of the connections with this mark the one parked last, which is no longer parked; NULL: none. */
px_h1_client *px_idle_take_marked(px_idle_shelf *shelf, uint64_t mark);
/* Parks *client (which becomes NULL) for timeout_ms. Of more than most idle ones in the pool, the longest
 * idle is closed. */
void px_idle_park(px_idle_shelf *shelf, px_h1_client **client, uint32_t most, uint64_t timeout_ms);
/* Closes idle connections of whatever pool, at most count (worker_connections). Gives how many. */
uint32_t px_idle_close_some(px_worker *worker, uint32_t count);
/* Closes all and frees the spare nodes: when the worker ends. */
void px_idle_close_all(px_worker *worker);

#endif
