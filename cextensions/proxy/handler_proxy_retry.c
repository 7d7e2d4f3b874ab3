/* See handler_proxy.h: picking a peer, what a failure means, the next peer. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "net/connect.h"
#include "proxy/debug.h"
#include "proxy/handler_proxy.h"
#include "proxy/trailers.h"

static const px_h1_client_user client_user;

bool px_proxy_target(const px_proxy *proxy, px_slice *name, px_slice *uri)
{
    *name = proxy->peer_name;
    *uri = proxy->uri;
    return proxy->peer_name.data != NULL;
}

const char *px_proxy_activity(const px_proxy *proxy)
{
    if (proxy->tunnel != NULL)
        return "proxying upgraded connection";
    if (proxy->request->head_sent)
        return "reading upstream";
    if (!proxy->connected)
        return "connecting to upstream";
    /* As nginx has it: until something of the answer comes. */
    if (proxy->client != NULL && (!proxy->body->whole || px_h1_client_unsent(proxy->client) > 0 ||
                                  px_h1_client_received(proxy->client) == 0))
        return "sending request to upstream";
    return "reading response header from upstream";
}

/* ---- tries ---- */

void px_proxy_count_bytes(px_proxy *proxy)
{
    px_worker *worker = proxy->request->worker;
    if (proxy->client == NULL)
        return;
    px_try *now = px_proxy_current_try(proxy);
    now->bytes_sent = px_h1_client_sent(proxy->client);
    now->bytes_received = px_h1_client_received(proxy->client);
    px_worker_count(worker, PX_COUNTER_UPSTREAM_BYTES_SENT, (int64_t)now->bytes_sent);
    px_worker_count(worker, PX_COUNTER_UPSTREAM_BYTES_RECEIVED, (int64_t)now->bytes_received);
    px_cell_add(proxy->pick.peer->stats.cells, PX_PEER_CELL_BYTES_SENT, now->bytes_sent);
    px_cell_add(proxy->pick.peer->stats.cells, PX_PEER_CELL_BYTES_RECEIVED, now->bytes_received);
}

static void begin_try(px_proxy *proxy, px_slice name)
{
    if (proxy->try_count == proxy->try_capacity) {
        px_try *tries = px_arena_alloc(&proxy->request->arena, proxy->try_capacity * 2 * sizeof *tries);
        memcpy(tries, proxy->tries, proxy->try_count * sizeof *tries);
        proxy->tries = tries;
        proxy->try_capacity *= 2;
    }
    proxy->try_count++;
    proxy->headers = NULL; /* of the try before */
    proxy->header_count = 0;
    *px_proxy_current_try(proxy) = (px_try){.addr = name,
                                            .connect_ms = PX_TIME_UNKNOWN,
                                            .header_ms = PX_TIME_UNKNOWN,
                                            .response_ms = PX_TIME_UNKNOWN};
    proxy->peer_name = name;
    proxy->try_started_ms = px_loop_now_ms(proxy->request->worker->loop);
    proxy->connected = false;
    proxy->stale_retried = false;
    proxy->request->reason = proxy->reason_before;
}

/* The peer has answered, well or not. */
static void count_answer(const px_try *now, const px_peer *peer)
{
    _Atomic uint64_t *cells = peer->stats.cells;
    int group = now->status / 100 - 1;
    if (now->header_ms == PX_TIME_UNKNOWN || group < 0 || group > 4)
        return;
    px_cell_add(cells, PX_PEER_CELL_RESPONSES_1XX + group, 1);
    if (group == 0)
        return; /* a tunnel: how long it lives says nothing of how fast the peer is */
    px_cell_add(cells, PX_PEER_CELL_LATENCY + px_latency_bucket(now->response_ms), 1);
    px_cell_add(cells, PX_PEER_CELL_LATENCY_SUM_MS, now->response_ms);
}

/* A try of the peer in hand has failed. */
static void count_failure(px_proxy *proxy, int cell)
{
    px_worker_count(proxy->request->worker, PX_COUNTER_UPSTREAM_FAILURES, 1);
    px_cell_add(proxy->pick.peer->stats.cells, cell, 1);
}

