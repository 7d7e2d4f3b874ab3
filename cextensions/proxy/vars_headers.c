/* Variables that are header fields, of the request and of the answers, and what is read out of them. */
#include <stdlib.h>

#include "proxy/body.h"
#include "proxy/handler_proxy.h"
#include "proxy/request.h"
#include "proxy/vars.h"

#define VARIABLE(name) px_slice px_var_##name(px_request *r, const px_op *op)

static uint8_t dashed(uint8_t c)
{
    return c == '_' ? '-' : px_ascii_lower(c);
}

void px_var_prepare_header(px_op *op, px_arena *arena)
{
    uint8_t *name = px_arena_alloc(arena, op->text.len);
    for (size_t i = 0; i < op->text.len; i++)
        name[i] = dashed(op->text.data[i]);
    op->text = px_slice_from(name, op->text.len);
    op->number = px_header_lookup(op->text);
}

/* name has dashes; the field's own underscores count as dashes, as in nginx. */
static bool has_name(const px_header *header, px_slice name)
{
    if (header->name.len != name.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (dashed(header->name.data[i]) != name.data[i])
            return false;
    return true;
}

static bool fits(const px_header *header, const px_op *op)
{
    return op->number != 0 ? header->id == op->number : header->id == 0 && has_name(header, op->text);
}

/* All fields of the name as one list, as nginx has it since 1.23. A single one is not copied. */
static px_slice join(px_request *r, const px_header *headers, uint32_t count, const px_op *op,
                     px_slice between)
{
    const px_header *first = NULL;
    px_buffer text = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (!fits(&headers[i], op))
            continue;
        if (first == NULL) {
            first = &headers[i];
            continue;
        }
        if (text.arena == NULL) {
            px_buffer_init(&text, &r->arena, 128);
            px_buffer_slice(&text, first->value);
        }
        px_buffer_slice(&text, between);
        px_buffer_slice(&text, headers[i].value);
    }
    if (first == NULL)
        return PX_NO_VALUE;
    return text.arena != NULL ? px_buffer_view(&text) : first->value;
}

static px_slice between_of(uint64_t id)
{
    return id == PX_HEADER_COOKIE ? PX_SLICE("; ") : PX_SLICE(", ");
}

static px_slice request_header(px_request *r, px_header_id id)
{
    px_op op = {.number = id};
    if (((r->repeated >> id) & 1) == 0)
        return px_request_header(r, id);
    return join(r, r->head.headers, r->head.header_count, &op, between_of(id));
}

VARIABLE(http)
{
    if (op->number != 0)
        return request_header(r, (px_header_id)op->number);
    return join(r, r->head.headers, r->head.header_count, op, PX_SLICE(", "));
}

/* A chunked body has a length once all of it is here. */
VARIABLE(content_length)
{
    (void)op;
    px_slice field = px_request_header(r, PX_HEADER_CONTENT_LENGTH);
    bool chunked = field.data == NULL && r->first[PX_HEADER_TRANSFER_ENCODING] != 0;
    return chunked && r->body != NULL && r->body->whole ? px_var_uint(r, r->body->bytes) : field;
}

VARIABLE(content_type)
{
    (void)op;
    return px_request_header(r, PX_HEADER_CONTENT_TYPE);
}

VARIABLE(proxy_add_x_forwarded_for)
{
    (void)op;
    px_slice before = request_header(r, PX_HEADER_X_FORWARDED_FOR);
    if (before.data == NULL)
        return r->client->address_text;
    px_buffer text;
    px_buffer_init(&text, &r->arena, before.len + 2 + r->client->address_text.len);
    px_buffer_slice(&text, before);
    px_buffer_literal(&text, ", ");
    px_buffer_slice(&text, r->client->address_text);
    return px_buffer_view(&text);
}

/* ---- cookies ---- */

static const uint8_t *skip_spaces(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at == ' ')
        at++;
    return at;
}

static const uint8_t *find_byte(const uint8_t *at, const uint8_t *end, const char *any)
{
    while (at < end && *at != any[0] && *at != any[1])
        at++;
    return at;
}

/* As in nginx: spaces around "=" are no part of it, and a name may begin behind a comma too, but no value ends
 * there. */
