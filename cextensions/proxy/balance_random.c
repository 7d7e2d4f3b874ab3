/* random: a peer is drawn by weight. random two: two are drawn, and the one with fewer connections in use
 * for its weight is taken. The generator need not resist anybody: xorshift64*, seeded from the kernel. */
#include "proxy/balance.h"

static bool build(px_build *build, px_upstream *upstream)
{
    uint8_t seed[16];
    px_worker_random(build->worker, seed);
    memcpy(&upstream->random, seed, sizeof upstream->random);
    upstream->random |= 1; /* zero would stay zero */
    return true;
}

static uint64_t draw(px_upstream *upstream)
{
    uint64_t x = upstream->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    upstream->random = x;
    return (x * UINT64_C(0x2545f4914f6cdd1d)) >> 32;
}

static px_peer *draw_peer(const px_pick *pick)
{
    px_upstream *upstream = pick->upstream;
    return px_peer_by_weight(upstream, draw(upstream) * upstream->weight >> 32);
}

static px_peer *choose(px_pick *pick, uint64_t now_s)
{
    while (pick->misses <= PX_BALANCE_MISSES) {
        px_peer *peer = draw_peer(pick);
        if (px_peer_usable(pick, peer, now_s))
            return peer;
        pick->misses++;
    }
    return px_choose_round_robin(pick, now_s);
}

const px_balance px_balance_random = {
    .build = build,
    .choose = choose,
    .choose_backup = px_choose_round_robin_backup,
};

static px_peer *less_busy(const px_pick *pick, px_peer *a, px_peer *b)
{
    return px_peer_busier(px_peer_active(pick, a), a, px_peer_active(pick, b), b) ? b : a;
}

static px_peer *choose_of_two(px_pick *pick, uint64_t now_s)
{
    px_peer *first = NULL;
    while (pick->misses <= PX_BALANCE_MISSES) {
        px_peer *peer = draw_peer(pick);
        if (peer != first && px_peer_usable(pick, peer, now_s)) {
            if (first != NULL)
                return less_busy(pick, peer, first);
            first = peer;
        }
        pick->misses++;
    }
    return px_choose_round_robin(pick, now_s);
}

const px_balance px_balance_random_two = {
    .build = build,
    .choose = choose_of_two,
    .choose_backup = px_choose_round_robin_backup,
};
