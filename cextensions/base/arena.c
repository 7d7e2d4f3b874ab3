/* See arena.h. Bytes are handed out from the newest ordinary block; a request larger than a block gets a
 * block of its own, and the rest of the newest one stays in use. */
#include "base/arena.h"

void px_arena_init(px_arena *arena, size_t block_bytes)
{
    *arena = (px_arena){.block_bytes = block_bytes};
}

void px_arena_clear(px_arena *arena)
{
    /* A clean-up may still use the arena's memory and may register another clean-up. */
    while (arena->cleanups != NULL) {
        px_arena_cleanup *cleanup = arena->cleanups;
        arena->cleanups = cleanup->next;
        cleanup->run(cleanup->argument);
    }
    px_block *block = arena->blocks;
    px_arena_init(arena, arena->block_bytes);
    while (block != NULL) {
        px_block *next = block->next;
        px_block_release(&block);
        block = next;
    }
}

static void *own_block(px_arena *arena, size_t size)
{
    px_block *block = px_block_take(px_arena_rounded(size));
    block->next = arena->blocks;
    arena->blocks = block;
    px_poison(block->data, block->size);
    px_unpoison(block->data, size);
    return block->data;
}

void *px_arena_alloc_slow(px_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return px_memory_alloc(size); /* ends the process: somebody forgot a bound */
    if (px_arena_rounded(size) > arena->block_bytes)
        return own_block(arena, size);
    px_block *block = px_block_take(arena->block_bytes);
    block->next = arena->blocks;
    arena->blocks = block;
    px_poison(block->data, block->size);
    arena->cursor = block->data;
    arena->limit = block->data + block->size;
    return px_arena_alloc(arena, size);
}

bool px_arena_extend(px_arena *arena, void *bytes, size_t old_size, size_t new_size)
{
    if ((uint8_t *)bytes + px_arena_rounded(old_size) != arena->cursor || new_size > SIZE_MAX / 2)
        return false;
    size_t more = px_arena_rounded(new_size) - px_arena_rounded(old_size);
    if (more > (size_t)(arena->limit - arena->cursor))
        return false;
    arena->cursor += more;
    px_unpoison(bytes, new_size);
    return true;
}

void *px_arena_zalloc(px_arena *arena, size_t size)
{
    void *bytes = px_arena_alloc(arena, size);
    memset(bytes, 0, size);
    return bytes;
}

px_slice px_arena_copy(px_arena *arena, px_slice bytes)
{
    uint8_t *copy = px_arena_alloc(arena, bytes.len);
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    return (px_slice){copy, bytes.len};
}

static void release_held(void *argument)
{
    px_block *block = argument;
    px_block_release(&block);
}

void px_arena_hold(px_arena *arena, px_block *block)
{
    px_arena_on_clear(arena, release_held, px_block_ref(block));
}

void px_arena_on_clear(px_arena *arena, void (*run)(void *argument), void *argument)
{
    px_arena_cleanup *cleanup = px_arena_alloc(arena, sizeof *cleanup);
    *cleanup = (px_arena_cleanup){arena->cleanups, run, argument};
    arena->cleanups = cleanup;
}
