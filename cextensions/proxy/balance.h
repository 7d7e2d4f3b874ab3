/* Balancing methods: which Peer of an Upstream a Request is offered. One table per method, found by
 * BALANCE_* of the Plan. The arithmetic is nginx's, so that the same configuration sends the same Request
 * to the same Peer. */
#ifndef PX_PROXY_BALANCE_H
#define PX_PROXY_BALANCE_H

#include "proxy/upstream.h"

/* After so many of its choices were of no use, a method that hashes or draws leaves the Request to the round
 * robin. */
#define PX_BALANCE_MISSES 20

struct px_balance {
    /* What is derived from the Plan, once the Peers are there; NULL: nothing. */
    bool (*build)(px_build *build, px_upstream *upstream);
    /* What the Request decides; NULL: nothing. */
    void (*begin)(px_pick *pick, px_request *r);
    /* A primary that is live and not tried; NULL: none. */
    px_peer *(*choose)(px_pick *pick, uint64_t now_s);
    /* The same among the backups. */
    px_peer *(*choose_backup)(px_pick *pick, uint64_t now_s);
};

extern const px_balance px_balance_round_robin;
extern const px_balance px_balance_least_conn;
extern const px_balance px_balance_ip_hash;
extern const px_balance px_balance_hash;
extern const px_balance px_balance_hash_consistent;
extern const px_balance px_balance_random;
extern const px_balance px_balance_random_two;

/* What methods share. */

/* Whether a Peer may be asked: not down, not tried, not failed too often, not full. */
bool px_peer_usable(const px_pick *pick, const px_peer *peer, uint64_t now_s);
/* Connections to the Peer in use, of all workers. */
uint64_t px_peer_active(const px_pick *pick, const px_peer *peer);
/* nginx's comparison of connections for the weight. */
static inline bool px_peer_busier(uint64_t a_active, const px_peer *a, uint64_t b_active, const px_peer *b)
{
    return a_active * (uint64_t)b->plan->weight > b_active * (uint64_t)a->plan->weight;
}
/* nginx's smooth weighted round robin among the Peers that take part in one choice: each adds its effective
 * weight to its current one, the largest is taken and the sum subtracted from it. A failure lowers the effective
 * weight, each choice raises it by one again. */
typedef struct px_turns {
    px_peer *next; /* whose turn it is so far; NULL: nobody takes part */
    int64_t total;
} px_turns;

static inline void px_turns_join(px_turns *turns, px_peer *peer)
{
    peer->current_weight += peer->effective_weight;
    turns->total += peer->effective_weight;
    if (peer->effective_weight < peer->plan->weight)
        peer->effective_weight++;
    if (turns->next == NULL || peer->current_weight > turns->next->current_weight)
        turns->next = peer;
}

static inline px_peer *px_turns_take(const px_turns *turns)
{
    if (turns->next != NULL)
        turns->next->current_weight -= turns->total;
    return turns->next;
}
/* The primary to whose share of the weights this number belongs: below upstream->weight. */
px_peer *px_peer_by_weight(const px_upstream *upstream, uint64_t number);

/* Round robin among the primaries, among the backups. */
px_peer *px_choose_round_robin(px_pick *pick, uint64_t now_s);
px_peer *px_choose_round_robin_backup(px_pick *pick, uint64_t now_s);

/* A method's own choice was of no use. True: it has had enough of them. */
static inline bool px_pick_missed(px_pick *pick)
{
    return ++pick->misses > PX_BALANCE_MISSES;
}

#endif
