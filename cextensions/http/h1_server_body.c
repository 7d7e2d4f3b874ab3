/* See h1_server_private.h: the bodies of requests: given to a Request that asks, or thrown away behind one
 * that does not. */
#include "http/h1_server_private.h"

#include <stdio.h>

#define BODY_BLOCK_BYTES 65536u
#define BODY_PIECES 16

static px_io fill_body(px_h1_conn *conn, size_t max)
{
    px_h1_exchange *exchange = conn->exchange;
    if (exchange->stream.body > 0 && max > exchange->body_left)
        max = (size_t)exchange->body_left;
    size_t moved = 0;
    px_io io = px_h1_input_fill(&conn->input, &conn->transport, max, &moved);
    px_h1_spend(exchange, moved);
    if (moved > 0)
        exchange->resting = false;
    return io;
}

/* nginx refuses a chunk by what its first line says. Behind the answer nobody minds how much is thrown away. */
static bool chunk_fits(px_h1_exchange *exchange, uint64_t chunk, px_parse_error *error)
{
    static char text[96]; /* until the next such error */
    uint64_t most = exchange->stream.body_max;
    if (most == 0 || exchange->last || exchange->body_taken + chunk <= most)
        return true;
    snprintf(text, sizeof text, "client intended to send too large chunked body: %llu+%llu bytes",
             (unsigned long long)exchange->body_taken, (unsigned long long)chunk);
    *error = (px_parse_error){.status = 413, .text = text};
    return false;
}

static px_parse take_chunk(px_h1_exchange *exchange, px_slice *bytes, px_slice *data, px_parse_error *error)
{
    px_parse result = px_chunked_decode(&exchange->decoder, bytes, data, error);
    bool in_chunk = px_chunked_in_chunk(&exchange->decoder);
    if (result == PX_PARSE_BAD ||
        (in_chunk && !chunk_fits(exchange, data->len + exchange->decoder.left, error)))
        return PX_PARSE_BAD;
    exchange->body_taken += data->len;
    return result;
}

/* Takes at most max bytes of what was received. piece may come out empty: there was only framing. */
static px_parse take_body(px_h1_conn *conn, size_t max, px_piece *piece, px_parse_error *error)
{
    px_h1_exchange *exchange = conn->exchange;
    px_slice bytes = px_h1_input_view(&conn->input), data;
    if (bytes.len > max)
        bytes.len = max;
    const uint8_t *start = bytes.data;
    px_parse result = PX_PARSE_MORE;
    if (exchange->stream.body == PX_BODY_CHUNKED) {
        result = take_chunk(exchange, &bytes, &data, error);
        if (result == PX_PARSE_BAD)
            return result;
    } else {
        if (bytes.len > exchange->body_left)
            bytes.len = (size_t)exchange->body_left;
        data = bytes;
        bytes.data += bytes.len;
        exchange->body_left -= data.len;
        if (exchange->body_left == 0)
            result = PX_PARSE_DONE;
    }
    if (result == PX_PARSE_DONE)
        exchange->body_done = true;
    *piece = (px_piece){data.data, data.len, data.len > 0 ? px_block_ref(conn->input.block) : NULL};
    exchange->expect_continue = false;
    size_t used = (size_t)(bytes.data - start);
    exchange->stream.received += used;
    if (result == PX_PARSE_DONE)
        px_h1_input_consume(&conn->input, used);
    else
        px_h1_input_consume_body(&conn->input, used);
    return result;
}

/* The rest of the input has no meaning. gone: nor can the client be answered. */
static void body_broken(px_h1_conn *conn, int status, const char *text, bool gone)
{
    px_h1_exchange *exchange = conn->exchange;
    exchange->wanted = 0;
    exchange->bad = exchange->body_done = true;
    exchange->stream.gone = gone;
    conn->closing = true;
    if (gone)
        px_loop_defer(conn->transport.loop, &conn->task);
    px_h1_input_drop(&conn->input);
    exchange->stream.user->on_body_error(&exchange->stream, status, text);
}

void px_h1_body_timed_out(px_h1_conn *conn)
{
    body_broken(conn, 408, PX_H1_TIMEOUT_TEXT, true);
}

