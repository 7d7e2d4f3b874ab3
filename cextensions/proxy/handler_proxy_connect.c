/* See handler_proxy.h: a connection to the peer in hand, kept or new, and the request on its way over it. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "net/connect.h"
#include "proxy/debug.h"
#include "proxy/handler_proxy.h"
#include "proxy/trailers.h"

/* ---- room ---- */

bool px_proxy_may_connect(px_proxy *proxy)
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

bool px_proxy_has_room(px_proxy *proxy)
{
    return !px_list_empty(&proxy->pick.peer->shelf->parked) || px_proxy_may_connect(proxy);
}

/* ---- a new one ---- */

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

/* -1: none, which is logged. */
static int open_socket(px_proxy *proxy, const px_peer *peer, const px_proxy_local *local, bool *pending)
{
    px_request *r = proxy->request;
    const px_plan_settings *settings = r->settings->plan;
    px_connect_options options = {.keepalive = settings->proxy_socket_keepalive,
                                  .receive_bytes = buffer_bytes(settings->proxy_socket_rcvbuf),
                                  .send_bytes = buffer_bytes(settings->proxy_socket_sndbuf),
                                  .local = local->address,
                                  .transparent = r->settings->proxy->transparent};
    int fd = px_connect(&peer->address, &options, pending);
    if (fd >= 0)
        return fd;
    proxy->exhausted = px_connect_bind_failed() || is_our_failure(errno);
    if (px_connect_bind_failed()) {
        px_request_log(r, PX_LOG_CRIT, "bind(%.*s) failed (%s) while connecting to upstream",
                       PX_SLICE_ARGS(local->text), px_log_errno(errno));
    } else if (proxy->exhausted) {
        r->reason = PX_REASON_RESOURCES;
        px_request_log(r, PX_LOG_ALERT, "socket() failed (%s) while connecting to upstream",
                       px_log_errno(errno));
    } else {
        log_connect_error(proxy, errno);
    }
    return -1;
}

static px_h1_client *connect_to(px_proxy *proxy, const px_peer *peer, const px_proxy_local *local)
{
    px_request *r = proxy->request;
    bool pending = false;
    int fd = open_socket(proxy, peer, local, &pending);
    if (fd < 0)
        return NULL;
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

/* ---- the peer is asked ---- */

static void on_connected(px_h1_client *client)
{
    px_proxy *proxy = px_proxy_of(client);
    px_request_debug(proxy->request, "upstream connection stands");
    proxy->connected = true;
    px_proxy_current_try(proxy)->connect_ms =
        px_loop_now_ms(proxy->request->worker->loop) - proxy->try_started_ms;
}

static const px_h1_client_user client_user = {
    .on_connected = on_connected,
    .on_informational = px_proxy_on_informational,
    .on_head = px_proxy_on_head,
    .on_body = px_proxy_on_body,
    .on_writable = px_proxy_on_sent,
    .on_failure = px_proxy_on_failure,
};

bool px_proxy_ask_peer(px_proxy *proxy, bool fresh)
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
