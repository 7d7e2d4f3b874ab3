/* See h1_parse_private.h: header fields, and what they say together about the message. */
#include "http/h1_parse_private.h"
#include "http/path.h"

const px_h1_side px_h1_client_side = {
    .status = 400,
    .request = true,
    .activity = "reading client request headers",
    .invalid_line = "client sent invalid header line",
    .too_many = "client sent too many header lines",
    .long_connection = "client sent too long \"Connection\" header",
    .duplicate = "client sent duplicate header line",
    .invalid_length = "client sent invalid \"Content-Length\" header",
    .length_and_encoding =
        "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time",
    .unknown_encoding = "client sent unknown \"Transfer-Encoding\"",
    .encoding_in_1_0 = "client sent HTTP/1.0 request with \"Transfer-Encoding\" header",
    .unknown_encoding_status = 501,
};

const px_h1_side px_h1_upstream_side = {
    .status = 502,
    .activity = "reading response header from upstream",
    .invalid_line = "upstream sent invalid header",
    .too_many = "upstream sent too many header lines",
    .long_connection = "upstream sent too long \"Connection\" header",
    .duplicate = "upstream sent duplicate header line",
    .invalid_length = "upstream sent invalid \"Content-Length\" header",
    .length_and_encoding =
        "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time",
    .unknown_encoding = "upstream sent unknown \"Transfer-Encoding\"",
    .encoding_in_1_0 = "upstream sent HTTP/1.0 response with \"Transfer-Encoding\" header",
    .unknown_encoding_status = 502,
};

/* Each field of the head is looked for in those that Connection names, so that their number must be bounded:
 * 30 KB of commas in front of 900 fields took 100 ms. Proxies and browsers name one or two. */
#define CONNECTION_BYTES_MOST 512

static bool add_connection_option(void *argument, px_slice token)
{
    unsigned *options = argument;
    if (px_slice_equal_caseless(token, PX_SLICE("close")))
        *options |= PX_H1_CLOSE;
    else if (px_slice_equal_caseless(token, PX_SLICE("keep-alive")))
        *options |= PX_H1_KEEP_ALIVE;
    else if (px_slice_equal_caseless(token, PX_SLICE("upgrade")))
        *options |= PX_H1_UPGRADE;
    else
        *options |= PX_H1_OTHER_NAME;
    return true;
}

px_parse px_h1_bad_field(const px_h1_fields *f, px_parse_error *error, const char *text, px_slice where)
{
    return px_h1_bad(error, f->side->status, text, where, f->side->activity);
}

static px_slice line_of(const px_header *header)
{
    return px_h1_between(header->name.data, header->value.data + header->value.len);
}

static px_parse bad_duplicate(const px_h1_fields *f, px_parse_error *error, const char *text,
                              const px_header *header)
{
    const px_header *first = f->headers;
    while (first->id != header->id)
        first++;
    px_h1_bad_field(f, error, text, line_of(header));
    error->previous = line_of(first);
    return PX_PARSE_BAD;
}

static px_parse take_once(const px_h1_fields *f, px_slice *place, const px_header *header,
                          px_parse_error *error)
{
    if (place->data != NULL)
        return bad_duplicate(f, error, f->side->duplicate, header);
    *place = header->value;
    return PX_PARSE_DONE;
}

/* Of a request two of these would say two things, of which others might believe the other one. */
static px_parse take_single(px_h1_fields *f, const px_header *header, px_parse_error *error)
{
    uint64_t bit = (uint64_t)1 << header->id;
    if ((f->singles & bit) && f->side->request)
        return bad_duplicate(f, error, f->side->duplicate, header);
    f->singles |= bit;
    return PX_PARSE_DONE;
}

static px_parse take_host(px_h1_fields *f, const px_header *header, px_parse_error *error)
{
    px_slice name;
    if (!f->side->request)
        return PX_PARSE_DONE;
    if (f->host.data != NULL)
        return bad_duplicate(f, error, "client sent duplicate host header", header);
    f->host = header->value;
    if (!px_host_split(header->value, &name))
        return px_h1_bad_field(f, error, "client sent invalid host header", px_h1_nowhere);
    return PX_PARSE_DONE;
}

/* Looks at the few fields that decide about the message itself, and for those that may come only once. */
static px_parse take_field(px_h1_fields *f, const px_header *header, px_parse_error *error)
{
    switch (header->id) {
    case PX_HEADER_HOST:
        return take_host(f, header, error);
    case PX_HEADER_CONTENT_LENGTH:
        return take_once(f, &f->length, header, error);
    case PX_HEADER_TRANSFER_ENCODING:
        return take_once(f, &f->encoding, header, error);
    case PX_HEADER_CONNECTION:
        px_header_each_token(header->value, add_connection_option, &f->connection);
        f->connection_bytes += header->value.len;
        if ((f->connection & PX_H1_OTHER_NAME) && f->connection_bytes > CONNECTION_BYTES_MOST)
            return px_h1_bad_field(f, error, f->side->long_connection, px_h1_nowhere);
        break;
    case PX_HEADER_UPGRADE:
        f->upgrade = true;
        break;
    case PX_HEADER_EXPECT:
        f->expect = header->value;
        return take_single(f, header, error);
    case PX_HEADER_AUTHORIZATION:
    case PX_HEADER_CONTENT_RANGE:
    case PX_HEADER_IF_MATCH:
    case PX_HEADER_IF_MODIFIED_SINCE:
    case PX_HEADER_IF_NONE_MATCH:
    case PX_HEADER_IF_RANGE:
    case PX_HEADER_IF_UNMODIFIED_SINCE:
        return take_single(f, header, error);
    default:
        break;
    }
    return PX_PARSE_DONE;
}

