/* The one way to build text: a writer that grows in an arena, in a single pass. There is no "compute the
 * size first". While it is open nothing else should be taken from the arena often: growing in place works
 * only for the newest allocation. */
#ifndef PX_BASE_BUFFER_H
#define PX_BASE_BUFFER_H

#include "base/arena.h"

typedef struct px_buffer {
    px_arena *arena;
    uint8_t *data;
    size_t len;
    size_t capacity;
} px_buffer;

/* hint: bytes to reserve at first; 0 is fine. */
void px_buffer_init(px_buffer *buffer, px_arena *arena, size_t hint);
/* Room for n more bytes; gives where they go. The caller then adds what it used to buffer->len. */
uint8_t *px_buffer_reserve(px_buffer *buffer, size_t n);
/* In decimal. */
void px_buffer_uint(px_buffer *buffer, uint64_t value);

static inline void px_buffer_append(px_buffer *buffer, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    if (buffer->capacity - buffer->len < n)
        px_buffer_reserve(buffer, n);
    memcpy(buffer->data + buffer->len, bytes, n);
    buffer->len += n;
}

static inline void px_buffer_slice(px_buffer *buffer, px_slice s)
{
    px_buffer_append(buffer, s.data, s.len);
}

static inline void px_buffer_byte(px_buffer *buffer, uint8_t c)
{
    px_buffer_append(buffer, &c, 1);
}

#define px_buffer_literal(buffer, text) px_buffer_append(buffer, "" text, sizeof(text) - 1)

static inline px_slice px_buffer_view(const px_buffer *buffer)
{
    return (px_slice){buffer->data, buffer->len};
}

#endif
