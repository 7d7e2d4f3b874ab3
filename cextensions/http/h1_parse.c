#include "http/h1_parse.h"

#include "http/bytes.h"
#include "http/path.h"

/* How each side's errors are told: nginx's words, which operators search for. */
typedef struct side {
    int status;
    bool request;
    const char *activity;
    const char *invalid_line, *too_many, *long_connection, *duplicate, *invalid_length, *length_and_encoding,
        *unknown_encoding, *encoding_in_1_0;
    int unknown_encoding_status;
} side;

static const side client_side = {
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

static const side upstream_side = {
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

#define READING_LINE "reading client request line"

static const px_slice nowhere = {NULL, 0};

static px_slice between(const uint8_t *from, const uint8_t *to)
{
    return px_slice_from(from, (size_t)(to - from));
}

static px_parse bad(px_parse_error *error, int status, const char *text, px_slice where, const char *activity)
{
    *error = (px_parse_error){.status = status, .text = text, .where = where, .activity = activity};
    return PX_PARSE_BAD;
}

static px_parse bad_line(px_parse_error *error, int status, const char *text)
{
    return bad(error, status, text, nowhere, READING_LINE);
}

/* ---- Finding the end ---- */

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

/* ---- Start lines ----
 *
 * They read as far as there are bytes: MORE at the end of the bytes, which cannot happen when a whole head is
 * there. So the same functions answer px_h1_check_partial. */

typedef struct reader {
    const uint8_t *at, *end;
    px_parse_error *error;
} reader;

static reader read_from(px_slice bytes, px_parse_error *error)
{
    static const uint8_t nothing;
    const uint8_t *at = bytes.len > 0 ? bytes.data : &nothing; /* an empty slice may point nowhere */
    return (reader){at, at + bytes.len, error};
}

static px_method method_number(px_slice name)
{
#define IS(text, number)                                                                                     \
    if (memcmp(name.data, text, sizeof(text) - 1) == 0)                                                      \
        return PX_METHOD_##number;
    switch (name.len) {
    case 3:
        IS("GET", GET)
        IS("PUT", PUT)
        break;
    case 4:
        IS("POST", POST)
        IS("HEAD", HEAD)
        IS("COPY", COPY)
        IS("MOVE", MOVE)
        IS("LOCK", LOCK)
        break;
    case 5:
        IS("PATCH", PATCH)
        IS("TRACE", TRACE)
        IS("MKCOL", MKCOL)
        break;
    case 6:
        IS("DELETE", DELETE)
        IS("UNLOCK", UNLOCK)
        break;
    case 7:
        IS("OPTIONS", OPTIONS)
        IS("CONNECT", CONNECT)
        break;
    case 8:
        IS("PROPFIND", PROPFIND)
        break;
    case 9:
        IS("PROPPATCH", PROPPATCH)
        break;
    }
#undef IS
    return PX_METHOD_OTHER;
}

static px_parse read_method(reader *r, px_request_head *head)
{
    const uint8_t *start = r->at;
    r->at = px_scan(start, r->end, PX_BYTE_METHOD);
    if (r->at == r->end)
        return PX_PARSE_MORE;
    if (*r->at != ' ' || r->at == start)
        return bad_line(r->error, 400, "client sent invalid method");
    head->method_name = between(start, r->at++);
    head->method = method_number(head->method_name);
    return PX_PARSE_DONE;
}

static bool is_authority_byte(uint8_t byte)
{
    return px_byte_is(byte, PX_BYTE_NAME) || byte == '.' || byte == ':' || byte == '[' || byte == ']' ||
           byte == '%';
}

/* scheme://authority[/path][?query]. at..end is the target, or what has come of it (then whole is false). */
static px_parse read_absolute_form(const uint8_t *at, const uint8_t *end, bool whole, px_request_head *head,
                                   px_parse_error *error)
{
    static const char mark[] = "://";
    const px_parse cut_short = whole ? PX_PARSE_BAD : PX_PARSE_MORE;
    bad_line(error, 400, "client sent invalid request");
    const uint8_t *colon = px_scan(at, end, PX_BYTE_SCHEME);
    for (unsigned i = 0; i < 3; i++) {
        if (end - colon <= (ptrdiff_t)i)
            return cut_short;
        if (colon[i] != mark[i])
            return PX_PARSE_BAD;
    }
    const uint8_t *authority = colon + 3, *path = authority;
    while (path < end && is_authority_byte(*path))
        path++;
    if (path == end && !whole)
        return PX_PARSE_MORE;
    if (path < end && *path != '/' && *path != '?')
        return PX_PARSE_BAD;
    head->scheme = between(at, colon);
    head->authority = between(authority, path);
    head->path = path < end ? between(path, end) : PX_SLICE("/");
    px_slice name;
    if (!px_host_split(head->authority, &name))
        return bad_line(error, 400, "client sent invalid host in request line");
    return whole ? PX_PARSE_DONE : PX_PARSE_MORE;
}

/* RFC 9112 3.2. Only CONNECT has an authority-form; it is answered 405 whatever stands there. */
static px_parse read_target_form(const uint8_t *at, const uint8_t *end, bool whole, px_request_head *head,
                                 px_parse_error *error)
{
    if (at == end)
        return whole ? bad_line(error, 400, "client sent invalid request") : PX_PARSE_MORE;
    bool letter = (*at | 0x20) >= 'a' && (*at | 0x20) <= 'z';
    if (*at == '/' || head->method == PX_METHOD_CONNECT)
        head->path = between(at, end);
    else if (*at == '*' && end - at == 1 && head->method == PX_METHOD_OPTIONS)
        head->path = between(at, end);
    else if (letter)
        return read_absolute_form(at, end, whole, head, error);
    else
        return bad_line(error, 400, "client sent invalid request");
    return whole ? PX_PARSE_DONE : PX_PARSE_MORE;
}

static px_parse read_target(reader *r, px_request_head *head)
{
    const uint8_t *start = r->at;
    r->at = px_scan_visible(start, r->end);
    if (r->at == r->end)
        return read_target_form(start, r->end, false, head, r->error);
    if (*r->at != ' ')
        return bad_line(r->error, 400, "client sent invalid request");
    head->target = between(start, r->at);
    return read_target_form(start, r->at++, true, head, r->error);
}

/* LF or CRLF. A digit means a longer version number. */
static px_parse read_line_end(reader *r, const px_parse_error *otherwise)
{
    if (r->at < r->end && *r->at == '\r')
        r->at++;
    if (r->at == r->end)
        return PX_PARSE_MORE;
    if (*r->at++ == '\n')
        return PX_PARSE_DONE;
    *r->error = *otherwise;
    return PX_PARSE_BAD;
}

#define MINOR_DIGITS 3 /* as nginx: more are no version */

/* At least one digit of a minor version, at most MINOR_DIGITS. minor: 0 for HTTP/1.0; all others are understood as
 * HTTP/1.1 is (RFC 9110 2.5). */
static px_parse read_minor(reader *r, int *minor)
{
    int number = 0, digits = 0;
    for (; r->at < r->end && px_byte_is_digit(*r->at) && digits < MINOR_DIGITS; r->at++, digits++)
        number = number * 10 + (*r->at - '0');
    *minor = number > 0;
    if (digits > 0)
        return PX_PARSE_DONE;
    return r->at == r->end ? PX_PARSE_MORE : PX_PARSE_BAD;
}

/* HTTP/1.x. Another major version is 505, anything else 400. */
static px_parse read_version(reader *r, int *minor)
{
    static const char prefix[] = "HTTP/1.";
    enum { MAJOR = 5, DOT = 6, LENGTH = 7 };
    for (unsigned i = 0; i < LENGTH; i++, r->at++) {
        if (r->at == r->end)
            return PX_PARSE_MORE;
        if (*r->at == prefix[i])
            continue;
        bool other_number = i >= MAJOR && px_byte_is_digit(*r->at) && !(i == MAJOR && *r->at == '0');
        return other_number ? bad_line(r->error, 505, "client sent invalid version")
                            : bad_line(r->error, 400, "client sent invalid request");
    }
    px_parse result = read_minor(r, minor);
    return result == PX_PARSE_BAD ? bad_line(r->error, 400, "client sent invalid request") : result;
}

static px_parse read_request_line(reader *r, px_request_head *head)
{
    static const px_parse_error invalid = {
        .status = 400, .text = "client sent invalid request", .activity = READING_LINE};
    int minor = -1;
    px_parse result = read_method(r, head);
    if (result == PX_PARSE_DONE)
        result = read_target(r, head);
    if (result == PX_PARSE_DONE)
        result = read_version(r, &minor);
    if (result == PX_PARSE_DONE)
        result = read_line_end(r, &invalid);
    if (result == PX_PARSE_DONE)
        head->minor_version = minor;
    return result;
}

static const px_parse_error no_http = {.status = 502,
                                       .text = "upstream sent no valid HTTP/1.0 header",
                                       .activity = "reading response header from upstream"};

/* What `pattern` says, where n is a digit and d one from 1 to 9. */
static px_parse read_pattern(reader *r, const char *pattern)
{
    for (; *pattern != 0; pattern++, r->at++) {
        if (r->at == r->end)
            return PX_PARSE_MORE;
        uint8_t byte = *r->at;
        bool good = *pattern == 'd'   ? byte >= '1' && byte <= '9'
                    : *pattern == 'n' ? px_byte_is_digit(byte)
                                      : byte == *pattern;
        if (!good)
            return PX_PARSE_BAD;
    }
    return PX_PARSE_DONE;
}

/* HTTP/1.x SP 3DIGIT [SP reason]. Many backends leave the last space out, and nginx accepts that. */
static px_parse read_status_line(reader *r, px_response_head_in *head)
{
    const uint8_t *start = r->at;
    *r->error = no_http;
    px_parse result = read_pattern(r, "HTTP/1.");
    if (result == PX_PARSE_DONE)
        result = read_minor(r, &head->minor_version);
    if (result == PX_PARSE_DONE)
        result = read_pattern(r, " dnn");
    if (result != PX_PARSE_DONE)
        return result;
    const uint8_t *status = r->at - 3;
    head->status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
    if (r->at < r->end && *r->at == ' ') {
        const uint8_t *reason = r->at + 1;
        r->at = px_scan_text(reason, r->end);
        head->reason = between(reason, r->at);
    }
    head->status_line = between(start, r->at);
    return read_line_end(r, &no_http);
}

/* ---- Header fields ---- */

/* Each field of the head is looked for in those that Connection names, so that their number must be bounded:
 * 30 KB of commas in front of 900 fields took 100 ms. Proxies and browsers name one or two. */
#define CONNECTION_BYTES_MOST 512

enum connection_option { CLOSE = 1, KEEP_ALIVE = 2, UPGRADE = 4, OTHER_NAME = 8 };

/* What the fields say together. A slice with data NULL: there was no such field. */
typedef struct fields {
    const side *side;
    px_header *headers;
    uint32_t count;
    unsigned connection; /* enum connection_option */
    size_t connection_bytes;
    bool upgrade;
    px_slice host, length, encoding, expect;
    int64_t body;
} fields;

static bool add_connection_option(void *argument, px_slice token)
{
    unsigned *options = argument;
    if (px_slice_equal_caseless(token, PX_SLICE("close")))
        *options |= CLOSE;
    else if (px_slice_equal_caseless(token, PX_SLICE("keep-alive")))
        *options |= KEEP_ALIVE;
    else if (px_slice_equal_caseless(token, PX_SLICE("upgrade")))
        *options |= UPGRADE;
    else
        *options |= OTHER_NAME;
    return true;
}

static px_parse bad_field(const fields *f, px_parse_error *error, const char *text, px_slice where)
{
    return bad(error, f->side->status, text, where, f->side->activity);
}

static px_slice line_of(const px_header *header)
{
    return between(header->name.data, header->value.data + header->value.len);
}

static px_parse bad_duplicate(const fields *f, px_parse_error *error, const char *text,
                              const px_header *header)
{
    const px_header *first = f->headers;
    while (first->id != header->id)
        first++;
    bad_field(f, error, text, line_of(header));
    error->previous = line_of(first);
    return PX_PARSE_BAD;
}

static px_parse take_once(const fields *f, px_slice *place, const px_header *header, px_parse_error *error)
{
    if (place->data != NULL)
        return bad_duplicate(f, error, f->side->duplicate, header);
    *place = header->value;
    return PX_PARSE_DONE;
}

static px_parse take_host(fields *f, const px_header *header, px_parse_error *error)
{
    px_slice name;
    if (!f->side->request)
        return PX_PARSE_DONE;
    if (f->host.data != NULL)
        return bad_duplicate(f, error, "client sent duplicate host header", header);
    f->host = header->value;
    if (!px_host_split(header->value, &name))
        return bad_field(f, error, "client sent invalid host header", nowhere);
    return PX_PARSE_DONE;
}

/* Looks at the few fields that decide about the message itself. */
static px_parse take_field(fields *f, const px_header *header, px_parse_error *error)
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
        if ((f->connection & OTHER_NAME) && f->connection_bytes > CONNECTION_BYTES_MOST)
            return bad_field(f, error, f->side->long_connection, nowhere);
        break;
    case PX_HEADER_UPGRADE:
        f->upgrade = true;
        break;
    case PX_HEADER_EXPECT:
        f->expect = header->value;
        break;
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
        header->name = between(at, colon);
        header->id = (uint16_t)px_header_lookup(header->name);
        if (header->id != PX_HEADER_OTHER) /* a known name is a token: no need to look at each byte */
            return colon;
    }
    *stop = px_scan(at, end, PX_BYTE_TOKEN);
    if (*stop == end || **stop != ':' || *stop == at)
        return NULL;
    if (colon == NULL) {
        header->name = between(at, *stop);
        header->id = (uint16_t)px_header_lookup(header->name);
    }
    return *stop;
}

