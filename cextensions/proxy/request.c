/* See request.h: the life of a Request. */
#include "proxy/request.h"

#include <stdlib.h>

#include "proxy/access_log.h"
#include "proxy/debug.h"
#include "proxy/body.h"
#include "proxy/route.h"
#include "proxy/upstream.h"

static px_step run_server(px_request *r)
{
    px_step_server(r);
    px_request_debug(r, "server: \"%.*s\"", PX_SLICE_ARGS(r->server->plan->name));
    if (r->head.header_count <= r->settings->h1.max_headers)
        return PX_STEP_NEXT;
    r->reason = PX_REASON_REQUEST_HEAD_TOO_LARGE;
    px_request_log(r, PX_LOG_INFO, "client sent too many header lines while reading client request headers");
    return px_request_fail(r, 494, PX_REASON_REQUEST_HEAD_TOO_LARGE);
}

/* A Request passes these in order. The step that answers, or waits, is the last one to run. */
static const struct {
    const char *name;
    px_step (*run)(px_request *r);
} steps[] = {
    {"server", run_server},                     /* by local address and Host */
    {"server_rewrite", px_step_server_rewrite}, /* `set`, `return` of the server */
    {"location", px_step_location},             /* by path */
    {"rewrite", px_step_location_rewrite},      /* of the location */
    {"preaccess", px_step_preaccess},           /* limit_req, limit_conn */
    {"access", px_step_access},                 /* allow, deny */
    {"precontent", px_step_try_files},          /* try_files */
    {"content", px_step_content},               /* its Handler */
};
#define STEPS (sizeof steps / sizeof steps[0])
#define SERVER_REWRITE_STEP 1
#define REWRITE_STEP 3

const char *px_request_step_name(const px_request *r)
{
    return r->step < STEPS ? steps[r->step].name : "none";
}

void px_request_continue(px_request *r)
{
    while (r->step < STEPS) {
        px_request_debug(r, "step: %s", steps[r->step].name);
        px_step result = steps[r->step].run(r);
        if (result == PX_STEP_NEXT)
            r->step++;
        else if (result != PX_STEP_AGAIN)
            return; /* r may be gone */
    }
}

/* False: this is one too many. */
static bool may_redirect(px_request *r, const char *format, px_slice where)
{
    px_request_end_handler(r);
    if (++r->redirects <= PX_REDIRECTS_MOST)
        return true;
    r->reason = PX_REASON_REDIRECT_CYCLE;
    px_request_log(r, PX_LOG_ERROR, "rewrite or internal redirection cycle while %s \"%.*s\"", format,
                   PX_SLICE_ARGS(where));
    px_request_send_error(r, 500);
    return false;
}

/* What an earlier Handler has read of the body and nobody kept is gone: whoever answers now does without it. */
static void leave_lost_body(px_request *r)
{
    if (r->body != NULL && r->body->lost)
        px_body_leave(r);
}

bool px_request_redirect(px_request *r, px_slice uri, px_slice args)
{
    if (!may_redirect(r, "internally redirecting to", uri))
        return false;
    leave_lost_body(r);
    px_request_debug(r, "internal redirect: \"%.*s?%.*s\"", PX_SLICE_ARGS(uri), PX_SLICE_ARGS(args));
    r->uri = uri;
    r->args = args;
    r->quoted_uri = true;
    r->changed = true;
    r->internal = true;
    r->file_of_alias = false;
    r->excepted = false;
    r->location = NULL;
    r->settings = r->server->settings;
    r->step = SERVER_REWRITE_STEP;
    return true;
}

