/* Properties that every parsed head has, of requests and responses alike. */
#ifndef PX_FUZZ_HEAD_H
#define PX_FUZZ_HEAD_H

#include "fuzz.h"
#include "http/h1_parse.h"

/* Finding the end piece by piece gives what finding it at once gives. */
static inline size_t fuzz_find_end(px_slice bytes)
{
    size_t scanned = 0, end = px_h1_find_end(bytes, &scanned);
    size_t step = 1 + bytes.len / 7;
    scanned = 0;
    for (size_t len = 0; len < bytes.len; len += step) {
        size_t found = px_h1_find_end(px_slice_from(bytes.data, len), &scanned);
        HOLDS(scanned <= len);
        if (found > 0) {
            HOLDS(found == end);
            return end;
        }
    }
    HOLDS(px_h1_find_end(bytes, &scanned) == end);
    return end;
}

/* Once a beginning is refused, every longer one is. Gives whether one was. */
static inline bool fuzz_check_partial(px_slice bytes,
                                      px_parse (*check)(px_slice bytes, px_parse_error *error))
{
    bool refused = false;
    size_t step = 1 + bytes.len / 64;
    for (size_t len = 0; len <= bytes.len; len += step) {
        px_parse_error error = {0};
        px_parse result = check(px_slice_from(bytes.data, len), &error);
        HOLDS(result == PX_PARSE_BAD || (result == PX_PARSE_MORE && !refused));
        HOLDS(result == PX_PARSE_MORE || (error.status >= 400 && error.text != NULL));
        refused = result == PX_PARSE_BAD;
    }
    return refused;
}

static inline void fuzz_check_error(const px_parse_error *error, px_slice bytes)
{
    HOLDS(error->status >= 400 && error->status < 600);
    HOLDS(error->text != NULL && error->activity != NULL);
    HOLDS(fuzz_within(error->where, bytes));
}

static inline void fuzz_check_headers(const px_header *headers, uint32_t count, px_slice bytes)
{
    HOLDS(count <= PX_MAX_HEADERS);
    for (uint32_t i = 0; i < count; i++) {
        px_slice name = headers[i].name, value = headers[i].value;
        HOLDS(fuzz_within(name, bytes) && fuzz_within(value, bytes));
        HOLDS(name.len > 0);
        HOLDS(px_header_lookup(name) == headers[i].id);
        for (size_t at = 0; at < name.len; at++)
            HOLDS(name.data[at] > ' ' && name.data[at] < 0x7f &&
                  strchr("\"(),/:;<=>?@[\\]{}", name.data[at]) == NULL);
        for (size_t at = 0; at < value.len; at++)
            HOLDS((value.data[at] >= ' ' && value.data[at] != 0x7f) || value.data[at] == '\t');
        if (value.len > 0) {
            HOLDS(strchr(" \t", value.data[0]) == NULL);
            HOLDS(strchr(" \t", value.data[value.len - 1]) == NULL);
        }
    }
}

static inline bool fuzz_same_headers(const px_header *a, const px_header *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!px_slice_equal(a[i].name, b[i].name) || !px_slice_equal(a[i].value, b[i].value) ||
            a[i].id != b[i].id)
            return false;
    }
    return true;
}

/* How many fields of that id there are. */
static inline unsigned fuzz_count(const px_header *headers, uint32_t count, px_header_id id)
{
    unsigned found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += headers[i].id == id;
    return found;
}

/* One framing: what the fields say can be said in one way. */
static inline void fuzz_check_framing(const px_header *headers, uint32_t count, int minor_version,
                                      int64_t body)
{
    unsigned lengths = fuzz_count(headers, count, PX_HEADER_CONTENT_LENGTH);
    unsigned encodings = fuzz_count(headers, count, PX_HEADER_TRANSFER_ENCODING);
    HOLDS(lengths + encodings <= 1);
    HOLDS((body == PX_BODY_CHUNKED) == (encodings == 1));
    HOLDS(encodings == 0 || minor_version == 1);
    HOLDS(body <= 0 || lengths == 1);
}

/* The head written anew: the start line, then the fields. Free with free(). */
static inline px_slice fuzz_write_head(px_slice line, const px_header *headers, uint32_t count)
{
    size_t room = line.len + 4;
    for (uint32_t i = 0; i < count; i++)
        room += headers[i].name.len + headers[i].value.len + 4;
    uint8_t *out = malloc(room), *at = out;
    if (out == NULL)
        abort();
    memcpy(at, line.data, line.len);
    at += line.len;
    memcpy(at, "\r\n", 2);
    at += 2;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(at, headers[i].name.data, headers[i].name.len);
        at += headers[i].name.len;
        memcpy(at, ": ", 2);
        at += 2;
        if (headers[i].value.len > 0)
            memcpy(at, headers[i].value.data, headers[i].value.len);
        at += headers[i].value.len;
        memcpy(at, "\r\n", 2);
        at += 2;
    }
    memcpy(at, "\r\n", 2);
    return px_slice_from(out, room);
}

#endif
