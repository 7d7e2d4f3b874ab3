/* See h1_server_private.h: what a client is sent. Everything is queued; one flush, at the end of the turn,
 * writes it (h1_server_flush.c). */
#include "http/h1_server_private.h"

static void wake(px_h1_conn *conn)
{
    px_loop_defer(conn->transport.loop, &conn->task);
}

/* ---- heads ---- */

static void status_line(px_h1_text *text, int status, px_slice reason)
{
    px_h1_text_literal(text, "HTTP/1.1 ");
    px_h1_text_uint(text, (uint64_t)status);
    px_h1_text_literal(text, " ");
    px_h1_text_slice(text, reason.len > 0 ? reason : px_status_reason(status));
    px_h1_text_literal(text, "\r\n");
}

/* Decides how the end of the answer will be told. */
static void choose_framing(px_h1_exchange *exchange, const px_response_head *head)
{
    bool length_known = head->content_length >= 0;
    if (head->status == 204 || head->status == 304 || head->status < 200)
        exchange->no_body = true;
    if (exchange->no_body)
        return;
    if (length_known)
        exchange->answer_left = (uint64_t)head->content_length;
    else if (exchange->http10 || !exchange->stream.settings->chunked)
        exchange->stream.keepalive = false;
    else
        exchange->chunked = true;
}

static void choose_keepalive(px_h1_conn *conn, const px_response_head *head)
{
    px_h1_exchange *exchange = conn->exchange;
    const px_h1_settings *settings = exchange->stream.settings;
    uint64_t age_ms = px_loop_now_ms(conn->transport.loop) - conn->client.started_ms;
    if (head->close || exchange->bad || !px_h1_conn_may_go_on(conn) || settings->keepalive_timeout == 0 ||
        conn->client.requests >= settings->keepalive_requests || age_ms > settings->keepalive_time)
        exchange->stream.keepalive = false;
}

/* The client may be waiting before it sends a body that nobody wants. To go on with the connection we must
 * know where the body ends, so it is told to send it (as nginx does), and DRAIN throws it away. Who is refused
 * or sent elsewhere is not invited: it sends the body all the same, or closes (RFC 9110 10.1.1). */
static void settle_expectation(px_h1_conn *conn, int status)
{
    px_h1_exchange *exchange = conn->exchange;
    if (!exchange->expect_continue || exchange->body_done)
        return;
    exchange->expect_continue = false;
    if (status < 300 && exchange->stream.keepalive && !exchange->stream.gone)
        px_h1_send_continue(conn);
}

static void content_length(px_h1_text *text, const px_h1_exchange *exchange, const px_response_head *head)
{
    if (head->content_length < 0 || head->status == 204 || head->status < 200)
        return;
    (void)exchange;
    px_h1_text_literal(text, "Content-Length: ");
    px_h1_text_uint(text, (uint64_t)head->content_length);
    px_h1_text_literal(text, "\r\n");
}

static void connection_headers(px_h1_text *text, const px_h1_exchange *exchange, const px_response_head *head)
{
    if (exchange->chunked)
        px_h1_text_literal(text, "Transfer-Encoding: chunked\r\n");
    if (head->upgrade) {
        px_h1_text_literal(text, "Connection: upgrade\r\n");
        return;
    }
    if (!exchange->stream.keepalive) {
        px_h1_text_literal(text, "Connection: close\r\n");
        return;
    }
    px_h1_text_literal(text, "Connection: keep-alive\r\n");
    uint64_t seconds = exchange->stream.settings->keepalive_header;
    if (seconds > 0) {
        px_h1_text_literal(text, "Keep-Alive: timeout=");
        px_h1_text_uint(text, seconds);
        px_h1_text_literal(text, "\r\n");
    }
}

/* The first headers, as far as they are of these, in front of Content-Length: nginx's order. */
static bool comes_first(uint16_t id)
{
    return id == PX_HEADER_SERVER || id == PX_HEADER_DATE || id == PX_HEADER_CONTENT_TYPE;
}

static void write_head(px_h1_exchange *exchange, const px_response_head *head)
{
    px_h1_text text = px_h1_text_begin(&exchange->output, 512);
    size_t before = exchange->output.queue.bytes;
    status_line(&text, head->status, head->reason);
    uint32_t i = 0;
    while (i < head->header_count && comes_first(head->headers[i].id))
        px_h1_text_header(&text, &head->headers[i++]);
    content_length(&text, exchange, head);
    connection_headers(&text, exchange, head);
    while (i < head->header_count)
        px_h1_text_header(&text, &head->headers[i++]);
    px_h1_text_literal(&text, "\r\n");
    px_h1_text_end(&text);
    exchange->stream.head_bytes += exchange->output.queue.bytes - before;
}

