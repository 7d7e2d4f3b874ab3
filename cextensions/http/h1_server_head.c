/* See h1_server_private.h: the heads of requests. Received bytes stay where they were read: a head, its body
 * and the requests behind it are slices of shared blocks; only a head that does not fit into the rest of its
 * block is copied, once. */
#include "http/h1_server_private.h"

#define READS_AT_ONCE (PX_EVENT_BUDGET_BYTES / PX_H1_HEAD_READ_BYTES)

/* ---- reading ---- */

static size_t head_limit(const px_h1_settings *settings)
{
    return settings->header_buffer_bytes +
           (size_t)settings->large_buffer_count * settings->large_buffer_bytes;
}

/* Room behind `end` for a head that is not complete: in the same block, or in a larger one. Others may hold
 * slices of the block, so nothing is moved within it. */
static void make_room(px_h1_conn *conn, const px_h1_settings *settings)
{
    px_block *old = conn->input.block;
    uint32_t len = conn->input.end - conn->input.pos;
    if (old != NULL && conn->input.end < old->size &&
        (conn->input.pos == 0 || old->size - conn->input.end >= 512))
        return;
    size_t size = len < PX_H1_HEAD_READ_BYTES / 2 ? PX_H1_HEAD_READ_BYTES : 2 * (size_t)len;
    size_t limit = head_limit(settings) + 1;
    if (size > limit && limit > len)
        size = limit;
    if (size < PX_H1_HEAD_READ_BYTES)
        size = PX_H1_HEAD_READ_BYTES;
    conn->input.block = px_block_take(size);
    if (old != NULL)
        memcpy(conn->input.block->data, old->data + conn->input.pos, len);
    conn->input.pos = 0;
    conn->input.end = len;
    px_block_release(&old);
}

static px_io fill_head(px_h1_conn *conn)
{
    make_room(conn, px_h1_conn_settings(conn));
    size_t moved = 0;
    px_io io = px_transport_read(&conn->transport, conn->input.block->data + conn->input.end,
                                 conn->input.block->size - conn->input.end, &moved);
    conn->input.end += (uint32_t)moved;
    if (px_h1_input_empty(&conn->input))
        px_h1_input_drop(&conn->input);
    return io;
}

/* ---- what a head starts ---- */

static void forget_head(px_h1_conn *conn)
{
    conn->scanned = 0;
    conn->line = 0;
    conn->room = 0;
    conn->buffers = 0;
}

static px_h1_exchange *begin_exchange(px_h1_conn *conn, bool pipelined)
{
    uint64_t now_ms = px_loop_now_ms(conn->transport.loop);
    uint64_t started_ms = conn->state == PX_H1_HEAD ? conn->head_ms : now_ms;
    px_h1_conn_set_idle(conn, false);
    conn->state = PX_H1_BUSY;
    conn->client.requests++;
    px_h1_exchange *exchange = px_h1_exchange_new(conn);
    exchange->stream.started_ms = started_ms;
    exchange->stream.pipelined = pipelined;
    return exchange;
}

/* What is there of the request line. */
static px_slice first_line(px_slice bytes)
{
    const uint8_t *end = bytes.len > 0 ? memchr(bytes.data, '\n', bytes.len) : NULL;
    if (end == NULL)
        return bytes;
    size_t len = (size_t)(end - bytes.data);
    return px_slice_from(bytes.data, len > 0 && bytes.data[len - 1] == '\r' ? len - 1 : len);
}

/* What $request shows: of a line that is too long what fits into nginx's buffer. */
static px_slice shown_line(const px_h1_settings *settings, px_slice bytes, const px_parse_error *error)
{
    px_slice line = first_line(bytes);
    size_t most =
        settings->large_buffer_count > 0 ? settings->large_buffer_bytes : settings->header_buffer_bytes;
    if (error->status == 414 && line.len > most)
        line.len = most;
    return line;
}

/* What $request_length says of it: all whole lines, or those in front of one that is no header. A header that
 * is repeated is one. */
