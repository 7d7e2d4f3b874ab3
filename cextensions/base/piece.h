/* One piece of a body on its way: bytes in memory, or bytes of a file. Passed by value; it names its owner, and
 * handing a piece to a consumer hands over one reference of that owner. The last consumer releases it, exactly
 * once. Who looks at the bytes asks px_piece_is_file first: a file's are not in memory. */
#ifndef PX_BASE_PIECE_H
#define PX_BASE_PIECE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/block.h"
#include "base/slice.h"

typedef struct px_piece {
    const uint8_t *data; /* of a file: where in it, see px_piece_offset */
    size_t len;
    px_block *owner; /* NULL: the bytes are static or in an arena that outlives the sink's use */
} px_piece;

/* len bytes of an open file from offset on; the reference is the piece's. */
static inline px_piece px_piece_of_file(px_block *file, off_t offset, size_t len)
{
    return (px_piece){(const uint8_t *)(uintptr_t)offset, len, file};
}

static inline bool px_piece_is_file(const px_piece *piece)
{
    return piece->owner != NULL && px_block_is_file(piece->owner);
}

static inline off_t px_piece_offset(const px_piece *piece)
{
    return (off_t)(uintptr_t)piece->data;
}

static inline void px_piece_release(px_piece *piece)
{
    px_block_release(&piece->owner);
    piece->len = 0;
}

/* A queue of pieces waiting to be written. The first PX_QUEUE_INLINE need no memory. */
#define PX_QUEUE_INLINE 4
typedef struct px_queue {
    px_piece *items; /* ring of capacity entries; inline_items at first */
    uint32_t head, count, capacity;
    size_t bytes;
    px_piece inline_items[PX_QUEUE_INLINE];
} px_queue;

void px_queue_init(px_queue *queue);
/* Takes over the reference in piece. Empty pieces are released and dropped. */
void px_queue_push(px_queue *queue, px_piece piece);
/* Fills iov with at most max entries from the front, up to the first piece of a file; gives how many. */
int px_queue_iovec(const px_queue *queue, struct iovec *iov, int max);
static inline px_piece *px_queue_item(const px_queue *queue, uint32_t number)
{
    return &queue->items[(queue->head + number) & (queue->capacity - 1)]; /* capacity is a power of two */
}
/* The first bytes of entry `number`, a piece of a file, were read: read takes their place. At least 1 byte, at
 * most what the entry has. The reference is the queue's. */
void px_queue_put_read(px_queue *queue, uint32_t number, px_piece read);
/* The first n bytes were written: releases what is done. */
void px_queue_consume(px_queue *queue, size_t n);
/* Puts all pieces of `from` behind those of `to`; `from` is empty afterwards. */
void px_queue_move(px_queue *to, px_queue *from);
/* Releases all pieces and any memory of its own. */
void px_queue_clear(px_queue *queue);

#endif
