/* See h1_server.h and h1_server_private.h: the life of a connection, and the lists of all of them. */
#include "http/h1_server_private.h"

#include <errno.h>
#include <unistd.h>

#include "base/memory.h"

/* A connection that never sent a byte gets this long to do so once the worker drains: a client may be about
 * to. */
#define DRAIN_NEW_MS 1000

/* One thread, one set of connections. The idle ones are in the order in which they became idle. */
static px_list idle_list = {&idle_list, &idle_list};
static px_list busy_list = {&busy_list, &busy_list};
static uint64_t live_count, idle_count;

static _Atomic uint64_t waiting_of_nobody;
static _Atomic uint64_t *waiting = &waiting_of_nobody;

/* ---- the end of a connection ---- */

void px_h1_conn_close(px_h1_conn *conn, bool reset)
{
    PX_CHECK_MAGIC(conn, PX_H1_CONN_MAGIC);
    if (conn->state == PX_H1_CLOSED)
        return;
    px_loop *loop = conn->transport.loop;
    px_h1_exchange_end(conn);
    px_h1_conn_set_idle(conn, false);
    if (conn->state == PX_H1_DRAIN || conn->state == PX_H1_LINGER)
        px_h1_count_waiting(-1);
    conn->state = PX_H1_CLOSED;
    px_list_unlink(&conn->link);
    px_task_cancel(&conn->task);
    px_timer_stop(loop, &conn->timer);
    px_h1_input_drop(&conn->input);
    px_transport_close(&conn->transport, reset);
    live_count--;
    conn->conf->on_close(conn->client.listener);
    px_listener_release(&conn->client.listener);
    px_loop_free_later(loop, conn);
}

void px_h1_conn_abort(px_h1_conn *conn, px_abort_reason reason)
{
    px_h1_exchange *exchange = conn->exchange;
    px_stream *stream = &exchange->stream;
    bool reset = reason == PX_ABORT_TIMEOUT && stream->settings != NULL && stream->settings->reset_timedout;
    if (stream->request != NULL && !exchange->over) {
        exchange->over = true;
        /* What it queued may live in the arena that on_abort clears. */
        px_h1_output_clear(&exchange->output);
        stream->unsent = 0;
        stream->user->on_abort(stream, reason);
    }
    px_h1_conn_close(conn, reset);
}

/* ---- events ---- */

static void on_ready(px_transport *transport)
{
    px_h1_conn *conn = PX_CONTAINER(transport, px_h1_conn, transport);
    PX_CHECK_MAGIC(conn, PX_H1_CONN_MAGIC);
    conn->burst = 0;
    switch ((px_h1_state)conn->state) {
    case PX_H1_IDLE:
    case PX_H1_HEAD:
        px_h1_next_head(conn);
        return;
    case PX_H1_BUSY:
        conn->exchange->stream.client_ended = transport->peer_ended;
        if (conn->exchange->wanted > 0)
            px_h1_deliver_body(conn);
        else if (conn->exchange->last && !conn->exchange->body_done)
            px_h1_discard_body(conn);
        if (conn->state == PX_H1_BUSY && (conn->exchange->output.queue.bytes > 0 || transport->peer_ended))
            px_loop_defer(transport->loop, &conn->task);
        return;
    case PX_H1_DRAIN:
    case PX_H1_LINGER:
        px_h1_linger_event(conn);
        return;
    case PX_H1_CLOSED:
        return;
    }
}

/* nginx: a client that closes, or half-closes, while its request is under way gives it up. Not while a body
 * is expected: its end may be in front of the FIN, and is found by reading. */
static bool client_left(const px_h1_conn *conn)
{
    return conn->transport.peer_ended && conn->exchange->body_done && !conn->exchange->stream.goes_on;
}

static void on_task(px_task *task)
{
    px_h1_conn *conn = PX_CONTAINER(task, px_h1_conn, task);
    PX_CHECK_MAGIC(conn, PX_H1_CONN_MAGIC);
    if (conn->state == PX_H1_IDLE || conn->state == PX_H1_HEAD) {
        px_h1_next_head(conn);
        return;
    }
    if (conn->state != PX_H1_BUSY) {
        px_h1_linger_event(conn);
        return;
    }
    px_h1_exchange *exchange = conn->exchange;
    if (exchange->stream.gone) {
        px_h1_conn_abort(conn, exchange->stream.client_ended ? PX_ABORT_CLOSED : PX_ABORT_TIMEOUT);
        return;
    }
    if (exchange->wanted > 0)
        px_h1_deliver_body(conn);
    if (conn->state == PX_H1_BUSY && conn->exchange == exchange && exchange->last && !exchange->body_done)
        px_h1_discard_body(conn);
    if (conn->state == PX_H1_BUSY && conn->exchange == exchange)
        px_h1_flush(conn);
    if (conn->state == PX_H1_BUSY && conn->exchange == exchange && client_left(conn))
        px_h1_conn_abort(conn, PX_ABORT_CLOSED);
}

static void on_timer(px_timer *timer)
{
    px_h1_conn *conn = PX_CONTAINER(timer, px_h1_conn, timer);
    PX_CHECK_MAGIC(conn, PX_H1_CONN_MAGIC);
    switch ((px_h1_state)conn->state) {
    case PX_H1_IDLE:
        if (conn->client.requests == 0)
            px_h1_log_waiting(conn, PX_H1_TIMEOUT_TEXT);
        px_h1_conn_close(conn, false);
        return;
    case PX_H1_HEAD:
        px_h1_head_timed_out(conn);
        return;
    case PX_H1_BUSY:
        if (conn->exchange->waiting)
            px_h1_body_timed_out(conn);
        return; /* else it was started while the connection was idle */
    case PX_H1_DRAIN:
    case PX_H1_LINGER:
        px_h1_conn_close(conn, false);
        return;
    case PX_H1_CLOSED:
        return;
    }
}

