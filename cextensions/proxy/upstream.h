/* An Upstream at work: its Peers, how one is picked, what becomes of their connections. Derived from a
 * Plan's Upstream; lives as long as that Object. Idle connections (idle.h) and the Zone's records outlive
 * it. */
#ifndef PX_PROXY_UPSTREAM_H
#define PX_PROXY_UPSTREAM_H

#include "proxy/conf.h"
#include "proxy/idle.h"

typedef struct px_peer {
    const px_plan_peer *plan;
    px_address address;
    px_peer_record *record;                   /* shared by all workers; private when the Zone is full */
    int32_t slot;                             /* in the Zone and the Ledger; -1: private */
    uint32_t index;                           /* in px_upstream.peers */
    int64_t current_weight, effective_weight; /* this worker's */
    int64_t fail_timeout_s;
    px_stats stats;           /* of the same slot */
    uint64_t weight_before;   /* the weights of the primaries in front of it */
    uint32_t private_active;  /* connections in use of this worker, when there is no slot */
    struct px_peer *namesake; /* of a consistent hash: the next one of the same written name */
    px_idle_shelf *shelf;
} px_peer;

typedef struct px_balance px_balance;

struct px_upstream {
    const px_plan_upstream *plan;
    px_worker *worker;
    px_peer *peers; /* primaries first, then backups */
    uint32_t primaries, count;
    uint32_t usable; /* not `down`: how many tries a Request has */
    bool single;     /* one peer and no backup: failures are not counted */
    uint32_t keepalive;
    const px_balance *balance;
    uint64_t weight;        /* of all primaries, down or not */
    px_template hash_key;   /* hash */
    struct px_ketama *ring; /* hash ... consistent */
    uint64_t random;        /* the generator's state */
};

#define PX_PICK_WORDS 4 /* peers that need no memory of their own to be remembered: 256 */

/* What one Request has tried. */
typedef struct px_pick {
    px_upstream *upstream;
    px_peer *peer;   /* in hand; NULL: none */
    bool backups;    /* primaries are exhausted */
    uint32_t tries;  /* left, the peer in hand included */
    uint64_t *tried; /* bit per peer */
    uint64_t words[PX_PICK_WORDS];
    /* Of the balancing method, from try to try. */
    px_slice key;    /* that is hashed */
    uint32_t hash;   /* so far; on a ring: the number of the point */
    uint32_t rounds; /* hashes so far */
    uint32_t misses; /* choices that were of no use */
} px_pick;

/* How a try ended. */
typedef enum px_try_end {
    PX_TRY_FINE,
    PX_TRY_NEXT, /* the next peer is asked, but this one is not to blame (403, 404) */
    PX_TRY_FAILED
} px_try_end;

bool px_build_upstream(px_build *build, px_plan_upstream *plan);

/* tries: proxy_next_upstream_tries, 0: as many as there are peers. */
void px_pick_begin(px_pick *pick, px_upstream *upstream, uint32_t tries, px_arena *arena);
/* What the Request has to do with the choice: its key, its client. Before the first px_pick_next. */
void px_pick_request(px_pick *pick, px_request *r);
/* The next peer: counted as active until px_pick_end; never more than max_conns are, of all workers. NULL:
 * no live upstreams. */
px_peer *px_pick_next(px_pick *pick);
/* It failed too often, and not long enough ago. */
bool px_peer_is_resting(const px_peer *peer, uint64_t now_s);
/* The peer in hand is given back. True: it has just reached max_fails ("upstream server temporarily
 * disabled"). */
bool px_pick_end(px_pick *pick, px_try_end end);

/* Parks or closes a connection that has finished its exchange; *client becomes NULL. */
void px_upstream_keep(px_upstream *upstream, px_peer *peer, px_h1_client **client);

#endif
