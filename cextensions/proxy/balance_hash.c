/* hash KEY: the key's CRC-32 decides, as in nginx and Cache::Memcached. Plain: each further try adds another
 * hash, of the try's number and the key, to the sum, and the sum modulo the weights is the peer. Consistent:
 * the key's place on the ring of points, and from there on to the next ones. Without a key: round robin. */
#include <stdio.h>

#include "base/crc32.h"
#include "proxy/balance.h"
#include "proxy/ketama.h"

static bool build(px_build *build, px_upstream *upstream)
{
    return px_build_template(build, &upstream->hash_key, &upstream->plan->hash_key);
}

static void begin(px_pick *pick, px_request *r)
{
    pick->key = px_template_value(&pick->upstream->hash_key, r);
    pick->hash = 0;
    pick->rounds = 0;
}

static uint32_t hash_of_round(const px_pick *pick)
{
    uint32_t crc = PX_CRC32_START;
    if (pick->rounds > 0) {
        char prefix[16];
        int len = snprintf(prefix, sizeof prefix, "%u", (unsigned)pick->rounds);
        crc = px_crc32_add(crc, px_slice_from(prefix, (size_t)len));
    }
    return (px_crc32_value(px_crc32_add(crc, pick->key)) >> 16) & 0x7fff;
}

static px_peer *choose(px_pick *pick, uint64_t now_s)
{
    if (pick->misses > PX_BALANCE_MISSES || pick->key.len == 0)
        return px_choose_round_robin(pick, now_s);
    for (;;) {
        pick->hash += hash_of_round(pick);
        pick->rounds++;
        px_peer *peer = px_peer_by_weight(pick->upstream, pick->hash % pick->upstream->weight);
        if (px_peer_usable(pick, peer, now_s))
            return peer;
        if (px_pick_missed(pick))
            return px_choose_round_robin(pick, now_s);
    }
}

const px_balance px_balance_hash = {
    .build = build,
    .begin = begin,
    .choose = choose,
    .choose_backup = px_choose_round_robin_backup,
};

/* ---- consistent ---- */

/* Peers of one name (a name with several addresses) have the same points: they take turns there. */
static bool build_ring(px_build *building, px_upstream *upstream)
{
    if (upstream->weight > PX_KETAMA_WEIGHT_MOST)
        return px_build_fail(building, "the weights of a consistent hash are too large");
    px_ketama *ring = px_ketama_begin(building->arena, (uint32_t)upstream->weight);
    for (uint32_t i = 0; i < upstream->primaries; i++) {
        px_peer *peer = &upstream->peers[i];
        peer->namesake = NULL;
        uint32_t first = 0;
        while (!px_slice_equal(upstream->peers[first].plan->server, peer->plan->server))
            first++;
        if (first < i) {
            px_peer *last = &upstream->peers[first];
            while (last->namesake != NULL)
                last = last->namesake;
            last->namesake = peer;
        }
        px_ketama_add(ring, peer->plan->server, (uint32_t)peer->plan->weight, first);
    }
    px_ketama_finish(ring);
    upstream->ring = ring;
    return build(building, upstream);
}

static void begin_on_ring(px_pick *pick, px_request *r)
{
    begin(pick, r);
    pick->hash = px_ketama_find(pick->upstream->ring, px_crc32(pick->key));
}

/* The best of those who share the point. */
static px_peer *choose_at(px_pick *pick, px_peer *peer, uint64_t now_s)
{
    px_turns turns = {NULL, 0};
    for (; peer != NULL; peer = peer->namesake)
        if (px_peer_usable(pick, peer, now_s))
            px_turns_join(&turns, peer);
    return px_turns_take(&turns);
}

static px_peer *choose_on_ring(px_pick *pick, uint64_t now_s)
{
    px_upstream *upstream = pick->upstream;
    while (pick->misses <= PX_BALANCE_MISSES && pick->key.len > 0) {
        uint32_t first = px_ketama_owner(upstream->ring, pick->hash);
        px_peer *peer = choose_at(pick, &upstream->peers[first], now_s);
        if (peer != NULL)
            return peer;
        pick->hash++;
        pick->misses++;
    }
    return px_choose_round_robin(pick, now_s);
}

const px_balance px_balance_hash_consistent = {
    .build = build_ring,
    .begin = begin_on_ring,
    .choose = choose_on_ring,
    .choose_backup = px_choose_round_robin_backup,
};
