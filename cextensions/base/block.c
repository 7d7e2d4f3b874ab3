/* See block.h. One free list per size; a list is bounded, so that one burst does not hold its memory for
 * ever. */
#include "base/block.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/pipe.h"

#define SIZES 6

static const uint32_t sizes[SIZES] = {1024, 4096, 8192, 16384, 32768, 65536};
/* 7 MB in all at most. */
static const uint32_t pooled_max[SIZES] = {256, 256, 128, 64, 48, 32};

#define FILES_POOLED_MAX 128u

static px_block *pool[SIZES];
static uint32_t pooled[SIZES];
static px_block *file_pool;
static uint32_t files_pooled;
static uint64_t live;

/* The number of the smallest size that holds size bytes; SIZES: none does. */
static unsigned size_number(size_t size)
{
    if (size <= 4096)
        return size > 1024;
    if (size > 65536)
        return SIZES;
    unsigned bits = 32 - (unsigned)__builtin_clz((unsigned)size - 1); /* 13..16 */
    return bits - 11;
}

px_block *px_block_take(size_t size)
{
    unsigned number = size_number(size);
    px_block *block;
    if (number < SIZES && pool[number] != NULL) {
        block = pool[number];
        pool[number] = block->next;
        pooled[number]--;
        px_unpoison(block->data, block->size);
    } else {
        size_t bytes = number < SIZES ? sizes[number] : size;
        block = px_memory_alloc(sizeof(px_block) + bytes);
        block->size = (uint32_t)bytes;
    }
    block->next = NULL;
    block->references = 1;
    live++;
    return block;
}

px_block *px_block_of_file(int fd)
{
    px_block *block = file_pool;
    if (block != NULL) {
        file_pool = block->next;
        files_pooled--;
    } else {
        block = px_memory_alloc(sizeof(px_block) + sizeof fd);
        block->size = PX_BLOCK_FILE;
    }
    memcpy(block->data, &fd, sizeof fd);
    block->next = NULL;
    block->references = 1;
    live++;
    return block;
}

int px_block_fd(const px_block *block)
{
    int fd;
    memcpy(&fd, block->data, sizeof fd);
    return fd;
}

static void free_file(px_block *block)
{
    live--;
    close(px_block_fd(block));
    if (files_pooled == FILES_POOLED_MAX) {
        free(block);
        return;
    }
    block->next = file_pool;
    file_pool = block;
    files_pooled++;
}

void px_block_free(px_block *block)
{
    if (px_block_is_pipe(block)) {
        px_pipe_free(block);
        return;
    }
    if (px_block_is_file(block)) {
        free_file(block);
        return;
    }
    unsigned number = size_number(block->size);
    live--;
    if (number == SIZES || pooled[number] == pooled_max[number]) {
        px_unpoison(block->data, block->size); /* an arena may have poisoned it */
        free(block);
        return;
    }
#ifdef PX_DEBUG
    px_unpoison(block->data, block->size);
    memset(block->data, 0xdb, block->size);
#endif
    px_poison(block->data, block->size);
    block->next = pool[number];
    pool[number] = block;
    pooled[number]++;
}

void px_block_count_live(int more)
{
    live += (uint64_t)more;
}

uint64_t px_block_live(void)
{
    return live;
}

void px_block_pool_clear(void)
{
    px_pipe_pool_clear();
    for (unsigned number = 0; number < SIZES; number++) {
        while (pool[number] != NULL) {
            px_block *block = pool[number];
            pool[number] = block->next;
            px_unpoison(block->data, block->size);
            free(block);
        }
        pooled[number] = 0;
    }
    while (file_pool != NULL) {
        px_block *block = file_pool;
        file_pool = block->next;
        free(block);
    }
    files_pooled = 0;
}
