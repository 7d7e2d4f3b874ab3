/* What all requests of one worker process share: the loop, what lies in shared memory, the loaded Objects,
 * idle connections, the clock's texts, how many connections there are. Made by the engine, handed to
 * everything below it. */
#ifndef PX_PROXY_WORKER_H
#define PX_PROXY_WORKER_H

#include "base/loop.h"
#include "proxy/clock.h"
#include "proxy/regex.h"
#include "shm/ledger.h"
#include "shm/peers.h"

typedef struct px_object px_object;

typedef struct px_objects {
    px_object **buckets; /* chains by digest */
    uint32_t mask, count;
} px_objects;

#define PX_IDLE_BUCKETS 64

typedef struct px_worker {
    px_loop *loop;
    px_ledger ledger;
    px_peers_zone peers;
    px_clock clock;
    px_objects objects;
    px_regexes *regexes;
    px_list files;                       /* px_file */
    px_list log_caches;                  /* px_log_cache */
    px_list idle_pools[PX_IDLE_BUCKETS]; /* px_idle_pool, by name */
    px_list idle_spare;                  /* px_idle nodes that are not in use */
    px_list limit_zones;                 /* px_limit_zone */
    px_list tunnels;                     /* px_proxy_tunnel */
    uint64_t requests;                   /* alive */
    uint64_t tunnel_count;
    uint64_t idle_count; /* idle connections to peers */
    uint64_t clients;    /* connections of clients */
    uint64_t upstreams;  /* connections to peers in use */
    uint64_t connection_number;
    uint64_t random[64]; /* for $request_id */
    uint32_t random_left;
    /* worker_connections: asked before a connection to a peer is made. Makes room by closing idle ones. The
     * engine's. */
    bool (*may_connect)(struct px_worker *worker);
    /* One connection less; accepting may go on. */
    void (*on_room)(struct px_worker *worker);
} px_worker;

static inline void px_worker_count(px_worker *worker, int counter, int64_t amount)
{
    px_count(&worker->ledger, counter, amount);
}

/* 16 random bytes. */
void px_worker_random(px_worker *worker, uint8_t out[16]);

#endif
