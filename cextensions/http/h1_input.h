/* What one HTTP/1 connection received and nobody consumed yet: a run of bytes in a shared block. Heads and
 * pieces of bodies are slices of the block and hold it on their own; only the bytes behind `end` are still
 * written to. Knows neither side of HTTP.
 *
 * A body that trickles in must not cost a block for each of its bytes, when somebody keeps the pieces: as
 * long as others hold the block, and it has room, the next read goes behind what they hold. */
#ifndef PX_HTTP_H1_INPUT_H
#define PX_HTTP_H1_INPUT_H

#include "base/piece.h"
#include "net/transport.h"

typedef struct px_h1_input {
    px_block *block; /* NULL: none; then pos == end */
    uint32_t pos, end;
} px_h1_input;

static inline bool px_h1_input_empty(const px_h1_input *input)
{
    return input->pos == input->end;
}

static inline px_slice px_h1_input_view(const px_h1_input *input)
{
    if (px_h1_input_empty(input))
        return (px_slice){NULL, 0};
    return px_slice_from(input->block->data + input->pos, input->end - input->pos);
}

static inline void px_h1_input_drop(px_h1_input *input)
{
    px_block_release(&input->block);
    input->pos = input->end = 0;
}

/* The first n bytes were of a head, or of no use: the block goes when it was all. */
static inline void px_h1_input_consume(px_h1_input *input, size_t n)
{
    input->pos += (uint32_t)n;
    if (px_h1_input_empty(input))
        px_h1_input_drop(input);
}

/* The first n bytes were of a body, of which more may come: the block stays for px_h1_input_fill. */
static inline void px_h1_input_consume_body(px_h1_input *input, size_t n)
{
    input->pos += (uint32_t)n;
}

/* Nothing more is expected soon. False: others still hold the block, so that keeping it costs nothing; ask
 * again when they may have let go. */
static inline bool px_h1_input_rest(px_h1_input *input)
{
    if (input->block == NULL || !px_h1_input_empty(input))
        return true;
    if (input->block->references > 1)
        return false;
    px_h1_input_drop(input);
    return true;
}

/* One read of a body, when all that was there is consumed. want: bytes that would be welcome. */
px_io px_h1_input_fill(px_h1_input *input, px_transport *transport, size_t want, size_t *moved);

/* Adds what is unconsumed to a queue: for a transport that somebody else takes over. */
void px_h1_input_move(px_h1_input *input, px_queue *to);

#endif
