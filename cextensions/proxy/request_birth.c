/* See request.h: how a Request comes to be, of what a client sent. */
#include "proxy/debug.h"

#define ARENA_BYTES 4096

static px_request *new_request(px_stream *stream)
{
    px_listening *listening = stream->client->listener->owner;
    px_arena arena;
    px_arena_init(&arena, ARENA_BYTES);
    px_request *r = px_arena_alloc(&arena, sizeof *r);
    memset(r, 0, offsetof(px_request, captures));
    r->arena = arena;
    r->magic = PX_REQUEST_MAGIC;
    r->stream = stream;
    r->client = stream->client;
    r->worker = listening->worker;
    r->generation = listening->generation;
    r->generation->references++;
    px_list_append(&r->generation->requests, &r->link);
    r->listen = listening->listen;
    r->settings = r->listen->settings;
    r->server = r->listen->any->by_default;
    r->port = (uint16_t)r->listen->plan->port;
    r->filters = &px_filter_headers;
    r->started_ms = stream->started_ms;
    r->debugged =
        r->generation->plan->debug_connection.count > 0 && px_debug_is_wanted(r->generation->plan, r->client);
    stream->request = r;
    px_crash_subject = r;
    r->worker->requests++;
    px_worker_count(r->worker, PX_COUNTER_REQUESTS, 1);
    px_worker_count(r->worker, PX_COUNTER_REQUESTS_ACTIVE, 1);
    return r;
}

static void note_header(px_request *r, px_header_id id, uint32_t index)
{
    if (r->first[id] == 0)
        r->first[id] = (uint16_t)(index + 1);
    else
        r->repeated |= (uint64_t)1 << id;
}

static void copy_headers(px_request *r, const px_request_head *head)
{
    px_header *headers = px_arena_alloc(&r->arena, head->header_count * sizeof *headers);
    const px_h1_settings *named = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < head->header_count; i++) {
        const px_header *header = &head->headers[i];
        if (header->id == PX_HEADER_OTHER && !px_request_takes_field(r, head, i, &named))
            continue;
        headers[count] = *header;
        if (header->id != PX_HEADER_OTHER)
            note_header(r, header->id, count);
        count++;
    }
    r->head.headers = headers;
    r->head.header_count = count;
}

/* "OPTIONS *" is about the server itself, which has nothing to say (nginx: 400). */
static bool is_asterisk(const px_request *r)
{
    return r->head.path.len == 1 && r->head.path.data[0] == '*';
}

/* As if nothing but the request line had been read. */
static void refuse_target(px_request *r, int status)
{
    if (!is_asterisk(r))
        r->uri = PX_SLICE("");
    r->head.header_count = 0;
    r->head.host.len = 0;
    memset(r->first, 0, sizeof r->first);
    r->reason = PX_REASON_MALFORMED_REQUEST;
    px_request_log(r, PX_LOG_INFO, "client sent invalid request while reading client request line");
    px_worker_count(r->worker, PX_COUNTER_REQUESTS_MALFORMED, 1);
    px_request_send_error(r, status);
}

/* False: answered. */
static bool read_target(px_request *r)
{
    px_parse_error error = {.status = 400};
    px_path path;
    px_slice host = r->head.authority.len > 0 ? r->head.authority : r->head.host;
    if (host.len > 0 && !px_host_normalize(host, &r->arena, &r->host)) {
        r->reason = PX_REASON_INVALID_HOST;
        px_request_log(r, PX_LOG_INFO,
                       "client sent invalid host header while reading client request headers");
        px_request_send_error(r, 400);
        return false;
    }
    if (is_asterisk(r) || px_path_normalize(r->head.path, r->settings->h1.merge_slashes, &r->arena, &path,
                                            &error) != PX_PARSE_DONE) {
        refuse_target(r, error.status);
        return false;
    }
    r->uri = path.uri;
    r->args = path.args;
    r->quoted_uri = path.quoted;
    return true;
}

void px_request_on_request(px_stream *stream, const px_request_head *head, px_block *head_block)
{
    px_request *r = new_request(stream);
    px_arena_hold(&r->arena, head_block);
    r->head = *head;
    r->no_body = head->method == PX_METHOD_HEAD;
    r->head_bytes = (uint32_t)stream->received;
    copy_headers(r, head);
    if (!read_target(r))
        return;
    px_debug_request(r);
    px_request_continue(r);
}

/* "text", or "text: "bytes"": with the byte that was one too many, or cut, as nginx shows it. */
void px_request_log_bad(px_request *r, int level, const char *text, px_slice where, const char *activity)
{
    if (where.len == 0)
        px_request_log(r, level, "%s while %s", text, activity);
    else if (strstr(text, "invalid header") != NULL)
        px_request_log(r, level, "%s: \"%.*s\\x%02x...\" while %s", text, (int)where.len - 1,
                       (const char *)where.data, where.data[where.len - 1], activity);
    else if (strstr(text, "too long") != NULL)
        px_request_log(r, level, "%s: \"%.*s...\" while %s", text, PX_SLICE_ARGS(where), activity);
    else
        px_request_log(r, level, "%s: \"%.*s\" while %s", text, PX_SLICE_ARGS(where), activity);
}

static void log_bad_request(px_request *r, const px_parse_error *error)
{
    const char *activity = error->activity != NULL ? error->activity : "reading client request headers";
    if (error->previous.len > 0)
        px_request_log(r, PX_LOG_INFO, "%s: \"%.*s\", previous value: \"%.*s\" while %s", error->text,
                       PX_SLICE_ARGS(error->where), PX_SLICE_ARGS(error->previous), activity);
    else
        px_request_log_bad(r, PX_LOG_INFO, error->text, error->where, activity);
}

/* The whole lines in front of what is wrong say who asked for what, for the log. */
static void read_good_lines(px_request *r, px_slice lines)
{
    static px_header headers[PX_MAX_HEADERS];
    px_request_head head;
    px_parse_error ignored;
    px_path path;
    px_buffer text;
    if (lines.len == 0)
        return;
    px_buffer_init(&text, &r->arena, lines.len + 2);
    px_buffer_slice(&text, lines);
    px_buffer_literal(&text, "\r\n");
    px_h1_parse_request(px_buffer_view(&text), headers, &head, &ignored);
    r->head = head;
    copy_headers(r, &head);
    px_slice host = head.authority.len > 0 ? head.authority : head.host;
    if (px_host_normalize(host, &r->arena, &r->host))
        px_step_server(r);
    else
        r->host = PX_SLICE("");
    if (head.path.len == 0 || px_path_normalize(head.path, true, &r->arena, &path, &ignored) != PX_PARSE_DONE)
        return;
    r->uri = path.uri;
    r->args = path.args;
}

void px_request_on_bad_request(px_stream *stream, const px_parse_error *error, px_slice request_line,
                               px_block *block)
{
    px_request *r = new_request(stream);
    if (block != NULL)
        px_arena_hold(&r->arena, block);
    read_good_lines(r, px_slice_from(request_line.data, (size_t)stream->received));
    r->head.request_line = request_line;
    r->head.minor_version = 1;
    r->head.upgrade = false;
    r->stream->settings = &r->settings->h1;
    r->end_status = stream->gone ? error->status : 0;
    r->answer.close = true;
    r->reason = stream->gone && error->status == 400 ? PX_REASON_CLIENT_CLOSED : px_reason_of_head(error);
    log_bad_request(r, error);
    if (stream->gone)
        return;
    px_worker_count(r->worker, PX_COUNTER_REQUESTS_MALFORMED, 1);
    px_request_fail(r, error->status, r->reason);
}
