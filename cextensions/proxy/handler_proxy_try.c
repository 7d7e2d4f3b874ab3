/* See handler_proxy.h: one try of one peer: what is written down and counted of it, and its end. */
#include "proxy/debug.h"
#include "proxy/handler_proxy.h"

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

/* ---- what is counted ---- */

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

void px_proxy_begin_try(px_proxy *proxy, px_slice name)
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

void px_proxy_count_failure(px_proxy *proxy, int cell)
{
    px_worker_count(proxy->request->worker, PX_COUNTER_UPSTREAM_FAILURES, 1);
    px_cell_add(proxy->pick.peer->stats.cells, cell, 1);
}

static void uncount_connection(px_proxy *proxy)
{
    px_worker *worker = proxy->request->worker;
    if (!proxy->counted)
        return;
    proxy->counted = false;
    worker->upstreams--;
    px_worker_count(worker, PX_COUNTER_UPSTREAM_CONNECTIONS_ACTIVE, -1);
    worker->on_room(worker);
}

void px_proxy_lose_connection(px_proxy *proxy)
{
    px_proxy_count_bytes(proxy);
    proxy->client = NULL;
    uncount_connection(proxy);
}

void px_proxy_let_go(px_proxy *proxy, px_try_end end, bool keep)
{
    px_request *r = proxy->request;
    px_peer *peer = proxy->pick.peer;
    const char *activity = px_proxy_activity(proxy);
    if (proxy->try_count > 0 && px_proxy_current_try(proxy)->response_ms == PX_TIME_UNKNOWN)
        px_proxy_current_try(proxy)->response_ms = px_loop_now_ms(r->worker->loop) - proxy->try_started_ms;
    uncount_connection(proxy);
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