/* ---- the beginning ---- */

static void set_address(px_client *client, const px_address *peer, char *text)
{
    px_arena scratch;
    px_arena_init(&scratch, 1024);
    px_slice host = px_address_host(peer, &scratch);
    if (host.len > INET6_ADDRSTRLEN)
        host.len = INET6_ADDRSTRLEN;
    memcpy(text, host.data, host.len);
    client->address = px_address_endpoint(peer);
    client->address_text = px_slice_from(text, host.len);
    px_arena_clear(&scratch);
}

void px_h1_server_accept(px_loop *loop, px_listener *listener, int fd, const px_address *peer,
                         const px_h1_server_conf *conf, uint64_t number)
{
    px_h1_conn *conn = px_memory_zalloc(sizeof *conn);
    /* Not readable_now: what is there already is reported by the next wait anyhow, and reading twice is a
     * wasted call. */
    if (!px_transport_plain(&conn->transport, loop, fd, false, on_ready)) {
        px_log_at(conf->settings(listener)->log, PX_LOG_ALERT, number, "epoll_ctl() failed (%s)",
                  px_log_errno(errno));
        close(fd);
        free(conn);
        return;
    }
    conn->magic = PX_H1_CONN_MAGIC;
    conn->state = PX_H1_IDLE;
    conn->conf = conf;
    px_timer_init(&conn->timer, on_timer);
    px_task_init(&conn->task, on_task);
    conn->client.number = number;
    conn->client.started_ms = px_loop_now_ms(loop);
    conn->client.fd = fd;
    conn->client.listener = px_listener_ref(listener);
    set_address(&conn->client, peer, conn->address_text);
    px_list_append(&idle_list, &conn->link);
    idle_count++;
    live_count++;
    px_h1_count_waiting(1);
    conf->on_open(listener);
    px_timer_start(loop, &conn->timer, px_h1_conn_settings(conn)->client_header_timeout);
}

void px_h1_conn_set_idle(px_h1_conn *conn, bool idle)
{
    bool was_idle = conn->state == PX_H1_IDLE;
    if (idle == was_idle)
        return;
    px_list_unlink(&conn->link);
    px_list_append(idle ? &idle_list : &busy_list, &conn->link);
    if (idle)
        idle_count++;
    else
        idle_count--;
    px_h1_count_waiting(idle ? 1 : -1);
}

void px_h1_count_waiting(int change)
{
    uint64_t now = atomic_load_explicit(waiting, memory_order_relaxed);
    atomic_store_explicit(waiting, now + (uint64_t)change, memory_order_relaxed);
}

void px_h1_server_show_waiting(_Atomic uint64_t *cell)
{
    waiting = cell != NULL ? cell : &waiting_of_nobody;
}

/* ---- all of them ---- */

static void drain_idle(px_loop *loop, px_h1_conn *conn, bool now)
{
    uint64_t now_ms = px_loop_now_ms(loop);
    conn->closing = true;
    if (!now && conn->client.requests > 0 && conn->head_ms > now_ms)
        px_timer_start(loop, &conn->timer, conn->head_ms - now_ms);
    else if (conn->client.requests > 0 || now)
        px_h1_conn_close(conn, false);
    else
        px_timer_start(loop, &conn->timer, DRAIN_NEW_MS);
}

static void drain_busy(px_h1_conn *conn, bool now)
{
    conn->closing = true;
    if (!now)
        return;
    if (conn->state == PX_H1_BUSY)
        px_h1_conn_abort(conn, PX_ABORT_DRAIN);
    else
        px_h1_conn_close(conn, false);
}

/* The callbacks of one connection may close others, but only itself moves between lists here: so the list is
 * taken apart first and each connection goes back to it before anything is called. */
static void drain_list(px_loop *loop, px_list *list, const px_listener *listener, bool now)
{
    px_list seen;
    px_list_init(&seen);
    px_list_splice(&seen, list);
    while (!px_list_empty(&seen)) {
        px_h1_conn *conn = PX_CONTAINER(seen.next, px_h1_conn, link);
        px_list_unlink(&conn->link);
        px_list_append(list, &conn->link);
        if (conn->transport.loop != loop || (listener != NULL && conn->client.listener != listener))
            continue;
        if (list == &idle_list)
            drain_idle(loop, conn, now);
        else
            drain_busy(conn, now);
    }
}

void px_h1_server_drain(px_loop *loop, px_listener *listener, bool now)
{
    drain_list(loop, &busy_list, listener, now);
    drain_list(loop, &idle_list, listener, now);
}

static bool has_something_to_read(const px_h1_conn *conn)
{
    char byte;
    return !px_h1_input_empty(&conn->input) || recv(conn->client.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

uint32_t px_h1_server_close_idle(px_loop *loop, uint32_t count)
{
    uint32_t closed = 0;
    for (px_list *at = idle_list.next, *next; at != &idle_list && closed < count; at = next) {
        px_h1_conn *conn = PX_CONTAINER(at, px_h1_conn, link);
        next = at->next;
        if (conn->transport.loop != loop)
            break;
        if (conn->head_ms > px_loop_now_ms(loop) || has_something_to_read(conn)) /* keepalive_min_timeout */
            continue;
        px_h1_conn_close(conn, false);
        closed++;
    }
    return closed;
}

uint64_t px_h1_server_live(void)
{
    return live_count;
}

uint64_t px_h1_server_idle(void)
{
    return idle_count;
}

_Static_assert(sizeof(px_h1_conn) < 450, "an idle connection stays small");
