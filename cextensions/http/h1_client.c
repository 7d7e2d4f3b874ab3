/* See h1_client.h and h1_client_private.h: the life of a connection to a peer. */
#include "http/h1_client_private.h"

#include <assert.h>

#include "base/memory.h"
#include "net/connect.h"

static uint64_t live_count;

bool px_h1_client_spend(px_h1_client *client, size_t moved)
{
    uint64_t turn = px_loop_turns(client->transport.loop);
    if (client->turn != turn) {
        client->turn = turn;
        client->turn_bytes = 0;
    }
    client->turn_bytes += moved;
    return client->turn_bytes >= PX_EVENT_BUDGET_BYTES;
}

/* ---- the end ---- */

static void let_go(px_h1_client *client)
{
    px_loop *loop = client->transport.loop;
    client->state = PX_CLIENT_CLOSED;
    px_task_cancel(&client->task);
    px_timer_stop(loop, &client->timer);
    px_timer_stop(loop, &client->send_timer);
    px_h1_output_clear(&client->output);
    px_h1_input_drop(&client->input);
    px_block_release(&client->trailers);
    px_block_release(&client->pipe);
    px_transport_close(&client->transport, false);
    live_count--;
    px_loop_free_later(loop, client);
}

void px_h1_client_close(px_h1_client **client)
{
    px_h1_client *closed = *client;
    *client = NULL;
    if (closed == NULL)
        return;
    px_h1_client_check(closed);
    if (closed->state != PX_CLIENT_CLOSED)
        let_go(closed);
}

void px_h1_client_fail(px_h1_client *client, px_h1_failure_kind kind, int error_number, const char *text)
{
    px_h1_failure failure = {.kind = kind,
                             .error_number = error_number,
                             .text = text,
                             .where = client->bad,
                             .in_head = client->phase == PX_ANSWER_HEAD,
                             .bytes_received = client->bytes_received,
                             .reused = client->exchanges > 0 && !client->bytes_received,
                             .bytes_sent = client->bytes_sent};
    let_go(client);
    client->user->on_failure(client, &failure);
}

static void gone(px_h1_client *client)
{
    void (*on_gone)(px_h1_client *) = client->on_gone;
    let_go(client);
    on_gone(client);
}

/* ---- events ---- */

static void connect_event(px_h1_client *client)
{
    if (!client->transport.writable && !client->transport.peer_ended)
        return;
    /* Only an event that says so can be about an error: else the system call is saved. */
    int error = client->transport.peer_ended ? px_connect_error(client->transport.watch.fd) : 0;
    if (error != 0) {
        px_h1_client_fail(client, PX_FAIL_CONNECT, error, NULL);
        return;
    }
    client->state = PX_CLIENT_ACTIVE;
    px_loop_defer(client->transport.loop, &client->task);
}

/* Something came, or the end, before a byte of this request left: it is about the exchange before, or a
 * farewell. Taken for the answer it would put every answer behind it in the wrong place. */
static bool out_of_step(px_h1_client *client)
{
    if (client->exchanges == 0 || client->bytes_sent || !client->transport.readable)
        return false;
    px_h1_client_fail(client, PX_FAIL_CLOSED, 0, NULL);
    return true;
}

static void on_ready(px_transport *transport)
{
    px_h1_client *client = PX_CONTAINER(transport, px_h1_client, transport);
    px_h1_client_check(client);
    switch ((px_client_state)client->state) {
    case PX_CLIENT_CONNECTING:
        connect_event(client);
        return;
    case PX_CLIENT_ACTIVE:
        if (out_of_step(client))
            return;
        if (transport->readable && !client->connected_owed)
            px_h1_client_receive(client);
        if (client->state == PX_CLIENT_ACTIVE && client->output.queue.bytes > 0)
            px_loop_defer(transport->loop, &client->task);
        return;
    case PX_CLIENT_PARKED:
        if (transport->readable || transport->peer_ended)
            gone(client);
        return;
    case PX_CLIENT_DONE:
    case PX_CLIENT_CLOSED:
        return;
    }
}

static void on_task(px_task *task)
{
    px_h1_client *client = PX_CONTAINER(task, px_h1_client, task);
    px_h1_client_check(client);
    if (client->state == PX_CLIENT_PARKED)
        gone(client);
    if (client->state != PX_CLIENT_ACTIVE || out_of_step(client))
        return;
    if (client->connected_owed) {
        client->connected_owed = false;
        if (client->user->on_connected != NULL)
            client->user->on_connected(client);
    }
    if (client->state == PX_CLIENT_ACTIVE)
        px_h1_client_flush(client);
    if (client->state == PX_CLIENT_ACTIVE)
        px_h1_client_receive(client);
}

