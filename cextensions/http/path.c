/* See path.h. */
#include "http/path.h"

#include "http/bytes.h"

#define HIGHEST_PORT 65535u

static px_parse bad_path(px_parse_error *error, px_slice path)
{
    *error = (px_parse_error){.status = 400,
                              .text = "client sent invalid request",
                              .where = path,
                              .activity = "reading client request line"};
    return PX_PARSE_BAD;
}

/* Where the path ends: at "?", "#" or the end. *rewritten: something in it has to be decoded or removed;
 * *quoted: decoded. */
static size_t measure_path(px_slice path, bool merge_slashes, bool *rewritten, bool *quoted)
{
    uint8_t before = 0;
    for (size_t i = 0; i < path.len; i++) {
        uint8_t byte = path.data[i];
        switch (byte) {
        case '?':
        case '#':
            return i;
        case '%':
            *rewritten = *quoted = true;
            break;
        case '\0': /* decode() refuses it; on the wire it cannot be */
            *rewritten = true;
            break;
        case '/':
            *rewritten |= before == '/' && merge_slashes;
            break;
        case '.':
            *rewritten |= before == '/'; /* perhaps; a name that begins with a dot only costs the copy */
            break;
        default:
            break;
        }
        before = byte;
    }
    return path.len;
}

/* Percent-decodes path into out, which has room for it. Gives the length, 0 when an escape is bad or gives
 * NUL. */
static size_t decode(px_slice path, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        uint8_t byte = path.data[i];
        if (byte == '%') {
            int high = path.len - i > 2 ? px_byte_hex(path.data[i + 1]) : -1;
            int low = high >= 0 ? px_byte_hex(path.data[i + 2]) : -1;
            if (low < 0)
                return 0;
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (byte == 0)
            return 0;
        out[len++] = byte;
    }
    return len;
}

/* Removes "." and ".." and, when told to, empty segments, in place. bytes begin with "/". An escaped slash or
 * dot has been decoded before and counts as one, as in nginx: otherwise a backend that decodes would see
 * another path than we matched. Gives the new length, 0: above the root. */
static size_t remove_dots(uint8_t *bytes, size_t len, bool merge_slashes)
{
    size_t out = 1; /* bytes[0..out) is done and ends with "/" before each segment */
    for (size_t at = 1; at <= len;) {
        const uint8_t *slash = at < len ? memchr(bytes + at, '/', len - at) : NULL;
        size_t segment = slash != NULL ? (size_t)(slash - bytes) - at : len - at;
        const uint8_t *text = bytes + at;
        at += segment + 1;
        if ((segment == 0 && slash != NULL && merge_slashes) || (segment == 1 && text[0] == '.'))
            continue;
        if (segment == 2 && text[0] == '.' && text[1] == '.') {
            if (out == 1)
                return 0;
            do
                out--;
            while (bytes[out - 1] != '/');
            continue;
        }
        memmove(bytes + out, text, segment);
        out += segment;
        if (slash != NULL)
            bytes[out++] = '/';
    }
    return out;
}

px_parse px_path_normalize(px_slice path, bool merge_slashes, px_arena *arena, px_path *out,
                           px_parse_error *error)
{
    bool rewritten = false, quoted = false;
    size_t path_len = measure_path(path, merge_slashes, &rewritten, &quoted);
    px_slice rest = px_slice_from(path.data + path_len, path.len - path_len);
    const uint8_t *fragment = rest.len > 0 ? memchr(rest.data, '#', rest.len) : NULL;
    *out = (px_path){.uri = px_slice_from(path.data, path_len),
                     .quoted = quoted,
                     .plain = !rewritten && fragment == NULL && path_len > 0};
    if (fragment != NULL)
        rest.len = (size_t)(fragment - rest.data);
    if (rest.len > 0)
        out->args = px_slice_from(rest.data + 1, rest.len - 1);
    if (path_len == 0 && path.len > 0 && path.data[0] == '?') {
        out->uri = PX_SLICE("/"); /* of an absolute-form without a path */
        return PX_PARSE_DONE;
    }
    if (px_slice_equal(path, PX_SLICE("*")))
        return PX_PARSE_DONE;
    if (path_len == 0 || path.data[0] != '/')
        return bad_path(error, path);
    if (!rewritten)
        return PX_PARSE_DONE;
    uint8_t *bytes = px_arena_alloc(arena, path_len);
    size_t len = decode(out->uri, bytes);
    if (len > 0)
        len = remove_dots(bytes, len, merge_slashes);
    if (len == 0)
        return bad_path(error, path);
    out->plain = fragment == NULL && len == path_len && memcmp(bytes, path.data, len) == 0;
    out->uri = px_slice_from(bytes, len);
    return PX_PARSE_DONE;
}