static size_t good_lines(px_slice bytes, const px_parse_error *error)
{
    if (error->activity != NULL && strcmp(error->activity, PX_H1_READING_LINE) == 0)
        return 0;
    const uint8_t *where = error->where.data;
    if (error->previous.len > 0) {
        const uint8_t *end = memchr(where, '\n', (size_t)(bytes.data + bytes.len - where));
        bytes.len = end != NULL ? (size_t)(end - bytes.data) + 1 : bytes.len;
    } else if (where > bytes.data && where < bytes.data + bytes.len && where[-1] == '\n') {
        bytes.len = (size_t)(where - bytes.data);
    }
    const uint8_t *last = bytes.len > 0 ? memrchr(bytes.data, '\n', bytes.len) : NULL;
    return last != NULL ? (size_t)(last - bytes.data) + 1 : 0;
}

/* Who asked for a head reads no body, even if the rest of the request was none. */
static bool asks_for_head(px_slice bytes)
{
    return bytes.len >= 5 && memcmp(bytes.data, "HEAD ", 5) == 0;
}

/* No request can be made of what came (bytes: the head, as far as it is there). Nothing that follows it is
 * looked at. */
static void refuse(px_h1_conn *conn, px_slice bytes, const px_parse_error *error, bool gone)
{
    px_h1_exchange *exchange = begin_exchange(conn, conn->burst > 0);
    exchange->bad = exchange->body_done = true;
    exchange->no_body = asks_for_head(bytes);
    conn->closing = true;
    exchange->stream.received = good_lines(bytes, error);
    exchange->stream.gone = gone;
    exchange->stream.client_ended = conn->transport.read_ended;
    if (gone)
        px_loop_defer(conn->transport.loop, &conn->task);
    exchange->stream.user->on_bad_request(
        &exchange->stream, error, shown_line(px_h1_conn_settings(conn), bytes, error), conn->input.block);
    if (conn->state != PX_H1_CLOSED)
        px_h1_input_drop(&conn->input);
}

static void start_request(px_h1_conn *conn, const px_request_head *head, size_t head_len)
{
    px_h1_exchange *exchange = begin_exchange(conn, conn->burst > 0);
    px_stream *stream = &exchange->stream;
    exchange->http10 = head->minor_version < 1;
    exchange->no_body = head->method == PX_METHOD_HEAD;
    exchange->expect_continue = head->expect_continue && !exchange->http10;
    exchange->body_done = head->body == 0;
    exchange->body_left = head->body > 0 ? (uint64_t)head->body : 0;
    if (head->body == PX_BODY_CHUNKED)
        px_chunked_init(&exchange->decoder);
    stream->body = head->body;
    stream->received = head_len;
    stream->keepalive = head->keepalive;
    /* To see whether the client left, after the answer had its chance. */
    if (conn->transport.peer_ended)
        px_loop_defer(conn->transport.loop, &conn->task);
    px_block *block = px_block_ref(conn->input.block);
    px_h1_input_consume(&conn->input, head_len);
    stream->user->on_request(stream, head, block);
    px_block_release(&block);
}

static void parse_head(px_h1_conn *conn, px_slice bytes)
{
    /* The callee copies what it keeps, and nothing else is parsed meanwhile. */
    static px_header headers[PX_MAX_HEADERS];
    px_request_head head;
    px_parse_error error;
    if (px_h1_parse_request(bytes, headers, &head, &error) == PX_PARSE_DONE)
        start_request(conn, &head, bytes.len);
    else
        refuse(conn, bytes, &error, false);
}

/* Empty lines in front of a request line (RFC 9112 2.2). */
static void skip_empty_lines(px_h1_conn *conn)
{
    px_slice bytes = px_h1_input_view(&conn->input);
    size_t n = 0;
    while (n < bytes.len) {
        if (bytes.data[n] == '\n')
            n++;
        else if (bytes.data[n] == '\r' && n + 1 < bytes.len && bytes.data[n + 1] == '\n')
            n += 2;
        else
            break;
    }
    if (n > 0)
        px_h1_input_consume(&conn->input, n);
}

/* False: more bytes are needed. */
static bool look_for_head(px_h1_conn *conn)
{
    if (conn->scanned == 0)
        skip_empty_lines(conn);
    px_slice bytes = px_h1_input_view(&conn->input);
    if (bytes.len == 0 || (bytes.len == 1 && bytes.data[0] == '\r')) /* perhaps an empty line */
        return false;
    px_parse_error error;
    size_t len = px_h1_find_end(bytes, &conn->scanned);
    px_slice head = {bytes.data, len > 0 ? len : bytes.len};
    if (!px_h1_head_fits(conn, head, &error) ||
        (len == 0 && px_h1_check_partial(bytes, &error) == PX_PARSE_BAD)) {
        forget_head(conn);
        refuse(conn, head, &error, false);
        return true;
    }
    if (len == 0)
        return false;
    forget_head(conn);
    parse_head(conn, head);
    return true;
}

