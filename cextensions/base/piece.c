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

static void grow(px_queue *queue)
{
    px_piece *items = px_memory_alloc(2 * queue->capacity * sizeof *items);
    for (uint32_t i = 0; i < queue->count; i++)
        items[i] = *px_queue_item(queue, i);
    if (queue->items != queue->inline_items)
        free(queue->items);
    queue->items = items;
    queue->head = 0;
    queue->capacity *= 2;
}

/* As a number: the data of a file's piece points to nothing. */
static const uint8_t *after(const px_piece *piece, size_t n)
{
    return (const uint8_t *)((uintptr_t)piece->data + n);
}

/* What was received in two reads behind each other in one block is one piece: fewer entries for writev. */
static bool joined(px_queue *queue, const px_piece *piece)
{
    if (queue->count == 0 || piece->owner == NULL)
        return false;
    px_piece *last = px_queue_item(queue, queue->count - 1);
    if (last->owner != piece->owner || after(last, last->len) != piece->data)
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
    *px_queue_item(queue, queue->count++) = piece;
    queue->bytes += len;
}

int px_queue_iovec(const px_queue *queue, struct iovec *iov, int max)
{
    int n = queue->count < (uint32_t)max ? (int)queue->count : max;
    for (int i = 0; i < n; i++) {
        const px_piece *piece = px_queue_item(queue, (uint32_t)i);
        if (px_piece_is_file(piece))
            return i;
        iov[i] = (struct iovec){(void *)(uintptr_t)piece->data, piece->len};
    }
    return n;
}

void px_queue_put_read(px_queue *queue, uint32_t number, px_piece read)
{
    px_piece *entry = px_queue_item(queue, number);
    if (read.len == entry->len) {
        px_block_release(&entry->owner);
        *entry = read;
        return;
    }
    entry->data = after(entry, read.len);
    entry->len -= read.len;
    if (queue->count == queue->capacity)
        grow(queue);
    queue->head = (queue->head + queue->capacity - 1) & (queue->capacity - 1);
    queue->count++;
    for (uint32_t i = 0; i < number; i++)
        *px_queue_item(queue, i) = *px_queue_item(queue, i + 1);
    *px_queue_item(queue, number) = read;
}

void px_queue_consume(px_queue *queue, size_t n)
{
    queue->bytes -= n;
    while (n > 0) {
        px_piece *first = px_queue_item(queue, 0);
        if (n < first->len) {
            first->data = after(first, n);
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
        px_piece *moved = px_queue_item(from, i);
        px_queue_push(to, *moved);
        *moved = (px_piece){NULL, 0, NULL};
    }
    px_queue_clear(from);
}

void px_queue_clear(px_queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++)
        px_piece_release(px_queue_item(queue, i));
    if (queue->items != queue->inline_items)
        free(queue->items);
    px_queue_init(queue);
}
