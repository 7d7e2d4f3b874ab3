/* Counted buffers from a pool: what bytes are received into and what body pieces point at. One thread. A
 * block returns to its size's free list when the last reference goes; the lists are bounded, what is over
 * goes back to malloc. In debug builds and under ASan the bytes of a free block are poisoned.
 *
 * A block may stand for an open file instead: the descriptor is closed with the last reference. What is
 * behind it is not in memory; pieces of it say which bytes of the file they are (piece.h). */
#ifndef PX_BASE_BLOCK_H
#define PX_BASE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sizes of what is not memory. */
#define PX_BLOCK_FILE 0u
#define PX_BLOCK_PIPE 1u /* pipe.h */

typedef struct px_block {
    struct px_block *next; /* free list */
    uint32_t references;
    uint32_t size; /* bytes at data; or PX_BLOCK_FILE, PX_BLOCK_PIPE */
    uint8_t data[];
} px_block;

/* A block of at least size bytes (rounded up to 1K, 4K, 8K, 16K, 32K, 64K; larger ones exactly), with one
 * reference. Never NULL: out of memory ends the process with a message. The caller has bounded size. */
px_block *px_block_take(size_t size);
/* An open file: fd is the block's from now on. */
px_block *px_block_of_file(int fd);

/* Also of a pipe: not memory. */
static inline bool px_block_is_file(const px_block *block)
{
    return block->size <= PX_BLOCK_PIPE;
}
static inline bool px_block_is_pipe(const px_block *block)
{
    return block->size == PX_BLOCK_PIPE;
}
/* Of a file, or where bytes come out of a pipe; it stays the block's. Not for memory. */
int px_block_fd(const px_block *block);

static inline px_block *px_block_ref(px_block *block)
{
    block->references++;
    return block;
}

/* Private to px_block_release: the last reference is gone. */
void px_block_free(px_block *block);

/* Gives up one reference; *block becomes NULL. NULL is allowed. */
static inline void px_block_release(px_block **block)
{
    px_block *released = *block;
    *block = NULL;
    if (released != NULL && --released->references == 0)
        px_block_free(released);
}

/* For leak checks: blocks in use now. */
uint64_t px_block_live(void);
/* For blocks that are made elsewhere: so many more are in use. */
void px_block_count_live(int more);
/* Free all pooled blocks (at exit). */
void px_block_pool_clear(void);

#endif
