/* See upstream.h and balance.h: picks, try by try. Failure arithmetic is nginx's: what max_fails and fail_timeout
 * mean to operators. */
#include "proxy/balance.h"

#include <time.h>

#define PLACE_TRIES 100 /* for the last place below max_conns */
#define STEP_BACK 64    /* turns of an empty loop */

static uint64_t monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* ---- picking ---- */

void px_pick_begin(px_pick *pick, px_upstream *upstream, uint32_t tries, px_arena *arena)
{
    pick->upstream = upstream;
    pick->peer = NULL;
    pick->backups = false;
    pick->tries = tries > 0 && tries < upstream->usable ? tries : upstream->usable;
    pick->tried = pick->words;
    pick->key = (px_slice){NULL, 0};
    pick->hash = pick->rounds = pick->misses = 0;
    memset(pick->words, 0, sizeof pick->words);
    if (upstream->count > PX_PICK_WORDS * 64)
        pick->tried = px_arena_zalloc(arena, (upstream->count + 63) / 64 * sizeof(uint64_t));
}

void px_pick_request(px_pick *pick, px_request *r)
{
    if (pick->upstream->balance->begin != NULL)
        pick->upstream->balance->begin(pick, r);
}

static bool was_tried(const px_pick *pick, const px_peer *peer)
{
    return (pick->tried[peer->index / 64] >> (peer->index % 64)) & 1;
}

static void mark_tried(px_pick *pick, const px_peer *peer)
{
    pick->tried[peer->index / 64] |= (uint64_t)1 << (peer->index % 64);
}

uint64_t px_peer_active(const px_pick *pick, const px_peer *peer)
{
    if (peer->slot < 0)
        return peer->private_active;
    return px_ledger_active_total(&pick->upstream->worker->ledger, (uint32_t)peer->slot);
}

static bool is_full(const px_pick *pick, const px_peer *peer)
{
    return peer->plan->max_conns > 0 && px_peer_active(pick, peer) >= (uint64_t)peer->plan->max_conns;
}

bool px_peer_is_resting(const px_peer *peer, uint64_t now_s)
{
    if (peer->plan->max_fails == 0)
        return false;
    int64_t fails = atomic_load_explicit(&peer->record->fails, memory_order_acquire);
    if (fails < peer->plan->max_fails)
        return false;
    uint64_t checked = atomic_load_explicit(&peer->record->checked_s, memory_order_relaxed);
    return (int64_t)(now_s - checked) <= peer->fail_timeout_s;
}

bool px_peer_usable(const px_pick *pick, const px_peer *peer, uint64_t now_s)
{
    if (peer->plan->down || was_tried(pick, peer))
        return false;
    return !px_peer_is_resting(peer, now_s) && !is_full(pick, peer);
}

px_peer *px_peer_by_weight(const px_upstream *upstream, uint64_t number)
{
    uint32_t low = 0, high = upstream->primaries; /* it is in [low, high) */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (upstream->peers[middle].weight_before <= number)
            low = middle;
        else
            high = middle;
    }
    return &upstream->peers[low];
}

/* One request tries a failed peer after each fail_timeout: the others see that it was checked just now. */
static void note_check(px_peer *peer, uint64_t now_s)
{
    uint64_t checked = atomic_load_explicit(&peer->record->checked_s, memory_order_relaxed);
    if ((int64_t)(now_s - checked) > peer->fail_timeout_s)
        atomic_store_explicit(&peer->record->checked_s, now_s, memory_order_relaxed);
}

static void count_active(px_pick *pick, px_peer *peer, int change)
{
    if (peer->slot >= 0)
        px_ledger_active(&pick->upstream->worker->ledger, (uint32_t)peer->slot, change);
    else
        peer->private_active += (uint32_t)change;
}

/* Takes a place at the peer. A worker writes only its own count, so that nothing of a dead worker remains
 * but what the reaper clears, and yet no two workers get the last place: each first counts itself, then
 * looks at the sum of all. The fence puts every count before every look, so that of those who hold a place
 * the last to count has seen them all. Who finds too many steps back; until it has, others may find the
 * peer full that has a place: for the few instructions that this takes (longer when the kernel puts the
 * worker aside just there), and only while both want the last one. */
