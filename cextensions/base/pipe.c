/* See pipe.h. */
#include "base/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"

#define PIPES_MOST 64u /* in use and pooled: two descriptors each */

typedef struct {
    int out; /* first: px_block_fd reads it */
    int in;
    size_t filled;
    uint64_t position; /* of the next byte that goes in: pieces that follow each other can be joined */
} pipe_state;

static px_block *pool;
static uint32_t made;

static pipe_state *state_of(const px_block *block)
{
    return (pipe_state *)(uintptr_t)block->data;
}

_Static_assert(offsetof(px_block, data) % _Alignof(pipe_state) == 0, "a block's bytes are aligned");

static px_block *make(void)
{
    int ends[2];
    if (made >= PIPES_MOST || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return NULL;
    fcntl(ends[1], F_SETPIPE_SZ, (int)PX_PIPE_BYTES); /* what it has will do */
    px_block *block = px_memory_alloc(sizeof *block + sizeof(pipe_state));
    block->size = PX_BLOCK_PIPE;
    *state_of(block) = (pipe_state){.out = ends[0], .in = ends[1]};
    made++;
    return block;
}

px_block *px_pipe_take(void)
{
    px_block *block = pool;
    if (block != NULL)
        pool = block->next;
    else
        block = make();
    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->references = 1;
    px_block_count_live(1);
    return block;
}

static void destroy(px_block *block)
{
    close(state_of(block)->out);
    close(state_of(block)->in);
    free(block);
    made--;
}

void px_pipe_free(px_block *block)
{
    px_block_count_live(-1);
    if (state_of(block)->filled > 0) {
        destroy(block);
        return;
    }
    block->next = pool;
    pool = block;
}

void px_pipe_pool_clear(void)
{
    while (pool != NULL) {
        px_block *block = pool;
        pool = block->next;
        destroy(block);
    }
}

int px_pipe_into(const px_block *block)
{
    return state_of(block)->in;
}

size_t px_pipe_filled(const px_block *block)
{
    return state_of(block)->filled;
}

px_piece px_pipe_put(px_block *block, size_t n)
{
    pipe_state *state = state_of(block);
    px_piece piece = px_piece_of_file(px_block_ref(block), (off_t)state->position, n);
    state->filled += n;
    state->position += n;
    return piece;
}

void px_pipe_took(px_block *block, size_t n)
{
    state_of(block)->filled -= n;
}
