/* See handler_proxy.h: start, the client's body, the end. */
#include "proxy/handler_proxy.h"

#include "proxy/debug.h"

#define SEND_PIECES 16

/* ---- the client's body ---- */

static void release_all(px_piece *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        px_piece_release(&pieces[i]);
}

/* The body must have a length before an HTTP/1.0 peer can be asked. */
static bool must_know_length(const px_request *r)
{
    return r->head.body == PX_BODY_CHUNKED && r->settings->plan->proxy_http_version == 10;
}

/* proxy_set_body may name $request_body, so that its value is made when that is there. */
static void first_try(px_proxy *proxy)
{
    const px_template *body = proxy->request->settings->proxy->body;
    if (body != NULL)
        proxy->set_body = px_template_value(body, proxy->request);
    px_proxy_try(proxy);
}

static void gather_body(px_proxy *proxy, px_piece *pieces, uint32_t count)
{
    px_request *r = proxy->request;
    if (!px_body_keep(r, pieces, count))
        return;
    if (!proxy->body->whole) {
        px_body_ask(r);
        return;
    }
    proxy->waiting_for_body = false;
    first_try(proxy);
}

/* What may be needed again for another peer is kept as long as it fits into client_body_buffer_size. */
static void pass_body(px_proxy *proxy, px_piece *pieces, uint32_t count)
{
    px_body_remember(proxy->request, pieces, count);
    px_h1_client_send(proxy->client, pieces, count, proxy->chunked, proxy->body->whole);
}

static void on_body(px_request *r, px_piece *pieces, uint32_t count, bool last)
{
    px_proxy *proxy = r->handler_state;
    if (!px_body_came(r, pieces, count, last))
        release_all(pieces, count);
    else if (proxy->waiting_for_body)
        gather_body(proxy, pieces, count);
    else if (proxy->client != NULL)
        pass_body(proxy, pieces, count);
    else
        release_all(pieces, count); /* the answer is complete: nobody wants it */
}

/* ---- the request, to the connection in hand ---- */

static void send_kept(px_proxy *proxy)
{
    px_piece pieces[SEND_PIECES];
    px_body *body = proxy->body;
    uint32_t at = 0, count;
    while ((count = px_body_pieces(body, &at, pieces, SEND_PIECES)) > 0)
        px_h1_client_send(proxy->client, pieces, count, proxy->chunked,
                          body->whole && !px_body_has(body, at));
}

void px_proxy_send_request(px_proxy *proxy)
{
    px_request *r = proxy->request;
    int64_t body = proxy->leaves_body   ? (int64_t)proxy->set_body.len
                   : proxy->body->whole ? (int64_t)proxy->body->bytes
                                        : r->head.body;
    if (proxy->head.data == NULL || proxy->head_body != body) {
        proxy->head = px_proxy_make_head(proxy, body);
        proxy->head_body = body;
    }
    proxy->chunked = body == PX_BODY_CHUNKED;
    px_request_debug(r, "request to upstream: \"%.*s %.*s\", %zu bytes of head", PX_SLICE_ARGS(proxy->method),
                     PX_SLICE_ARGS(proxy->uri), proxy->head.len);
    px_piece head[2] = {{proxy->head.data, proxy->head.len, NULL},
                        {proxy->set_body.data, proxy->set_body.len, NULL}};
    bool sends_body = !proxy->leaves_body && (!proxy->body->whole || px_body_has(proxy->body, 0));
    px_h1_client_send(proxy->client, head, proxy->set_body.len > 0 ? 2 : 1, false, !sends_body);
    if (sends_body)
        send_kept(proxy);
}

void px_proxy_on_sent(px_h1_client *client)
{
    px_body_ask(px_proxy_of(client)->request);
}

/* ---- start and end ---- */

/* What differs from the client's request. False: what the configuration made of it cannot be sent. */
static bool prepare(px_proxy *proxy)
{
    px_request *r = proxy->request;
    proxy->leaves_body = px_proxy_leaves_body(r);
    proxy->method = px_proxy_method(r);
    proxy->asks_head = px_slice_equal_caseless(proxy->method, PX_SLICE("HEAD"));
    return proxy->method.data != NULL;
}

/* client_body_in_file_only: also for a body that was announced and has no bytes. */
static bool wants_empty_file(const px_request *r)
{
    return r->settings->plan->client_body_in_file_only != PX_IN_FILE_OFF && r->head.body == 0 &&
           px_request_header(r, PX_HEADER_CONTENT_LENGTH).data != NULL && r->body->spool.file == NULL;
}

static px_step start(px_request *r)
{
    px_proxy *proxy = px_arena_zalloc(&r->arena, sizeof *proxy);
    const px_plan_settings *settings = r->settings->plan;
    int64_t tries = settings->proxy_next_upstream_tries;
    r->handler_state = proxy;
    proxy->before = r->proxy != NULL && r->proxy->try_count == 0 ? r->proxy->before : r->proxy;
    r->proxy = proxy;
    proxy->request = r;
    proxy->upstream = r->location->upstream;
    proxy->reason_before = r->reason;
    proxy->tries = proxy->first_tries;
    proxy->try_capacity = sizeof proxy->first_tries / sizeof proxy->first_tries[0];
    proxy->started_ms = px_loop_now_ms(r->worker->loop);
    proxy->body = px_body_of(r);
    proxy->buffering = settings->proxy_buffering;
    r->stream->goes_on = settings->proxy_ignore_client_abort;
    px_list_init(&proxy->tunnel_link);
    if (r->location->proxy_url == NULL)
        proxy->uri = px_proxy_make_uri(r);
    else if (px_proxy_find_target(proxy) != PX_STEP_NEXT)
        return PX_STEP_ANSWERED;
    px_pick_begin(&proxy->pick, proxy->upstream, tries > 0 && tries < UINT32_MAX ? (uint32_t)tries : 0,
                  &r->arena);
    px_pick_request(&proxy->pick, r);
    if (!prepare(proxy))
        return px_request_fail(r, 500, PX_REASON_INVALID_UPSTREAM);
    bool gathers = settings->proxy_request_buffering || must_know_length(r) || proxy->leaves_body;
    if (gathers && !proxy->body->whole) {
        proxy->waiting_for_body = true;
        px_body_ask(r);
    } else if (!gathers || !wants_empty_file(r) || px_body_keep_nothing(r)) {
        first_try(proxy);
    }
    return PX_STEP_WAIT;
}

static void end(px_request *r)
{
    px_proxy *proxy = r->handler_state;
    if (proxy->pick.peer != NULL) {
        if (r->reason == PX_REASON_SHUTTING_DOWN)
            px_request_log(r, PX_LOG_WARN,
                           "worker_shutdown_timeout is over, so upstream connection is closed while %s",
                           px_proxy_activity(proxy));
        else if (r->end_status == 499)
            px_request_log(
                r, PX_LOG_INFO,
                "epoll_wait() reported that client prematurely closed connection, so upstream connection is "
                "closed too while %s",
                px_proxy_activity(proxy));
        px_proxy_let_go(proxy, PX_TRY_FINE, false);
    }
}

const px_handler px_handler_proxy = {
    .name = "proxy",
    .start = start,
    .on_body = on_body,
    .on_writable = px_proxy_on_writable,
    .on_blocked = px_proxy_on_blocked,
    .end = end,
};
