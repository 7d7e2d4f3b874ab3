/* See h1_client_private.h: between exchanges, whether a connection may be used again, and its idle time. */
#include "http/h1_client_private.h"

/* A read that filled its block left open whether more is there. */
static bool nothing_left(px_h1_client *client)
{
    if (!px_h1_input_empty(&client->input))
        return false;
    uint8_t byte;
    size_t moved;
    return !client->transport.readable ||
           px_transport_read(&client->transport, &byte, 1, &moved) == PX_IO_AGAIN;
}

bool px_h1_client_has_excess(const px_h1_client *client)
{
    px_h1_client_check(client);
    return client->state == PX_CLIENT_DONE && !px_h1_input_empty(&client->input);
}

bool px_h1_client_reusable(const px_h1_client *client)
{
    px_h1_client *c =
        (px_h1_client *)(uintptr_t)client; /* reading forward changes nothing that can be seen */
    px_h1_client_check(c);
    return c->state == PX_CLIENT_DONE && c->keepalive && c->request_done && !c->send_failed &&
           c->output.queue.bytes == 0 && nothing_left(c) && !c->transport.peer_ended;
}

void px_h1_client_park(px_h1_client *client, uint64_t timeout_ms, void (*on_gone)(px_h1_client *client),
                       void *owner)
{
    px_h1_client_check(client);
    assert(client->state == PX_CLIENT_DONE);
    client->state = PX_CLIENT_PARKED;
    client->owner = owner;
    client->on_gone = on_gone;
    px_h1_output_clear(&client->output);
    px_h1_input_drop(&client->input);
    px_block_release(&client->trailers);
    if (px_timer_running(&client->send_timer))
        px_timer_stop(client->transport.loop, &client->send_timer);
    px_timer_start(client->transport.loop, &client->timer, timeout_ms);
    /* A task that the body's budget put off is not about the peer being gone. */
    px_task_cancel(&client->task);
    if (client->transport.readable || client->transport.peer_ended)
        px_loop_defer(client->transport.loop, &client->task);
}
