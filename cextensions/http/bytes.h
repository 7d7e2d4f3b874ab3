/* Classes of bytes in HTTP/1 and scanning to the first byte that is not of a class. Nothing reads behind end.
 */
#ifndef PX_HTTP_BYTES_H
#define PX_HTTP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    PX_BYTE_TOKEN = 1,  /* tchar of RFC 9110 5.6.2 */
    PX_BYTE_METHOD = 2, /* what nginx takes in a method: A-Z "_" "-" */
    PX_BYTE_VISIBLE =
        4, /* no control, no space: what may stand in a request target (bytes above 127 as nginx does) */
    PX_BYTE_TEXT = 8,    /* field values and reasons: visible, space, tab */
    PX_BYTE_SCHEME = 16, /* RFC 3986 3.1 */
    PX_BYTE_NAME = 32,   /* reg-name of RFC 3986 3.2.2 without "%" and "." */
    PX_BYTE_ESCAPE = 64, /* must be written as %XX in a path */
};

extern const uint8_t px_byte_class[256];

static inline bool px_byte_is(uint8_t byte, uint8_t classes)
{
    return (px_byte_class[byte] & classes) != 0;
}

static inline bool px_byte_is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') <= 9;
}

/* The value of a hexadecimal digit, -1 for any other byte. */
static inline int px_byte_hex(uint8_t byte)
{
    if (px_byte_is_digit(byte))
        return byte - '0';
    uint8_t letter = (uint8_t)((byte | 0x20) - 'a');
    return letter < 6 ? letter + 10 : -1;
}

/* The first byte that is of none of the classes, or end. */
static inline const uint8_t *px_scan(const uint8_t *at, const uint8_t *end, uint8_t classes)
{
    while (at < end && px_byte_is(*at, classes))
        at++;
    return at;
}

/* The same for PX_BYTE_TEXT, sixteen bytes at a time: stops at a line end, another control byte or DEL. */
static inline const uint8_t *px_scan_text(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    const __m128i last_control = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(0x7f);
    for (; end - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
        control = _mm_andnot_si128(_mm_cmpeq_epi8(block, tab), control);
        int stops = _mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(block, del)));
        if (stops != 0)
            return at + __builtin_ctz((unsigned)stops);
    }
#endif
    return px_scan(at, end, PX_BYTE_TEXT);
}

/* The same for PX_BYTE_VISIBLE: stops at a space too. */
static inline const uint8_t *px_scan_visible(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    const __m128i space = _mm_set1_epi8(0x20), del = _mm_set1_epi8(0x7f);
    for (; end - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, space), block);
        int stops = _mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(block, del)));
        if (stops != 0)
            return at + __builtin_ctz((unsigned)stops);
    }
#endif
    return px_scan(at, end, PX_BYTE_VISIBLE);
}

#endif
