/* metrics: all counters in Prometheus' text format (version 0.0.4). The families come from the tables of
 * generated/counters.h. */
#include <time.h>

#include "generated/version.h"
#include "proxy/limit.h"
#include "proxy/metrics_page.h"
#include "proxy/report.h"
#include "proxy/request.h"
#include "proxy/upstream.h"
#include "proxy/vars.h"

/* A thing that has a slot: a server, a peer of an upstream, or a limit zone. */
typedef struct subject {
    px_slice upstream, name; /* upstream's data NULL: no peer */
    px_slice listen;         /* of a server */
    const px_peer *peer;
    const px_limit_zone *zone;
    uint32_t slot;
    bool counted; /* something was, ever */
    uint64_t cells[PX_SLOT_CELLS];
} subject;

typedef struct subjects {
    subject *items;
    uint32_t count;
} subjects;

static void put_subject(px_page *to, const subject *about)
{
    if (about->zone != NULL) {
        px_page_label(to, "zone", about->name, true);
    } else if (about->upstream.data != NULL) {
        px_page_label(to, "upstream", about->upstream, true);
        px_page_label(to, "peer", about->name, false);
    } else {
        px_page_label(to, "server", about->name, true);
        px_page_label(to, "listen", about->listen, false);
    }
}

/* ---- counters ---- */

typedef struct counter_metric {
    int counter;
    const char *name, *type, *label, *value, *help;
} counter_metric;

#define ROW(constant, metric, type, label, value, help) {constant, metric, type, label, value, help},
static const counter_metric counter_metrics[] = {PX_COUNTER_METRICS(ROW)};
#undef ROW

static void put_counters(px_page *to, const uint64_t *values)
{
    for (size_t i = 0; i < sizeof counter_metrics / sizeof counter_metrics[0]; i++) {
        const counter_metric *metric = &counter_metrics[i];
        if (!px_page_family(to, metric->name, metric->type, metric->help))
            return;
        px_page_name(to, metric->name, "");
        if (metric->label != NULL) {
            px_page_label(to, metric->label, px_slice_from(metric->value, strlen(metric->value)), true);
            px_page_put(to, "}");
        }
        px_page_value(to, values[metric->counter]);
    }
}

static void put_facts(px_page *to, px_request *r, const uint64_t *values)
{
    const struct timespec *now = px_loop_realtime(r->worker->loop);
    uint64_t now_ms = (uint64_t)now->tv_sec * 1000 + (uint64_t)now->tv_nsec / 1000000;
    uint64_t started = values[PX_COUNTER_STARTED_MS], activated = values[PX_COUNTER_ACTIVATED_MS];
    px_page_family(to, "build_info", "gauge", "What is running; the value is always 1.");
    px_page_put(to, "proxyd_build_info{version=\"" PX_VERSION "\",language=\"" PX_LANGUAGE "\"} 1\n");
    px_page_family(to, "uptime_seconds", "gauge", "Since the master started.");
    px_page_put(to, "proxyd_uptime_seconds ");
    px_page_seconds(to, started > 0 && now_ms > started ? now_ms - started : 0);
    px_page_put(to, "\n");
    px_page_family(to, "start_time_seconds", "gauge", "When the master started, since 1970.");
    px_page_put(to, "proxyd_start_time_seconds ");
    px_page_seconds(to, started);
    px_page_put(to, "\n");
    px_page_family(to, "activated_time_seconds", "gauge",
                   "When this configuration was activated, since 1970.");
    px_page_put(to, "proxyd_activated_time_seconds ");
    px_page_seconds(to, activated);
    px_page_put(to, "\n");
    px_page_family(to, "workers", "gauge", "Workers of the serving crew, as configured.");
    px_page_put(to, "proxyd_workers");
    px_page_value(to, r->worker->ledger.workers);
}

static void put_connections(px_page *to, const px_ledger *ledger)
{
    px_connections now;
    px_report_connections(ledger, &now);
    const struct {
        const char *state;
        uint64_t value;
    } states[] = {{"reading", now.reading}, {"writing", now.writing}, {"waiting", now.waiting}};
    px_page_family(to, "connections", "gauge",
                   "Connections of clients by what they do, as stub_status has them.");
    for (size_t i = 0; i < 3; i++) {
        px_page_name(to, "connections", "");
        px_page_label(to, "state", px_slice_from(states[i].state, strlen(states[i].state)), true);
        px_page_put(to, "}");
        px_page_value(to, states[i].value);
    }
}

/* ---- what has slots ---- */

