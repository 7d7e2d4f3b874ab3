/* See h1_server_private.h: what becomes of a connection after an answer. A client that is still sending when
 * the connection is closed is sent RST by the kernel, which may take the answer from it before it was read:
 * so what it sends is read and thrown away for a while, either to go on with the connection (DRAIN) or after
 * a FIN of ours (LINGER). */
#include "http/h1_server_private.h"

#define SCRATCH_BYTES 65536

static uint8_t scratch[SCRATCH_BYTES]; /* for bytes that nobody looks at */

static void restart_linger_timer(px_h1_conn *conn)
{
    px_loop *loop = conn->transport.loop;
    uint64_t now_ms = px_loop_now_ms(loop);
    uint64_t left_ms = conn->linger_until > now_ms ? conn->linger_until - now_ms : 0;
    px_timer_start(loop, &conn->timer, left_ms < conn->linger_pause ? left_ms : conn->linger_pause);
}

static bool linger_over(const px_h1_conn *conn)
{
    return px_loop_now_ms(conn->transport.loop) >= conn->linger_until;
}

static void begin_linger(px_h1_conn *conn)
{
    px_h1_exchange_end(conn);
    px_h1_input_drop(&conn->input);
    conn->state = PX_H1_LINGER;
    px_h1_count_waiting(1);
    px_transport_shutdown_write(&conn->transport);
    restart_linger_timer(conn);
    px_h1_linger_event(conn);
}

static void go_idle(px_h1_conn *conn, uint64_t timeout_ms, uint64_t min_ms)
{
    px_loop *loop = conn->transport.loop;
    px_h1_exchange_end(conn);
    if (conn->state == PX_H1_DRAIN)
        px_h1_count_waiting(-1);
    px_h1_conn_set_idle(conn, true);
    conn->state = PX_H1_IDLE;
    conn->scanned = 0;
    conn->line = conn->room = conn->buffers = 0;
    conn->head_ms = px_loop_now_ms(loop) + min_ms;
    px_timer_start(loop, &conn->timer, timeout_ms);
    if (px_h1_input_empty(&conn->input))
        px_h1_input_drop(&conn->input);
    if (px_h1_input_empty(&conn->input) && !conn->transport.readable)
        return;
    if (++conn->burst % PX_H1_BURST == 0)
        px_loop_next_turn(loop, &conn->task);
    else
        px_loop_defer(loop, &conn->task);
}

/* Bytes of the client wait to be read, or more may be on their way: surely so behind what made no sense. */
static bool client_still_sends(const px_h1_conn *conn)
{
    const px_h1_exchange *exchange = conn->exchange;
    bool unread = !px_h1_input_empty(&conn->input) || conn->transport.readable;
    return !conn->transport.read_ended && (!exchange->body_done || exchange->bad || unread);
}

static bool lingers(const px_h1_conn *conn, const px_h1_waits *waits)
{
    if (waits->lingering_close == PX_LINGERING_ALWAYS)
        return !conn->transport.read_ended;
    return waits->lingering_close == PX_LINGERING_ON && client_still_sends(conn);
}

void px_h1_after_answer(px_h1_conn *conn, const px_h1_waits *waits)
{
    px_h1_exchange *exchange = conn->exchange;
    bool keep = exchange->stream.keepalive && !conn->closing;
    if (keep && exchange->body_done) {
        go_idle(conn, waits->keepalive, waits->keepalive_min);
        return;
    }
    if (keep ? !client_still_sends(conn) : !lingers(conn, waits)) {
        px_h1_conn_close(conn, false);
        return;
    }
    conn->linger_until = px_loop_now_ms(conn->transport.loop) + waits->lingering_time;
    conn->linger_pause = waits->lingering_timeout;
    conn->keepalive = waits->keepalive;
    conn->keepalive_min = waits->keepalive_min;
    if (!keep) {
        begin_linger(conn);
        return;
    }
    conn->state = PX_H1_DRAIN;
    px_h1_count_waiting(1);
    restart_linger_timer(conn);
    px_h1_linger_event(conn);
}

static void drain(px_h1_conn *conn)
{
    px_h1_discard_body(conn);
    if (!conn->exchange->body_done) {
        if (linger_over(conn))
            px_h1_conn_close(conn, false);
        else
            restart_linger_timer(conn);
    } else if (conn->closing) {
        px_h1_conn_close(conn, false);
    } else {
        go_idle(conn, conn->keepalive, conn->keepalive_min);
    }
}

static void linger(px_h1_conn *conn)
{
    for (size_t total = 0; total < PX_EVENT_BUDGET_BYTES;) {
        size_t moved = 0;
        px_io io = px_transport_read(&conn->transport, scratch, sizeof scratch, &moved);
        if (io == PX_IO_AGAIN) {
            restart_linger_timer(conn);
            return;
        }
        if (io != PX_IO_OK || linger_over(conn)) {
            px_h1_conn_close(conn, false);
            return;
        }
        total += moved;
    }
    restart_linger_timer(conn);
    px_loop_next_turn(conn->transport.loop, &conn->task);
}

void px_h1_linger_event(px_h1_conn *conn)
{
    if (conn->state == PX_H1_DRAIN)
        drain(conn);
    else
        linger(conn);
}
