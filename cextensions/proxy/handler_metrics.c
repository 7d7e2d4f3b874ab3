/* metrics: all counters in Prometheus' text format (version 0.0.4). The families come from the tables of
 * generated/counters.h. A configuration decides how long the page gets (some 3 KB per busy server or peer);
 * MOST_BYTES bounds it all the same. */
#include <time.h>

#include "generated/version.h"
#include "proxy/report.h"
#include "proxy/request.h"
#include "proxy/upstream.h"
#include "proxy/vars.h"

#define MOST_BYTES (16u << 20)

typedef struct page {
    px_buffer text;
    const char *family; /* the last one that was begun */
    bool cut;
} page;

/* A thing that has a slot: a server, or a peer of an upstream. */
typedef struct subject {
    px_slice upstream, name; /* upstream's data NULL: a server */
    const px_peer *peer;
    uint32_t slot;
    bool counted; /* something was, ever */
    uint64_t cells[PX_SLOT_CELLS];
} subject;

typedef struct subjects {
    subject *items;
    uint32_t count;
} subjects;

/* ---- text ---- */

static void put(page *to, const char *text)
{
    px_buffer_append(&to->text, text, strlen(text));
}

static void put_seconds(page *to, uint64_t ms)
{
    uint8_t text[PX_SECONDS_BYTES];
    px_buffer_append(&to->text, text, px_put_seconds(text, ms));
}

/* HELP and TYPE, once. False: the page is too long already. */
static bool begin_family(page *to, const char *name, const char *type, const char *help)
{
    if (to->text.len > MOST_BYTES)
        to->cut = true;
    if (to->cut)
        return false;
    if (to->family != NULL && strcmp(to->family, name) == 0)
        return true;
    to->family = name;
    put(to, "# HELP proxyd_");
    put(to, name);
    put(to, " ");
    put(to, help);
    put(to, "\n# TYPE proxyd_");
    put(to, name);
    put(to, " ");
    put(to, type);
    put(to, "\n");
    return true;
}

/* How many bytes the UTF-8 character at the beginning has; 0: it is none. */
static size_t character(const uint8_t *at, size_t left)
{
    size_t len = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (len > left || (len == 4 && (at[0] < 0xf0 || at[0] > 0xf4)))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xed && at[1] > 0x9f, beyond = at[0] == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : len;
}

/* name="value": escaped, and what is no UTF-8 as question marks. */
static void put_label(page *to, const char *name, px_slice value, bool first)
{
    put(to, first ? "{" : ",");
    put(to, name);
    put(to, "=\"");
    for (size_t i = 0, n; i < value.len; i += n) {
        n = character(value.data + i, value.len - i);
        if (n == 0) {
            put(to, "?");
            n = 1;
        } else if (value.data[i] == '\n') {
            put(to, "\\n");
        } else {
            if (value.data[i] == '"' || value.data[i] == '\\')
                put(to, "\\");
            px_buffer_append(&to->text, value.data + i, n);
        }
    }
    put(to, "\"");
}

static void put_subject(page *to, const subject *about)
{
    if (about->upstream.data != NULL) {
        put_label(to, "upstream", about->upstream, true);
        put_label(to, "peer", about->name, false);
    } else {
        put_label(to, "server", about->name, true);
    }
}

static void put_value(page *to, uint64_t value)
{
    put(to, " ");
    px_buffer_uint(&to->text, value);
    put(to, "\n");
}

static void put_name(page *to, const char *name, const char *suffix)
{
    put(to, "proxyd_");
    put(to, name);
    put(to, suffix);
}

/* ---- counters ---- */

typedef struct counter_metric {
    int counter;
    const char *name, *type, *label, *value, *help;
} counter_metric;

#define ROW(constant, metric, type, label, value, help) {constant, metric, type, label, value, help},
static const counter_metric counter_metrics[] = {PX_COUNTER_METRICS(ROW)};
#undef ROW

static void put_counters(page *to, const uint64_t *values)
{
    for (size_t i = 0; i < sizeof counter_metrics / sizeof counter_metrics[0]; i++) {
        const counter_metric *metric = &counter_metrics[i];
        if (!begin_family(to, metric->name, metric->type, metric->help))
            return;
        put_name(to, metric->name, "");
        if (metric->label != NULL) {
            put_label(to, metric->label, px_slice_from(metric->value, strlen(metric->value)), true);
            put(to, "}");
        }
        put_value(to, values[metric->counter]);
    }
}

