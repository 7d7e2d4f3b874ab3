/* See handler_proxy.h: the peer's answer on its way to the client; upgrades. */
#include "proxy/debug.h"
#include "proxy/handler_proxy.h"
#include "proxy/trailers.h"

/* ---- fields ---- */

bool px_is_connection_option(const px_header *headers, uint32_t count, px_slice name)
{
    for (uint32_t i = 0; i < count; i++)
        if (headers[i].id == PX_HEADER_CONNECTION && px_header_has_token(headers[i].value, name))
            return true;
    return false;
}

bool px_proxy_hides(const px_request *r, const px_response_head_in *head, const px_header *header)
{
    const px_settings *settings = r->settings;
    if (header->id != PX_HEADER_OTHER) {
        if ((settings->answer_hidden >> header->id) & 1)
            return !(head->status == 101 && header->id == PX_HEADER_UPGRADE);
    } else if (px_table_find(&settings->answer_hidden_names, header->name) != NULL) {
        return true;
    }
    return head->connection_names && px_is_connection_option(head->headers, head->header_count, header->name);
}

static void pass_header(px_request *r, const px_header *header)
{
    px_slice value = header->value;
    switch (header->id) {
    case PX_HEADER_CONTENT_TYPE:
        px_answer_content_type(r, value);
        return;
    case PX_HEADER_LOCATION:
        value = px_proxy_location(r, value);
        break;
    case PX_HEADER_REFRESH:
        value = px_proxy_refresh(r, value);
        break;
    case PX_HEADER_SET_COOKIE:
        value = px_proxy_set_cookie(r, value);
        break;
    case PX_HEADER_SERVER:
        r->answer.has_server = true;
        break;
    case PX_HEADER_DATE:
        r->answer.has_date = true;
        break;
    default:
        break;
    }
    px_answer_add(r, (px_header_id)header->id, header->name, value);
}

static void make_answer(px_request *r, const px_response_head_in *head)
{
    px_answer_begin(r, head->status, head->header_count);
    if (r->error_status == 0)
        r->answer.reason = head->reason;
    r->answer.content_length = head->body >= 0 ? head->body : -1;
    for (uint32_t i = 0; i < head->header_count; i++) {
        if (px_is_accel(&head->headers[i]))
            px_proxy_obey_accel(r->proxy, &head->headers[i]);
        if (!px_proxy_hides(r, head, &head->headers[i]))
            pass_header(r, &head->headers[i]);
    }
}

static void keep_head(px_proxy *proxy, const px_response_head_in *head, px_block *block)
{
    px_arena *arena = &proxy->request->arena;
    px_arena_hold(arena, block);
    proxy->headers = px_arena_alloc(arena, head->header_count * sizeof *proxy->headers);
    memcpy(proxy->headers, head->headers, head->header_count * sizeof *proxy->headers);
    proxy->header_count = head->header_count;
}

const px_header *px_proxy_headers(const px_proxy *proxy, uint32_t *count)
{
    *count = proxy->header_count;
    return proxy->headers;
}

/* ---- bodies ---- */

/* More than the answer came with it: nobody can know what that is, and the connection is not kept. */
static void log_excess(px_proxy *proxy)
{
    px_request *r = proxy->request;
    if (proxy->asks_head || !px_h1_client_has_excess(proxy->client))
        return;
    px_request_log(r, PX_LOG_WARN, "upstream sent %s while reading upstream",
                   r->answer.content_length < 0 && !r->no_body
                       ? "data after final chunk"
                       : "more data than specified in \"Content-Length\" header");
}

static void finish(px_proxy *proxy)
{
    proxy->upstream_done = true;
    log_excess(proxy);
    px_proxy_let_go(proxy, PX_TRY_FINE, true);
}

void px_proxy_on_body(px_h1_client *client, px_piece *pieces, uint32_t count, bool last)
{
    px_proxy *proxy = px_proxy_of(client);
    px_request *r = proxy->request;
    px_try *now = px_proxy_current_try(proxy);
    size_t bytes = 0;
    bool spliced = count > 0 && px_piece_is_file(&pieces[0]);
    for (uint32_t i = 0; i < count; i++)
        bytes += pieces[i].len;
    now->body_bytes += bytes;
    if (!spliced)
        px_proxy_spill(proxy, pieces, &count);
    if (last)
        px_proxy_take_trailers(proxy);
    px_request_send_body(r, pieces, count, last);
    if (last) {
        finish(proxy);
        return;
    }
    if (proxy->rate.bytes > 0)
        px_proxy_rate_count(proxy, bytes);
    if (spliced || px_proxy_must_wait(proxy)) {
        proxy->paused = true;
        px_h1_client_pause(client);
    }
}

void px_proxy_on_writable(px_request *r)
{
    px_proxy *proxy = r->handler_state;
    if (!proxy->paused || proxy->client == NULL)
        return;
    proxy->paused = false;
    px_proxy_splice(proxy);
    if (!proxy->slowed)
        px_h1_client_resume(proxy->client);
}

