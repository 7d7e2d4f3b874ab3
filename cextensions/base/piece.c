/* See piece.h. */
#include "base/piece.h"

#include "base/memory.h"

void px_queue_init(px_queue *queue)
{
    queue->items = queue->inline_items;
    queue->head = queue->count = 0;
    queue->capacity = PX_QUEUE_INLINE;
    queue->bytes = 0;
}

/* capacity is a power of two. */
static px_piece *item(const px_queue *queue, uint32_t number)
{
    return &queue->items[(queue->head + number) & (queue->capacity - 1)];
}

static void grow(px_queue *queue)
{
    px_piece *items = px_memory_alloc(2 * queue->capacity * sizeof *items);
    for (uint32_t i = 0; i < queue->count; i++)
        items[i] = *item(queue, i);
    if (queue->items != queue->inline_items)
        free(queue->items);
    queue->items = items;
    queue->head = 0;
    queue->capacity *= 2;
}

/* What was received in two reads behind each other in one block is one piece: fewer entries for writev. */
static bool joined(px_queue *queue, const px_piece *piece)
{
    if (queue->count == 0 || piece->owner == NULL)
        return false;
    px_piece *last = item(queue, queue->count - 1);
    if (last->owner != piece->owner || last->data + last->len != piece->data)
        return false;
    last->len += piece->len;
    return true;
}

void px_queue_push(px_queue *queue, px_piece piece)
{
    size_t len = piece.len;
    if (len == 0 || joined(queue, &piece)) {
        queue->bytes += len;
        px_block_release(&piece.owner);
        return;
    }
    if (queue->count == queue->capacity)
        grow(queue);
    *item(queue, queue->count++) = piece;
    queue->bytes += len;
}

int px_queue_iovec(const px_queue *queue, struct iovec *iov, int max)
{
    int n = queue->count < (uint32_t)max ? (int)queue->count : max;
    for (int i = 0; i < n; i++) {
        const px_piece *piece = item(queue, (uint32_t)i);
        iov[i] = (struct iovec){(void *)(uintptr_t)piece->data, piece->len};
    }
    return n;
}

void px_queue_consume(px_queue *queue, size_t n)
{
    queue->bytes -= n;
    while (n > 0) {
        px_piece *first = item(queue, 0);
        if (n < first->len) {
            first->data += n;
            first->len -= n;
            return;
        }
        n -= first->len;
        px_piece_release(first);
        queue->head = (queue->head + 1) & (queue->capacity - 1);
        queue->count--;
    }
}

void px_queue_move(px_queue *to, px_queue *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        px_piece *moved = item(from, i);
        px_queue_push(to, *moved);
        *moved = (px_piece){NULL, 0, NULL};
    }
    px_queue_clear(from);
}

void px_queue_clear(px_queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++)
        px_piece_release(item(queue, i));
    if (queue->items != queue->inline_items)
        free(queue->items);
    px_queue_init(queue);
}
