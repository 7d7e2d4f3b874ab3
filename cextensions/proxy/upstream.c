/* See upstream.h. Failure arithmetic is nginx's: what max_fails and fail_timeout mean to operators. */
#include "proxy/upstream.h"

#include <limits.h>
#include <time.h>

#define WEIGHT_MOST 1000000
#define TIME_MOST ((int64_t)1 << 40)

static uint64_t monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* ---- loading ---- */

typedef struct claimed {
    px_worker *worker;
    px_upstream *upstream;
} claimed;

static void on_release(void *argument)
{
    const claimed *claim = argument;
    for (uint32_t i = 0; i < claim->upstream->count; i++) {
        px_peer *peer = &claim->upstream->peers[i];
        px_idle_shelf_release(&peer->shelf);
        if (peer->slot >= 0)
            px_ledger_hold(&claim->worker->ledger, (uint32_t)peer->slot, -1);
    }
}

static void find_record(px_build *build, px_upstream *upstream, px_peer *peer)
{
    px_worker *worker = build->worker;
    uint8_t key[PX_SHM_DIGEST_BYTES];
    px_buffer text;
    px_buffer_init(&text, build->arena, upstream->plan->name.len + peer->plan->name.len + 1);
    px_buffer_slice(&text, upstream->plan->name);
    px_buffer_byte(&text, 0);
    px_buffer_slice(&text, peer->plan->name);
    px_shm_digest(text.data, text.len, key);
    peer->slot = px_peers_find(&worker->peers, key);
    if (peer->slot >= 0) {
        peer->record = px_peers_record(&worker->peers, (uint32_t)peer->slot);
        px_ledger_hold(&worker->ledger, (uint32_t)peer->slot, 1);
        return;
    }
    peer->record = px_arena_zalloc(build->arena, sizeof *peer->record);
    px_worker_count(worker, PX_COUNTER_ZONE_REFUSALS, 1);
    px_log_at(&px_log_main, PX_LOG_ALERT, 0,
              "the zone of peers is full: this worker alone counts failures of \"%.*s\" in upstream \"%.*s\"",
              PX_SLICE_ARGS(peer->plan->name), PX_SLICE_ARGS(upstream->plan->name));
}

static bool build_peer(px_build *build, px_upstream *upstream, const px_plan_peer *plan)
{
    px_peer *peer = &upstream->peers[upstream->count];
    peer->plan = plan;
    peer->index = upstream->count;
    if (plan->weight < 1 || plan->weight > WEIGHT_MOST || plan->max_fails < 0 || plan->fail_timeout < 0 ||
        plan->fail_timeout > TIME_MOST || plan->port < 0 || plan->port > 65535)
        return px_build_fail(build, "a number of peer \"%.*s\" makes no sense", PX_SLICE_ARGS(plan->name));
    if (!px_address_make(&peer->address, (int)plan->family, plan->address, (int)plan->port))
        return px_build_fail(build, "the address of peer \"%.*s\" makes no sense", PX_SLICE_ARGS(plan->name));
    peer->effective_weight = plan->weight;
    peer->fail_timeout_s = plan->fail_timeout / 1000;
    find_record(build, upstream, peer);
    peer->shelf = px_idle_shelf_take(build->worker, upstream->plan->name, &peer->address);
    upstream->usable += plan->down ? 0 : 1;
    upstream->count++; /* from here on on_release lets go of it */
    return true;
}

static bool build_peers(px_build *build, px_upstream *upstream, bool backup)
{
    const px_plan_peer_list *peers = &upstream->plan->peers;
    for (uint32_t i = 0; i < peers->count; i++)
        if (peers->items[i].backup == backup && !build_peer(build, upstream, &peers->items[i]))
            return false;
    return true;
}

bool px_build_upstream(px_build *build, px_plan_upstream *plan)
{
    px_upstream *upstream = px_arena_zalloc(build->arena, sizeof *upstream);
    claimed *claim = px_arena_alloc(build->arena, sizeof *claim);
    *claim = (claimed){build->worker, upstream};
    upstream->plan = plan;
    upstream->worker = build->worker;
    upstream->peers = px_arena_zalloc(build->arena, plan->peers.count * sizeof *upstream->peers);
    upstream->keepalive = plan->keepalive < 0         ? 0
                          : plan->keepalive > INT_MAX ? INT_MAX
                                                      : (uint32_t)plan->keepalive;
    plan->runtime = upstream;
    px_arena_on_clear(build->arena, on_release, claim);
    if (plan->balance != PX_BALANCE_ROUND_ROBIN)
        return px_build_fail(build, "upstream \"%.*s\" balances in an unknown way",
                             PX_SLICE_ARGS(plan->name));
    if (!build_peers(build, upstream, false))
        return false;
    upstream->primaries = upstream->count;
    if (!build_peers(build, upstream, true))
        return false;
    upstream->single = upstream->count == 1 && upstream->primaries == 1;
    return upstream->count > 0 ||
           px_build_fail(build, "upstream \"%.*s\" has no peers", PX_SLICE_ARGS(plan->name));
}

/* ---- picking ---- */

void px_pick_begin(px_pick *pick, px_upstream *upstream, uint32_t tries, px_arena *arena)
{
    pick->upstream = upstream;
    pick->peer = NULL;
    pick->backups = false;
    pick->tries = tries > 0 && tries < upstream->usable ? tries : upstream->usable;
    pick->tried = pick->words;
    memset(pick->words, 0, sizeof pick->words);
    if (upstream->count > PX_PICK_WORDS * 64)
        pick->tried = px_arena_zalloc(arena, (upstream->count + 63) / 64 * sizeof(uint64_t));
}