static void body_ended(px_h1_conn *conn, px_io io)
{
    conn->exchange->stream.client_ended = true;
    body_broken(conn, 400, io == PX_IO_END ? PX_H1_CLOSED_TEXT : PX_H1_RESET_TEXT, true);
}

/* Nothing is there to be read: a client that is silent costs no block, once the flush of this turn has
 * written what still holds it. */
static void rest(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    if (px_h1_input_rest(&conn->input) || exchange->resting)
        return;
    exchange->resting = true;
    px_loop_defer(conn->transport.loop, &conn->task);
}

static void wait_for_body(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    rest(conn);
    if (exchange->expect_continue) {
        exchange->expect_continue = false;
        px_h1_send_continue(conn);
    }
    exchange->waiting = true;
    px_timer_start(conn->transport.loop, &conn->timer, exchange->stream.settings->client_body_timeout);
}

/* Collects what there is, from the block and then from the socket. */
static px_io collect_body(px_h1_conn *conn, px_piece *pieces, uint32_t *count, px_parse_error *error,
                          bool *bad)
{
    px_h1_exchange *exchange = conn->exchange;
    size_t bytes = 0;
    while (!exchange->body_done && bytes < exchange->wanted && *count < BODY_PIECES) {
        if (px_h1_input_empty(&conn->input)) {
            px_io io = conn->transport.readable || conn->transport.read_ended
                           ? fill_body(conn, exchange->wanted - bytes)
                           : PX_IO_AGAIN;
            if (io != PX_IO_OK)
                return io;
        }
        px_piece *piece = &pieces[*count];
        if (take_body(conn, exchange->wanted - bytes, piece, error) == PX_PARSE_BAD) {
            *bad = true;
            return PX_IO_OK;
        }
        bytes += piece->len;
        *count += piece->len > 0;
    }
    return PX_IO_OK;
}

void px_h1_deliver_body(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    if (px_h1_spend(exchange, 0)) {
        px_loop_next_turn(conn->transport.loop, &conn->task);
        return;
    }
    exchange->waiting = false;
    px_piece pieces[BODY_PIECES];
    uint32_t count = 0;
    px_parse_error error;
    bool bad = false;
    px_io io = collect_body(conn, pieces, &count, &error, &bad);
    if (bad) {
        while (count > 0)
            px_piece_release(&pieces[--count]);
        body_broken(conn, error.status, error.text, false);
    } else if (count > 0 || exchange->body_done) {
        exchange->wanted = 0;
        exchange->stream.user->on_body(&exchange->stream, pieces, count, exchange->body_done);
    } else if (io == PX_IO_AGAIN) {
        wait_for_body(conn);
    } else {
        body_ended(conn, io);
    }
}

void px_h1_stream_read_body(px_stream *stream, size_t max_bytes)
{
    px_h1_conn *conn = px_h1_stream_conn(stream);
    px_h1_exchange *exchange = conn->exchange;
    if (stream->gone)
        return;
    exchange->wanted = max_bytes > 0 ? max_bytes : 1;
    if (px_h1_spend(exchange, 0))
        px_loop_next_turn(conn->transport.loop, &conn->task);
    else
        px_loop_defer(conn->transport.loop, &conn->task);
}

static void give_up_input(px_h1_conn *conn)
{
    conn->exchange->body_done = conn->exchange->bad = true;
    conn->closing = true;
    px_h1_input_drop(&conn->input);
}

void px_h1_discard_body(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    uint64_t received = exchange->stream.received; /* what is thrown away does not count, as in nginx */
    while (!exchange->body_done) {
        if (px_h1_spend(exchange, 0)) {
            px_loop_next_turn(conn->transport.loop, &conn->task);
            break;
        }
        if (px_h1_input_empty(&conn->input)) {
            if (!conn->transport.readable && !conn->transport.read_ended)
                break;
            px_io io = fill_body(conn, BODY_BLOCK_BYTES);
            if (io == PX_IO_AGAIN)
                break;
            if (io != PX_IO_OK) {
                give_up_input(conn);
                break;
            }
        }
        px_piece piece;
        px_parse_error error;
        if (take_body(conn, BODY_BLOCK_BYTES, &piece, &error) == PX_PARSE_BAD)
            give_up_input(conn);
        else
            px_piece_release(&piece);
    }
    px_h1_input_rest(&conn->input);
    exchange->stream.received = received;
}