/* The colon, or NULL when the first bad byte of the name (or the end) is at *stop. */
static const uint8_t *find_colon(const uint8_t *at, const uint8_t *end, px_header *header,
                                 const uint8_t **stop)
{
    const uint8_t *colon = NULL;
#ifdef __SSE2__
    if (end - at >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        unsigned colons = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(':')));
        if (colons != 0)
            colon = at + __builtin_ctz(colons);
    }
#endif
    if (colon != NULL) {
        header->name = px_h1_between(at, colon);
        header->id = (uint16_t)px_header_lookup(header->name);
        if (header->id != PX_HEADER_OTHER) /* a known name is a token: no need to look at each byte */
            return colon;
    }
    *stop = px_scan(at, end, PX_BYTE_TOKEN);
    if (*stop == end || **stop != ':' || *stop == at)
        return NULL;
    if (colon == NULL) {
        header->name = px_h1_between(at, *stop);
        header->id = (uint16_t)px_header_lookup(header->name);
    }
    return *stop;
}

/* One header line; at is moved behind it. */
static px_parse read_field(const uint8_t **at, const uint8_t *end, px_h1_fields *f, px_header *header,
                           px_parse_error *error)
{
    const uint8_t *line = *at, *stop = line;
    const uint8_t *colon = find_colon(line, end, header, &stop);
    if (colon == NULL)
        return px_h1_bad_field(f, error, f->side->invalid_line,
                               px_h1_between(line, stop < end ? stop + 1 : end));
    stop = px_scan_text(colon + 1, end);
    const uint8_t *line_feed = stop < end && *stop == '\r' ? stop + 1 : stop;
    if (line_feed >= end || *line_feed != '\n')
        return px_h1_bad_field(f, error, f->side->invalid_line,
                               px_h1_between(line, stop < end ? stop + 1 : end));
    header->value = px_header_trim(px_h1_between(colon + 1, stop));
    *at = line_feed + 1;
    return PX_PARSE_DONE;
}

static bool is_empty_last_line(const uint8_t *at, const uint8_t *end)
{
    return (end - at == 1 && at[0] == '\n') || (end - at == 2 && at[0] == '\r' && at[1] == '\n');
}

px_parse px_h1_read_fields(const uint8_t *at, const uint8_t *end, px_h1_fields *f, px_parse_error *error)
{
    while (!is_empty_last_line(at, end)) {
        if (f->count == PX_MAX_HEADERS)
            return px_h1_bad_field(f, error, f->side->too_many, px_h1_nowhere);
        px_header *header = &f->headers[f->count];
        px_parse result = read_field(&at, end, f, header, error);
        if (result == PX_PARSE_DONE)
            result = take_field(f, header, error);
        if (result != PX_PARSE_DONE)
            return result;
        f->count++;
    }
    return PX_PARSE_DONE;
}

px_parse px_h1_decide_framing(px_h1_fields *f, int minor_version, int64_t without, px_parse_error *error)
{
    uint64_t length = 0;
    if (f->length.data != NULL && !px_slice_to_uint(f->length, INT64_MAX, &length))
        return px_h1_bad_field(f, error, f->side->invalid_length,
                               f->side->request ? px_h1_nowhere : f->length);
    f->body = f->length.data != NULL ? (int64_t)length : without;
    if (f->encoding.data == NULL)
        return PX_PARSE_DONE;
    if (minor_version == 0)
        return px_h1_bad_field(f, error, f->side->encoding_in_1_0, px_h1_nowhere);
    if (!px_slice_equal_caseless(f->encoding, PX_SLICE("chunked")))
        return px_h1_bad(error, f->side->unknown_encoding_status, f->side->unknown_encoding, f->encoding,
                         f->side->activity);
    if (f->length.data != NULL)
        return px_h1_bad_field(f, error, f->side->length_and_encoding, px_h1_nowhere);
    f->body = PX_BODY_CHUNKED;
    return PX_PARSE_DONE;
}

bool px_h1_stays_open(const px_h1_fields *f, int minor_version)
{
    if (f->connection & PX_H1_CLOSE)
        return false;
    return minor_version == 1 || (f->connection & PX_H1_KEEP_ALIVE) != 0;
}