static bool has_meaning_in_path(uint8_t c)
{
    return px_byte_is(c, PX_BYTE_ESCAPE);
}

static bool has_meaning_in_args(uint8_t c)
{
    return px_byte_is(c, PX_BYTE_ESCAPE) || c == '&' || c == '+' || c == ';';
}

static void escape(px_buffer *out, px_slice text, bool (*has_meaning)(uint8_t))
{
    static const char digits[] = "0123456789ABCDEF";
    while (text.len > 0) {
        size_t run = 0;
        while (run < text.len && !has_meaning(text.data[run]))
            run++;
        px_buffer_append(out, text.data, run);
        if (run == text.len)
            return;
        uint8_t byte = text.data[run];
        uint8_t escaped[3] = {'%', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15]};
        px_buffer_append(out, escaped, 3);
        text = px_slice_from(text.data + run + 1, text.len - run - 1);
    }
}

void px_path_escape(px_buffer *out, px_slice uri)
{
    escape(out, uri, has_meaning_in_path);
}

void px_args_escape(px_buffer *out, px_slice text)
{
    escape(out, text, has_meaning_in_args);
}

/* "[" IPv6 address "]": gives its length with the brackets, 0 when it is none. */
static size_t measure_literal(px_slice host)
{
    size_t i = 1;
    while (i < host.len && (px_byte_hex(host.data[i]) >= 0 || host.data[i] == ':' || host.data[i] == '.'))
        i++;
    return i > 2 && i < host.len && host.data[i] == ']' ? i + 1 : 0;
}

/* reg-name without ".."; 0 when it has an escape that is none or ends in two dots. */
static size_t measure_name(px_slice host)
{
    size_t i = 0;
    for (; i < host.len; i++) {
        uint8_t byte = host.data[i];
        if (px_byte_is(byte, PX_BYTE_NAME))
            continue;
        if (byte == '.' && (i == 0 || host.data[i - 1] != '.'))
            continue;
        if (byte != '%')
            break;
        if (host.len - i < 3 || px_byte_hex(host.data[i + 1]) < 0 || px_byte_hex(host.data[i + 2]) < 0)
            return 0;
        i += 2;
    }
    return i;
}

bool px_host_split(px_slice host, px_slice *name)
{
    if (host.len == 0)
        return false;
    bool literal = host.data[0] == '[';
    size_t len = literal ? measure_literal(host) : measure_name(host);
    px_slice port = px_slice_from(host.data + len, host.len - len);
    if (port.len > 0 && port.data[0] != ':')
        return false;
    uint64_t number;
    if (port.len > 1 && !px_slice_to_uint(px_slice_from(port.data + 1, port.len - 1), HIGHEST_PORT, &number))
        return false;
    if (!literal && len > 0 && host.data[len - 1] == '.')
        len--;
    *name = px_slice_from(host.data, len);
    return len > 0;
}

bool px_host_normalize(px_slice host, px_arena *arena, px_slice *out)
{
    if (!px_host_split(host, out))
        return false;
    size_t i = 0;
    while (i < out->len && px_ascii_lower(out->data[i]) == out->data[i])
        i++;
    if (i == out->len)
        return true;
    uint8_t *lower = px_arena_alloc(arena, out->len);
    for (i = 0; i < out->len; i++)
        lower[i] = px_ascii_lower(out->data[i]);
    *out = px_slice_from(lower, out->len);
    return true;
}
