/* Chunked framing (RFC 9112 7.1), both ways. The decoder is a resumable state machine, strict: a
 * hexadecimal size of at most 15 digits; CRLF exactly (nginx takes LF alone: refused); extensions and
 * trailers are checked, skipped, and bounded by what the data earns. */
#ifndef PX_HTTP_CHUNKED_H
#define PX_HTTP_CHUNKED_H

#include "http/h1_parse.h"

typedef struct px_chunked {
    uint64_t left;  /* of the current chunk */
    uint32_t state; /* private */
    /* Blanks may stand between a size and the end of its line, as servers write that keep room for the longest
     * size. For answers only, which are framed anew behind us: px_chunked_init says no, the caller may say yes. */
    bool padded_sizes;
    /* Where lines of the trailer go, with their ends; NULL: nobody wants them. The caller's. */
    uint8_t *trailers;
    uint32_t trailers_room, trailers_len;
    uint32_t extra; /* bytes of extensions and trailers not yet earned by data: bounded */
} px_chunked;

void px_chunked_init(px_chunked *decoder);
/* Eats from *bytes (advances it) up to and including the next run of body data, which is put into *data
 * (may be empty). MORE: call again, with more bytes when *bytes is empty. DONE: the body and its trailers
 * ended; *bytes is what follows. BAD: *error. */
px_parse px_chunked_decode(px_chunked *decoder, px_slice *bytes, px_slice *data, px_parse_error *error);

/* Within a chunk, whose size is known: decoder->left is what of its data has not come. */
bool px_chunked_in_chunk(const px_chunked *decoder);

/* Room for "ffffffffffffffff\r\n"; gives the bytes used. */
#define PX_CHUNK_HEAD_BYTES 18
size_t px_chunk_head(uint8_t into[PX_CHUNK_HEAD_BYTES], uint64_t size);

#endif
