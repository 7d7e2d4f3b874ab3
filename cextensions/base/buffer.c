/* See buffer.h. */
#include "base/buffer.h"

void px_buffer_init(px_buffer *buffer, px_arena *arena, size_t hint)
{
    *buffer = (px_buffer){.arena = arena, .capacity = hint};
    if (hint > 0)
        buffer->data = px_arena_alloc(arena, hint);
}

/* Twice as much as before at least, so that building a text of n bytes copies fewer than 2n. */
static size_t grown(size_t capacity, size_t needed)
{
    size_t larger = capacity < 64 ? 128 : capacity * 2;
    return larger > needed ? larger : needed;
}

uint8_t *px_buffer_reserve(px_buffer *buffer, size_t n)
{
    if (buffer->capacity - buffer->len >= n)
        return buffer->data + buffer->len;
    size_t needed = buffer->len + n;
    size_t capacity = grown(buffer->capacity, needed);
    if (buffer->data != NULL && (px_arena_extend(buffer->arena, buffer->data, buffer->capacity, capacity))) {
        buffer->capacity = capacity;
        return buffer->data + buffer->len;
    }
    uint8_t *data = px_arena_alloc(buffer->arena, capacity);
    if (buffer->len > 0)
        memcpy(data, buffer->data, buffer->len);
    buffer->data = data;
    buffer->capacity = capacity;
    return data + buffer->len;
}

void px_buffer_uint(px_buffer *buffer, uint64_t value)
{
    uint8_t room[PX_UINT_DIGITS];
    px_buffer_slice(buffer, px_slice_of_uint(room, value));
}
