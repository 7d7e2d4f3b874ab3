/* See h1_client_private.h: the answer. Bytes stay in the block into which they were read; heads and pieces of
 * bodies are slices of it. */
#include "base/pipe.h"
#include "http/h1_client_private.h"

#define BODY_PIECES 16
#define READ_MAX_BYTES 65536u
/* A peer may say "still at it" (102) for hours, but not for ever: each of them starts read_timeout anew. */
#define INFORMATIONAL_MOST 1000

/* The answer is complete; the callback that says so may park, restart or close the client. */
static void finish(px_h1_client *client)
{
    px_block_release(&client->pipe);
    if (px_h1_input_empty(&client->input))
        px_h1_input_drop(&client->input);
    client->state = PX_CLIENT_DONE;
    client->reading = false;
    client->exchanges++;
}

/* ---- head ---- */

static size_t head_block_bytes(const px_h1_client *client)
{
    size_t bytes = client->limits.head_bytes;
    return bytes > PX_H1_ANSWER_READ_BYTES ? bytes : PX_H1_ANSWER_READ_BYTES;
}

/* A block with room behind `end`. A head is never longer than head_bytes, so that a block of its own has room
 * for it. */
static void make_room_for_head(px_h1_client *client)
{
    px_block *old = client->input.block;
    if (old != NULL && client->input.end < old->size)
        return;
    uint32_t len = client->input.end - client->input.pos;
    client->input.block = px_block_take(head_block_bytes(client) + 1);
    if (len > 0)
        memcpy(client->input.block->data, old->data + client->input.pos, len);
    client->input.pos = 0;
    client->input.end = len;
    px_block_release(&old);
}

/* Fields behind a body may be as long as those in front of it. */
static void begin_chunked(px_h1_client *client)
{
    px_chunked_init(&client->decoder);
    client->decoder.padded_sizes = true;
    if (!client->trailers_wanted)
        return;
    client->trailers = px_block_take(client->limits.head_bytes);
    client->decoder.trailers = client->trailers->data;
    client->decoder.trailers_room = client->limits.head_bytes;
}

/* The framing of the body, adjusted for answers that never have one (RFC 9112 6.3). */
static void set_framing(px_h1_client *client, const px_response_head_in *head)
{
    bool none = client->no_body || head->status == 204 || head->status == 304;
    client->body = none ? 0 : head->body;
    client->body_left = client->body > 0 ? (uint64_t)client->body : 0;
    /* An HTTP/1.0 peer that says keep-alive is not believed, as in nginx. */
    client->keepalive = head->keepalive && head->minor_version > 0 && client->body != PX_BODY_UNTIL_CLOSE;
    if (client->body == PX_BODY_CHUNKED)
        begin_chunked(client);
}

static void upgraded(px_h1_client *client, const px_response_head_in *head, px_block *block)
{
    if (!client->upgrade || !head->upgrade) {
        px_h1_client_fail(client, PX_FAIL_INVALID, 0,
                          "upstream sent 101 Switching Protocols that was not asked for");
        return;
    }
    /* RFC 9110 7.8: the new protocol begins behind the request, so all of it must have gone. */
    if (!client->request_done || client->output.queue.bytes > 0 || client->send_failed) {
        px_h1_client_fail(client, PX_FAIL_INVALID, 0,
                          "upstream sent 101 Switching Protocols before it had the whole request");
        return;
    }
    client->phase = PX_ANSWER_UPGRADED;
    client->reading = false;
    client->user->on_head(client, head, block, false);
}

static void final_head(px_h1_client *client, const px_response_head_in *head, px_block *block)
{
    set_framing(client, head);
    if (client->body == 0)
        finish(client);
    else
        client->phase = PX_ANSWER_BODY;
    client->user->on_head(client, head, block, client->body != 0);
}

static void informational_head(px_h1_client *client, const px_response_head_in *head)
{
    if (++client->informational > INFORMATIONAL_MOST)
        px_h1_client_fail(client, PX_FAIL_INVALID, 0, "upstream sent too many informational responses");
    else if (client->user->on_informational != NULL)
        client->user->on_informational(client, head);
}

/* What is wrong with it stays readable until on_failure has seen it. */
static void refuse_head(px_h1_client *client, const px_parse_error *error)
{
    px_block *block = px_block_ref(client->input.block);
    client->bad = error->where;
    px_h1_client_fail(client, PX_FAIL_INVALID, 0, error->text);
    px_block_release(&block);
}