static void on_timer(px_timer *timer)
{
    px_h1_client *client = PX_CONTAINER(timer, px_h1_client, timer);
    px_h1_client_check(client);
    if (client->state == PX_CLIENT_CONNECTING)
        px_h1_client_fail(client, PX_FAIL_CONNECT_TIMEOUT, 0, NULL);
    else if (client->state == PX_CLIENT_PARKED)
        gone(client);
    else if (client->state == PX_CLIENT_ACTIVE && client->reading)
        px_h1_client_fail(client, PX_FAIL_READ_TIMEOUT, 0, NULL);
}

static void on_send_timer(px_timer *timer)
{
    px_h1_client *client = PX_CONTAINER(timer, px_h1_client, send_timer);
    px_h1_client_check(client);
    if (client->state == PX_CLIENT_ACTIVE && client->output.queue.bytes > 0)
        px_h1_client_fail(client, PX_FAIL_SEND_TIMEOUT, 0, NULL);
}

void px_h1_client_await(px_h1_client *client)
{
    client->reading = true;
    px_timer_start(client->transport.loop, &client->timer, client->limits.read_timeout);
}

/* ---- the beginning ---- */

px_h1_client *px_h1_client_new(px_loop *loop, int fd, bool pending)
{
    px_h1_client *client = px_memory_zalloc(sizeof *client);
    if (!px_transport_plain(&client->transport, loop, fd, false, on_ready)) {
        free(client);
        return NULL;
    }
    client->magic = PX_H1_CLIENT_MAGIC;
    client->state = pending ? PX_CLIENT_CONNECTING : PX_CLIENT_DONE;
    client->transport.writable = !pending;
    client->connected_owed = true;
    px_timer_init(&client->timer, on_timer);
    px_timer_init(&client->send_timer, on_send_timer);
    px_task_init(&client->task, on_task);
    client->opened_ms = px_loop_now_ms(loop);
    px_h1_output_init(&client->output);
    live_count++;
    return client;
}

void px_h1_client_start(px_h1_client *client, const px_h1_client_user *user, void *owner,
                        const px_h1_client_limits *limits, bool no_body)
{
    px_h1_client_check(client);
    assert(client->state != PX_CLIENT_ACTIVE && client->state != PX_CLIENT_CLOSED);
    client->user = user;
    client->owner = owner;
    client->limits = *limits;
    client->phase = PX_ANSWER_HEAD;
    client->no_body = no_body;
    client->upgrade = client->paused = client->reading = client->request_done = false;
    client->writable_owed = client->bytes_sent = client->bytes_received = client->keepalive = false;
    client->trailers_wanted = false;
    px_block_release(&client->trailers);
    client->scanned = 0;
    client->informational = 0;
    client->sent = client->received = 0;
    client->bad = (px_slice){NULL, 0};
    if (client->state == PX_CLIENT_CONNECTING) {
        px_timer_start(client->transport.loop, &client->timer, limits->connect_timeout);
        return;
    }
    client->state = PX_CLIENT_ACTIVE;
    px_loop_defer(client->transport.loop, &client->task);
}

void px_h1_client_expect_upgrade(px_h1_client *client)
{
    client->upgrade = true;
}

/* ---- a tunnel ---- */

bool px_h1_client_take_transport(px_h1_client **client, px_transport *transport,
                                 void (*ready)(px_transport *), px_queue *unsent, px_queue *early)
{
    px_h1_client *c = *client;
    px_h1_client_check(c);
    if (c->state != PX_CLIENT_ACTIVE || c->phase != PX_ANSWER_UPGRADED || c->send_failed)
        return false;
    px_h1_output_move(&c->output, unsent);
    if (!px_h1_input_empty(&c->input))
        px_queue_push(early, (px_piece){c->input.block->data + c->input.pos, c->input.end - c->input.pos,
                                        px_block_ref(c->input.block)});
    px_transport_move(transport, &c->transport, ready);
    let_go(c);
    *client = NULL;
    return true;
}

/* ---- questions ---- */

void *px_h1_client_owner(const px_h1_client *client)
{
    px_h1_client_check(client);
    return client->owner;
}

size_t px_h1_client_unsent(const px_h1_client *client)
{
    return client->output.queue.bytes;
}

void px_h1_client_set_mark(px_h1_client *client, uint64_t mark)
{
    client->mark = mark;
}

uint64_t px_h1_client_mark(const px_h1_client *client)
{
    return client->mark;
}

uint64_t px_h1_client_exchanges(const px_h1_client *client)
{
    return client->exchanges;
}

uint64_t px_h1_client_opened_ms(const px_h1_client *client)
{
    return client->opened_ms;
}

uint64_t px_h1_client_sent(const px_h1_client *client)
{
    return client->sent;
}

uint64_t px_h1_client_received(const px_h1_client *client)
{
    return client->received;
}

int px_h1_client_fd(const px_h1_client *client)
{
    return client->transport.watch.fd;
}

uint64_t px_h1_client_live(void)
{
    return live_count;
}
