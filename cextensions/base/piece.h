/* One piece of a body on its way: bytes in memory. Passed by value; it names its owner, and handing a
 * piece to a consumer hands over one reference of that owner. The last consumer releases it, exactly once. */
#ifndef PX_BASE_PIECE_H
#define PX_BASE_PIECE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/block.h"
#include "base/slice.h"

typedef struct px_piece {
    const uint8_t *data;
    size_t len;
    px_block *owner; /* NULL: the bytes are static or in an arena that outlives the sink's use */
} px_piece;

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
/* Fills iov with at most max entries from the front; gives how many. */
int px_queue_iovec(const px_queue *queue, struct iovec *iov, int max);
/* The first n bytes were written: releases what is done. */
void px_queue_consume(px_queue *queue, size_t n);
/* Puts all pieces of `from` behind those of `to`; `from` is empty afterwards. */
void px_queue_move(px_queue *to, px_queue *from);
/* Releases all pieces and any memory of its own. */
void px_queue_clear(px_queue *queue);

#endif
