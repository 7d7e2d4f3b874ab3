/* The round robin (px_turns) among all that are usable. */
#include "proxy/balance.h"

static px_peer *choose(px_pick *pick, uint32_t from, uint32_t to, uint64_t now_s)
{
    px_turns turns = {NULL, 0};
    for (uint32_t i = from; i < to; i++) {
        px_peer *peer = &pick->upstream->peers[i];
        if (px_peer_usable(pick, peer, now_s))
            px_turns_join(&turns, peer);
    }
    return px_turns_take(&turns);
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
