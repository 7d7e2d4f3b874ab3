/* See request.h: the life of a Request. */
#include "proxy/request.h"

#include <stdlib.h>

#include "proxy/access_log.h"
#include "proxy/upstream.h"

#define ARENA_BYTES 4096
#define REDIRECTS_MOST 10
#define FRONT 3 /* Server, Date and Content-Type stand before a Handler's fields */

static px_step run_content(px_request *r)
{
    r->handler = r->location->handler;
    return r->handler->start(r);
}

/* A Request passes these in order. The step that answers, or waits, is the last one to run. */
static const struct {
    const char *name;
    px_step (*run)(px_request *r);
} steps[] = {
    {"server", px_step_server},                 /* by local address and Host */
    {"server_rewrite", px_step_server_rewrite}, /* `set`, `return` of the server */
    {"location", px_step_location},             /* by path */
    {"rewrite", px_step_location_rewrite},      /* of the location */
    {"content", run_content},                   /* its Handler */
};
#define STEPS (sizeof steps / sizeof steps[0])
#define LOCATION_STEP 2

const char *px_request_step_name(const px_request *r)
{
    return r->step < STEPS ? steps[r->step].name : "none";
}

void px_request_continue(px_request *r)
{
    while (r->step < STEPS) {
        px_step result = steps[r->step].run(r);
        if (result == PX_STEP_NEXT)
            r->step++;
        else if (result != PX_STEP_AGAIN)
            return; /* r may be gone */
    }
}

bool px_request_redirect(px_request *r, px_slice uri, px_slice args)
{
    px_request_end_handler(r);
    if (++r->redirects > REDIRECTS_MOST) {
        r->reason = PX_REASON_REDIRECT_CYCLE;
        px_request_log(r, PX_LOG_ERROR,
                       "rewrite or internal redirection cycle while internally redirecting to \"%.*s\"",
                       PX_SLICE_ARGS(uri));
        px_request_send_error(r, 500);
        return false;
    }
    r->uri = uri;
    r->args = args;
    r->quoted_uri = true;
    r->changed = true;
    r->location = NULL;
    r->step = LOCATION_STEP;
    return true;
}

/* ---- birth ---- */

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
    stream->request = r;
    px_crash_subject = r;
    r->worker->requests++;
    px_worker_count(r->worker, PX_COUNTER_REQUESTS, 1);
    px_worker_count(r->worker, PX_COUNTER_REQUESTS_ACTIVE, 1);
    return r;
}

/* Names that nginx calls invalid and leaves out: anything but letters, digits and dashes. Known names are
 * fine. */