typedef struct cell_metric {
    int first, count;
    const char *name, *label, *value, *help;
} cell_metric;

#define ROW(first, count, metric, label, value, help) {first, count, metric, label, value, help},
static const cell_metric server_metrics[] = {PX_SERVER_CELL_LIST(ROW)};
static const cell_metric peer_metrics[] = {PX_PEER_CELL_LIST(ROW)};
static const cell_metric zone_metrics[] = {PX_ZONE_CELL_LIST(ROW)};
#undef ROW

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void put_histogram(px_page *to, const cell_metric *metric, const subject *about)
{
    static const uint64_t bounds[] = {PX_LATENCY_BOUNDS_MS};
    uint64_t total = 0;
    for (int i = 0; i < metric->count; i++) {
        uint8_t text[PX_SECONDS_BYTES];
        total += about->cells[metric->first + i];
        px_page_name(to, metric->name, "_bucket");
        put_subject(to, about);
        px_page_label(to, "le",
                      i < metric->count - 1 ? px_slice_from(text, px_put_seconds(text, bounds[i]))
                                            : PX_SLICE("+Inf"),
                      false);
        px_page_put(to, "}");
        px_page_value(to, total);
    }
    px_page_name(to, metric->name, "_sum");
    put_subject(to, about);
    px_page_put(to, "} ");
    px_page_seconds(to, about->cells[metric->first - 1]); /* latency_sum_ms stands in front of latency */
    px_page_put(to, "\n");
    px_page_name(to, metric->name, "_count");
    put_subject(to, about);
    px_page_put(to, "}");
    px_page_value(to, total);
}

static void put_cells(px_page *to, const cell_metric *metrics, size_t count, const subjects *all)
{
    for (size_t m = 0; m < count; m++) {
        const cell_metric *metric = &metrics[m];
        bool histogram = metric->count > 1, sum = m + 1 < count && metrics[m + 1].count > 1;
        if (sum)
            continue; /* the histogram has it */
        for (uint32_t i = 0; i < all->count; i++) {
            const subject *about = &all->items[i];
            if (histogram && !about->counted)
                continue; /* most of many servers have nothing to tell */
            if (!px_page_family(to, metric->name, histogram ? "histogram" : "counter", metric->help))
                return;
            if (histogram) {
                put_histogram(to, metric, about);
                continue;
            }
            px_page_name(to, metric->name, "");
            put_subject(to, about);
            if (metric->label != NULL)
                px_page_label(to, metric->label, px_slice_from(metric->value, strlen(metric->value)), false);
            px_page_put(to, "}");
            px_page_value(to, about->cells[metric->first]);
        }
    }
}

static void put_gauge(px_page *to, const char *name, const char *help, const subject *about, uint64_t value)
{
    if (!px_page_family(to, name, "gauge", help))
        return;
    px_page_name(to, name, "");
    put_subject(to, about);
    px_page_put(to, "}");
    px_page_value(to, value);
}

static void put_peer_states(px_page *to, const px_ledger *ledger, const subjects *peers)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (uint32_t i = 0; i < peers->count; i++)
        put_gauge(to, "peer_connections_active", "Connections to the peer in use, by all workers.",
                  &peers->items[i], px_ledger_active_total(ledger, peers->items[i].slot));
    for (uint32_t i = 0; i < peers->count; i++) {
        const px_peer *peer = peers->items[i].peer;
        put_gauge(to, "peer_up", "1: the peer is asked. 0: it is down, or failed max_fails times.",
                  &peers->items[i], !peer->plan->down && !px_peer_is_resting(peer, (uint64_t)now.tv_sec));
    }
    for (uint32_t i = 0; i < peers->count; i++)
        put_gauge(to, "peer_fails", "Failures that count towards max_fails.", &peers->items[i],
                  atomic_load_explicit(&peers->items[i].peer->record->fails, memory_order_relaxed));
}

static void put_zone_fill(px_page *to, const subjects *zones)
{
    for (uint32_t i = 0; i < zones->count; i++)
        put_gauge(to, "limit_zone_keys", "Keys that the zone of a limit knows.", &zones->items[i],
                  px_limit_load(zones->items[i].zone->table.header->used));
    for (uint32_t i = 0; i < zones->count; i++)
        put_gauge(to, "limit_zone_capacity", "Keys that it has room for.", &zones->items[i],
                  (uint64_t)zones->items[i].zone->table.bucket_count * PX_LIMIT_WAYS);
}

/* ---- who there is ---- */

