/* See tunnel.h. Each direction is the same: bytes go from one transport to the other, at once where the
 * kernel takes them; what it does not take waits in `queue`, and while anything waits there nothing more is
 * read. */
#include "http/tunnel.h"

#include <assert.h>

#include "base/memory.h"

#define TUNNEL_MAGIC 0x4c4e5554u
#define READ_BYTES 32768u
#define IOV_USED 16
/* A peer that was told "no more comes" and says nothing for so long has left without a word: proxy_read_timeout
 * is often a day, and a tunnel must not lie half open that long. */
#define HALF_CLOSED_MS 10000u

typedef struct direction {
    px_transport *from, *to;
    px_queue queue;
    uint64_t bytes; /* written */
    bool ended;     /* from sent FIN, and it was passed on */
} direction;

/* The way from a transport to its tunnel, whichever side it is. */
typedef struct side {
    px_transport transport;
    px_tunnel *tunnel;
} side;

struct px_tunnel {
    uint32_t magic;
    bool started, ended;
    px_loop *loop;
    side client, peer;
    direction to_client, to_peer;
    px_timer timer;
    px_task task;
    uint64_t timeout_ms;
    void (*on_end)(px_tunnel *tunnel, const px_tunnel_result *result);
    void *owner;
};

static uint64_t live_count;

/* ---- the end ---- */

static void end(px_tunnel *tunnel, bool timed_out, const px_transport *failed)
{
    if (tunnel->ended)
        return;
    tunnel->ended = true;
    px_tunnel_result result = {.to_client = tunnel->to_client.bytes,
                               .to_peer = tunnel->to_peer.bytes,
                               .timed_out = timed_out,
                               .error_number = failed != NULL ? failed->error : 0,
                               .client_side = failed == &tunnel->client.transport};
    px_timer_stop(tunnel->loop, &tunnel->timer);
    px_task_cancel(&tunnel->task);
    px_queue_clear(&tunnel->to_client.queue);
    px_queue_clear(&tunnel->to_peer.queue);
    px_transport_close(&tunnel->client.transport, false);
    px_transport_close(&tunnel->peer.transport, false);
    live_count--;
    tunnel->on_end(tunnel, &result);
    px_loop_free_later(tunnel->loop, tunnel);
}

/* ---- one direction ---- */

typedef enum {
    MOVE_WAIT,  /* for an event */
    MOVE_AGAIN, /* the budget is used up, there may be more */
    MOVE_FAILED_FROM,
    MOVE_FAILED_TO
} move;

static px_io write_queue(direction *way, size_t *moved)
{
    px_io io = PX_IO_OK;
    while (io == PX_IO_OK && way->queue.bytes > 0) {
        struct iovec iov[IOV_USED];
        int count = px_queue_iovec(&way->queue, iov, IOV_USED);
        size_t n = 0;
        io = px_transport_write(way->to, iov, count, &n);
        if (io != PX_IO_OK)
            break;
        px_queue_consume(&way->queue, n);
        way->bytes += n;
        *moved += n;
    }
    return io;
}

/* One read into a block, which is written at once; what the kernel does not take of it is queued. */
static px_io read_some(direction *way)
{
    px_block *block = px_block_take(READ_BYTES);
    size_t n = 0;
    px_io io = px_transport_read(way->from, block->data, block->size, &n);
    if (io == PX_IO_OK)
        px_queue_push(&way->queue, (px_piece){block->data, n, px_block_ref(block)});
    px_block_release(&block);
    return io;
}

static move pump(direction *way, size_t *moved)
{
    size_t before = *moved;
    while (!way->ended) {
        px_io io = write_queue(way, moved);
        if (io == PX_IO_ERROR)
            return MOVE_FAILED_TO;
        if (way->queue.bytes > 0)
            return MOVE_WAIT;
        if (*moved - before >= PX_EVENT_BUDGET_BYTES)
            return MOVE_AGAIN;
        if (!way->from->readable && !way->from->read_ended)
            return MOVE_WAIT;
        io = read_some(way);
        if (io == PX_IO_ERROR)
            return MOVE_FAILED_FROM;
        if (io == PX_IO_AGAIN)
            return MOVE_WAIT;
        if (io == PX_IO_END) {
            way->ended = true;
            px_transport_shutdown_write(way->to);
        }
    }
    return MOVE_WAIT;
}

