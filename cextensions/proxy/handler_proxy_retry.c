/* See handler_proxy.h: picking a peer, what a failure means, the next peer. */
#include "proxy/debug.h"
#include "proxy/handler_proxy.h"

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
    px_proxy_begin_try(proxy, proxy->upstream->plan->name);
    px_proxy_current_try(proxy)->status = 502;
    px_proxy_current_try(proxy)->response_ms = 0;
    px_worker_count(r->worker, PX_COUNTER_UPSTREAM_NO_LIVE, 1);
    r->reason = PX_REASON_NO_LIVE_UPSTREAM;
    px_request_log(r, PX_LOG_ERROR, "no live upstreams while connecting to upstream");
    px_request_fail(r, 502, PX_REASON_NO_LIVE_UPSTREAM);
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
        px_proxy_begin_try(proxy, peer->plan->name);
        px_request_debug(r, "upstream \"%.*s\": peer %.*s, try %u",
                         PX_SLICE_ARGS(proxy->upstream->plan->name), PX_SLICE_ARGS(proxy->peer_name),
                         proxy->try_count);
        if (px_proxy_has_room(proxy) && px_proxy_ask_peer(proxy, false))
            return;
        if (proxy->exhausted) {
            answer_exhausted(proxy);
            return;
        }
        px_proxy_count_failure(proxy, PX_PEER_CELL_FAILURES_CONNECT);
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
    if (!px_proxy_may_connect(proxy))
        return false;
    px_proxy_current_try(proxy)->connect_ms = PX_TIME_UNKNOWN;
    return px_proxy_ask_peer(proxy, true);
}

void px_proxy_on_failure(px_h1_client *client, const px_h1_failure *failure)
{
    px_proxy *proxy = px_proxy_of(client);
    px_request *r = proxy->request;
    px_proxy_lose_connection(proxy);
    if (retry_stale(proxy, failure))
        return;
    if (proxy->exhausted) {
        answer_exhausted(proxy);
        return;
    }
    px_proxy_count_failure(proxy, px_stats_failure_cell(failure->kind));
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
    px_proxy_count_failure(proxy, PX_PEER_CELL_FAILURES_STATUS);
    px_request_debug(proxy->request, "next upstream, because of the status %d", status);
    px_proxy_let_go(proxy, bit == PX_NEXT_403 || bit == PX_NEXT_404 ? PX_TRY_NEXT : PX_TRY_FAILED, false);
    px_proxy_try(proxy);
    return true;
}
