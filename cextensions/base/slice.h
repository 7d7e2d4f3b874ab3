/* A run of bytes that somebody else owns. Never ends in a NUL that may be relied upon. Whoever hands one
 * out says how long the bytes stay. An empty slice may have data == NULL. Knows nothing of HTTP. */
#ifndef PX_BASE_SLICE_H
#define PX_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *data;
    size_t len;
} px_slice;

#define PX_SLICE(literal) ((px_slice){(const uint8_t *)("" literal), sizeof(literal) - 1})
#define PX_SLICE_ARGS(s) (int)(s).len, (const char *)(s).data /* for "%.*s" */

static inline px_slice px_slice_from(const void *data, size_t len)
{
    return (px_slice){(const uint8_t *)data, len};
}

static inline bool px_slice_equal(px_slice a, px_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline uint8_t px_ascii_lower(uint8_t c)
{
    return (uint8_t)(c | ((c >= 'A' && c <= 'Z') ? 0x20 : 0));
}

/* ASCII case folded comparison; bytes above 127 compare as they are. */
bool px_slice_equal_caseless(px_slice a, px_slice b);

/* Unsigned decimal, digits only, the whole slice. False when empty, not digits, or above max. */
bool px_slice_to_uint(px_slice s, uint64_t max, uint64_t *out);

#define PX_UINT_DIGITS 20 /* as many as a number of 64 bits may have */

/* The decimal digits of value. They lie in room, at its end. */
static inline px_slice px_slice_of_uint(uint8_t room[PX_UINT_DIGITS], uint64_t value)
{
    size_t at = PX_UINT_DIGITS;
    do {
        room[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return px_slice_from(room + at, PX_UINT_DIGITS - at);
}

#endif