static void put_facts(page *to, px_request *r, const uint64_t *values)
{
    const struct timespec *now = px_loop_realtime(r->worker->loop);
    uint64_t now_ms = (uint64_t)now->tv_sec * 1000 + (uint64_t)now->tv_nsec / 1000000;
    uint64_t started = values[PX_COUNTER_STARTED_MS], activated = values[PX_COUNTER_ACTIVATED_MS];
    begin_family(to, "build_info", "gauge", "What is running; the value is always 1.");
    put(to, "proxyd_build_info{version=\"" PX_VERSION "\",language=\"" PX_LANGUAGE "\"} 1\n");
    begin_family(to, "uptime_seconds", "gauge", "Since the master started.");
    put(to, "proxyd_uptime_seconds ");
    put_seconds(to, started > 0 && now_ms > started ? now_ms - started : 0);
    put(to, "\n");
    begin_family(to, "start_time_seconds", "gauge", "When the master started, since 1970.");
    put(to, "proxyd_start_time_seconds ");
    put_seconds(to, started);
    put(to, "\n");
    begin_family(to, "activated_time_seconds", "gauge", "When this configuration was activated, since 1970.");
    put(to, "proxyd_activated_time_seconds ");
    put_seconds(to, activated);
    put(to, "\n");
    begin_family(to, "workers", "gauge", "Workers of the serving crew, as configured.");
    put(to, "proxyd_workers");
    put_value(to, r->worker->ledger.workers);
}

static void put_connections(page *to, const px_ledger *ledger)
{
    px_connections now;
    px_report_connections(ledger, &now);
    const struct {
        const char *state;
        uint64_t value;
    } states[] = {{"reading", now.reading}, {"writing", now.writing}, {"waiting", now.waiting}};
    begin_family(to, "connections", "gauge",
                 "Connections of clients by what they do, as stub_status has them.");
    for (size_t i = 0; i < 3; i++) {
        put_name(to, "connections", "");
        put_label(to, "state", px_slice_from(states[i].state, strlen(states[i].state)), true);
        put(to, "}");
        put_value(to, states[i].value);
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
#undef ROW

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void put_histogram(page *to, const cell_metric *metric, const subject *about)
{
    static const uint64_t bounds[] = {PX_LATENCY_BOUNDS_MS};
    uint64_t total = 0;
    for (int i = 0; i < metric->count; i++) {
        uint8_t text[PX_SECONDS_BYTES];
        total += about->cells[metric->first + i];
        put_name(to, metric->name, "_bucket");
        put_subject(to, about);
        put_label(to, "le",
                  i < metric->count - 1 ? px_slice_from(text, px_put_seconds(text, bounds[i]))
                                        : PX_SLICE("+Inf"),
                  false);
        put(to, "}");
        put_value(to, total);
    }
    put_name(to, metric->name, "_sum");
    put_subject(to, about);
    put(to, "} ");
    put_seconds(to, about->cells[metric->first - 1]); /* latency_sum_ms stands in front of latency */
    put(to, "\n");
    put_name(to, metric->name, "_count");
    put_subject(to, about);
    put(to, "}");
    put_value(to, total);
}

static void put_cells(page *to, const cell_metric *metrics, size_t count, const subjects *all)
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
            if (!begin_family(to, metric->name, histogram ? "histogram" : "counter", metric->help))
                return;
            if (histogram) {
                put_histogram(to, metric, about);
                continue;
            }
            put_name(to, metric->name, "");
            put_subject(to, about);
            if (metric->label != NULL)
                put_label(to, metric->label, px_slice_from(metric->value, strlen(metric->value)), false);
            put(to, "}");
            put_value(to, about->cells[metric->first]);
        }
    }
}

static void put_gauge(page *to, const char *name, const char *help, const subject *about, uint64_t value)
{
    if (!begin_family(to, name, "gauge", help))
        return;
    put_name(to, name, "");
    put_subject(to, about);
    put(to, "}");
    put_value(to, value);
}

static void put_peer_states(page *to, const px_ledger *ledger, const subjects *peers)
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
                &(subject){.name = servers->items[i]->name, .slot = (uint32_t)server->stats.slot});
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

static px_step start(px_request *r)
{
    const px_ledger *ledger = &r->worker->ledger;
    uint64_t counters[PX_COUNTERS];
    subjects servers = {NULL, 0}, peers = {NULL, 0};
    page to = {.family = NULL};
    if (px_report_refuses(r))
        return PX_STEP_ANSWERED;
    px_report_counters(ledger, counters);
    find_servers(r, ledger, &servers);
    find_peers(r, ledger, &peers);
    px_buffer_init(&to.text, &r->arena, 32768);
    put_facts(&to, r, counters);
    put_connections(&to, ledger);
    put_counters(&to, counters);
    put_cells(&to, server_metrics, COUNT(server_metrics), &servers);
    put_peer_states(&to, ledger, &peers);
    put_cells(&to, peer_metrics, COUNT(peer_metrics), &peers);
    if (to.cut)
        put(&to, "# This is not all: the page would get too long.\n");
    return px_report_send(r, &to.text, PX_SLICE("text/plain; version=0.0.4; charset=utf-8"));
}

const px_handler px_handler_metrics = {.name = "metrics", .start = start};