void px_proxy_let_go(px_proxy *proxy, px_try_end end, bool keep)
{
    px_request *r = proxy->request;
    px_peer *peer = proxy->pick.peer;
    const char *activity = px_proxy_activity(proxy);
    if (proxy->try_count > 0 && px_proxy_current_try(proxy)->response_ms == PX_TIME_UNKNOWN)
        px_proxy_current_try(proxy)->response_ms = px_loop_now_ms(r->worker->loop) - proxy->try_started_ms;
    if (proxy->counted) {
        proxy->counted = false;
        r->worker->upstreams--;
        px_worker_count(r->worker, PX_COUNTER_UPSTREAM_CONNECTIONS_ACTIVE, -1);
        r->worker->on_room(r->worker);
    }
    px_proxy_count_bytes(proxy);
    if (proxy->client != NULL)
        px_request_debug(r, "upstream connection %s", keep ? "is free for another request" : "is closed");
    px_proxy_rate_end(proxy);
    if (proxy->client != NULL && keep)
        px_upstream_keep(proxy->upstream, peer, &proxy->client);
    else
        px_h1_client_close(&proxy->client);
    if (peer != NULL)
        count_answer(px_proxy_current_try(proxy), peer);
    if (peer != NULL && px_pick_end(&proxy->pick, end))
        px_request_log(r, PX_LOG_WARN, "upstream server temporarily disabled while %s", activity);
}

/* ---- connections ---- */

static void log_connect_error(px_proxy *proxy, int error)
{
    proxy->request->reason = px_reason_of_connect(error);
    bool usual = error == ECONNREFUSED || error == EAGAIN || error == ECONNRESET || error == ENETDOWN ||
                 error == ENETUNREACH || error == EHOSTDOWN || error == EHOSTUNREACH;
    px_request_log(proxy->request, usual ? PX_LOG_ERROR : PX_LOG_CRIT,
                   "connect() to %.*s failed (%s) while connecting to upstream",
                   PX_SLICE_ARGS(proxy->peer_name), px_log_errno(error));
}

/* Out of descriptors or memory: that is not the peer's failure, and another one would not be reached
 * either. */
