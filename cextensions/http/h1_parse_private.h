/* What the files of h1_parse share.
 *
 *     h1_parse.c         where a head ends; whole heads
 *     h1_parse_line.c    request lines and status lines
 *     h1_parse_fields.c  header fields, and what they say together about the message */
#ifndef PX_HTTP_H1_PARSE_PRIVATE_H
#define PX_HTTP_H1_PARSE_PRIVATE_H

#include "http/bytes.h"
#include "http/h1_parse.h"

static const px_slice px_h1_nowhere = {NULL, 0};

static inline px_slice px_h1_between(const uint8_t *from, const uint8_t *to)
{
    return px_slice_from(from, (size_t)(to - from));
}

static inline px_parse px_h1_bad(px_parse_error *error, int status, const char *text, px_slice where,
                                 const char *activity)
{
    *error = (px_parse_error){.status = status, .text = text, .where = where, .activity = activity};
    return PX_PARSE_BAD;
}

/* ---- Start lines ---- */

/* Bytes that are being read. They may end anywhere; what reads them says MORE there. */
typedef struct px_h1_reader {
    const uint8_t *at, *end;
    px_parse_error *error;
} px_h1_reader;

/* Read a start line with its end. DONE, BAD or, where the bytes end before it does, MORE; head has what there
 * was. *r->error: why it is BAD; after MORE what is wrong if nothing follows; after DONE undefined. */
px_parse px_h1_read_request_line(px_h1_reader *r, px_request_head *head);
px_parse px_h1_read_status_line(px_h1_reader *r, px_response_head_in *head);

/* ---- Header fields ---- */

/* How each side's errors are told: nginx's words, which operators search for. */
typedef struct px_h1_side {
    int status;
    bool request;
    const char *activity;
    const char *invalid_line, *too_many, *long_connection, *duplicate, *invalid_length, *length_and_encoding,
        *unknown_encoding, *encoding_in_1_0;
    int unknown_encoding_status;
} px_h1_side;

extern const px_h1_side px_h1_client_side, px_h1_upstream_side;

/* What Connection may name. */
enum px_h1_connection_option {
    PX_H1_CLOSE = 1,
    PX_H1_KEEP_ALIVE = 2,
    PX_H1_UPGRADE = 4,
    PX_H1_OTHER_NAME = 8
};

/* What the fields say together. A slice with data NULL: there was no such field. */
typedef struct px_h1_fields {
    const px_h1_side *side;
    px_header *headers;
    uint32_t count;
    unsigned connection; /* enum px_h1_connection_option */
    size_t connection_bytes;
    bool upgrade;
    uint64_t singles; /* bit per px_header_id: seen, and may not come again */
    px_slice host, length, encoding, expect;
    int64_t body;
} px_h1_fields;

/* All header lines from at up to the empty one, which must be the end of the bytes, to f->headers, which has
 * room for PX_MAX_HEADERS. DONE or BAD. The caller has set side and headers, the rest is zero. */
px_parse px_h1_read_fields(const uint8_t *at, const uint8_t *end, px_h1_fields *f, px_parse_error *error);

/* Sets f->body (RFC 9112 6.3, without its permission to prefer one of two framings). without: the body when no
 * field names one. DONE or BAD. */
px_parse px_h1_decide_framing(px_h1_fields *f, int minor_version, int64_t without, px_parse_error *error);

/* Whether the connection goes on after this message, by version and Connection. */
bool px_h1_stays_open(const px_h1_fields *f, int minor_version);

/* An error about a field, in the words of its side. Gives BAD. */
px_parse px_h1_bad_field(const px_h1_fields *f, px_parse_error *error, const char *text, px_slice where);

#endif
