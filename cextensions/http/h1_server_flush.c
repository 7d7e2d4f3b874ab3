/* See h1_server_private.h: what was queued for a client goes to the kernel, at the rate that is allowed, and
 * what follows from that: the Request may go on, its client is slow or gone, the answer is done. */
#include "http/h1_server_private.h"

static void wait_for_kernel(px_h1_conn *conn, size_t moved)
{
    px_h1_exchange *exchange = conn->exchange;
    px_loop *loop = conn->transport.loop;
    if (exchange->delayed)
        return;
    if (conn->transport.writable)
        px_loop_next_turn(loop, &conn->task);
    if (moved > 0 || !px_timer_running(&exchange->send_timer))
        px_timer_start(loop, &exchange->send_timer, exchange->stream.settings->send_timeout);
}

/* The client takes no more for now. */
static void tell_blocked(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    px_stream *stream = &exchange->stream;
    if (stream->blocked || !exchange->writable_owed || (conn->transport.writable && !exchange->delayed))
        return;
    stream->blocked = true;
    if (stream->user->on_blocked != NULL)
        stream->user->on_blocked(stream);
}

static void answer_done(px_h1_conn *conn)
{
    px_stream *stream = &conn->exchange->stream;
    const px_h1_settings *settings = stream->settings; /* the Request's: may be gone after on_done */
    px_h1_waits waits = {.keepalive = settings->keepalive_timeout,
                         .keepalive_min = settings->keepalive_min,
                         .lingering_time = settings->lingering_time,
                         .lingering_timeout = settings->lingering_timeout,
                         .lingering_close = settings->lingering_close};
    conn->exchange->over = true;
    stream->user->on_done(stream);
    if (conn->state == PX_H1_CLOSED)
        return;
    stream->request = NULL;
    stream->settings = NULL;
    px_h1_after_answer(conn, &waits);
}

/* All that was queued is with the kernel. */
static void queue_empty(px_h1_conn *conn, bool budget_used)
{
    px_h1_exchange *exchange = conn->exchange;
    /* The next wait has its own time: it may begin with a write that moves nothing. */
    if (px_timer_running(&exchange->send_timer) && !exchange->delayed)
        px_timer_stop(conn->transport.loop, &exchange->send_timer);
    if (exchange->last) {
        answer_done(conn);
        return;
    }
    if (!exchange->writable_owed)
        return;
    if (budget_used) {
        px_loop_next_turn(conn->transport.loop, &conn->task);
        return;
    }
    exchange->writable_owed = exchange->stream.blocked = false;
    exchange->stream.user->on_writable(&exchange->stream);
}

static void write_failed(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    exchange->stream.file_error = exchange->output.file_error;
    px_h1_conn_abort(conn, exchange->output.file_error != PX_H1_FILE_FINE ? PX_ABORT_FILE : PX_ABORT_RESET);
}

/* limit_rate: nothing goes out until so much time is over. */
static void delay(px_h1_exchange *exchange, uint64_t ms)
{
    exchange->delayed = true;
    px_timer_start(exchange->stream.loop, &exchange->send_timer, ms);
}

/* How much of what is queued may go now; 0: a pause began. */
static size_t allowed(px_h1_exchange *exchange)
{
    const px_stream *stream = &exchange->stream;
    if (stream->rate.bytes == 0 || exchange->output.queue.bytes == 0)
        return PX_EVENT_BUDGET_BYTES;
    int64_t bytes = px_rate_allows(&stream->rate, stream->sent, px_loop_now_ms(stream->loop));
    if (bytes > 0)
        /* Less than all of the budget: then sendfile goes no further. */
        return bytes < (int64_t)PX_EVENT_BUDGET_BYTES ? (size_t)bytes : PX_EVENT_BUDGET_BYTES - 1;
    delay(exchange, (uint64_t)-bytes);
    return 0;
}

/* Behind what was moved there may be a pause; not in front of the end. */
static void slow_down(px_h1_exchange *exchange, size_t moved)
{
    const px_stream *stream = &exchange->stream;
    bool ends = exchange->last && exchange->output.queue.bytes == 0;
    if (stream->rate.bytes == 0 || moved == 0 || ends)
        return;
    uint64_t ms = px_rate_pause(&stream->rate, stream->sent - moved, stream->sent);
    if (ms > 0)
        delay(exchange, ms);
}

void px_h1_flush(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    size_t moved = 0, limit = exchange->delayed ? 0 : allowed(exchange);
    if (limit == 0) {
        if (exchange->output.queue.bytes > 0)
            tell_blocked(conn);
        return;
    }
    px_io io = px_h1_output_write(&exchange->output, &conn->transport, &exchange->stream.settings->files,
                                  limit, &moved);
    exchange->stream.sent += moved;
    px_h1_set_unsent(exchange);
    if (io != PX_IO_ERROR)
        slow_down(exchange, moved);
    if (io == PX_IO_ERROR) {
        write_failed(conn);
    } else if (exchange->output.queue.bytes > 0) {
        wait_for_kernel(conn, moved);
        tell_blocked(conn);
    } else {
        queue_empty(conn, px_h1_spend(exchange, moved));
    }
}