static bool is_valid_name(px_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
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
    uint32_t count = 0;
    for (uint32_t i = 0; i < head->header_count; i++) {
        const px_header *header = &head->headers[i];
        if (header->id == PX_HEADER_OTHER && !is_valid_name(header->name)) {
            px_request_log(
                r, PX_LOG_INFO,
                "client sent invalid header line: \"%.*s: %.*s\" while reading client request headers",
                PX_SLICE_ARGS(header->name), PX_SLICE_ARGS(header->value));
            continue;
        }
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
    if (is_asterisk(r) || px_path_normalize(r->head.path, true, &r->arena, &path, &error) != PX_PARSE_DONE) {
        refuse_target(r, error.status);
        return false;
    }
    r->uri = path.uri;
    r->args = path.args;
    r->quoted_uri = path.quoted;
    return true;
}

static void on_request(px_stream *stream, const px_request_head *head, px_block *head_block)
{
    px_request *r = new_request(stream);
    px_arena_hold(&r->arena, head_block);
    r->head = *head;
    r->no_body = head->method == PX_METHOD_HEAD;
    r->head_bytes = (uint32_t)stream->received;
    copy_headers(r, head);
    if (read_target(r))
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

static void on_bad_request(px_stream *stream, const px_parse_error *error, px_slice request_line,
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

/* ---- the Stream's calls ---- */

static px_request *request_of(px_stream *stream)
{
    px_request *r = stream->request;
    PX_REQUEST_CHECK(r);
    px_crash_subject = r;
    return r;
}

static void on_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    px_request *r = request_of(stream);
    if (r->handler != NULL && r->handler->on_body != NULL) {
        r->handler->on_body(r, pieces, count, last);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        px_piece_release(&pieces[i]);
}

static void on_body_error(px_stream *stream, int status, const char *text)
{
    px_request *r = request_of(stream);
    /* nginx does not say what it did meanwhile, and nothing at all of a timeout. */
    const char *activity = status == 408 ? " while reading client request body" : "";
    r->reason = px_reason_of_body(status, stream->gone);
    px_request_log(r, stream->gone ? PX_LOG_INFO : PX_LOG_ERROR, "%s%s", text, activity);
    if (stream->gone) {
        if (!r->head_sent)
            r->end_status = status;
        return;
    }
    px_worker_count(r->worker, PX_COUNTER_REQUESTS_MALFORMED, 1);
    px_request_fail(r, status, r->reason);
}

static void on_writable(px_stream *stream)
{
    px_request *r = request_of(stream);
    if (r->handler != NULL && r->handler->on_writable != NULL)
        r->handler->on_writable(r);
}

/* The Stream's numbers, for the log. */
static void leave_stream(px_request *r)
{
    r->bytes_sent = px_request_bytes_sent(r);
    r->answer_head_bytes = r->stream->head_bytes;
    r->bytes_received = px_request_bytes_received(r);
    r->pipelined = r->stream->pipelined;
    r->stream = NULL;
}

static void on_done(px_stream *stream)
{
    px_request *r = request_of(stream);
    stream->request = NULL;
    r->done = r->last_sent;
    leave_stream(r);
    px_request_end(r);
}

static void log_lost_file(px_request *r, int error)
{
    if (error == PX_H1_FILE_SHORT)
        px_request_log(r, PX_LOG_ALERT, "a file became shorter while it was sent to the client");
    else
        px_request_log(r, PX_LOG_ALERT, "read of a file failed (%s) while sending to client",
                       px_log_errno(error));
}

static void on_abort(px_stream *stream, px_abort_reason reason)
{
    if (stream->request == NULL)
        return;
    px_request *r = request_of(stream);
    stream->request = NULL;
    bool told = r->end_status != 0; /* on_bad_request or on_body_error has said why */
    if (!told && !r->head_sent)
        r->end_status = 499;
    if (r->reason == PX_REASON_NONE)
        r->reason = px_reason_of_abort(reason);
    px_worker_count(r->worker,
                    reason == PX_ABORT_TIMEOUT ? PX_COUNTER_REQUESTS_TIMED_OUT : PX_COUNTER_REQUESTS_ABORTED,
                    1);
    if (reason == PX_ABORT_TIMEOUT && !told)
        px_request_log(r, PX_LOG_INFO,
                       "client timed out (110: Connection timed out) while sending to client");
    if (reason == PX_ABORT_FILE)
        log_lost_file(r, stream->file_error);
    leave_stream(r);
    px_request_end(r);
}

const px_stream_user px_request_stream_user = {
    .on_request = on_request,
    .on_bad_request = on_bad_request,
    .on_body = on_body,
    .on_body_error = on_body_error,
    .on_writable = on_writable,
    .on_done = on_done,
    .on_abort = on_abort,
};

/* ---- answering ---- */

void px_answer_begin(px_request *r, int status, uint32_t room)
{
    px_answer *answer = &r->answer;
    bool close = answer->close;
    uint32_t capacity = room + r->settings->add_header_count;
    px_header *headers = px_arena_alloc(&r->arena, (FRONT + capacity) * sizeof *headers);
    *answer = (px_answer){.status = status,
                          .headers = headers + FRONT,
                          .capacity = capacity,
                          .content_length = -1,
                          .close = close};
    if (status == 204 || status == 304)
        r->no_body = true;
}

static void grow_answer(px_request *r)
{
    px_answer *answer = &r->answer;
    uint32_t capacity = answer->capacity * 2 + 4;
    px_header *headers = px_arena_alloc(&r->arena, (FRONT + capacity) * sizeof *headers);
    memcpy(headers + FRONT, answer->headers, answer->count * sizeof *headers);
    answer->headers = headers + FRONT;
    answer->capacity = capacity;
}

void px_answer_add(px_request *r, px_header_id id, px_slice name, px_slice value)
{
    px_answer *answer = &r->answer;
    if (answer->count == answer->capacity)
        grow_answer(r);
    answer->headers[answer->count++] = (px_header){name, value, (uint16_t)id};
}

void px_answer_content_type(px_request *r, px_slice value)
{
    px_answer *answer = &r->answer;
    if (!answer->has_type) { /* a peer may send several; the last one counts */
        answer->headers--;
        answer->capacity++;
        answer->count++;
        answer->has_type = true;
    }
    answer->headers[0] = (px_header){PX_SLICE("Content-Type"), value, PX_HEADER_CONTENT_TYPE};
}

void px_request_send_head(px_request *r)
{
    r->head_sent = true;
    px_filter_head(r->filters, r);
}

void px_request_send_body(px_request *r, px_piece *pieces, uint32_t count, bool last)
{
    if (last)
        r->last_sent = true;
    px_filter_body(r->filters, r, pieces, count, last);
}

px_step px_request_send_whole(px_request *r, px_slice body)
{
    r->answer.content_length = (int64_t)body.len;
    px_request_send_head(r);
    px_piece piece = {body.data, body.len, NULL};
    px_request_send_body(r, &piece, body.len > 0 ? 1 : 0, true);
    return PX_STEP_ANSWERED;
}

void px_request_truncate(px_request *r)
{
    px_request_end_handler(r);
    r->stream->ops->truncate(r->stream);
}

px_step px_request_close(px_request *r, int status)
{
    px_stream *stream = r->stream;
    if (!r->head_sent)
        r->end_status = status;
    stream->request = NULL;
    leave_stream(r);
    stream->ops->reset(stream);
    px_request_end(r);
    return PX_STEP_ANSWERED;
}

/* ---- the end ---- */

static void count_status(px_request *r)
{
    int group = px_request_status(r) / 100;
    if (group >= 1 && group <= 5)
        px_worker_count(r->worker, PX_COUNTER_RESPONSES_1XX + group - 1, 1);
    if (r->reason != PX_REASON_NONE)
        px_worker_count(r->worker, PX_COUNTER_OF_REASON(r->reason), 1);
    px_worker_count(r->worker, PX_COUNTER_BYTES_SENT, (int64_t)r->bytes_sent);
    px_worker_count(r->worker, PX_COUNTER_BYTES_RECEIVED, (int64_t)r->bytes_received);
}

void px_request_end(px_request *r)
{
    px_worker *worker = r->worker;
    px_generation *generation = r->generation;
    px_request_end_handler(r);
    count_status(r);
    px_access_log_write(r);
    px_list_unlink(&r->link);
    worker->requests--;
    px_worker_count(worker, PX_COUNTER_REQUESTS_ACTIVE, -1);
    r->magic = 0;
    px_crash_subject = NULL;
    px_arena arena = r->arena; /* r lies in it */
    px_arena_clear(&arena);
    px_generation_release(&generation);
}

static void on_release_object(void *argument)
{
    px_object *object = argument;
    px_object_release(&object);
}

static void make_slots(px_request *r)
{
    r->slot_count = (uint32_t)r->generation->plan->slots;
    r->slots = px_arena_zalloc(&r->arena, r->slot_count * sizeof *r->slots);
}

void px_request_detach(px_request *r)
{
    if (r->slots == NULL)
        make_slots(r); /* the log line may set some, when the Generation is not there to say how many */
    px_client *client = px_arena_alloc(&r->arena, sizeof *client);
    *client = *r->client;
    client->address_text = px_arena_copy(&r->arena, client->address_text);
    client->listener = NULL;
    px_request_server_addr(r);
    leave_stream(r);
    r->client = client;
    px_arena_on_clear(&r->arena, on_release_object, px_object_ref(r->server->object));
    px_list_unlink(&r->link);
    r->listen = NULL;
    px_generation_release(&r->generation);
}

/* ---- what is known of it ---- */

uint64_t px_request_bytes_sent(const px_request *r)
{
    return r->stream != NULL ? r->stream->sent : r->bytes_sent;
}

uint64_t px_request_body_bytes_sent(const px_request *r)
{
    uint64_t head = r->stream != NULL ? r->stream->head_bytes : r->answer_head_bytes;
    uint64_t sent = px_request_bytes_sent(r);
    return sent > head ? sent - head : 0;
}

uint64_t px_request_bytes_received(const px_request *r)
{
    return r->stream != NULL ? r->stream->received : r->bytes_received;
}

int px_request_status(const px_request *r)
{
    return r->head_sent || r->end_status == 0 ? r->answer.status : r->end_status;
}

px_slice px_request_one_line(px_request *r, px_slice value)
{
    size_t i = 0;
    while (i < value.len && value.data[i] != '\r' && value.data[i] != '\n' && value.data[i] != 0)
        i++;
    if (i == value.len)
        return value;
    uint8_t *clean = px_arena_alloc(&r->arena, value.len);
    for (i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        clean[i] = c == '\r' || c == '\n' || c == 0 ? ' ' : c;
    }
    return px_slice_from(clean, value.len);
}

px_slice px_request_slot(const px_request *r, uint64_t slot)
{
    return slot < r->slot_count ? r->slots[slot] : px_slice_from(NULL, 0);
}

void px_request_set_slot(px_request *r, uint64_t slot, px_slice value)
{
    if (r->slots == NULL)
        make_slots(r);
    if (slot < r->slot_count)
        r->slots[slot] = value;
}
