/* Range fields and dates: any bytes; ranges that are taken lie within the answer, a piece cut by one has its bytes and
 * no others, and a date that is read is written and read again as the same. */
#include "fuzz.h"

#include "http/date.h"
#include "proxy/range.h"

#define LENGTH 1000

static void check_cut(px_range range)
{
    static uint8_t body[LENGTH];
    size_t seen = 0;
    for (int64_t at = 0; at < LENGTH; at += 300) {
        size_t len = LENGTH - at < 300 ? (size_t)(LENGTH - at) : 300;
        px_piece piece = {body + at, len, NULL};
        if (!px_range_cut(range, at, &piece))
            continue;
        HOLDS(piece.data >= body + range.start && piece.data + piece.len <= body + range.end);
        seen += piece.len;
    }
    HOLDS(seen == (size_t)(range.end - range.start));
}

static void check_ranges(px_slice field, int64_t length, uint32_t most)
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_ranges ranges = {NULL, 0};
    if (px_range_parse(field, length, most, &arena, &ranges) == PX_RANGE_PARTIAL) {
        HOLDS(ranges.count > 0 && ranges.count <= most);
        for (uint32_t i = 0; i < ranges.count; i++) {
            HOLDS(ranges.items[i].start >= 0 && ranges.items[i].start < ranges.items[i].end);
            HOLDS(ranges.items[i].end <= length);
            if (length == LENGTH)
                check_cut(ranges.items[i]);
        }
    }
    px_arena_clear(&arena);
}

static void check_date(px_slice text)
{
    int64_t seconds = px_date_parse(text);
    uint8_t again[PX_DATE_BYTES];
    if (seconds < 0) /* none, or before what is written */
        return;
    px_date_put(again, seconds);
    HOLDS(px_date_parse(px_slice_from(again, sizeof again)) == seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    px_slice bytes = px_slice_from(input, size);
    check_ranges(bytes, LENGTH, 100);
    check_ranges(bytes, INT64_MAX, UINT32_MAX);
    check_ranges(bytes, 1, 1);
    check_date(bytes);
    return 0;
}