bool px_request_redirect_named(px_request *r, px_slice name)
{
    const px_location *location;
    if (!may_redirect(r, "redirect to named location", name))
        return false;
    leave_lost_body(r);
    location = px_route_named(r->server, name);
    if (r->uri.len == 0 || location == NULL) { /* no uri: what the client sent was no request */
        r->reason = PX_REASON_INTERNAL_ERROR;
        px_request_log(r, PX_LOG_ERROR, "%s named location \"%.*s\"",
                       r->uri.len == 0 ? "empty URI in redirect to" : "could not find", PX_SLICE_ARGS(name));
        px_request_send_error(r, 500);
        return false;
    }
    px_request_debug(r, "redirect to named location: \"%.*s\"", PX_SLICE_ARGS(name));
    r->internal = true;
    r->excepted = false;
    r->location = location;
    r->settings = location->settings;
    px_access_except(r);
    r->stream->settings = &r->settings->h1;
    r->step = REWRITE_STEP;
    return true;
}

px_slice px_split_args(px_slice *uri)
{
    const uint8_t *mark = uri->len > 0 ? memchr(uri->data, '?', uri->len) : NULL;
    if (mark == NULL)
        return px_slice_from(NULL, 0);
    size_t path = (size_t)(mark - uri->data);
    px_slice args = px_slice_from(mark + 1, uri->len - path - 1);
    uri->len = path;
    return args;
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
    if (!r->body_left && r->handler != NULL && r->handler->on_body != NULL) {
        r->handler->on_body(r, pieces, count, last);
        return;
    }
    if (!r->body_left && r->body != NULL)
        px_body_set_aside(r, pieces, count, last);
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
    if (r->body != NULL)
        r->body->lost = true; /* whoever answers must not wait for the rest */
    px_request_fail(r, status, r->reason);
}

static void on_writable(px_stream *stream)
{
    px_request *r = request_of(stream);
    if (r->handler != NULL && r->handler->on_writable != NULL)
        r->handler->on_writable(r);
}

static void on_blocked(px_stream *stream)
{
    px_request *r = request_of(stream);
    if (r->handler != NULL && r->handler->on_blocked != NULL)
        r->handler->on_blocked(r);
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
    .on_request = px_request_on_request,
    .on_bad_request = px_request_on_bad_request,
    .on_body = on_body,
    .on_body_error = on_body_error,
    .on_writable = on_writable,
    .on_blocked = on_blocked,
    .on_done = on_done,
    .on_abort = on_abort,
};

/* ---- the end ---- */

static void tell(px_request *r)
{
    px_request_end_handler(r);
    px_debug_end(r);
    px_stats_count_request(r);
    px_access_log_write(r);
}

static void release(px_request *r)
{
    px_worker *worker = r->worker;
    px_generation *generation = r->generation;
    px_list_unlink(&r->link);
    worker->requests--;
    px_worker_count(worker, PX_COUNTER_REQUESTS_ACTIVE, -1);
    r->magic = 0;
    px_crash_subject = NULL;
    px_arena arena = r->arena; /* r lies in it */
    px_arena_clear(&arena);
    px_generation_release(&generation);
}

px_step px_request_close(px_request *r, int status)
{
    px_stream *stream = r->stream;
    if (!r->head_sent)
        r->end_status = status;
    stream->request = NULL;
    leave_stream(r);
    tell(r); /* the log line may ask the socket; what the Stream has queued may lie in the arena */
    stream->ops->reset(stream);
    release(r);
    return PX_STEP_ANSWERED;
}

void px_request_end(px_request *r)
{
    tell(r);
    release(r);
}

static void on_release_object(void *argument)
{
    px_object *object = argument;
    px_object_release(&object);
}

void px_object_hold(px_request *r, px_object *object)
{
    px_arena_on_clear(&r->arena, on_release_object, px_object_ref(object));
}

void px_request_detach(px_request *r)
{
    if (r->slots == NULL)
        px_request_make_slots(
            r); /* the log line may set some, when the Generation is not there to say how many */
    px_client *client = px_arena_alloc(&r->arena, sizeof *client);
    *client = *r->client;
    client->address_text = px_arena_copy(&r->arena, client->address_text);
    client->listener = NULL;
    px_request_server_addr(r);
    leave_stream(r);
    r->client = client;
    px_object_hold(r, r->server->object);
    px_list_unlink(&r->link);
    r->listen = NULL;
    px_generation_release(&r->generation);
}
