/* The head that a peer gets, written in one pass: request line, what proxy_set_header says, framing, the
 * client's other fields. */
#include "http/bytes.h"
#include "proxy/handler_proxy.h"

#define HEAD_ROOM 256 /* request line and framing beside what the client sent */

void px_proxy_put_visible(px_buffer *buffer, px_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        uint8_t escape[3] = {'%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
        if (px_byte_is(c, PX_BYTE_VISIBLE))
            px_buffer_byte(buffer, c);
        else
            px_buffer_append(buffer, escape, 3);
    }
}

/* What was made of variables may hold anything. */
static void put_args(px_buffer *buffer, const px_request *r)
{
    if (r->args.len == 0)
        return;
    px_buffer_byte(buffer, '?');
    if (r->changed)
        px_proxy_put_visible(buffer, r->args);
    else
        px_buffer_slice(buffer, r->args);
}

/* proxy_pass with a URI: it stands for the part of the path that the location's name matched. */
static px_slice replaced_uri(px_request *r, const px_plan_proxy_pass *proxy)
{
    px_buffer uri;
    size_t skip = (size_t)proxy->prefix_bytes < r->uri.len ? (size_t)proxy->prefix_bytes : r->uri.len;
    px_slice rest = px_slice_from(r->uri.data + skip, r->uri.len - skip);
    px_buffer_init(&uri, &r->arena, proxy->uri.len + rest.len + r->args.len + 1);
    px_buffer_slice(&uri, proxy->uri);
    if (r->quoted_uri)
        px_path_escape(&uri, rest);
    else
        px_buffer_slice(&uri, rest);
    put_args(&uri, r);
    return px_buffer_view(&uri);
}

/* Without a URI the client's own bytes go on, as it wrote them: backends tell "%2F" from "/". The path of
 * "http://host?query" has no first slash, but what is sent on must have one. */
px_slice px_proxy_make_uri(px_request *r)
{
    const px_plan_proxy_pass *proxy = r->location->plan->proxy;
    if (proxy->uri.data != NULL)
        return replaced_uri(r, proxy);
    if (!r->changed && r->head.path.data[0] != '?')
        return r->head.path;
    px_buffer uri;
    px_buffer_init(&uri, &r->arena, r->uri.len + r->args.len + 16);
    px_path_escape(&uri, r->uri);
    put_args(&uri, r);
    return px_buffer_view(&uri);
}

static void put_set_headers(px_buffer *head, px_request *r)
{
    const px_settings *settings = r->settings;
    for (uint32_t i = 0; i < settings->set_header_count; i++) {
        const px_set_header *header = &settings->set_headers[i];
        if (header->constant.data != NULL) {
            px_buffer_slice(head, header->constant);
            continue;
        }
        px_slice value = px_request_one_line(r, px_template_value(&header->value, r));
        if (value.len == 0)
            continue;
        px_buffer_slice(head, header->line);
        px_buffer_slice(head, value);
        px_buffer_literal(head, "\r\n");
    }
}

static void put_framing(px_buffer *head, const px_proxy *proxy, int64_t body)
{
    const px_request *r = proxy->request;
    if (proxy->leaves_body && r->settings->proxy->body == NULL)
        return;
    if (body == PX_BODY_CHUNKED) {
        px_buffer_literal(head, "Transfer-Encoding: chunked\r\n");
        return;
    }
    if (!proxy->leaves_body && body == 0 && px_request_header(r, PX_HEADER_CONTENT_LENGTH).data == NULL &&
        r->head.body == 0)
        return;
    px_buffer_literal(head, "Content-Length: ");
    px_buffer_uint(head, (uint64_t)body);
    px_buffer_literal(head, "\r\n");
}

static bool is_dropped(const px_request *r, const px_header *header)
{
    const px_settings *settings = r->settings;
    if (header->id != PX_HEADER_OTHER) {
        if ((settings->request_dropped >> header->id) & 1)
            return true;
    } else if (px_table_find(&settings->request_dropped_names, header->name) != NULL) {
        return true;
    }
    return r->head.connection_names &&
           px_is_connection_option(r->head.headers, r->head.header_count, header->name);
}

static void put_client_headers(px_buffer *head, const px_request *r)
{
    for (uint32_t i = 0; i < r->head.header_count; i++) {
        const px_header *header = &r->head.headers[i];
        if (is_dropped(r, header))
            continue;
        uint8_t *at = px_buffer_reserve(head, header->name.len + header->value.len + 4);
        memcpy(at, header->name.data, header->name.len);
        at += header->name.len;
        *at++ = ':';
        *at++ = ' ';
        if (header->value.len > 0)
            memcpy(at, header->value.data, header->value.len);
        at += header->value.len;
        *at++ = '\r';
        *at++ = '\n';
        head->len += header->name.len + header->value.len + 4;
    }
}

px_slice px_proxy_make_head(px_proxy *proxy, int64_t body)
{
    px_request *r = proxy->request;
    px_buffer head;
    /* What the client sent is a good guess of what is sent on. */
    px_buffer_init(&head, &r->arena, HEAD_ROOM + r->head_bytes);
    px_buffer_slice(&head, proxy->method);
    px_buffer_byte(&head, ' ');
    px_buffer_slice(&head, proxy->uri);
    if (r->settings->plan->proxy_http_version == 10)
        px_buffer_literal(&head, " HTTP/1.0\r\n");
    else
        px_buffer_literal(&head, " HTTP/1.1\r\n");
    put_set_headers(&head, r);
    put_framing(&head, proxy, body);
    if (r->settings->plan->proxy_pass_request_headers)
        put_client_headers(&head, r);
    px_buffer_literal(&head, "\r\n");
    return px_buffer_view(&head);
}