static void take_head(px_h1_client *client, size_t len)
{
    /* The callee copies what it keeps, and nothing else is parsed meanwhile. */
    static px_header headers[PX_MAX_HEADERS];
    px_response_head_in head;
    px_parse_error error;
    px_slice bytes = {client->input.block->data + client->input.pos, len};
    if (px_h1_parse_response(bytes, headers, &head, &error) != PX_PARSE_DONE) {
        refuse_head(client, &error);
        return;
    }
    px_block *block = px_block_ref(client->input.block); /* the callbacks may close the client */
    client->scanned = 0;
    px_h1_input_consume(&client->input, len);
    if (head.status == 101)
        upgraded(client, &head, block);
    else if (head.status >= 200)
        final_head(client, &head, block);
    else
        informational_head(client, &head);
    px_block_release(&block);
}

/* False: more bytes are needed. */
static bool look_for_head(px_h1_client *client)
{
    if (px_h1_input_empty(&client->input))
        return false;
    px_slice bytes = {client->input.block->data + client->input.pos, client->input.end - client->input.pos};
    size_t len = px_h1_find_end(bytes, &client->scanned);
    px_parse_error error;
    if (len == 0 && px_h1_check_partial_response(bytes, &error) == PX_PARSE_BAD)
        refuse_head(client, &error);
    else if ((len > 0 ? len : bytes.len) > client->limits.head_bytes)
        px_h1_client_fail(client, PX_FAIL_HEAD_TOO_LARGE, 0, NULL);
    else if (len == 0)
        return false;
    else
        take_head(client, len);
    return true;
}

/* ---- body ---- */

static void deliver(px_h1_client *client, px_piece *pieces, uint32_t count, bool last)
{
    if (last)
        finish(client);
    if (count > 0 || last)
        client->user->on_body(client, pieces, count, last);
}

static px_piece piece_of(px_h1_client *client, px_slice data)
{
    return (px_piece){data.data, data.len, px_block_ref(client->input.block)};
}

static void deliver_chunked(px_h1_client *client)
{
    px_slice bytes = {client->input.block->data + client->input.pos, client->input.end - client->input.pos},
             data;
    const uint8_t *start = bytes.data;
    px_piece pieces[BODY_PIECES];
    px_parse_error error;
    px_parse result = PX_PARSE_MORE;
    uint32_t count = 0;
    while (result == PX_PARSE_MORE && bytes.len > 0 && count < BODY_PIECES) {
        result = px_chunked_decode(&client->decoder, &bytes, &data, &error);
        if (result != PX_PARSE_BAD && data.len > 0)
            pieces[count++] = piece_of(client, data);
    }
    if (result == PX_PARSE_BAD) {
        while (count > 0)
            px_piece_release(&pieces[--count]);
        px_h1_client_fail(client, PX_FAIL_INVALID, 0, "upstream sent invalid chunked response");
        return;
    }
    px_h1_input_consume_body(&client->input, (size_t)(bytes.data - start));
    deliver(client, pieces, count, result == PX_PARSE_DONE);
}

static void deliver_plain(px_h1_client *client)
{
    px_slice data = {client->input.block->data + client->input.pos, client->input.end - client->input.pos};
    bool last = false;
    if (client->body >= 0) {
        if (data.len > client->body_left)
            data.len = (size_t)client->body_left;
        client->body_left -= data.len;
        last = client->body_left == 0;
    }
    px_piece piece = piece_of(client, data);
    px_h1_input_consume_body(&client->input, data.len);
    deliver(client, &piece, 1, last);
}

/* ---- reading ---- */

static px_io fill_head(px_h1_client *client, size_t *moved)
{
    make_room_for_head(client);
    px_h1_input *input = &client->input;
    px_io io = px_transport_read(&client->transport, input->block->data + input->end,
                                 input->block->size - input->end, moved);
    input->end += (uint32_t)*moved;
    if (px_h1_input_empty(input))
        px_h1_input_drop(input);
    return io;
}

static px_io fill_body(px_h1_client *client, size_t *moved)
{
    size_t want = client->limits.read_bytes > 0 ? client->limits.read_bytes : READ_MAX_BYTES;
    if (client->body > 0 && want > client->body_left)
        want = (size_t)client->body_left;
    return px_h1_input_fill(&client->input, &client->transport, want, moved);
}

/* ---- splicing ---- */

/* Measured on loopback: with 32 KB to come it costs the same as reading; with 1 MB a quarter. */
#define SPLICE_LEAST_BYTES 65536u

bool px_h1_client_may_splice(const px_h1_client *client)
{
    return client->state == PX_CLIENT_ACTIVE && client->phase == PX_ANSWER_BODY &&
           client->transport.ops->splice_in != NULL &&
           (client->body == PX_BODY_UNTIL_CLOSE ||
            (client->body > 0 && client->body_left >= SPLICE_LEAST_BYTES));
}

