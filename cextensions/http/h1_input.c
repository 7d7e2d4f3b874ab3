/* See h1_input.h. */
#include "http/h1_input.h"

#define READ_MAX_BYTES 65536u

static void make_room(px_h1_input *input, size_t want)
{
    if (input->block != NULL && input->block->references == 1)
        input->pos = input->end = 0;
    if (input->block != NULL && (input->block->size - input->end) * (size_t)4 < want)
        px_h1_input_drop(input);
    if (input->block == NULL)
        input->block = px_block_take(want);
    input->pos = input->end;
}

px_io px_h1_input_fill(px_h1_input *input, px_transport *transport, size_t want, size_t *moved)
{
    make_room(input, want < READ_MAX_BYTES ? want : READ_MAX_BYTES);
    *moved = 0;
    px_io io =
        px_transport_read(transport, input->block->data + input->end, input->block->size - input->end, moved);
    input->end += (uint32_t)*moved;
    return io;
}

void px_h1_input_move(px_h1_input *input, px_queue *to)
{
    px_slice bytes = px_h1_input_view(input);
    if (bytes.len > 0)
        px_queue_push(to, (px_piece){bytes.data, bytes.len, px_block_ref(input->block)});
    px_h1_input_drop(input);
}
