/* Pipes through which bytes go from socket to socket without being copied (splice). A pipe is a block, so that pieces
 * of bodies can name bytes that wait in it; like a file's they are not in memory. They leave in their order only.
 * Pipes come from a bounded pool; one whose bytes nobody took is closed. One thread. */
#ifndef PX_BASE_PIPE_H
#define PX_BASE_PIPE_H

#include "base/piece.h"

/* What one pipe is asked to hold. */
#define PX_PIPE_BYTES (256u * 1024u)

/* An empty pipe with one reference; NULL: there are too many, or no descriptors. */
px_block *px_pipe_take(void);
static inline bool px_piece_is_pipe(const px_piece *piece)
{
    return px_piece_is_file(piece) && px_block_is_pipe(piece->owner);
}
/* Where bytes go in; they come out of px_block_fd. */
int px_pipe_into(const px_block *pipe);
/* Bytes in it. */
size_t px_pipe_filled(const px_block *pipe);
/* n bytes went in: the piece that they are, with a reference of its own. */
px_piece px_pipe_put(px_block *pipe, size_t n);
/* n bytes came out. */
void px_pipe_took(px_block *pipe, size_t n);

/* Private to px_block_free. */
void px_pipe_free(px_block *pipe);
/* At exit. */
void px_pipe_pool_clear(void);

#endif
