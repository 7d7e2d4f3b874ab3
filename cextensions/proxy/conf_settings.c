/* What is derived from Settings when they are read: header name sets, compiled templates, limits, logs. */
#include <limits.h>

#include "proxy/access_log.h"
#include "proxy/conf.h"
#include "proxy/limit.h"
#include "proxy/log_sink.h"
#include "proxy/proxy_rules.h"
#include "proxy/rates.h"
#include "proxy/vars.h"

#define HEAD_MOST (1u << 20) /* no head of a peer's answer may be larger, whatever proxy_buffer_size says */
#define FILE_CHUNK_MOST (1 << 30)
#define FILE_READ_MOST (1 << 20)
#define READ_BYTES 16384
#define BUFFER_MOST ((int64_t)1 << 30)

_Static_assert(PX_HEADER_IDS <= 64, "sets of header numbers are 64 bits");

/* Fields that belong to one connection (RFC 9110 7.6.1) or that frame a message: each side gets its own. */
static const uint64_t hop_by_hop = PX_HEADER_BIT(CONNECTION) | PX_HEADER_BIT(KEEP_ALIVE) | PX_HEADER_BIT(TE) |
                                   PX_HEADER_BIT(TRAILER) | PX_HEADER_BIT(TRANSFER_ENCODING) |
                                   PX_HEADER_BIT(CONTENT_LENGTH) | PX_HEADER_BIT(UPGRADE) |
                                   PX_HEADER_BIT(PROXY_CONNECTION);
static const uint64_t request_only =
    PX_HEADER_BIT(HOST) | PX_HEADER_BIT(EXPECT) | PX_HEADER_BIT(HTTP2_SETTINGS);
static const uint64_t framing = PX_HEADER_BIT(CONTENT_LENGTH) | PX_HEADER_BIT(TRANSFER_ENCODING);

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static uint64_t time_of(int64_t ms)
{
    return (uint64_t)within(ms, 0, INT64_MAX);
}

static void build_h1(px_settings *settings)
{
    const px_plan_settings *plan = settings->plan;
    settings->h1 = (px_h1_settings){
        .client_header_timeout = time_of(plan->client_header_timeout),
        .client_body_timeout = time_of(plan->client_body_timeout),
        .send_timeout = time_of(plan->send_timeout),
        .keepalive_timeout = time_of(plan->keepalive_timeout),
        .lingering_time = time_of(plan->lingering_time),
        .lingering_timeout = time_of(plan->lingering_timeout),
        .keepalive_header = time_of(plan->keepalive_timeout_header) / 1000,
        .keepalive_requests = time_of(plan->keepalive_requests),
        .keepalive_time = time_of(plan->keepalive_time),
        .header_buffer_bytes = (uint32_t)within(plan->client_header_buffer_size, 1, HEAD_MOST),
        .large_buffer_count = (uint32_t)within(plan->large_client_header_buffers->number, 1, 1024),
        .large_buffer_bytes = (uint32_t)within(plan->large_client_header_buffers->size, 1, HEAD_MOST),
        .files = {.sendfile = plan->sendfile,
                  .chunk_bytes = (uint32_t)within(plan->sendfile_max_chunk, 0, FILE_CHUNK_MOST),
                  .read_count = (uint32_t)within(plan->output_buffers->number, 1, 64),
                  .read_bytes = (uint32_t)within(plan->output_buffers->size, 512, FILE_READ_MOST)},
        .keepalive_min = time_of(plan->keepalive_min_timeout),
        .max_headers = (uint32_t)within(plan->max_headers, 1, PX_MAX_HEADERS),
        .lingering_close = (uint8_t)within(plan->lingering_close, PX_LINGERING_OFF, PX_LINGERING_ALWAYS),
        .ignore_invalid_headers = plan->ignore_invalid_headers,
        .underscores_in_headers = plan->underscores_in_headers,
        .merge_slashes = plan->merge_slashes,
        .reset_timedout = plan->reset_timedout_connection,
        .chunked = plan->chunked_transfer_encoding,
        .log = &settings->log,
    };
}