static void wait_for_head(px_h1_conn *conn)
{
    if (conn->state == PX_H1_HEAD || px_h1_input_empty(&conn->input))
        return;
    px_h1_conn_set_idle(conn, false);
    conn->state = PX_H1_HEAD;
    conn->head_ms = px_loop_now_ms(conn->transport.loop);
    px_timer_start(conn->transport.loop, &conn->timer, px_h1_conn_settings(conn)->client_header_timeout);
}

/* Where the connection was accepted, as nginx writes it: the address of the listening socket. */
static px_slice listening_at(const px_h1_conn *conn, px_arena *arena)
{
    px_address address = {.len = sizeof address.local};
    if (getsockname(conn->client.listener->fd, &address.any, &address.len) < 0)
        return PX_SLICE("");
    px_slice host = px_address_host(&address, arena);
    px_buffer text;
    px_buffer_init(&text, arena, 64);
    bool bracket = address.any.sa_family == AF_INET6;
    px_buffer_append(&text, "[", bracket);
    px_buffer_slice(&text, host);
    px_buffer_append(&text, "]", bracket);
    if (address.any.sa_family == AF_UNIX) {
        px_buffer_append(&text, address.local.sun_path,
                         strnlen(address.local.sun_path, sizeof address.local.sun_path));
        return px_buffer_view(&text);
    }
    px_buffer_byte(&text, ':');
    px_buffer_uint(&text, px_address_port(&address));
    return px_buffer_view(&text);
}

void px_h1_log_waiting(const px_h1_conn *conn, const char *what)
{
    const px_log *log = px_h1_conn_settings(conn)->log;
    if (log->level < PX_LOG_INFO)
        return;
    px_arena arena;
    px_arena_init(&arena, 1024);
    px_slice server = listening_at(conn, &arena);
    px_log_write(log, PX_LOG_INFO, conn->client.number,
                 "%s while waiting for request, client: %.*s, server: %.*s", what,
                 PX_SLICE_ARGS(conn->client.address_text), PX_SLICE_ARGS(server));
    px_arena_clear(&arena);
}

static void log_closed(const px_h1_conn *conn)
{
    if (conn->client.requests == 0)
        px_h1_log_waiting(conn, "client closed connection");
    else
        px_log_at(px_h1_conn_settings(conn)->log, PX_LOG_INFO, conn->client.number,
                  "client %.*s closed keepalive connection", PX_SLICE_ARGS(conn->client.address_text));
}

/* A head whose rest will not come. */
static void give_up_head(px_h1_conn *conn, int status, const char *text)
{
    px_slice bytes = px_h1_input_view(&conn->input);
    bool in_line = memchr(bytes.data, '\n', bytes.len) == NULL;
    px_parse_error error = {
        .status = status, .text = text, .activity = in_line ? PX_H1_READING_LINE : PX_H1_READING_HEADERS};
    forget_head(conn);
    refuse(conn, bytes, &error, true);
}

static void ended_before_head(px_h1_conn *conn, px_io io)
{
    if (px_h1_input_empty(&conn->input)) {
        log_closed(conn);
        px_h1_conn_close(conn, false);
        return;
    }
    give_up_head(conn, 400, io == PX_IO_END ? PX_H1_CLOSED_TEXT : PX_H1_RESET_TEXT);
}

void px_h1_head_timed_out(px_h1_conn *conn)
{
    give_up_head(conn, 408, PX_H1_TIMEOUT_TEXT);
}

void px_h1_next_head(px_h1_conn *conn)
{
    for (unsigned reads = 0; !look_for_head(conn); reads++) {
        if (reads == READS_AT_ONCE) { /* empty lines without end, or a head as long as they may be */
            wait_for_head(conn);
            px_loop_next_turn(conn->transport.loop, &conn->task);
            return;
        }
        px_io io = conn->transport.readable ? fill_head(conn) : PX_IO_AGAIN;
        if (io == PX_IO_AGAIN) {
            wait_for_head(conn);
            return;
        }
        if (io != PX_IO_OK) {
            ended_before_head(conn, io);
            return;
        }
    }
}
