/* nginx's smooth weighted round robin: each pick adds every peer's effective weight to its current one,
 * takes the largest and subtracts the sum from it. A failure lowers the effective weight, each pick raises
 * it by one again. */
#include "proxy/balance.h"

static px_peer *choose(px_pick *pick, uint32_t from, uint32_t to, uint64_t now_s)
{
    px_peer *best = NULL;
    int64_t total = 0;
    for (uint32_t i = from; i < to; i++) {
        px_peer *peer = &pick->upstream->peers[i];
        if (!px_peer_usable(pick, peer, now_s))
            continue;
        total += px_peer_step(peer);
        if (best == NULL || peer->current_weight > best->current_weight)
            best = peer;
    }
    if (best != NULL)
        best->current_weight -= total;
    return best;
}

px_peer *px_choose_round_robin(px_pick *pick, uint64_t now_s)
{
    return choose(pick, 0, pick->upstream->primaries, now_s);
}

px_peer *px_choose_round_robin_backup(px_pick *pick, uint64_t now_s)
{
    return choose(pick, pick->upstream->primaries, pick->upstream->count, now_s);
}

const px_balance px_balance_round_robin = {
    .choose = px_choose_round_robin,
    .choose_backup = px_choose_round_robin_backup,
};