void px_proxy_on_blocked(px_request *r)
{
    px_proxy *proxy = r->handler_state;
    if (proxy->client != NULL)
        px_h1_client_splice(proxy->client, false);
    if (!px_proxy_must_wait(proxy))
        px_proxy_on_writable(r);
}

/* ---- upgrades ---- */

static void log_tunnel_end(px_request *r, const px_tunnel_result *result)
{
    if (result->timed_out)
        r->reason = PX_REASON_READ_TIMEOUT;
    else if (result->error_number != 0)
        r->reason = result->client_side ? PX_REASON_CLIENT_CLOSED : PX_REASON_READ_FAILED;
    if (result->timed_out)
        px_request_log(r, PX_LOG_INFO,
                       "upstream timed out (110: Connection timed out) while proxying upgraded connection");
    else if (result->error_number != 0)
        px_request_log(r, result->client_side ? PX_LOG_INFO : PX_LOG_ERROR,
                       "recv() failed (%s) while proxying upgraded connection",
                       px_log_errno(result->error_number));
}

static void on_tunnel_end(px_tunnel *tunnel, const px_tunnel_result *result)
{
    px_proxy *proxy = px_tunnel_owner(tunnel);
    px_request *r = proxy->request;
    px_try *now = px_proxy_current_try(proxy);
    px_crash_subject = r;
    log_tunnel_end(r, result);
    proxy->tunnel = NULL;
    px_list_unlink(&proxy->tunnel_link);
    r->worker->tunnel_count--;
    px_worker_count(r->worker, PX_COUNTER_TUNNELS_ACTIVE, -1);
    r->bytes_sent += result->to_client;
    now->body_bytes =
        result->to_client > proxy->tunnel_head_bytes ? result->to_client - proxy->tunnel_head_bytes : 0;
    now->bytes_sent += result->to_peer;
    now->bytes_received += now->body_bytes;
    r->done = true;
    px_request_end(r);
}

/* Joins the two sockets. False: one of them is not to be had; nothing was joined. */
static bool join(px_proxy *proxy, px_stream *stream)
{
    px_tunnel *tunnel = proxy->tunnel;
    px_queue from_peer;
    px_queue_init(&from_peer);
    px_proxy_count_bytes(proxy);
    bool joined = px_h1_client_take_transport(&proxy->client, px_tunnel_peer_side(tunnel), px_tunnel_on_ready,
                                              px_tunnel_to_peer(tunnel), &from_peer) &&
                  stream->ops->take_transport(stream, px_tunnel_client_side(tunnel), px_tunnel_on_ready,
                                              px_tunnel_to_client(tunnel), px_tunnel_to_peer(tunnel));
    proxy->tunnel_head_bytes = px_tunnel_to_client(tunnel)->bytes;
    px_queue_move(px_tunnel_to_client(tunnel), &from_peer);
    return joined;
}

static void upgrade(px_proxy *proxy, const px_response_head_in *head)
{
    px_request *r = proxy->request;
    px_stream *stream = r->stream;
    make_answer(r, head);
    r->answer.upgrade = true;
    px_request_send_head(r);
    r->last_sent = true;
    proxy->tunnel = px_tunnel_new(r->worker->loop, r->settings->limits.read_timeout, on_tunnel_end, proxy);
    px_request_detach(r);
    px_list_append(&r->worker->tunnels, &proxy->tunnel_link);
    r->worker->tunnel_count++;
    px_worker_count(r->worker, PX_COUNTER_TUNNELS_OPENED, 1);
    px_worker_count(r->worker, PX_COUNTER_TUNNELS_ACTIVE, 1);
    if (join(proxy, stream)) {
        px_tunnel_start(proxy->tunnel);
        return;
    }
    stream->ops->reset(stream);     /* still the carrier's, and nobody will answer it */
    px_tunnel_close(proxy->tunnel); /* on_tunnel_end ends the Request */
}

/* ---- heads ---- */

void px_proxy_on_head(px_h1_client *client, const px_response_head_in *head, px_block *head_block,
                      bool body_follows)
{
    px_proxy *proxy = px_proxy_of(client);
    px_request *r = proxy->request;
    px_try *now = px_proxy_current_try(proxy);
    now->status = head->status;
    now->bytes_received = px_h1_client_received(client); /* so far: for variables in the head */
    px_debug_response(r, head);
    now->header_ms = px_loop_now_ms(r->worker->loop) - proxy->try_started_ms;
    keep_head(proxy, head, head_block);
    if (head->status == 101) {
        upgrade(proxy, head);
        return;
    }
    if (px_proxy_next_for_status(proxy, head->status) || px_proxy_lead_elsewhere(proxy, head))
        return;
    make_answer(r, head);
    if (r->settings->plan->proxy_force_ranges && !px_proxy_cut_range(proxy))
        return;
    px_request_send_head(r);
    if (!body_follows) {
        px_request_send_body(r, NULL, 0, true);
        finish(proxy);
    } else if (r->no_body) { /* to HEAD, when the peer was asked by another method: nobody wants it */
        px_request_send_body(r, NULL, 0, true);
        proxy->upstream_done = true;
        px_proxy_let_go(proxy, PX_TRY_FINE, false);
    } else {
        px_proxy_rate_begin(proxy);
    }
}