static px_slice cookie_in(px_slice cookies, px_slice name)
{
    const uint8_t *at = cookies.data, *end = cookies.data + cookies.len;
    while (at < end) {
        at = skip_spaces(at, end);
        if ((size_t)(end - at) > name.len && px_slice_equal_caseless(px_slice_from(at, name.len), name)) {
            const uint8_t *sign = skip_spaces(at + name.len, end);
            if (sign < end && *sign == '=') {
                const uint8_t *value = skip_spaces(sign + 1, end);
                return px_slice_from(value, (size_t)(find_byte(value, end, ";;") - value));
            }
        }
        at = find_byte(at, end, ";,");
        at += at < end;
    }
    return PX_NO_VALUE;
}

VARIABLE(cookie)
{
    for (uint32_t i = 0; i < r->head.header_count; i++) {
        const px_header *header = &r->head.headers[i];
        px_slice value = header->id == PX_HEADER_COOKIE ? cookie_in(header->value, op->text) : PX_NO_VALUE;
        if (value.data != NULL)
            return value;
    }
    return PX_NO_VALUE;
}

/* ---- Basic authentication ---- */

static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 up to a "="; what is none has no value. */
static px_slice decode(px_request *r, px_slice text)
{
    uint8_t *out = px_arena_alloc(&r->arena, text.len / 4 * 3 + 3);
    size_t len = 0, digits = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    for (; digits < text.len && text.data[digits] != '='; digits++) {
        int digit = digit_of(text.data[digits]);
        if (digit < 0)
            return PX_NO_VALUE;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (uint8_t)(bits >> have);
        }
    }
    return digits % 4 == 1 ? PX_NO_VALUE : px_slice_from(out, len);
}

VARIABLE(remote_user)
{
    (void)op;
    px_slice value = px_request_header(r, PX_HEADER_AUTHORIZATION);
    if (value.len < 6 || !px_slice_equal_caseless(px_slice_from(value.data, 6), PX_SLICE("Basic ")))
        return PX_NO_VALUE;
    size_t skip = 6;
    while (skip < value.len && value.data[skip] == ' ')
        skip++;
    px_slice user = decode(r, px_slice_from(value.data + skip, value.len - skip));
    const uint8_t *colon = user.len > 0 ? memchr(user.data, ':', user.len) : NULL;
    return colon == NULL ? PX_NO_VALUE : px_slice_from(user.data, (size_t)(colon - user.data));
}

/* ---- answers ---- */

/* What the carrier adds to the head is not among the answer's fields. */
static px_slice framing_header(px_request *r, uint64_t id)
{
    const px_answer *answer = &r->answer;
    bool keepalive = r->stream != NULL && r->stream->keepalive;
    switch (id) {
    case PX_HEADER_CONTENT_LENGTH:
        if (answer->content_length < 0 || answer->status == 204)
            return PX_NO_VALUE;
        return px_var_uint(r, (uint64_t)answer->content_length);
    case PX_HEADER_CONNECTION:
        return answer->upgrade ? PX_SLICE("upgrade") : keepalive ? PX_SLICE("keep-alive") : PX_SLICE("close");
    case PX_HEADER_TRANSFER_ENCODING:
        return answer->content_length < 0 && !r->no_body && r->head.minor_version > 0 ? PX_SLICE("chunked")
                                                                                      : PX_NO_VALUE;
    case PX_HEADER_KEEP_ALIVE: {
        if (!keepalive || r->settings->h1.keepalive_header == 0)
            return PX_NO_VALUE;
        px_buffer text;
        px_buffer_init(&text, &r->arena, 32);
        px_buffer_literal(&text, "timeout=");
        px_buffer_uint(&text, r->settings->h1.keepalive_header);
        return px_buffer_view(&text);
    }
    default:
        return PX_NO_VALUE;
    }
}

VARIABLE(sent_http)
{
    if (!r->head_sent)
        return PX_NO_VALUE;
    px_slice value = join(r, r->answer.headers, r->answer.count, op, PX_SLICE(", "));
    return value.data != NULL ? value : framing_header(r, op->number);
}

VARIABLE(upstream_http)
{
    uint32_t count = 0;
    const px_header *headers = r->proxy != NULL ? px_proxy_headers(r->proxy, &count) : NULL;
    return headers == NULL ? PX_NO_VALUE : join(r, headers, count, op, PX_SLICE(", "));
}

VARIABLE(sent_trailer)
{
    return r->last_sent ? join(r, r->answer.trailers, r->answer.trailer_count, op, PX_SLICE(", "))
                        : PX_NO_VALUE;
}

VARIABLE(upstream_trailer)
{
    return r->proxy == NULL ? PX_NO_VALUE
                            : join(r, r->proxy->trailers, r->proxy->trailer_count, op, PX_SLICE(", "));
}