static bool was_tried(const px_pick *pick, const px_peer *peer)
{
    return (pick->tried[peer->index / 64] >> (peer->index % 64)) & 1;
}

static void mark_tried(px_pick *pick, const px_peer *peer)
{
    pick->tried[peer->index / 64] |= (uint64_t)1 << (peer->index % 64);
}

bool px_peer_usable(const px_pick *pick, const px_peer *peer, uint64_t now_s)
{
    if (peer->plan->down || was_tried(pick, peer))
        return false;
    if (peer->plan->max_fails == 0)
        return true;
    int64_t fails = atomic_load_explicit(&peer->record->fails, memory_order_relaxed);
    if (fails < peer->plan->max_fails)
        return true;
    uint64_t checked = atomic_load_explicit(&peer->record->checked_s, memory_order_relaxed);
    return (int64_t)(now_s - checked) > peer->fail_timeout_s;
}

/* One request tries a failed peer after each fail_timeout: the others see that it was checked just now. */
static void note_check(px_peer *peer, uint64_t now_s)
{
    uint64_t checked = atomic_load_explicit(&peer->record->checked_s, memory_order_relaxed);
    if ((int64_t)(now_s - checked) > peer->fail_timeout_s)
        atomic_store_explicit(&peer->record->checked_s, now_s, memory_order_relaxed);
}

static px_peer *pick_of(px_pick *pick, uint64_t now_s)
{
    px_upstream *upstream = pick->upstream;
    px_peer *peer = NULL;
    if (!pick->backups)
        peer = px_balance_round_robin(pick, 0, upstream->primaries, now_s);
    if (peer == NULL) {
        pick->backups = true;
        peer = px_balance_round_robin(pick, upstream->primaries, upstream->count, now_s);
    }
    if (peer != NULL)
        note_check(peer, now_s);
    return peer;
}

px_peer *px_pick_next(px_pick *pick)
{
    px_upstream *upstream = pick->upstream;
    px_peer *peer = NULL;
    if (!upstream->single)
        peer = pick_of(pick, monotonic_s());
    else if (!upstream->peers[0].plan->down)
        peer = &upstream->peers[0];
    pick->peer = peer;
    if (peer == NULL)
        return NULL;
    mark_tried(pick, peer);
    if (peer->slot >= 0)
        px_ledger_active(&upstream->worker->ledger, (uint32_t)peer->slot, 1);
    return peer;
}

static bool count_failure(px_pick *pick, px_peer *peer)
{
    uint64_t now_s = monotonic_s();
    int64_t fails = (int64_t)atomic_fetch_add_explicit(&peer->record->fails, 1, memory_order_relaxed) + 1;
    atomic_store_explicit(&peer->record->accessed_s, now_s, memory_order_relaxed);
    atomic_store_explicit(&peer->record->checked_s, now_s, memory_order_relaxed);
    if (peer->plan->max_fails == 0)
        return false;
    peer->effective_weight -= peer->plan->weight / peer->plan->max_fails;
    if (peer->effective_weight < 0)
        peer->effective_weight = 0;
    if (fails == peer->plan->max_fails)
        px_worker_count(pick->upstream->worker, PX_COUNTER_PEERS_FAILED, 1);
    return fails >= peer->plan->max_fails;
}

/* A check after the last failure went well: the peer is live again. */
static void count_success(px_pick *pick, px_peer *peer)
{
    uint64_t fails = atomic_load_explicit(&peer->record->fails, memory_order_relaxed);
    if (fails == 0)
        return;
    if (atomic_load_explicit(&peer->record->accessed_s, memory_order_relaxed) >=
        atomic_load_explicit(&peer->record->checked_s, memory_order_relaxed))
        return;
    atomic_store_explicit(&peer->record->fails, 0, memory_order_relaxed);
    if (peer->plan->max_fails > 0 && fails >= (uint64_t)peer->plan->max_fails)
        px_worker_count(pick->upstream->worker, PX_COUNTER_PEERS_RECOVERED, 1);
}

bool px_pick_end(px_pick *pick, px_try_end end)
{
    px_peer *peer = pick->peer;
    bool disabled = false;
    pick->peer = NULL;
    if (peer->slot >= 0)
        px_ledger_active(&pick->upstream->worker->ledger, (uint32_t)peer->slot, -1);
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

/* ---- connections ---- */

static bool may_keep(const px_upstream *upstream, const px_h1_client *client)
{
    const px_plan_upstream *plan = upstream->plan;
    if (upstream->keepalive == 0 || !px_h1_client_reusable(client))
        return false;
    if (plan->keepalive_requests >= 0 && px_h1_client_exchanges(client) >= (uint64_t)plan->keepalive_requests)
        return false;
    uint64_t age = px_loop_now_ms(upstream->worker->loop) - px_h1_client_opened_ms(client);
    return plan->keepalive_time < 0 || age <= (uint64_t)plan->keepalive_time;
}

void px_upstream_keep(px_upstream *upstream, px_peer *peer, px_h1_client **client)
{
    if (may_keep(upstream, *client))
        px_idle_park(peer->shelf, client, upstream->keepalive, (uint64_t)upstream->plan->keepalive_timeout);
    else
        px_h1_client_close(client);
}
