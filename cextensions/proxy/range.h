/* Range: which bytes of an answer a client wants, and the pieces that are left of a body then. After RFC 9110 14.2,
 * where that leaves a choice as nginx has it. */
#ifndef PX_PROXY_RANGE_H
#define PX_PROXY_RANGE_H

#include "base/buffer.h"
#include "base/piece.h"

typedef struct px_range {
    int64_t start, end; /* end: the first byte that is not wanted */
} px_range;

typedef struct px_ranges {
    px_range *items;
    uint32_t count;
} px_ranges;

typedef enum px_range_result {
    PX_RANGE_WHOLE, /* no ranges, or none that make sense: the whole answer */
    PX_RANGE_PARTIAL,
    PX_RANGE_NOT_SATISFIABLE
} px_range_result;

/* field: "bytes=0-99,-5". length: of the whole. most: more ranges than that give the whole. */
px_range_result px_range_parse(px_slice field, int64_t length, uint32_t most, px_arena *arena,
                               px_ranges *out);

/* Makes of a piece that begins at byte `at` of a body what the range wants of it. False: nothing; the piece is
 * released then. */
bool px_range_cut(px_range range, int64_t at, px_piece *piece);

/* The value of Content-Range; range NULL: none can be had. */
px_slice px_range_field(px_arena *arena, const px_range *range, int64_t length);
/* The text in front of one part of a multipart body, and behind the last one. type: data NULL for none. */
void px_range_put_part(px_buffer *text, px_range range, int64_t length, px_slice type, px_slice boundary);
void px_range_put_last(px_buffer *text, px_slice boundary);

#endif
