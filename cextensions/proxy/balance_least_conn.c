/* least_conn: the peer with the fewest connections in use for its weight; those of all workers count. Where
 * several have as few, the round robin decides among these. */
#include "proxy/balance.h"

typedef struct found {
    px_peer *best; /* the first of those with the fewest */
    uint64_t active;
    bool many;
} found;

static found find(const px_pick *pick, uint32_t from, uint32_t to, uint64_t now_s)
{
    found least = {NULL, 0, false};
    for (uint32_t i = from; i < to; i++) {
        px_peer *peer = &pick->upstream->peers[i];
        if (!px_peer_usable(pick, peer, now_s))
            continue;
        uint64_t active = px_peer_active(pick, peer);
        if (least.best == NULL || px_peer_busier(least.active, least.best, active, peer))
            least = (found){peer, active, false};
        else if (!px_peer_busier(active, peer, least.active, least.best))
            least.many = true;
    }
    return least;
}

/* Other workers change the counts meanwhile: whoever is still as little busy as the first one takes part. */
static px_peer *take_turns(px_pick *pick, found least, uint32_t to, uint64_t now_s)
{
    px_turns turns = {NULL, 0};
    for (uint32_t i = least.best->index; i < to; i++) {
        px_peer *peer = &pick->upstream->peers[i];
        if (peer != least.best && !px_peer_usable(pick, peer, now_s))
            continue;
        uint64_t active = peer == least.best ? least.active : px_peer_active(pick, peer);
        if (px_peer_busier(active, peer, least.active, least.best) ||
            px_peer_busier(least.active, least.best, active, peer))
            continue;
        px_turns_join(&turns, peer);
    }
    return px_turns_take(&turns);
}

static px_peer *choose(px_pick *pick, uint32_t from, uint32_t to, uint64_t now_s)
{
    found least = find(pick, from, to, now_s);
    return least.many ? take_turns(pick, least, to, now_s) : least.best;
}

static px_peer *choose_primary(px_pick *pick, uint64_t now_s)
{
    return choose(pick, 0, pick->upstream->primaries, now_s);
}

static px_peer *choose_backup(px_pick *pick, uint64_t now_s)
{
    return choose(pick, pick->upstream->primaries, pick->upstream->count, now_s);
}

const px_balance px_balance_least_conn = {.choose = choose_primary, .choose_backup = choose_backup};