/* From the socket into the empty pipe, and as a piece of that to the user. */
static px_io splice_body(px_h1_client *client)
{
    size_t moved = 0, want = PX_PIPE_BYTES;
    if (client->body > 0 && want > client->body_left)
        want = (size_t)client->body_left;
    px_io io = client->transport.ops->splice_in(&client->transport, px_pipe_into(client->pipe), want, &moved);
    if (io == PX_IO_AGAIN)
        client->transport.readable = false; /* the pipe is empty: it was the socket's word */
    if (io != PX_IO_OK)
        return io;
    client->received += moved;
    px_h1_client_spend(client, moved);
    bool last = false;
    if (client->body > 0) {
        client->body_left -= moved;
        last = client->body_left == 0;
    }
    px_piece piece = px_pipe_put(client->pipe, moved);
    if (last || !px_h1_client_may_splice(client))
        px_block_release(&client->pipe);
    deliver(client, &piece, 1, last);
    return io;
}

static bool splices(const px_h1_client *client)
{
    return client->pipe != NULL && px_pipe_filled(client->pipe) == 0;
}

static px_io fill(px_h1_client *client)
{
    if (splices(client))
        return splice_body(client);
    size_t moved = 0;
    px_io io = client->phase == PX_ANSWER_HEAD ? fill_head(client, &moved) : fill_body(client, &moved);
    if (moved > 0) {
        client->bytes_received = true;
        client->resting = false;
    }
    client->received += moved;
    px_h1_client_spend(client, moved);
    return io;
}

static void ended(px_h1_client *client)
{
    if (client->phase == PX_ANSWER_HEAD && client->send_failed)
        px_h1_client_fail(client, PX_FAIL_SEND, client->send_error, NULL);
    else if (client->phase == PX_ANSWER_HEAD)
        px_h1_client_fail(client, PX_FAIL_CLOSED, 0, NULL);
    else if (client->body == PX_BODY_UNTIL_CLOSE)
        deliver(client, NULL, 0, true);
    else
        px_h1_client_fail(client, PX_FAIL_CLOSED_IN_BODY, 0, NULL);
}

static void read_failed(px_h1_client *client)
{
    if (client->phase == PX_ANSWER_HEAD && client->send_failed)
        px_h1_client_fail(client, PX_FAIL_SEND, client->send_error, NULL);
    else
        px_h1_client_fail(client, PX_FAIL_READ, client->transport.error, NULL);
}

/* Delivers from the block. False: nothing to deliver in it. */
static bool deliver_received(px_h1_client *client)
{
    if (client->phase == PX_ANSWER_HEAD)
        return look_for_head(client);
    if (px_h1_input_empty(&client->input))
        return false;
    if (client->body == PX_BODY_CHUNKED)
        deliver_chunked(client);
    else
        deliver_plain(client);
    return true;
}

static bool receiving(const px_h1_client *client)
{
    return client->state == PX_CLIENT_ACTIVE && client->phase != PX_ANSWER_UPGRADED && !client->paused;
}

/* read_timeout counts from the last byte, or from when the request was with the kernel. */
static void await_more(px_h1_client *client, bool read)
{
    bool expected = client->bytes_received || (client->request_done && client->output.queue.bytes == 0);
    if (receiving(client) && expected && (read || !client->reading))
        px_h1_client_await(client);
}

/* Nothing is there to be read: a peer that is silent costs no block, once the flush of this turn has written
 * what still holds it. */
static void rest(px_h1_client *client)
{
    bool in_body = client->state == PX_CLIENT_ACTIVE && client->phase == PX_ANSWER_BODY;
    if (!in_body || px_h1_input_rest(&client->input) || client->resting)
        return;
    client->resting = true;
    px_loop_defer(client->transport.loop, &client->task);
}

void px_h1_client_receive(px_h1_client *client)
{
    bool read = false;
    while (receiving(client)) {
        if (deliver_received(client))
            continue;
        if (px_h1_client_spend(client, 0)) {
            px_loop_next_turn(client->transport.loop, &client->task);
            break;
        }
        px_io io = client->transport.readable || client->transport.read_ended ? fill(client) : PX_IO_AGAIN;
        read |= io == PX_IO_OK;
        if (io == PX_IO_END)
            ended(client);
        else if (io == PX_IO_ERROR)
            read_failed(client);
        else if (io == PX_IO_AGAIN)
            break;
    }
    rest(client);
    await_more(client, read);
}
