/* See handler_proxy.h: start, the client's body, the end. */
#include "proxy/handler_proxy.h"

#define BODY_READ_BYTES 65536
#define GATHER_BYTES 4096
#define SEND_PIECES 16

/* ---- the client's body ---- */

static void ask_for_body(px_proxy *proxy)
{
    px_request *r = proxy->request;
    size_t most = BODY_READ_BYTES;
    if (proxy->body_asked || proxy->body_whole)
        return;
    if (proxy->waiting_for_body && proxy->held_bytes < r->settings->body_buffer &&
        r->settings->body_buffer - proxy->held_bytes < most)
        most = r->settings->body_buffer - proxy->held_bytes;
    proxy->body_asked = true;
    r->stream->ops->read_body(r->stream, most);
}

static void release_held(px_proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->held_count; i++)
        px_piece_release(&proxy->held[i]);
    proxy->held_count = 0;
    proxy->held_bytes = 0;
    px_block_release(&proxy->gather);
}

static px_piece *new_held(px_proxy *proxy)
{
    if (proxy->held_count == proxy->held_capacity) {
        uint32_t capacity = proxy->held_capacity == 0 ? 4 : proxy->held_capacity * 2;
        px_piece *held = px_arena_alloc(&proxy->request->arena, capacity * sizeof *held);
        if (proxy->held_count > 0)
            memcpy(held, proxy->held, proxy->held_count * sizeof *held);
        proxy->held = held;
        proxy->held_capacity = capacity;
    }
    return &proxy->held[proxy->held_count++];
}

/* Small pieces are copied together, so that a client that sends byte by byte does not make us hold a block
 * for each. */
static void hold_copy(px_proxy *proxy, const px_piece *piece)
{
    const uint8_t *data = piece->data;
    size_t left = piece->len;
    while (left > 0) {
        if (proxy->gather == NULL || proxy->gather_used == proxy->gather->size) {
            px_block_release(&proxy->gather);
            proxy->gather = px_block_take(GATHER_BYTES);
            proxy->gather_used = 0;
            *new_held(proxy) = (px_piece){proxy->gather->data, 0, px_block_ref(proxy->gather)};
        }
        size_t room = proxy->gather->size - proxy->gather_used;
        size_t n = left < room ? left : room;
        memcpy(proxy->gather->data + proxy->gather_used, data, n);
        proxy->held[proxy->held_count - 1].len += n;
        proxy->gather_used += (uint32_t)n;
        data += n;
        left -= n;
    }
}

/* Keeps a reference of its own. */
static void hold(px_proxy *proxy, const px_piece *piece)
{
    proxy->held_bytes += piece->len;
    if (piece->owner == NULL || piece->len < piece->owner->size / 4) {
        hold_copy(proxy, piece);
        return;
    }
    px_block_release(&proxy->gather);
    *new_held(proxy) = (px_piece){piece->data, piece->len, px_block_ref(piece->owner)};
}

static size_t bytes_of(const px_piece *pieces, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += pieces[i].len;
    return bytes;
}

static void release_all(px_piece *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        px_piece_release(&pieces[i]);
}

/* client_max_body_size for a body whose length nobody announced. */
static bool grew_too_large(const px_proxy *proxy)
{
    px_request *r = proxy->request;
    int64_t most = r->settings->plan->client_max_body_size;
    if (most <= 0 || proxy->body_bytes <= (uint64_t)most)
        return false;
    r->reason = PX_REASON_BODY_TOO_LARGE;
    px_request_log(r, PX_LOG_ERROR, "client intended to send too large chunked body: %llu bytes",
                   (unsigned long long)proxy->body_bytes);
    return true;
}

/* The body must have a length before an HTTP/1.0 peer can be asked. */
static bool must_know_length(const px_proxy *proxy)
{
    const px_request *r = proxy->request;
    return r->head.body == PX_BODY_CHUNKED && r->settings->plan->proxy_http_version == 10;
}

/* Nobody wants it, but its end must be known before the peer is asked, as in nginx. */
static void leave_body(px_proxy *proxy, px_piece *pieces, uint32_t count)
{
    release_all(pieces, count);
    if (!proxy->body_whole) {
        ask_for_body(proxy);
        return;
    }
    proxy->waiting_for_body = false;
    px_proxy_try(proxy);
}

static void gather_body(px_proxy *proxy, px_piece *pieces, uint32_t count)
{
    px_request *r = proxy->request;
    for (uint32_t i = 0; i < count; i++)
        hold(proxy, &pieces[i]);
    release_all(pieces, count);
    if (!proxy->body_whole && (must_know_length(proxy) || proxy->held_bytes < r->settings->body_buffer)) {
        if (must_know_length(proxy) && proxy->held_bytes > PX_PROXY_UNFRAMED_MOST) {
            px_request_fail(r, 411, PX_REASON_LENGTH_REQUIRED);
            return;
        }
        ask_for_body(proxy);
        return;
    }
    proxy->waiting_for_body = false;
    px_proxy_try(proxy);
}

/* What may be needed again for another peer is kept as long as it fits into client_body_buffer_size. */
static void pass_body(px_proxy *proxy, px_piece *pieces, uint32_t count)
{
    size_t bytes = bytes_of(pieces, count);
    if (!proxy->body_lost && proxy->held_bytes + bytes <= proxy->request->settings->body_buffer) {
        for (uint32_t i = 0; i < count; i++)
            hold(proxy, &pieces[i]);
    } else {
        proxy->body_lost = true;
        release_held(proxy);
    }
    px_h1_client_send(proxy->client, pieces, count, proxy->chunked, proxy->body_whole);
}