/* One header line; at is moved behind it. */
static px_parse read_field(const uint8_t **at, const uint8_t *end, fields *f, px_header *header,
                           px_parse_error *error)
{
    const uint8_t *line = *at, *stop = line;
    const uint8_t *colon = find_colon(line, end, header, &stop);
    if (colon == NULL)
        return bad_field(f, error, f->side->invalid_line, between(line, stop < end ? stop + 1 : end));
    stop = px_scan_text(colon + 1, end);
    const uint8_t *line_feed = stop < end && *stop == '\r' ? stop + 1 : stop;
    if (line_feed >= end || *line_feed != '\n')
        return bad_field(f, error, f->side->invalid_line, between(line, stop < end ? stop + 1 : end));
    header->value = px_header_trim(between(colon + 1, stop));
    *at = line_feed + 1;
    return PX_PARSE_DONE;
}

static bool is_empty_last_line(const uint8_t *at, const uint8_t *end)
{
    return (end - at == 1 && at[0] == '\n') || (end - at == 2 && at[0] == '\r' && at[1] == '\n');
}

/* All header lines up to the empty one, which must be the end of the bytes. */
static px_parse read_fields(const uint8_t *at, const uint8_t *end, fields *f, px_parse_error *error)
{
    while (!is_empty_last_line(at, end)) {
        if (f->count == PX_MAX_HEADERS)
            return bad_field(f, error, f->side->too_many, nowhere);
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

/* RFC 9112 6.3, without its permission to prefer one of two framings. without: the body when no field names
 * one. */
static px_parse decide_framing(fields *f, int minor_version, int64_t without, px_parse_error *error)
{
    uint64_t length = 0;
    if (f->length.data != NULL && !px_slice_to_uint(f->length, INT64_MAX, &length))
        return bad_field(f, error, f->side->invalid_length, f->side->request ? nowhere : f->length);
    f->body = f->length.data != NULL ? (int64_t)length : without;
    if (f->encoding.data == NULL)
        return PX_PARSE_DONE;
    if (minor_version == 0)
        return bad_field(f, error, f->side->encoding_in_1_0, nowhere);
    if (!px_slice_equal_caseless(f->encoding, PX_SLICE("chunked")))
        return bad(error, f->side->unknown_encoding_status, f->side->unknown_encoding, f->encoding,
                   f->side->activity);
    if (f->length.data != NULL)
        return bad_field(f, error, f->side->length_and_encoding, nowhere);
    f->body = PX_BODY_CHUNKED;
    return PX_PARSE_DONE;
}

static bool stays_open(const fields *f, int minor_version)
{
    if (f->connection & CLOSE)
        return false;
    return minor_version == 1 || (f->connection & KEEP_ALIVE) != 0;
}

/* ---- Heads ---- */

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
static px_parse check_request(fields *f, px_request_head *head, px_parse_error *error)
{
    if (head->minor_version == 1 && f->host.data == NULL)
        return bad_field(f, error, "client sent HTTP/1.1 request without \"Host\" header", nowhere);
    px_parse result = decide_framing(f, head->minor_version, 0, error);
    if (result != PX_PARSE_DONE)
        return result;
    if (head->method == PX_METHOD_CONNECT)
        return bad(error, 405, "client sent CONNECT method", nowhere, f->side->activity);
    if (head->method == PX_METHOD_TRACE)
        return bad(error, 405, "client sent TRACE method", nowhere, f->side->activity);
    return PX_PARSE_DONE;
}

px_parse px_h1_parse_request(px_slice bytes, px_header *headers, px_request_head *head, px_parse_error *error)
{
    reader r = read_from(bytes, error);
    *head = (px_request_head){.minor_version = -1, .headers = headers};
    px_parse result = read_request_line(&r, head);
    if (result == PX_PARSE_MORE) /* no whole head: the caller's mistake, but never a good answer */
        result = bad_line(error, 400, "client sent invalid request");
    if (result != PX_PARSE_DONE) {
        head->request_line = first_line(bytes);
        return result;
    }
    head->request_line = between(bytes.data, r.at[-2] == '\r' ? r.at - 2 : r.at - 1);
    fields f = {.side = &client_side, .headers = headers};
    result = read_fields(r.at, r.end, &f, error);
    head->header_count = f.count;
    head->host = f.host;
    if (result == PX_PARSE_DONE)
        result = check_request(&f, head, error);
    if (result != PX_PARSE_DONE)
        return result;
    head->body = f.body;
    head->keepalive = stays_open(&f, head->minor_version);
    head->expect_continue = head->minor_version == 1 && f.expect.data != NULL &&
                            px_slice_equal_caseless(f.expect, PX_SLICE("100-continue"));
    head->upgrade = head->minor_version == 1 && f.upgrade && (f.connection & UPGRADE) != 0;
    head->connection_names = (f.connection & OTHER_NAME) != 0;
    return PX_PARSE_DONE;
}

px_parse px_h1_parse_response(px_slice bytes, px_header *headers, px_response_head_in *head,
                              px_parse_error *error)
{
    reader r = read_from(bytes, error);
    *head = (px_response_head_in){.headers = headers};
    px_parse result = read_status_line(&r, head);
    if (result != PX_PARSE_DONE) {
        *error = no_http;
        return PX_PARSE_BAD;
    }
    fields f = {.side = &upstream_side, .headers = headers};
    result = read_fields(r.at, r.end, &f, error);
    head->header_count = f.count;
    if (result == PX_PARSE_DONE)
        result = decide_framing(&f, head->minor_version, PX_BODY_UNTIL_CLOSE, error);
    if (result != PX_PARSE_DONE)
        return result;
    head->body = f.body;
    head->keepalive = stays_open(&f, head->minor_version);
    head->upgrade = f.upgrade && (f.connection & UPGRADE) != 0;
    head->connection_names = (f.connection & OTHER_NAME) != 0;
    return PX_PARSE_DONE;
}

px_parse px_h1_check_partial(px_slice bytes, px_parse_error *error)
{
    px_request_head head = {0};
    reader r = read_from(bytes, error);
    return read_request_line(&r, &head) == PX_PARSE_BAD ? PX_PARSE_BAD : PX_PARSE_MORE;
}

px_parse px_h1_check_partial_response(px_slice bytes, px_parse_error *error)
{
    px_response_head_in head = {0};
    reader r = read_from(bytes, error);
    return read_status_line(&r, &head) == PX_PARSE_BAD ? PX_PARSE_BAD : PX_PARSE_MORE;
}
