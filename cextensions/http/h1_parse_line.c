/* See h1_parse_private.h: request lines and status lines. They read as far as there are bytes, so that the same
 * functions judge a head that is not all there. */
#include "http/h1_parse_private.h"
#include "http/path.h"

#define READING_LINE "reading client request line"

/* What is wrong with a line unless more is known. */
static const px_parse_error no_request = {
    .status = 400, .text = "client sent invalid request", .activity = READING_LINE};
static const px_parse_error no_response = {.status = 502,
                                           .text = "upstream sent no valid HTTP/1.0 header",
                                           .activity = "reading response header from upstream"};

static px_parse bad_line(px_parse_error *error, int status, const char *text)
{
    return px_h1_bad(error, status, text, px_h1_nowhere, READING_LINE);
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

static px_parse read_method(px_h1_reader *r, px_request_head *head)
{
    const uint8_t *start = r->at;
    r->at = px_scan(start, r->end, PX_BYTE_METHOD);
    if (r->at == r->end)
        return PX_PARSE_MORE;
    if (*r->at != ' ' || r->at == start)
        return bad_line(r->error, 400, "client sent invalid method");
    head->method_name = px_h1_between(start, r->at++);
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
    head->scheme = px_h1_between(at, colon);
    head->authority = px_h1_between(authority, path);
    head->path = path < end ? px_h1_between(path, end) : PX_SLICE("/");
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
        return whole ? PX_PARSE_BAD : PX_PARSE_MORE;
    bool letter = (*at | 0x20) >= 'a' && (*at | 0x20) <= 'z';
    if (*at == '/' || head->method == PX_METHOD_CONNECT)
        head->path = px_h1_between(at, end);
    else if (*at == '*' && end - at == 1 && head->method == PX_METHOD_OPTIONS)
        head->path = px_h1_between(at, end);
    else if (letter)
        return read_absolute_form(at, end, whole, head, error);
    else
        return PX_PARSE_BAD;
    return whole ? PX_PARSE_DONE : PX_PARSE_MORE;
}

static px_parse read_target(px_h1_reader *r, px_request_head *head)
{
    const uint8_t *start = r->at;
    r->at = px_scan_visible(start, r->end);
    if (r->at == r->end)
        return read_target_form(start, r->end, false, head, r->error);
    if (*r->at != ' ')
        return PX_PARSE_BAD;
    head->target = px_h1_between(start, r->at);
    return read_target_form(start, r->at++, true, head, r->error);
}

/* LF or CRLF. */
static px_parse read_line_end(px_h1_reader *r)
{
    if (r->at < r->end && *r->at == '\r')
        r->at++;
    if (r->at == r->end)
        return PX_PARSE_MORE;
    return *r->at++ == '\n' ? PX_PARSE_DONE : PX_PARSE_BAD;
}

#define MINOR_DIGITS 3 /* as nginx: more are no version */

/* At least one digit of a minor version, at most MINOR_DIGITS. minor: 0 for HTTP/1.0; all others are understood
 * as HTTP/1.1 is (RFC 9110 2.5). */
static px_parse read_minor(px_h1_reader *r, int *minor)
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
static px_parse read_version(px_h1_reader *r, int *minor)
{
    static const char prefix[] = "HTTP/1.";
    enum { MAJOR = 5, DOT = 6, LENGTH = 7 };
    for (unsigned i = 0; i < LENGTH; i++, r->at++) {
        if (r->at == r->end)
            return PX_PARSE_MORE;
        if (*r->at == prefix[i])
            continue;
        bool other_number = i >= MAJOR && px_byte_is_digit(*r->at) && !(i == MAJOR && *r->at == '0');
        return other_number ? bad_line(r->error, 505, "client sent invalid version") : PX_PARSE_BAD;
    }
    return read_minor(r, minor);
}

px_parse px_h1_read_request_line(px_h1_reader *r, px_request_head *head)
{
    int minor = -1;
    *r->error = no_request;
    px_parse result = read_method(r, head);
    if (result == PX_PARSE_DONE)
        result = read_target(r, head);
    if (result == PX_PARSE_DONE)
        result = read_version(r, &minor);
    if (result == PX_PARSE_DONE)
        result = read_line_end(r);
    if (result == PX_PARSE_DONE)
        head->minor_version = minor;
    return result;
}

/* What `pattern` says, where n is a digit and d one from 1 to 9. */
static px_parse read_pattern(px_h1_reader *r, const char *pattern)
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
px_parse px_h1_read_status_line(px_h1_reader *r, px_response_head_in *head)
{
    const uint8_t *start = r->at;
    *r->error = no_response;
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
        head->reason = px_h1_between(reason, r->at);
    }
    head->status_line = px_h1_between(start, r->at);
    return read_line_end(r);
}