/* ---- both ---- */

static bool run_way(px_tunnel *tunnel, direction *way, size_t *moved)
{
    switch (pump(way, moved)) {
    case MOVE_FAILED_FROM:
        end(tunnel, false, way->from);
        return false;
    case MOVE_FAILED_TO:
        end(tunnel, false, way->to);
        return false;
    case MOVE_AGAIN:
        px_loop_next_turn(tunnel->loop, &tunnel->task);
        return true;
    case MOVE_WAIT:
        return true;
    }
    return true;
}

static bool is_half_closed(const px_tunnel *tunnel)
{
    return tunnel->to_client.ended || tunnel->to_peer.ended;
}

static void restart_timer(px_tunnel *tunnel)
{
    uint64_t patience = tunnel->timeout_ms;
    if (is_half_closed(tunnel) && patience > HALF_CLOSED_MS)
        patience = HALF_CLOSED_MS;
    px_timer_start(tunnel->loop, &tunnel->timer, patience);
}

static void run(px_tunnel *tunnel)
{
    if (!tunnel->started || tunnel->ended)
        return;
    size_t moved = 0;
    bool was_half_closed = is_half_closed(tunnel);
    if (!run_way(tunnel, &tunnel->to_client, &moved) || !run_way(tunnel, &tunnel->to_peer, &moved))
        return;
    if (tunnel->to_client.ended && tunnel->to_peer.ended)
        end(tunnel, false, NULL);
    else if (moved > 0 || is_half_closed(tunnel) != was_half_closed)
        restart_timer(tunnel);
}

void px_tunnel_on_ready(px_transport *transport)
{
    run(PX_CONTAINER(transport, side, transport)->tunnel);
}

static void on_task(px_task *task)
{
    run(PX_CONTAINER(task, px_tunnel, task));
}

static void on_timer(px_timer *timer)
{
    px_tunnel *tunnel = PX_CONTAINER(timer, px_tunnel, timer);
    end(tunnel, !is_half_closed(tunnel), NULL);
}

/* ---- what others call ---- */

px_tunnel *px_tunnel_new(px_loop *loop, uint64_t timeout_ms,
                         void (*on_end)(px_tunnel *tunnel, const px_tunnel_result *result), void *owner)
{
    px_tunnel *tunnel = px_memory_zalloc(sizeof *tunnel);
    tunnel->magic = TUNNEL_MAGIC;
    tunnel->loop = loop;
    tunnel->timeout_ms = timeout_ms;
    tunnel->on_end = on_end;
    tunnel->owner = owner;
    tunnel->client.tunnel = tunnel->peer.tunnel = tunnel;
    tunnel->client.transport.watch.fd = tunnel->peer.transport.watch.fd = -1;
    tunnel->to_client.from = tunnel->to_peer.to = &tunnel->peer.transport;
    tunnel->to_client.to = tunnel->to_peer.from = &tunnel->client.transport;
    px_queue_init(&tunnel->to_client.queue);
    px_queue_init(&tunnel->to_peer.queue);
    px_timer_init(&tunnel->timer, on_timer);
    px_task_init(&tunnel->task, on_task);
    live_count++;
    return tunnel;
}

void px_tunnel_start(px_tunnel *tunnel)
{
    assert(tunnel->magic == TUNNEL_MAGIC);
    assert(px_transport_open(&tunnel->client.transport) && px_transport_open(&tunnel->peer.transport));
    tunnel->started = true;
    restart_timer(tunnel);
    px_loop_defer(tunnel->loop, &tunnel->task);
}

void px_tunnel_close(px_tunnel *tunnel)
{
    assert(tunnel->magic == TUNNEL_MAGIC);
    end(tunnel, false, NULL);
}

void *px_tunnel_owner(const px_tunnel *tunnel)
{
    return tunnel->owner;
}

px_transport *px_tunnel_client_side(px_tunnel *tunnel)
{
    return &tunnel->client.transport;
}

px_transport *px_tunnel_peer_side(px_tunnel *tunnel)
{
    return &tunnel->peer.transport;
}

px_queue *px_tunnel_to_client(px_tunnel *tunnel)
{
    return &tunnel->to_client.queue;
}

px_queue *px_tunnel_to_peer(px_tunnel *tunnel)
{
    return &tunnel->to_peer.queue;
}

uint64_t px_tunnel_live(void)
{
    return live_count;
}
