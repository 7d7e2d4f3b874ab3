/* See range.h. */
#include "proxy/range.h"

#include "http/bytes.h"

#define OFFSET_MOST INT64_MAX

typedef struct reader {
    const uint8_t *at, *end;
} reader;

static void skip_blanks(reader *in)
{
    while (in->at < in->end && *in->at == ' ')
        in->at++;
}

/* False: no number, or one that is too large. */
static bool read_number(reader *in, int64_t *value)
{
    *value = 0;
    if (in->at == in->end || !px_byte_is_digit(*in->at))
        return false;
    while (in->at < in->end && px_byte_is_digit(*in->at)) {
        int digit = *in->at++ - '0';
        if (*value > (OFFSET_MOST - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return true;
}

static bool at_element_end(const reader *in)
{
    return in->at == in->end || *in->at == ',';
}

/* One element. False: it is malformed. */
static bool read_range(reader *in, int64_t length, px_range *range)
{
    int64_t start = 0, end = 0;
    skip_blanks(in);
    bool suffix = in->at < in->end && *in->at == '-';
    if (!suffix) {
        if (!read_number(in, &start))
            return false;
        skip_blanks(in);
    }
    if (in->at == in->end || *in->at++ != '-')
        return false;
    if (!suffix)
        skip_blanks(in);
    if (!suffix && at_element_end(in)) {
        *range = (px_range){start, length};
        return true;
    }
    if (!read_number(in, &end))
        return false;
    skip_blanks(in);
    if (!at_element_end(in))
        return false;
    if (suffix) {
        start = end < length ? length - end : 0;
        end = length - 1;
    }
    *range = (px_range){start, end >= length ? length : end + 1};
    return true;
}

static uint32_t count_elements(px_slice field)
{
    uint32_t count = 1;
    for (size_t i = 0; i < field.len; i++)
        count += field.data[i] == ',';
    return count;
}

px_range_result px_range_parse(px_slice field, int64_t length, uint32_t most, px_arena *arena, px_ranges *out)
{
    if (most == 0 || field.len < 7 ||
        !px_slice_equal_caseless(px_slice_from(field.data, 6), PX_SLICE("bytes=")))
        return PX_RANGE_WHOLE;
    reader in = {field.data + 6, field.data + field.len};
    int64_t size = 0;
    *out = (px_ranges){px_arena_alloc(arena, count_elements(field) * sizeof(px_range)), 0};
    do {
        px_range range;
        if (!read_range(&in, length, &range))
            return PX_RANGE_NOT_SATISFIABLE;
        if (range.start < range.end) {
            if (out->count == most)
                return PX_RANGE_WHOLE;
            if (size > OFFSET_MOST - (range.end - range.start))
                return PX_RANGE_NOT_SATISFIABLE;
            size += range.end - range.start;
            out->items[out->count++] = range;
        } else if (range.start == 0) {
            return PX_RANGE_WHOLE;
        }
    } while (in.at < in.end && *in.at++ == ',');
    if (out->count == 0)
        return PX_RANGE_NOT_SATISFIABLE;
    return size > length ? PX_RANGE_WHOLE : PX_RANGE_PARTIAL;
}

bool px_range_cut(px_range range, int64_t at, px_piece *piece)
{
    int64_t end = at + (int64_t)piece->len;
    int64_t from = range.start > at ? range.start : at;
    int64_t to = range.end < end ? range.end : end;
    if (from >= to) {
        px_piece_release(piece);
        return false;
    }
    piece->data = (const uint8_t *)((uintptr_t)piece->data + (uintptr_t)(from - at));
    piece->len = (size_t)(to - from);
    return true;
}

px_slice px_range_field(px_arena *arena, const px_range *range, int64_t length)
{
    px_buffer text;
    px_buffer_init(&text, arena, 64);
    px_buffer_literal(&text, "bytes ");
    if (range == NULL) {
        px_buffer_byte(&text, '*');
    } else {
        px_buffer_uint(&text, (uint64_t)range->start);
        px_buffer_byte(&text, '-');
        px_buffer_uint(&text, (uint64_t)range->end - 1);
    }
    px_buffer_byte(&text, '/');
    px_buffer_uint(&text, (uint64_t)length);
    return px_buffer_view(&text);
}

void px_range_put_part(px_buffer *text, px_range range, int64_t length, px_slice type, px_slice boundary)
{
    px_buffer_literal(text, "\r\n--");
    px_buffer_slice(text, boundary);
    if (type.data != NULL) {
        px_buffer_literal(text, "\r\nContent-Type: ");
        px_buffer_slice(text, type);
    }
    px_buffer_literal(text, "\r\nContent-Range: bytes ");
    px_buffer_uint(text, (uint64_t)range.start);
    px_buffer_byte(text, '-');
    px_buffer_uint(text, (uint64_t)range.end - 1);
    px_buffer_byte(text, '/');
    px_buffer_uint(text, (uint64_t)length);
    px_buffer_literal(text, "\r\n\r\n");
}

void px_range_put_last(px_buffer *text, px_slice boundary)
{
    px_buffer_literal(text, "\r\n--");
    px_buffer_slice(text, boundary);
    px_buffer_literal(text, "--\r\n");
}
