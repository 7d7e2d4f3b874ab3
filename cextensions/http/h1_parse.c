/* See h1_parse.h: where a head ends, and whole heads. */
#include "http/h1_parse_private.h"

/* How many bytes from the LF at `at` to the end of the empty line behind it; 0: no empty line follows; -1:
 * not known yet. */
static inline int empty_line_behind(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 2)
        return -1;
    if (at[1] == '\n')
        return 2;
    if (at[1] != '\r')
        return 0;
    if (end - at < 3)
        return -1;
    return at[2] == '\n' ? 3 : 0;
}

size_t px_h1_find_end(px_slice bytes, size_t *scanned)
{
    if (bytes.len == 0)
        return 0;
    const uint8_t *at = bytes.data + *scanned, *end = bytes.data + bytes.len;
    int behind = 0;
#ifdef __SSE2__
    const __m128i line_feed = _mm_set1_epi8('\n');
    for (; end - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        unsigned lines = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, line_feed));
        for (; lines != 0; lines &= lines - 1) {
            const uint8_t *line = at + __builtin_ctz(lines);
            behind = empty_line_behind(line, end);
            if (behind != 0) {
                at = line;
                goto known;
            }
        }
    }
#endif
    for (; at < end; at++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            break;
        behind = empty_line_behind(at, end);
        if (behind != 0)
            goto known;
    }
    *scanned = bytes.len;
    return 0;
known:
    *scanned = (size_t)(at - bytes.data);
    return behind > 0 ? *scanned + (size_t)behind : 0;
}

static px_h1_reader read_from(px_slice bytes, px_parse_error *error)
{
    static const uint8_t nothing;
    const uint8_t *at = bytes.len > 0 ? bytes.data : &nothing; /* an empty slice may point nowhere */
    return (px_h1_reader){at, at + bytes.len, error};
}

static px_slice first_line(px_slice bytes)
{
    if (bytes.len == 0)
        return bytes;
    const uint8_t *line_feed = memchr(bytes.data, '\n', bytes.len);
    size_t len = line_feed != NULL ? (size_t)(line_feed - bytes.data) : bytes.len;
    if (len > 0 && bytes.data[len - 1] == '\r')
        len--;
    return px_slice_from(bytes.data, len);
}

/* In nginx's order, so that a request with several mistakes gets the same answer. */
static px_parse check_request(px_h1_fields *f, px_request_head *head, px_parse_error *error)
{
    if (head->minor_version == 1 && f->host.data == NULL)
        return px_h1_bad_field(f, error, "client sent HTTP/1.1 request without \"Host\" header",
                               px_h1_nowhere);
    px_parse result = px_h1_decide_framing(f, head->minor_version, 0, error);
    if (result != PX_PARSE_DONE)
        return result;
    if (head->method == PX_METHOD_CONNECT)
        return px_h1_bad(error, 405, "client sent CONNECT method", px_h1_nowhere, f->side->activity);
    if (head->method == PX_METHOD_TRACE)
        return px_h1_bad(error, 405, "client sent TRACE method", px_h1_nowhere, f->side->activity);
    return PX_PARSE_DONE;
}

px_parse px_h1_parse_request(px_slice bytes, px_header *headers, px_request_head *head, px_parse_error *error)
{
    px_h1_reader r = read_from(bytes, error);
    *head = (px_request_head){.minor_version = -1, .headers = headers};
    px_parse result = px_h1_read_request_line(&r, head);
    if (result != PX_PARSE_DONE) { /* MORE, no whole head, is the caller's mistake, but never a good answer */
        head->request_line = first_line(bytes);
        return PX_PARSE_BAD;
    }
    head->request_line = px_h1_between(bytes.data, r.at[-2] == '\r' ? r.at - 2 : r.at - 1);
    px_h1_fields f = {.side = &px_h1_client_side, .headers = headers};
    result = px_h1_read_fields(r.at, r.end, &f, error);
    head->header_count = f.count;
    head->host = f.host;
    if (result == PX_PARSE_DONE)
        result = check_request(&f, head, error);
    if (result != PX_PARSE_DONE)
        return result;
    head->body = f.body;
    head->keepalive = px_h1_stays_open(&f, head->minor_version);
    head->expect_continue = head->minor_version == 1 && f.expect.data != NULL &&
                            px_slice_equal_caseless(f.expect, PX_SLICE("100-continue"));
    head->upgrade = head->minor_version == 1 && f.upgrade && (f.connection & PX_H1_UPGRADE) != 0;
    head->connection_names = (f.connection & PX_H1_OTHER_NAME) != 0;
    return PX_PARSE_DONE;
}

px_parse px_h1_parse_response(px_slice bytes, px_header *headers, px_response_head_in *head,
                              px_parse_error *error)
{
    px_h1_reader r = read_from(bytes, error);
    *head = (px_response_head_in){.headers = headers};
    px_parse result = px_h1_read_status_line(&r, head);
    if (result != PX_PARSE_DONE)
        return PX_PARSE_BAD;
    px_h1_fields f = {.side = &px_h1_upstream_side, .headers = headers};
    result = px_h1_read_fields(r.at, r.end, &f, error);
    head->header_count = f.count;
    if (result == PX_PARSE_DONE)
        result = px_h1_decide_framing(&f, head->minor_version, PX_BODY_UNTIL_CLOSE, error);
    if (result != PX_PARSE_DONE)
        return result;
    head->body = f.body;
    head->keepalive = px_h1_stays_open(&f, head->minor_version);
    head->upgrade = f.upgrade && (f.connection & PX_H1_UPGRADE) != 0;
    head->connection_names = (f.connection & PX_H1_OTHER_NAME) != 0;
    return PX_PARSE_DONE;
}

px_parse px_h1_check_partial(px_slice bytes, px_parse_error *error)
{
    px_request_head head = {0};
    px_h1_reader r = read_from(bytes, error);
    return px_h1_read_request_line(&r, &head) == PX_PARSE_BAD ? PX_PARSE_BAD : PX_PARSE_MORE;
}

px_parse px_h1_check_partial_response(px_slice bytes, px_parse_error *error)
{
    px_response_head_in head = {0};
    px_h1_reader r = read_from(bytes, error);
    return px_h1_read_status_line(&r, &head) == PX_PARSE_BAD ? PX_PARSE_BAD : PX_PARSE_MORE;
}
