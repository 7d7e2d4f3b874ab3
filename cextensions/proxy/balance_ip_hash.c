/* ip_hash: the client's address decides. nginx's hash: three bytes of IPv4, all 16 of IPv6, three zeros of a
 * unix socket. A peer that is down keeps its share of the numbers; who falls there is hashed again. */
#include "proxy/balance.h"
#include "proxy/request.h"

#define HASH_START 89
#define HASH_FACTOR 113
#define HASH_MODULUS 6271

static void begin(px_pick *pick, px_request *r)
{
    const px_endpoint *address = &r->client->address;
    pick->key = px_slice_from((const char *)address->ip, address->ip_len == 16 ? 16 : 3);
    pick->hash = HASH_START;
}

static px_peer *choose(px_pick *pick, uint64_t now_s)
{
    if (pick->misses > PX_BALANCE_MISSES)
        return px_choose_round_robin(pick, now_s);
    uint32_t hash = pick->hash;
    for (;;) {
        for (size_t i = 0; i < pick->key.len; i++)
            hash = (hash * HASH_FACTOR + pick->key.data[i]) % HASH_MODULUS;
        px_peer *peer = px_peer_by_weight(pick->upstream, hash % pick->upstream->weight);
        if (px_peer_usable(pick, peer, now_s)) {
            pick->hash = hash;
            return peer;
        }
        if (px_pick_missed(pick))
            return px_choose_round_robin(pick, now_s);
    }
}

const px_balance px_balance_ip_hash = {
    .begin = begin,
    .choose = choose,
    .choose_backup = px_choose_round_robin_backup,
};