/* Notes a slot; false: it was seen already, or there is none. */
static bool is_new(uint8_t *seen, int32_t slot)
{
    if (slot < 0 || (seen[slot / 8] >> (slot % 8)) & 1)
        return false;
    seen[slot / 8] |= (uint8_t)(1u << (slot % 8));
    return true;
}

static void add(subjects *to, const px_ledger *ledger, const subject *about)
{
    subject *added = &to->items[to->count++];
    *added = *about;
    px_report_cells(ledger, added->slot, added->cells);
    for (int i = 0; i < PX_SLOT_CELLS; i++)
        added->counted = added->counted || added->cells[i] != 0;
}

static void find_servers(px_request *r, const px_ledger *ledger, subjects *out)
{
    const px_plan_server_ref_list *servers = &r->generation->plan->servers;
    uint8_t *seen = px_arena_zalloc(&r->arena, ledger->peer_capacity / 8 + 1);
    out->items = px_arena_zalloc(&r->arena, servers->count * sizeof *out->items);
    for (uint32_t i = 0; i < servers->count; i++) {
        const px_server *server = servers->items[i]->runtime;
        if (is_new(seen, server->stats.slot))
            add(out, ledger,
                &(subject){.name = servers->items[i]->name,
                           .listen = servers->items[i]->listen,
                           .slot = (uint32_t)server->stats.slot});
    }
}

static void find_peers(px_request *r, const px_ledger *ledger, subjects *out)
{
    const px_plan_upstream_ref_list *upstreams = &r->generation->plan->upstreams;
    uint8_t *seen = px_arena_zalloc(&r->arena, ledger->peer_capacity / 8 + 1);
    uint32_t most = 0;
    for (uint32_t i = 0; i < upstreams->count; i++)
        most += upstreams->items[i]->peers.count;
    out->items = px_arena_zalloc(&r->arena, most * sizeof *out->items);
    for (uint32_t i = 0; i < upstreams->count; i++) {
        const px_upstream *upstream = upstreams->items[i]->runtime;
        for (uint32_t j = 0; j < upstream->count; j++) {
            const px_peer *peer = &upstream->peers[j];
            if (is_new(seen, peer->slot))
                add(out, ledger,
                    &(subject){.upstream = upstream->plan->name,
                               .name = peer->plan->name,
                               .peer = peer,
                               .slot = (uint32_t)peer->slot});
        }
    }
}

static void find_zones(px_request *r, const px_ledger *ledger, subjects *out)
{
    const px_list *list = &r->worker->limit_zones;
    uint8_t *seen = px_arena_zalloc(&r->arena, ledger->peer_capacity / 8 + 1);
    uint32_t most = 0;
    for (const px_list *at = list->next; at != list; at = at->next)
        most++;
    out->items = px_arena_zalloc(&r->arena, most * sizeof *out->items);
    for (const px_list *at = list->previous; at != list; at = at->previous) { /* the newest of a name */
        const px_limit_zone *zone = PX_CONTAINER(at, px_limit_zone, link);
        if (is_new(seen, zone->stats.slot))
            add(out, ledger,
                &(subject){.name = zone->name, .zone = zone, .slot = (uint32_t)zone->stats.slot});
    }
}

static px_step start(px_request *r)
{
    const px_ledger *ledger = &r->worker->ledger;
    uint64_t counters[PX_COUNTERS];
    subjects servers = {NULL, 0}, peers = {NULL, 0}, zones = {NULL, 0};
    px_page to = {.family = NULL};
    if (px_report_refuses(r))
        return PX_STEP_ANSWERED;
    px_report_counters(ledger, counters);
    find_servers(r, ledger, &servers);
    find_peers(r, ledger, &peers);
    find_zones(r, ledger, &zones);
    px_buffer_init(&to.text, &r->arena, 32768);
    put_facts(&to, r, counters);
    put_connections(&to, ledger);
    put_counters(&to, counters);
    put_cells(&to, server_metrics, COUNT(server_metrics), &servers);
    put_peer_states(&to, ledger, &peers);
    put_cells(&to, peer_metrics, COUNT(peer_metrics), &peers);
    put_cells(&to, zone_metrics, COUNT(zone_metrics), &zones);
    put_zone_fill(&to, &zones);
    if (to.cut)
        px_page_put(&to, "# This is not all: the page would get too long.\n");
    return px_report_send(r, &to.text, PX_SLICE("text/plain; version=0.0.4; charset=utf-8"));
}

const px_handler px_handler_metrics = {.name = "metrics", .start = start};