static void send_head(px_stream *stream, const px_response_head *head)
{
    px_h1_conn *conn = px_h1_stream_conn(stream);
    px_h1_exchange *exchange = conn->exchange;
    exchange->head_sent = true;
    choose_framing(exchange, head);
    choose_keepalive(conn, head);
    settle_expectation(conn, head->status);
    if (stream->gone)
        return;
    write_head(exchange, head);
    exchange->writable_owed = true;
    px_h1_set_unsent(exchange);
    wake(conn);
}

static void send_informational(px_stream *stream, const px_response_head *head)
{
    px_h1_conn *conn = px_h1_stream_conn(stream);
    px_h1_exchange *exchange = conn->exchange;
    if (exchange->http10 || stream->gone)
        return; /* RFC 9110 15.2: never to an HTTP/1.0 client */
    px_h1_text text = px_h1_text_begin(&exchange->output, 256);
    size_t before = exchange->output.queue.bytes;
    status_line(&text, head->status, head->reason);
    for (uint32_t i = 0; i < head->header_count; i++)
        px_h1_text_header(&text, &head->headers[i]);
    px_h1_text_literal(&text, "\r\n");
    px_h1_text_end(&text);
    stream->head_bytes += exchange->output.queue.bytes - before;
    px_h1_set_unsent(exchange);
    wake(conn);
}

void px_h1_send_continue(px_h1_conn *conn)
{
    px_slice line = PX_SLICE("HTTP/1.1 100 Continue\r\n\r\n");
    px_queue_push(&conn->exchange->output.queue, (px_piece){line.data, line.len, NULL});
    px_h1_set_unsent(conn->exchange);
    wake(conn);
}

/* ---- bodies ---- */

static void drop_pieces(px_piece *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        px_piece_release(&pieces[i]);
}

/* An answer never gets longer than its head says: what is over would be read as the next answer. */
static void send_counted(px_h1_exchange *exchange, px_piece *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (pieces[i].len > exchange->answer_left)
            pieces[i].len = (size_t)exchange->answer_left;
        exchange->answer_left -= pieces[i].len;
    }
    px_h1_output_pieces(&exchange->output, pieces, count);
}

/* No more comes from the Request. */
static void end_answer(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    exchange->last = true;
    exchange->wanted = 0;
    exchange->waiting = false;
    if (exchange->answer_left != UINT64_MAX && exchange->answer_left > 0)
        exchange->stream.keepalive = false; /* shorter than announced: only the end of the connection tells */
}

static void send_trailers(px_stream *stream, const px_header *headers, uint32_t count)
{
    px_h1_exchange *exchange = px_h1_stream_conn(stream)->exchange;
    exchange->trailers = headers;
    exchange->trailer_count = count;
}

static void send_chunk(px_h1_exchange *exchange, px_piece *pieces, uint32_t count, bool last)
{
    bool trailers = last && exchange->trailer_count > 0;
    px_h1_output_chunk(&exchange->output, pieces, count, last && !trailers);
    if (trailers)
        px_h1_output_trailers(&exchange->output, exchange->trailers, exchange->trailer_count);
}

static void send_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    px_h1_conn *conn = px_h1_stream_conn(stream);
    px_h1_exchange *exchange = conn->exchange;
    if (exchange->no_body || stream->gone)
        drop_pieces(pieces, count);
    else if (exchange->chunked)
        send_chunk(exchange, pieces, count, last);
    else if (exchange->answer_left != UINT64_MAX)
        send_counted(exchange, pieces, count);
    else
        px_h1_output_pieces(&exchange->output, pieces, count);
    if (last)
        end_answer(conn);
    exchange->writable_owed = true;
    px_h1_set_unsent(exchange);
    wake(conn);
}

static void truncate_answer(px_stream *stream)
{
    px_h1_conn *conn = px_h1_stream_conn(stream);
    stream->keepalive = false;
    end_answer(conn);
    wake(conn);
}

/* ---- the way out ---- */

static void reset(px_stream *stream)
{
    px_h1_conn *conn = px_h1_stream_conn(stream);
    stream->request = NULL;
    px_h1_conn_close(conn, stream->settings->reset_timedout);
}

static bool take_transport(px_stream *stream, px_transport *transport, void (*on_ready)(px_transport *),
                           px_queue *unsent, px_queue *early)
{
    px_h1_conn *conn = px_h1_stream_conn(stream);
    if (stream->gone)
        return false;
    px_h1_output_move(&conn->exchange->output, unsent);
    px_h1_input_move(&conn->input, early);
    px_transport_move(transport, &conn->transport, on_ready);
    stream->request = NULL;
    px_h1_conn_close(conn, false);
    return true;
}

const px_stream_ops px_h1_stream_ops = {
    .send_informational = send_informational,
    .send_head = send_head,
    .send_trailers = send_trailers,
    .send_body = send_body,
    .read_body = px_h1_stream_read_body,
    .reset = reset,
    .truncate = truncate_answer,
    .take_transport = take_transport,
};
