/* See chunked.h. */
#include "http/chunked.h"

#include "http/bytes.h"

/* clang-format off */
/* The states, in the order in which a body passes them:
 *
 *   SIZE_FIRST SIZE  [EXTENSION_BLANK] [EXTENSION]  SIZE_LF     the line in front of a chunk
 *   DATA  DATA_CR  DATA_LF                                      back to SIZE_FIRST
 *   TRAILER_FIRST  TRAILER_NAME  TRAILER_VALUE  TRAILER_LF      after the chunk of size 0; back to TRAILER_FIRST
 *   END_LF  ENDED                                               the empty line */
enum state {
    SIZE_FIRST, SIZE, EXTENSION_BLANK, EXTENSION, SIZE_LF,
    DATA, DATA_CR, DATA_LF,
    TRAILER_FIRST, TRAILER_NAME, TRAILER_VALUE, TRAILER_LF,
    END_LF, ENDED, BROKEN
};
/* clang-format on */

#define SIZE_DIGITS 15 /* a size fits in an int64_t with room to add */
/* Bytes that are neither data nor needed framing. Chunks earn some back: a long body may sign each of its
 * chunks, but a peer cannot make us read much more than the body (a limit on the body would not see it). */
#define EXTRA_BYTES 16384
#define EARNED_BYTES 16

void px_chunked_init(px_chunked *decoder)
{
    *decoder = (px_chunked){.state = SIZE_FIRST};
}

/* While a size is read, `extra` is left alone; the digits are counted in the upper bits of `state`. */
#define STATE_BITS 8
#define STATE_MASK ((1u << STATE_BITS) - 1)

static px_parse broken(px_chunked *decoder, px_parse_error *error)
{
    decoder->state = BROKEN;
    *error = (px_parse_error){.status = 400, .text = "client sent invalid chunked body"};
    return PX_PARSE_BAD;
}

static bool take_size_digit(px_chunked *decoder, uint8_t byte)
{
    int digit = px_byte_hex(byte);
    uint32_t digits = decoder->state >> STATE_BITS;
    if (digit < 0 || digits == SIZE_DIGITS)
        return false;
    decoder->left = decoder->left << 4 | (uint64_t)digit;
    decoder->state = SIZE | (digits + 1) << STATE_BITS;
    return true;
}

static bool count_extra(px_chunked *decoder)
{
    return ++decoder->extra <= EXTRA_BYTES;
}

static void earn_extra(px_chunked *decoder)
{
    uint64_t earned = EARNED_BYTES + 2 * decoder->left;
    decoder->extra -= (uint32_t)(earned < decoder->extra ? earned : decoder->extra);
}

/* A byte of the line in front of a chunk. */
static bool take_size_byte(px_chunked *decoder, uint8_t byte)
{
    switch (decoder->state & STATE_MASK) {
    case SIZE_FIRST: /* left is 0: the chunk before was taken whole */
        return take_size_digit(decoder, byte);
    case SIZE:
    case EXTENSION_BLANK:
        if (byte == ';')
            decoder->state = EXTENSION;
        else if (byte == ' ' || byte == '\t')
            decoder->state =
                EXTENSION_BLANK; /* RFC 9112 7.1.1 allows blanks only where an extension follows */
        else if (byte == '\r' && ((decoder->state & STATE_MASK) == SIZE || decoder->padded_sizes))
            decoder->state = SIZE_LF;
        else if ((decoder->state & STATE_MASK) == EXTENSION_BLANK)
            return false;
        else
            return take_size_digit(decoder, byte);
        return byte == '\r' || count_extra(decoder);
    case EXTENSION:
        if (byte == '\r')
            decoder->state = SIZE_LF;
        return byte == '\r' || (px_byte_is(byte, PX_BYTE_TEXT) && count_extra(decoder));
    default: /* SIZE_LF */
        earn_extra(decoder);
        decoder->state = decoder->left > 0 ? DATA : TRAILER_FIRST;
        return byte == '\n';
    }
}

/* Of a line of the trailer. */
static bool keep_trailer_byte(px_chunked *decoder, uint8_t byte)
{
    if (decoder->trailers == NULL)
        return true;
    if (decoder->trailers_len == decoder->trailers_room)
        return false;
    decoder->trailers[decoder->trailers_len++] = byte;
    return true;
}

/* A byte behind the last chunk. */
static bool take_trailer_byte(px_chunked *decoder, uint8_t byte)
{
    switch (decoder->state) {
    case TRAILER_FIRST:
        if (byte == '\r') {
            decoder->state = END_LF;
            return true;
        }
        decoder->state = TRAILER_NAME;
        return px_byte_is(byte, PX_BYTE_TOKEN) && count_extra(decoder);
    case TRAILER_NAME:
        if (byte == ':')
            decoder->state = TRAILER_VALUE;
        return (byte == ':' || px_byte_is(byte, PX_BYTE_TOKEN)) && count_extra(decoder);
    case TRAILER_VALUE:
        if (byte == '\r')
            decoder->state = TRAILER_LF;
        return (byte == '\r' || px_byte_is(byte, PX_BYTE_TEXT)) && count_extra(decoder);
    default: /* TRAILER_LF, END_LF */
        decoder->state = decoder->state == TRAILER_LF ? TRAILER_FIRST : ENDED;
        return byte == '\n';
    }
}

/* A byte that is not data. */
static bool take_byte(px_chunked *decoder, uint8_t byte)
{
    switch (decoder->state & STATE_MASK) {
    case DATA_CR:
        decoder->state = DATA_LF;
        return byte == '\r';
    case DATA_LF:
        decoder->state = SIZE_FIRST;
        return byte == '\n';
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
        if (decoder->state == TRAILER_FIRST && byte == '\r')
            return take_trailer_byte(decoder, byte);
        return keep_trailer_byte(decoder, byte) && take_trailer_byte(decoder, byte);
    case END_LF:
        return take_trailer_byte(decoder, byte);
    case BROKEN:
        return false;
    default:
        return take_size_byte(decoder, byte);
    }
}

static void take_data(px_chunked *decoder, px_slice *bytes, px_slice *data)
{
    size_t len = bytes->len < decoder->left ? bytes->len : (size_t)decoder->left;
    *data = px_slice_from(bytes->data, len);
    *bytes = px_slice_from(bytes->data + len, bytes->len - len);
    decoder->left -= len;
    if (decoder->left == 0)
        decoder->state = DATA_CR;
}

px_parse px_chunked_decode(px_chunked *decoder, px_slice *bytes, px_slice *data, px_parse_error *error)
{
    *data = px_slice_from(bytes->data, 0);
    while (decoder->state != ENDED && bytes->len > 0) {
        if (decoder->state == DATA) {
            take_data(decoder, bytes, data);
            return PX_PARSE_MORE;
        }
        if (!take_byte(decoder, bytes->data[0]))
            return broken(decoder, error);
        bytes->data++;
        bytes->len--;
    }
    return decoder->state == ENDED ? PX_PARSE_DONE : PX_PARSE_MORE;
}

bool px_chunked_in_chunk(const px_chunked *decoder)
{
    return decoder->state == DATA || decoder->state == DATA_CR;
}

size_t px_chunk_head(uint8_t into[PX_CHUNK_HEAD_BYTES], uint64_t size)
{
    size_t digits = size == 0 ? 1 : (size_t)(67 - __builtin_clzll(size)) / 4;
    for (size_t i = digits; i-- > 0; size >>= 4)
        into[i] = (uint8_t) "0123456789abcdef"[size & 15];
    into[digits] = '\r';
    into[digits + 1] = '\n';
    return digits + 2;
}