static void build_limits(px_settings *settings)
{
    const px_plan_settings *plan = settings->plan;
    int64_t head = within(plan->proxy_buffer_size, 1, HEAD_MOST);
    int64_t body =
        within(plan->proxy_buffers->number, 1, 65536) * within(plan->proxy_buffers->size, 1, 1 << 24);
    settings->limits = (px_h1_client_limits){
        .connect_timeout = time_of(plan->proxy_connect_timeout),
        .send_timeout = time_of(plan->proxy_send_timeout),
        .read_timeout = time_of(plan->proxy_read_timeout),
        .head_bytes = (uint32_t)head,
        .read_bytes = READ_BYTES,
    };
    settings->read_ahead = (size_t)within(head + body, 1, BUFFER_MOST);
    settings->body_buffer = (size_t)within(plan->client_body_buffer_size, 1, BUFFER_MOST);
}

static bool build_access_logs(px_build *build, px_settings *settings)
{
    const px_plan_access_log_list *logs = &settings->plan->access_log;
    settings->access_logs = px_arena_zalloc(build->arena, logs->count * sizeof *settings->access_logs);
    for (uint32_t i = 0; i < logs->count; i++)
        if (!px_build_access_log(build, &settings->access_logs[i], &logs->items[i]))
            return false;
    if (settings->plan->open_log_file_cache != NULL)
        settings->log_cache = settings->plan->open_log_file_cache->runtime;
    settings->access_log_count = logs->count;
    return true;
}

static bool build_added(px_build *build, const px_plan_add_header_list *headers, px_add_header **added,
                        uint32_t *count)
{
    *added = px_arena_zalloc(build->arena, headers->count * sizeof **added);
    for (uint32_t i = 0; i < headers->count; i++) {
        px_add_header *header = &(*added)[i];
        header->name = headers->items[i].name;
        header->id = (uint16_t)px_header_lookup(header->name);
        header->always = headers->items[i].always;
        if (!px_build_template(build, &header->value, &headers->items[i].value))
            return false;
    }
    *count = headers->count;
    return true;
}

static bool build_add_headers(px_build *build, px_settings *settings)
{
    const px_plan_settings *plan = settings->plan;
    return build_added(build, &plan->add_header, &settings->add_headers, &settings->add_header_count) &&
           build_added(build, &plan->add_trailer, &settings->add_trailers, &settings->add_trailer_count);
}

static px_slice join(px_arena *arena, px_slice a, px_slice b, px_slice c, px_slice d)
{
    px_buffer text;
    px_buffer_init(&text, arena, a.len + b.len + c.len + d.len);
    px_buffer_slice(&text, a);
    px_buffer_slice(&text, b);
    px_buffer_slice(&text, c);
    px_buffer_slice(&text, d);
    return px_buffer_view(&text);
}

static void finish_set_header(px_build *build, px_set_header *header, px_slice name)
{
    header->line = join(build->arena, name, PX_SLICE(": "), PX_SLICE(""), PX_SLICE(""));
    if (!px_template_constant(&header->value))
        return;
    px_slice value = header->value.count == 0 ? PX_SLICE("") : header->value.ops[0].text;
    header->constant =
        value.len == 0 ? PX_SLICE("") : join(build->arena, name, PX_SLICE(": "), value, PX_SLICE("\r\n"));
}

/* Host is sent to every peer; without a proxy_set_header of its own it is $proxy_host. */
static void add_default_host(px_build *build, px_settings *settings)
{
    static const px_op proxy_host = {.get = px_var_proxy_host};
    px_set_header *header = &settings->set_headers[settings->set_header_count++];
    header->value = (px_template){&proxy_host, 1};
    finish_set_header(build, header, PX_SLICE("Host"));
}