static bool take_place(px_pick *pick, px_peer *peer)
{
    count_active(pick, peer, 1);
    if (peer->plan->max_conns == 0)
        return true;
    atomic_thread_fence(memory_order_seq_cst);
    if (px_peer_active(pick, peer) <= (uint64_t)peer->plan->max_conns)
        return true;
    count_active(pick, peer, -1);
    return false;
}

static px_peer *choose(px_pick *pick, uint64_t now_s)
{
    const px_upstream *upstream = pick->upstream;
    px_peer *peer = NULL;
    if (upstream->single)
        return upstream->peers[0].plan->down || is_full(pick, upstream->peers) ? NULL : upstream->peers;
    if (!pick->backups)
        peer = upstream->balance->choose(pick, now_s);
    if (peer == NULL && upstream->primaries < upstream->count) {
        pick->backups = true;
        peer = upstream->balance->choose_backup(pick, now_s);
    }
    return peer;
}

/* Two workers that want the last place may both step back: whoever then finds it free tries again. The
 * worker's number makes them wait differently. */
static void step_back(const px_worker *worker)
{
    for (volatile uint32_t i = 0; i < (worker->ledger.worker + 1) * STEP_BACK; i++)
        ;
}

px_peer *px_pick_next(px_pick *pick)
{
    px_upstream *upstream = pick->upstream;
    uint64_t now_s = upstream->single ? 0 : monotonic_s();
    bool backups = pick->backups;
    for (int i = 0; i < PLACE_TRIES; i++) {
        px_peer *peer = choose(pick, now_s);
        if (peer == NULL)
            break;
        if (take_place(pick, peer)) {
            mark_tried(pick, peer);
            if (!upstream->single)
                note_check(peer, now_s);
            return pick->peer = peer;
        }
        pick->backups = backups;
        step_back(upstream->worker);
    }
    return pick->peer = NULL;
}

/* Order: when it failed; that it was checked then (release); that it failed (release). So whoever sees the
 * failure sees when, and whoever sees the check sees that it was a failure. */
static bool count_failure(px_pick *pick, px_peer *peer)
{
    uint64_t now_s = monotonic_s();
    atomic_store_explicit(&peer->record->accessed_s, now_s, memory_order_relaxed);
    atomic_store_explicit(&peer->record->checked_s, now_s, memory_order_release);
    int64_t fails = (int64_t)atomic_fetch_add_explicit(&peer->record->fails, 1, memory_order_release) + 1;
    if (peer->plan->max_fails == 0)
        return false;
    peer->effective_weight -= peer->plan->weight / peer->plan->max_fails;
    if (peer->effective_weight < 0)
        peer->effective_weight = 0;
    if (fails == peer->plan->max_fails)
        px_worker_count(pick->upstream->worker, PX_COUNTER_PEERS_FAILED, 1);
    return fails >= peer->plan->max_fails;
}

/* A check after the last failure went well: the peer is live again, unless it failed for another meanwhile. */
static void count_success(px_pick *pick, px_peer *peer)
{
    uint32_t fails = atomic_load_explicit(&peer->record->fails, memory_order_relaxed);
    if (fails == 0)
        return;
    uint64_t checked = atomic_load_explicit(&peer->record->checked_s, memory_order_acquire);
    if (atomic_load_explicit(&peer->record->accessed_s, memory_order_relaxed) >= checked)
        return;
    if (!atomic_compare_exchange_strong(&peer->record->fails, &fails, 0))
        return;
    if (peer->plan->max_fails > 0 && fails >= (uint64_t)peer->plan->max_fails)
        px_worker_count(pick->upstream->worker, PX_COUNTER_PEERS_RECOVERED, 1);
}

bool px_pick_end(px_pick *pick, px_try_end end)
{
    px_peer *peer = pick->peer;
    bool disabled = false;
    pick->peer = NULL;
    count_active(pick, peer, -1);
    if (pick->upstream->single) {
        pick->tries = 0;
        return false;
    }
    if (end == PX_TRY_FAILED)
        disabled = count_failure(pick, peer);
    else
        count_success(pick, peer);
    if (pick->tries > 0)
        pick->tries--;
    return disabled;
}
