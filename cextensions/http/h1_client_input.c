/* See h1_client_private.h: reading, and the answer's body. Bytes stay in the block into which they were read;
 * pieces of bodies are slices of it. */
#include "base/pipe.h"
#include "http/h1_client_private.h"

#define BODY_PIECES 16
#define READ_MAX_BYTES 65536u

void px_h1_client_finish(px_h1_client *client)
{
    px_block_release(&client->pipe);
    if (px_h1_input_empty(&client->input))
        px_h1_input_drop(&client->input);
    client->state = PX_CLIENT_DONE;
    client->reading = false;
    client->exchanges++;
}

/* ---- body ---- */

static void deliver(px_h1_client *client, px_piece *pieces, uint32_t count, bool last)
{
    if (last)
        px_h1_client_finish(client);
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

static bool may_splice(const px_h1_client *client)
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
    if (last || !may_splice(client))
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
    px_io io =
        client->phase == PX_ANSWER_HEAD ? px_h1_client_fill_head(client, &moved) : fill_body(client, &moved);
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
        return px_h1_client_look_for_head(client);
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

/* ---- what the owner says of the reading ---- */

void px_h1_client_read_at_most(px_h1_client *client, uint32_t bytes)
{
    if (bytes < client->limits.read_bytes)
        client->limits.read_bytes = bytes;
}

void px_h1_client_splice(px_h1_client *client, bool on)
{
    if (!on)
        px_block_release(&client->pipe);
    else if (client->pipe == NULL && may_splice(client))
        client->pipe = px_pipe_take();
}

void px_h1_client_pause(px_h1_client *client)
{
    client->paused = true;
    client->reading = false;
}

void px_h1_client_resume(px_h1_client *client)
{
    if (!client->paused)
        return;
    client->paused = false;
    if (client->state != PX_CLIENT_ACTIVE)
        return;
    if (px_h1_client_spend(client, 0))
        px_loop_next_turn(client->transport.loop, &client->task);
    else
        px_loop_defer(client->transport.loop, &client->task);
}