static bool build_set_headers(px_build *build, px_settings *settings)
{
    const px_plan_set_header_list *headers = &settings->plan->proxy_set_header;
    settings->request_dropped = hop_by_hop | request_only;
    settings->set_headers =
        px_arena_zalloc(build->arena, (headers->count + 1u) * sizeof *settings->set_headers);
    px_table_init(&settings->request_dropped_names, build->arena, headers->count);
    bool has_host = false;
    for (uint32_t i = 0; i < headers->count; i++)
        has_host = has_host || px_header_lookup(headers->items[i].name) == PX_HEADER_HOST;
    if (!has_host)
        add_default_host(build, settings);
    for (uint32_t i = 0; i < headers->count; i++) {
        px_slice name = headers->items[i].name;
        px_header_id id = px_header_lookup(name);
        if (id == PX_HEADER_OTHER)
            px_table_add(&settings->request_dropped_names, name, settings);
        settings->request_dropped |= (uint64_t)1 << id;
        settings->sends_upgrade = settings->sends_upgrade || id == PX_HEADER_UPGRADE;
        if (id != PX_HEADER_OTHER && ((framing >> id) & 1))
            continue; /* framing is never the configuration's */
        px_set_header *header = &settings->set_headers[settings->set_header_count++];
        if (!px_build_template(build, &header->value, &headers->items[i].value))
            return false;
        finish_set_header(build, header, name);
    }
    settings->request_dropped &= ~(uint64_t)1; /* names without a number are in the table */
    return true;
}

static void build_hidden(px_build *build, px_settings *settings)
{
    const px_plan_bytes_list *names = &settings->plan->proxy_hide_header;
    settings->answer_hidden = hop_by_hop;
    if (settings->plan->proxy_pass_trailers) /* it says which trailers come */
        settings->answer_hidden &= ~PX_HEADER_BIT(TRAILER);
    px_table_init(&settings->answer_hidden_names, build->arena, names->count);
    for (uint32_t i = 0; i < names->count; i++) {
        px_header_id id = px_header_lookup(names->items[i]);
        if (id == PX_HEADER_OTHER)
            px_table_add(&settings->answer_hidden_names, names->items[i], settings);
        else
            settings->answer_hidden |= (uint64_t)1 << id;
    }
}

bool px_build_log(px_build *build, const px_plan_error_log_list *plan, px_log *log)
{
    px_log_target *targets = px_arena_zalloc(build->arena, plan->count * sizeof *targets);
    *log = (px_log){targets, plan->count, 0};
    for (uint32_t i = 0; i < plan->count; i++) {
        const px_log_sink *sink = plan->items[i].file->runtime;
        targets[i] = px_log_sink_target(sink, (int)within(plan->items[i].level, PX_LOG_EMERG, PX_LOG_DEBUG));
        if (log->level < targets[i].level)
            log->level = targets[i].level;
        px_log_debugging = px_log_debugging || targets[i].level >= PX_LOG_DEBUG;
    }
    return true;
}

bool px_build_settings(px_build *build, px_plan_settings *plan)
{
    px_settings *settings = px_arena_zalloc(build->arena, sizeof *settings);
    settings->plan = plan;
    settings->object = build->object;
    settings->types = plan->types->runtime;
    plan->runtime = settings;
    build_h1(settings);
    build_limits(settings);
    build_hidden(build, settings);
    return px_limit_check(build, plan) && px_build_docs(build, &settings->docs, plan) &&
           px_build_log(build, &plan->error_log, &settings->log) && build_access_logs(build, settings) &&
           px_build_template(build, &settings->server_tokens, &plan->server_tokens) &&
           build_add_headers(build, settings) && build_set_headers(build, settings) &&
           px_build_proxy_rules(build, settings) && px_build_rates(build, settings);
}

bool px_build_types(px_build *build, px_plan_types *plan)
{
    px_types *types = px_arena_zalloc(build->arena, sizeof *types);
    types->plan = plan;
    plan->runtime = types;
    px_table_init(&types->by_extension, build->arena, plan->entries.count);
    for (uint32_t i = 0; i < plan->entries.count; i++)
        px_table_add(&types->by_extension, plan->entries.items[i].extension, &plan->entries.items[i].type);
    return true;
}
