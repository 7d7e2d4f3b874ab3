/* Memory that dies together: one arena per request, one per configuration Object. Allocation never fails
 * (out of memory ends the process). What is not memory (descriptor, zone entry, block reference) is
 * registered as a clean-up the moment it is acquired; clean-ups run in reverse order when the arena is
 * cleared. Unused bytes are poisoned under ASan. */
#ifndef PX_BASE_ARENA_H
#define PX_BASE_ARENA_H

#include "base/block.h"
#include "base/memory.h"
#include "base/slice.h"

typedef struct px_arena_cleanup {
    struct px_arena_cleanup *next;
    void (*run)(void *argument);
    void *argument;
} px_arena_cleanup;

typedef struct px_arena {
    px_block *blocks; /* newest first, linked by block->next */
    uint8_t *cursor;
    uint8_t *limit;
    px_arena_cleanup *cleanups;
    size_t block_bytes; /* size of the blocks it takes; larger requests get a block of their own */
} px_arena;

/* Takes no memory yet. block_bytes: 4096 for requests. */
void px_arena_init(px_arena *arena, size_t block_bytes);
/* Runs the clean-ups, returns all blocks; the arena can be used again. */
void px_arena_clear(px_arena *arena);

/* Private to px_arena_alloc: what it costs when the newest block is full. */
void *px_arena_alloc_slow(px_arena *arena, size_t size);

/* Bytes that are left out behind each allocation, so that ASan sees who writes past its end. */
#ifdef PX_ASAN
#define PX_ARENA_GAP 8u
#else
#define PX_ARENA_GAP 0u
#endif

/* Private: what an allocation takes from its block. Nothing takes 8 bytes, so that its pointer is valid too. */
static inline size_t px_arena_rounded(size_t size)
{
    return ((size + (size == 0) + 7) & ~(size_t)7) + PX_ARENA_GAP;
}

/* 8-byte aligned, not zeroed. size 0 gives a valid pointer. */
static inline void *px_arena_alloc(px_arena *arena, size_t size)
{
    size_t rounded = px_arena_rounded(size);
    if (rounded > (size_t)(arena->limit - arena->cursor))
        return px_arena_alloc_slow(arena, size);
    void *bytes = arena->cursor;
    arena->cursor += rounded;
    px_unpoison(bytes, size);
    return bytes;
}
/* Makes the newest allocation (at bytes, old_size as it was asked for) larger where it is. False: it is
 * not the newest, or there is no room; nothing changed. */
bool px_arena_extend(px_arena *arena, void *bytes, size_t old_size, size_t new_size);
/* The same, zeroed. */
void *px_arena_zalloc(px_arena *arena, size_t size);
/* A copy that lives as long as the arena. */
px_slice px_arena_copy(px_arena *arena, px_slice bytes);
/* Keeps one reference of block until the arena is cleared (takes its own reference). */
void px_arena_hold(px_arena *arena, px_block *block);
/* run(argument) when the arena is cleared, before its memory goes: what was added last runs first. */
void px_arena_on_clear(px_arena *arena, void (*run)(void *argument), void *argument);

#endif
