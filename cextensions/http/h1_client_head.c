/* See h1_client_private.h: the heads of the answer, what they say of the body, and its trailers. Heads are
 * slices of the block into which they were read. */
#include "http/h1_client_private.h"

/* A peer may say "still at it" (102) for hours, but not for ever: each of them starts read_timeout anew. */
#define INFORMATIONAL_MOST 1000

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
        px_h1_client_finish(client);
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

bool px_h1_client_look_for_head(px_h1_client *client)
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

px_io px_h1_client_fill_head(px_h1_client *client, size_t *moved)
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

void px_h1_client_want_trailers(px_h1_client *client)
{
    client->trailers_wanted = true;
}

px_slice px_h1_client_trailers(const px_h1_client *client)
{
    if (client->trailers == NULL)
        return px_slice_from(NULL, 0);
    return px_slice_from(client->trailers->data, client->decoder.trailers_len);
}