static void on_body(px_request *r, px_piece *pieces, uint32_t count, bool last)
{
    px_proxy *proxy = r->handler_state;
    proxy->body_asked = false;
    proxy->body_bytes += bytes_of(pieces, count);
    if (last)
        proxy->body_whole = true;
    if (grew_too_large(proxy)) {
        release_all(pieces, count);
        px_request_fail(r, 413, PX_REASON_BODY_TOO_LARGE);
    } else if (proxy->leaves_body) {
        leave_body(proxy, pieces, count);
    } else if (proxy->waiting_for_body) {
        gather_body(proxy, pieces, count);
    } else if (proxy->client != NULL) {
        pass_body(proxy, pieces, count);
    } else {
        release_all(pieces, count); /* the answer is complete: nobody wants it */
    }
}

/* ---- the request, to the connection in hand ---- */

static void send_held(px_proxy *proxy)
{
    px_piece pieces[SEND_PIECES];
    uint32_t at = 0;
    while (at < proxy->held_count) {
        uint32_t n = 0;
        for (; n < SEND_PIECES && at < proxy->held_count; n++, at++) {
            pieces[n] = proxy->held[at];
            px_block_ref(pieces[n].owner);
        }
        px_h1_client_send(proxy->client, pieces, n, proxy->chunked,
                          at == proxy->held_count && proxy->body_whole);
    }
}

void px_proxy_send_request(px_proxy *proxy)
{
    px_request *r = proxy->request;
    int64_t body = proxy->leaves_body  ? (int64_t)proxy->set_body.len
                   : proxy->body_whole ? (int64_t)proxy->body_bytes
                                       : r->head.body;
    if (proxy->head.data == NULL || proxy->head_body != body) {
        proxy->head = px_proxy_make_head(proxy, body);
        proxy->head_body = body;
    }
    proxy->chunked = body == PX_BODY_CHUNKED;
    px_piece head[2] = {{proxy->head.data, proxy->head.len, NULL},
                        {proxy->set_body.data, proxy->set_body.len, NULL}};
    bool nothing_follows = proxy->body_whole && proxy->held_count == 0;
    px_h1_client_send(proxy->client, head, proxy->set_body.len > 0 ? 2 : 1, false, nothing_follows);
    if (proxy->held_count > 0)
        send_held(proxy);
}

void px_proxy_on_sent(px_h1_client *client)
{
    ask_for_body(px_proxy_of(client));
}

/* ---- start and end ---- */

/* What differs from the client's request. False: what the configuration made of it cannot be sent. */
static bool prepare(px_proxy *proxy)
{
    px_request *r = proxy->request;
    const px_template *body = r->settings->proxy->body;
    proxy->leaves_body = px_proxy_leaves_body(r);
    if (body != NULL)
        proxy->set_body = px_template_value(body, r);
    proxy->method = px_proxy_method(r);
    proxy->asks_head = px_slice_equal_caseless(proxy->method, PX_SLICE("HEAD"));
    return proxy->method.data != NULL;
}

static px_step start(px_request *r)
{
    px_proxy *proxy = px_arena_zalloc(&r->arena, sizeof *proxy);
    const px_plan_settings *settings = r->settings->plan;
    int64_t tries = settings->proxy_next_upstream_tries;
    r->handler_state = proxy;
    r->proxy = proxy;
    proxy->request = r;
    proxy->upstream = r->location->upstream;
    proxy->reason_before = r->reason;
    proxy->tries = proxy->first_tries;
    proxy->try_capacity = sizeof proxy->first_tries / sizeof proxy->first_tries[0];
    proxy->uri = px_proxy_make_uri(r);
    proxy->started_ms = px_loop_now_ms(r->worker->loop);
    proxy->body_whole = r->head.body == 0;
    px_list_init(&proxy->tunnel_link);
    px_pick_begin(&proxy->pick, proxy->upstream, tries > 0 && tries < UINT32_MAX ? (uint32_t)tries : 0,
                  &r->arena);
    px_pick_request(&proxy->pick, r);
    if (!prepare(proxy))
        return px_request_fail(r, 500, PX_REASON_INVALID_UPSTREAM);
    if (!proxy->body_whole &&
        (settings->proxy_request_buffering || must_know_length(proxy) || proxy->leaves_body)) {
        proxy->waiting_for_body = true;
        ask_for_body(proxy);
    } else {
        px_proxy_try(proxy);
    }
    return PX_STEP_WAIT;
}

static void end(px_request *r)
{
    px_proxy *proxy = r->handler_state;
    if (proxy->pick.peer != NULL) {
        if (r->end_status == 499)
            px_request_log(
                r, PX_LOG_INFO,
                "epoll_wait() reported that client prematurely closed connection, so upstream connection is "
                "closed too while %s",
                px_proxy_activity(proxy));
        px_proxy_let_go(proxy, PX_TRY_FINE, false);
    }
    release_held(proxy);
}

const px_handler px_handler_proxy = {
    .name = "proxy",
    .start = start,
    .on_body = on_body,
    .on_writable = px_proxy_on_writable,
    .end = end,
};
