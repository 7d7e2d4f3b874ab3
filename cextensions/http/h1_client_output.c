/* See h1_client_private.h: the request. */
#include "http/h1_client_private.h"

#include <errno.h>

void px_h1_client_send(px_h1_client *client, px_piece *pieces, uint32_t count, bool chunked, bool last)
{
    bool useless = client->state == PX_CLIENT_DONE || client->state == PX_CLIENT_CLOSED ||
                   client->send_failed || client->request_done;
    if (useless) {
        for (uint32_t i = 0; i < count; i++)
            px_piece_release(&pieces[i]);
        return;
    }
    if (chunked)
        px_h1_output_chunk(&client->output, pieces, count, last);
    else
        px_h1_output_pieces(&client->output, pieces, count);
    client->request_done = last;
    client->writable_owed = !last;
    px_loop_defer(client->transport.loop, &client->task);
}

static void wait_for_kernel(px_h1_client *client, size_t moved)
{
    px_loop *loop = client->transport.loop;
    if (client->transport.writable)
        px_loop_next_turn(loop, &client->task);
    if (moved > 0 || !px_timer_running(&client->send_timer))
        px_timer_start(loop, &client->send_timer, client->limits.send_timeout);
}

static void queue_empty(px_h1_client *client, bool budget_used)
{
    if (px_timer_running(&client->send_timer)) /* the next wait has its own time */
        px_timer_stop(client->transport.loop, &client->send_timer);
    if (client->request_done) {
        if (!client->reading && !client->paused)
            px_h1_client_await(client);
        return;
    }
    if (!client->writable_owed)
        return;
    if (budget_used) {
        px_loop_next_turn(client->transport.loop, &client->task);
        return;
    }
    client->writable_owed = false;
    client->user->on_writable(client);
}

/* The peer waits for the rest of a body that cannot be had. */
static void file_failed(px_h1_client *client)
{
    int error = client->output.file_error;
    client->send_failed = true;
    client->send_error = error == PX_H1_FILE_SHORT ? EIO : error;
    px_h1_client_fail(client, PX_FAIL_SEND, client->send_error, NULL);
}

/* The peer may have answered before it closed: the answer counts (RFC 9112 9.6). */
static void write_failed(px_h1_client *client)
{
    client->send_failed = true;
    client->send_error = client->transport.error;
    px_h1_output_clear(&client->output);
    px_h1_client_receive(client);
    bool nothing_came = client->state == PX_CLIENT_ACTIVE && client->phase == PX_ANSWER_HEAD;
    if (nothing_came && !client->paused && !client->transport.readable)
        px_h1_client_fail(client, PX_FAIL_SEND, client->send_error, NULL);
}

void px_h1_client_flush(px_h1_client *client)
{
    size_t moved = 0;
    static const px_h1_files files = PX_H1_FILES_DEFAULT;
    px_io io = px_h1_output_write(&client->output, &client->transport, &files, PX_EVENT_BUDGET_BYTES, &moved);
    if (moved > 0)
        client->bytes_sent = true;
    client->sent += moved;
    if (io == PX_IO_ERROR && client->output.file_error != PX_H1_FILE_FINE)
        file_failed(client);
    else if (io == PX_IO_ERROR)
        write_failed(client);
    else if (client->output.queue.bytes > 0)
        wait_for_kernel(client, moved);
    else
        queue_empty(client, px_h1_client_spend(client, moved));
}
