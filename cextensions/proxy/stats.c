/* See stats.h. */
#include "proxy/stats.h"

#include "proxy/request.h"

typedef struct claim {
    px_ledger *ledger;
    uint32_t slot;
} claim;

static void on_release(void *argument)
{
    const claim *claimed = argument;
    px_ledger_hold(claimed->ledger, claimed->slot, -1);
}

void px_stats_of_slot(px_build *build, int32_t slot, px_stats *stats)
{
    stats->slot = slot;
    stats->cells = slot >= 0 ? px_ledger_cells(&build->worker->ledger, (uint32_t)slot)
                             : px_arena_zalloc(build->arena, PX_SLOT_CELLS * sizeof *stats->cells);
}

void px_stats_claim(px_build *build, const char *kind, px_slice name, px_stats *stats)
{
    px_worker *worker = build->worker;
    uint8_t key[PX_SHM_DIGEST_BYTES];
    px_buffer text;
    px_buffer_init(&text, build->arena, name.len + 16);
    px_buffer_byte(&text, 0);
    px_buffer_append(&text, kind, strlen(kind));
    px_buffer_byte(&text, 0);
    px_buffer_slice(&text, name);
    px_shm_digest(text.data, text.len, key);
    int32_t slot = px_peers_find(&worker->peers, key);
    px_stats_of_slot(build, slot, stats);
    if (slot < 0) {
        px_worker_count(worker, PX_COUNTER_ZONE_REFUSALS, 1);
        px_log_at(&px_log_main, PX_LOG_ALERT, 0,
                  "the zone of peers is full: nothing is counted for the %s \"%.*s\" by itself", kind,
                  PX_SLICE_ARGS(name));
        return;
    }
    px_ledger_hold(&worker->ledger, (uint32_t)slot, 1);
    claim *claimed = px_arena_alloc(build->arena, sizeof *claimed);
    *claimed = (claim){&worker->ledger, (uint32_t)slot};
    px_arena_on_clear(build->arena, on_release, claimed);
}

void px_stats_count_request(px_request *r)
{
    px_worker *worker = r->worker;
    _Atomic uint64_t *cells = r->server->stats.cells;
    int status = px_request_status(r), group = status / 100 - 1;
    if (group >= 0 && group < 5) {
        px_worker_count(worker, PX_COUNTER_RESPONSES_1XX + group, 1);
        px_cell_add(cells, PX_SERVER_CELL_RESPONSES_1XX + group, 1);
    }
    if (r->reason != PX_REASON_NONE)
        px_worker_count(worker, PX_COUNTER_OF_REASON(r->reason), 1);
    px_worker_count(worker, PX_COUNTER_BYTES_SENT, (int64_t)r->bytes_sent);
    px_worker_count(worker, PX_COUNTER_BYTES_RECEIVED, (int64_t)r->bytes_received);
    px_cell_add(cells, PX_SERVER_CELL_BYTES_SENT, r->bytes_sent);
    px_cell_add(cells, PX_SERVER_CELL_BYTES_RECEIVED, r->bytes_received);
    if (status == 101)
        return; /* how long a tunnel lives says nothing of how fast the server is */
    uint64_t ms = px_loop_now_ms(worker->loop) - r->started_ms;
    px_cell_add(cells, PX_SERVER_CELL_LATENCY + px_latency_bucket(ms), 1);
    px_cell_add(cells, PX_SERVER_CELL_LATENCY_SUM_MS, ms);
}

int px_stats_failure_cell(px_h1_failure_kind kind)
{
    switch (kind) {
    case PX_FAIL_CONNECT:
        return PX_PEER_CELL_FAILURES_CONNECT;
    case PX_FAIL_CONNECT_TIMEOUT:
    case PX_FAIL_SEND_TIMEOUT:
    case PX_FAIL_READ_TIMEOUT:
        return PX_PEER_CELL_FAILURES_TIMEOUT;
    case PX_FAIL_SEND:
    case PX_FAIL_READ:
    case PX_FAIL_CLOSED:
    case PX_FAIL_CLOSED_IN_BODY:
        return PX_PEER_CELL_FAILURES_CLOSED;
    case PX_FAIL_HEAD_TOO_LARGE:
    case PX_FAIL_INVALID:
        break;
    }
    return PX_PEER_CELL_FAILURES_INVALID;
}
