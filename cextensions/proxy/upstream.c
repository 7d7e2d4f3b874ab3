/* See upstream.h: how an Upstream is made, and what becomes of its connections. */
#include "proxy/balance.h"

#include <limits.h>

#define WEIGHT_MOST 1000000
#define TIME_MOST ((int64_t)1 << 40)

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
    if (build->private_peers) {
        peer->slot = -1;
        peer->record = px_arena_zalloc(build->arena, sizeof *peer->record);
        return;
    }
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
    if (plan->weight < 1 || plan->weight > WEIGHT_MOST || plan->max_conns < 0 || plan->max_fails < 0 ||
        plan->fail_timeout < 0 || plan->fail_timeout > TIME_MOST || plan->port < 0 || plan->port > 65535)
        return px_build_fail(build, "a number of peer \"%.*s\" makes no sense", PX_SLICE_ARGS(plan->name));
    if (!px_address_make(&peer->address, (int)plan->family, plan->address, (int)plan->port))
        return px_build_fail(build, "the address of peer \"%.*s\" makes no sense", PX_SLICE_ARGS(plan->name));
    peer->effective_weight = plan->weight;
    peer->fail_timeout_s = plan->fail_timeout / 1000;
    find_record(build, upstream, peer);
    px_stats_of_slot(build, peer->slot, &peer->stats);
    peer->shelf = px_idle_shelf_take(build->worker, upstream->plan->name, &peer->address);
    upstream->usable += plan->down ? 0 : 1;
    peer->weight_before = upstream->weight;
    if (!plan->backup)
        upstream->weight += (uint64_t)plan->weight;
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

static const px_balance *const methods[] = {
    [PX_BALANCE_ROUND_ROBIN] = &px_balance_round_robin,
    [PX_BALANCE_LEAST_CONN] = &px_balance_least_conn,
    [PX_BALANCE_IP_HASH] = &px_balance_ip_hash,
    [PX_BALANCE_HASH] = &px_balance_hash,
    [PX_BALANCE_HASH_CONSISTENT] = &px_balance_hash_consistent,
    [PX_BALANCE_RANDOM] = &px_balance_random,
    [PX_BALANCE_RANDOM_TWO] = &px_balance_random_two,
};

static bool build_balance(px_build *build, px_upstream *upstream)
{
    int64_t number = upstream->plan->balance;
    if (number < 0 || number >= (int64_t)(sizeof methods / sizeof methods[0]))
        return px_build_fail(build, "upstream \"%.*s\" balances in an unknown way",
                             PX_SLICE_ARGS(upstream->plan->name));
    upstream->balance = methods[number];
    if (upstream->primaries == 0 || upstream->weight > UINT32_MAX)
        return px_build_fail(build, "the weights of upstream \"%.*s\" make no sense",
                             PX_SLICE_ARGS(upstream->plan->name));
    return upstream->balance->build == NULL || upstream->balance->build(build, upstream);
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
    if (!build_peers(build, upstream, false))
        return false;
    upstream->primaries = upstream->count;
    if (!build_peers(build, upstream, true))
        return false;
    upstream->single = upstream->count == 1 && upstream->primaries == 1;
    if (upstream->count == 0)
        return px_build_fail(build, "upstream \"%.*s\" has no peers", PX_SLICE_ARGS(plan->name));
    return build_balance(build, upstream);
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