static bool is_our_failure(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static int buffer_bytes(int64_t bytes)
{
    return bytes < INT_MAX ? (int)bytes : INT_MAX;
}

static px_h1_client *connect_to(px_proxy *proxy, const px_peer *peer, const px_proxy_local *local)
{
    px_request *r = proxy->request;
    const px_plan_settings *settings = r->settings->plan;
    bool pending = false;
    px_connect_options options = {.keepalive = settings->proxy_socket_keepalive,
                                  .receive_bytes = buffer_bytes(settings->proxy_socket_rcvbuf),
                                  .send_bytes = buffer_bytes(settings->proxy_socket_sndbuf),
                                  .local = local->address};
    int fd = px_connect(&peer->address, &options, &pending);
    if (fd < 0 && px_connect_bind_failed()) {
        proxy->exhausted = true;
        px_request_log(r, PX_LOG_CRIT, "bind(%.*s) failed (%s) while connecting to upstream",
                       PX_SLICE_ARGS(local->text), px_log_errno(errno));
        return NULL;
    }
    if (fd < 0 && is_our_failure(errno)) {
        proxy->exhausted = true;
        r->reason = PX_REASON_RESOURCES;
        px_request_log(r, PX_LOG_ALERT, "socket() failed (%s) while connecting to upstream",
                       px_log_errno(errno));
        return NULL;
    }
    if (fd < 0) {
        log_connect_error(proxy, errno);
        return NULL;
    }
    px_h1_client *client = px_h1_client_new(r->worker->loop, fd, pending);
    if (client == NULL) {
        proxy->exhausted = true;
        r->reason = PX_REASON_RESOURCES;
        px_request_log(r, PX_LOG_ALERT, "epoll_ctl(1, %d) failed (%s) while connecting to upstream", fd,
                       px_log_errno(errno));
        close(fd);
        return NULL;
    }
    px_h1_client_set_mark(client, local->mark);
    px_worker_count(r->worker, PX_COUNTER_UPSTREAM_CONNECTIONS_OPENED, 1);
    return client;
}

/* Gets a connection to the peer in hand and sends the request over it. False: it could not be made. */
static bool ask_peer(px_proxy *proxy, bool fresh)
{
    px_request *r = proxy->request;
    px_peer *peer = proxy->pick.peer;
    px_proxy_local local;
    px_proxy_local_find(r, &local);
    px_h1_client *client = fresh ? NULL : px_idle_take_marked(peer->shelf, local.mark);
    bool reused = client != NULL;
    px_request_debug(r, "upstream connection to %.*s: %s", PX_SLICE_ARGS(proxy->peer_name),
                     reused ? "a kept one is used again" : "a new one");
    if (reused) {
        px_worker_count(r->worker, PX_COUNTER_UPSTREAM_CONNECTIONS_REUSED, 1);
        px_proxy_current_try(proxy)->connect_ms = 0;
    } else {
        client = connect_to(proxy, peer, &local);
        if (client == NULL)
            return false;
    }
    proxy->connected = reused;
    proxy->client = client;
    proxy->counted = true;
    r->worker->upstreams++;
    px_worker_count(r->worker, PX_COUNTER_UPSTREAM_CONNECTIONS_ACTIVE, 1);
    px_h1_client_start(client, &client_user, proxy, &r->settings->limits, proxy->asks_head);
    if (r->head.upgrade && r->settings->sends_upgrade)
        px_h1_client_expect_upgrade(client);
    if (r->settings->plan->proxy_pass_trailers)
        px_h1_client_want_trailers(client);
    px_proxy_send_request(proxy);
    return true;
}

static void on_connected(px_h1_client *client)
{
    px_proxy *proxy = px_proxy_of(client);
    px_request_debug(proxy->request, "upstream connection stands");
    proxy->connected = true;
    px_proxy_current_try(proxy)->connect_ms =
        px_loop_now_ms(proxy->request->worker->loop) - proxy->try_started_ms;
}

/* ---- whether and how to go on ---- */

/* Both what the client asked for and what the peer is asked, which proxy_method may make another. */
static bool is_idempotent(const px_request *r)
{
    px_slice sent = r->proxy->method;
    return r->head.method != PX_METHOD_POST && r->head.method != PX_METHOD_LOCK &&
           r->head.method != PX_METHOD_PATCH && !px_slice_equal(sent, PX_SLICE("POST")) &&
           !px_slice_equal(sent, PX_SLICE("LOCK")) && !px_slice_equal(sent, PX_SLICE("PATCH"));
}

/* mask: NEXT_* bits that must all be in proxy_next_upstream. */
static bool may_try_next(const px_proxy *proxy, int64_t mask, bool sent, uint32_t tries_needed)
{
    const px_request *r = proxy->request;
    const px_plan_settings *settings = r->settings->plan;
    if (sent && !is_idempotent(r))
        mask |= PX_NEXT_NON_IDEMPOTENT;
    if (proxy->pick.tries < tries_needed || (settings->proxy_next_upstream & mask) != mask ||
        proxy->body->lost)
        return false;
    uint64_t spent = px_loop_now_ms(r->worker->loop) - proxy->started_ms;
    return settings->proxy_next_upstream_timeout <= 0 ||
           spent < (uint64_t)settings->proxy_next_upstream_timeout;
}

static void answer_no_live(px_proxy *proxy)
{
    px_request *r = proxy->request;
    begin_try(proxy, proxy->upstream->plan->name);
    px_proxy_current_try(proxy)->status = 502;
    px_proxy_current_try(proxy)->response_ms = 0;
    px_worker_count(r->worker, PX_COUNTER_UPSTREAM_NO_LIVE, 1);
    r->reason = PX_REASON_NO_LIVE_UPSTREAM;
    px_request_log(r, PX_LOG_ERROR, "no live upstreams while connecting to upstream");
    px_request_fail(r, 502, PX_REASON_NO_LIVE_UPSTREAM);
}

static bool may_connect(px_proxy *proxy)
{
    px_request *r = proxy->request;
    if (r->worker->may_connect(r->worker))
        return true;
    proxy->exhausted = true;
    r->reason = PX_REASON_RESOURCES;
    px_request_log(r, PX_LOG_ALERT, "%lld worker_connections are not enough while connecting to upstream",
                   (long long)r->generation->plan->worker_connections);
    return false;
}

static bool has_room(px_proxy *proxy)
{
    return !px_list_empty(&proxy->pick.peer->shelf->parked) || may_connect(proxy);
}

/* No peer is to blame, and no other could be asked. */
static void answer_exhausted(px_proxy *proxy)
{
    px_proxy_let_go(proxy, PX_TRY_FINE, false);
    px_request_fail(proxy->request, 500, PX_REASON_RESOURCES);
}

void px_proxy_try(px_proxy *proxy)
{
    px_request *r = proxy->request;
    for (;;) {
        px_peer *peer = px_pick_next(&proxy->pick);
        if (peer == NULL) {
            answer_no_live(proxy);
            return;
        }
        px_worker_count(r->worker, PX_COUNTER_UPSTREAM_TRIES, 1);
        px_cell_add(peer->stats.cells, PX_PEER_CELL_TRIES, 1);
        px_worker_count(r->worker, PX_COUNTER_UPSTREAM_RETRIES, proxy->try_count > 0);
        begin_try(proxy, peer->plan->name);
        px_request_debug(r, "upstream \"%.*s\": peer %.*s, try %u",
                         PX_SLICE_ARGS(proxy->upstream->plan->name), PX_SLICE_ARGS(proxy->peer_name),
                         proxy->try_count);
        if (has_room(proxy) && ask_peer(proxy, false))
            return;
        if (proxy->exhausted) {
            answer_exhausted(proxy);
            return;
        }
        count_failure(proxy, PX_PEER_CELL_FAILURES_CONNECT);
        px_worker_count(r->worker, PX_COUNTER_UPSTREAM_CONNECT_FAILURES, 1);
        px_proxy_current_try(proxy)->status = 502;
        px_proxy_let_go(proxy, PX_TRY_FAILED, false);
        if (!may_try_next(proxy, PX_NEXT_ERROR, false, 1)) {
            px_request_fail(r, 502, r->reason);
            return;
        }
    }
}

/* ---- failures ---- */

static void log_error(px_proxy *proxy, const char *call, int error, const char *activity)
{
    px_request_log(proxy->request, PX_LOG_ERROR, "%s failed (%s) while %s", call, px_log_errno(error),
                   activity);
}

static void log_timeout(px_proxy *proxy, const char *activity)
{
    px_worker_count(proxy->request->worker, PX_COUNTER_UPSTREAM_TIMEOUTS, 1);
    px_request_log(proxy->request, PX_LOG_ERROR, "upstream timed out (110: Connection timed out) while %s",
                   activity);
}

/* Says what happened in nginx's words; gives the NEXT_* bit that it falls under. */
static int64_t tell(px_proxy *proxy, const px_h1_failure *failure)
{
    px_request *r = proxy->request;
    const char *reading = failure->in_head ? "reading response header from upstream" : "reading upstream";
    switch (failure->kind) {
    case PX_FAIL_CONNECT:
        px_worker_count(r->worker, PX_COUNTER_UPSTREAM_CONNECT_FAILURES, 1);
        log_error(proxy, "connect()", failure->error_number, "connecting to upstream");
        return PX_NEXT_ERROR;
    case PX_FAIL_CONNECT_TIMEOUT:
        px_worker_count(r->worker, PX_COUNTER_UPSTREAM_CONNECT_FAILURES, 1);
        log_timeout(proxy, "connecting to upstream");
        return PX_NEXT_TIMEOUT;
    case PX_FAIL_SEND:
        log_error(proxy, "writev()", failure->error_number, "sending request to upstream");
        return PX_NEXT_ERROR;
    case PX_FAIL_SEND_TIMEOUT:
        log_timeout(proxy, "sending request to upstream");
        return PX_NEXT_TIMEOUT;
    case PX_FAIL_READ:
        log_error(proxy, "recv()", failure->error_number, reading);
        return PX_NEXT_ERROR;
    case PX_FAIL_READ_TIMEOUT:
        log_timeout(proxy, reading);
        return PX_NEXT_TIMEOUT;
    case PX_FAIL_CLOSED:
    case PX_FAIL_CLOSED_IN_BODY:
        px_request_log(r, PX_LOG_ERROR, "upstream prematurely closed connection while %s", reading);
        return PX_NEXT_ERROR;
    case PX_FAIL_HEAD_TOO_LARGE:
        px_request_log(r, PX_LOG_ERROR, "upstream sent too big header while %s", reading);
        return PX_NEXT_INVALID_HEADER;
    case PX_FAIL_INVALID:
        break;
    }
    px_worker_count(r->worker, PX_COUNTER_UPSTREAM_MALFORMED, 1);
    px_request_log_bad(r, PX_LOG_ERROR, failure->text, failure->where, reading);
    return PX_NEXT_INVALID_HEADER;
}

static bool may_be_stale(const px_h1_failure *failure)
{
    return failure->kind == PX_FAIL_SEND || failure->kind == PX_FAIL_READ || failure->kind == PX_FAIL_CLOSED;
}

/* A kept connection that the peer closed while it was idle: nobody failed. The same peer is asked again
 * over a new one, where HTTP allows it (RFC 9110 9.2.2, RFC 9112 9.3.1). False: it is a failure like
 * others. */
static bool retry_stale(px_proxy *proxy, const px_h1_failure *failure)
{
    px_request *r = proxy->request;
    bool allowed = is_idempotent(r) || !failure->bytes_sent ||
                   (r->settings->plan->proxy_next_upstream & PX_NEXT_NON_IDEMPOTENT) != 0;
    if (!failure->reused || proxy->stale_retried || !may_be_stale(failure) || !allowed || proxy->body->lost)
        return false;
    proxy->stale_retried = true;
    px_request_debug(r, "upstream connection was closed while nobody used it: the same peer is asked again");
    px_worker_count(r->worker, PX_COUNTER_UPSTREAM_STALE, 1);
    if (!may_connect(proxy))
        return false;
    px_proxy_current_try(proxy)->connect_ms = PX_TIME_UNKNOWN;
    return ask_peer(proxy, true);
}

/* The connection is closed already; its count is given back, the peer is still in hand. */
static void connection_lost(px_proxy *proxy)
{
    px_worker *worker = proxy->request->worker;
    px_proxy_count_bytes(proxy);
    proxy->client = NULL;
    proxy->counted = false;
    worker->upstreams--;
    px_worker_count(worker, PX_COUNTER_UPSTREAM_CONNECTIONS_ACTIVE, -1);
    worker->on_room(worker);
}

void px_proxy_on_failure(px_h1_client *client, const px_h1_failure *failure)
{
    px_proxy *proxy = px_proxy_of(client);
    px_request *r = proxy->request;
    connection_lost(proxy);
    if (retry_stale(proxy, failure))
        return;
    if (proxy->exhausted) {
        answer_exhausted(proxy);
        return;
    }
    count_failure(proxy, px_stats_failure_cell(failure->kind));
    r->reason = px_reason_of_failure(failure);
    int64_t kind = tell(proxy, failure);
    if (r->head_sent) {
        px_proxy_let_go(proxy, PX_TRY_FINE, false); /* as nginx: what breaks behind the head is not counted */
        px_request_truncate(r);
        return;
    }
    int status = kind == PX_NEXT_TIMEOUT ? 504 : 502;
    bool sent = proxy->connected;
    px_proxy_current_try(proxy)->status = status;
    px_proxy_let_go(proxy, PX_TRY_FAILED, false);
    if (may_try_next(proxy, kind, sent, 1)) {
        px_request_debug(r, "next upstream");
        px_proxy_try(proxy);
    } else {
        px_request_fail(r, status, r->reason);
    }
}

static int64_t bit_of_status(int status)
{
    switch (status) {
    case 403:
        return PX_NEXT_403;
    case 404:
        return PX_NEXT_404;
    case 429:
        return PX_NEXT_429;
    case 500:
        return PX_NEXT_500;
    case 502:
        return PX_NEXT_502;
    case 503:
        return PX_NEXT_503;
    case 504:
        return PX_NEXT_504;
    default:
        return 0;
    }
}

bool px_proxy_next_for_status(px_proxy *proxy, int status)
{
    int64_t bit = bit_of_status(status);
    if (bit == 0 || !may_try_next(proxy, bit, true, 2))
        return false;
    count_failure(proxy, PX_PEER_CELL_FAILURES_STATUS);
    px_request_debug(proxy->request, "next upstream, because of the status %d", status);
    px_proxy_let_go(proxy, bit == PX_NEXT_403 || bit == PX_NEXT_404 ? PX_TRY_NEXT : PX_TRY_FAILED, false);
    px_proxy_try(proxy);
    return true;
}

static const px_h1_client_user client_user = {
    .on_connected = on_connected,
    .on_informational = px_proxy_on_informational,
    .on_head = px_proxy_on_head,
    .on_body = px_proxy_on_body,
    .on_writable = px_proxy_on_sent,
    .on_failure = px_proxy_on_failure,
};
