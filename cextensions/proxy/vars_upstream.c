/* $upstream_* and $proxy_*: one value per try, in order. */
#include "proxy/handler_proxy.h"
#include "proxy/vars.h"

#define VARIABLE(name) px_slice px_var_##name(px_request *r, const px_op *op)

/* Writes the value of one try. */
typedef void put_try(px_buffer *text, const px_try *one);

/* Commas between the tries of one upstream; " : " where a request was redirected internally to another. */
static void put_tries(px_buffer *text, const px_proxy *proxy, put_try *put)
{
    if (proxy->before != NULL) {
        put_tries(text, proxy->before, put); /* no deeper than redirects may be many */
        px_buffer_literal(text, " : ");
    }
    for (uint32_t i = 0; i < proxy->try_count; i++) {
        if (i > 0)
            px_buffer_literal(text, ", ");
        put(text, &proxy->tries[i]);
    }
}

static px_slice each_try(px_request *r, put_try *put)
{
    if (r->proxy == NULL || (r->proxy->try_count == 0 && r->proxy->before == NULL))
        return PX_NO_VALUE;
    px_buffer text;
    px_buffer_init(&text, &r->arena, 32);
    put_tries(&text, r->proxy, put);
    return px_buffer_view(&text);
}

static void put_seconds(px_buffer *text, uint64_t ms)
{
    if (ms == PX_TIME_UNKNOWN) {
        px_buffer_byte(text, '-');
        return;
    }
    text->len += px_put_seconds(px_buffer_reserve(text, PX_SECONDS_BYTES), ms);
}

static void put_addr(px_buffer *text, const px_try *one)
{
    px_buffer_slice(text, one->addr);
}

static void put_status(px_buffer *text, const px_try *one)
{
    if (one->status == 0)
        px_buffer_byte(text, '-');
    else
        px_buffer_uint(text, (uint64_t)one->status);
}

static void put_connect(px_buffer *text, const px_try *one)
{
    put_seconds(text, one->connect_ms);
}

static void put_header(px_buffer *text, const px_try *one)
{
    put_seconds(text, one->header_ms);
}

static void put_response(px_buffer *text, const px_try *one)
{
    put_seconds(text, one->response_ms);
}

static void put_length(px_buffer *text, const px_try *one)
{
    px_buffer_uint(text, one->body_bytes);
}

static void put_sent(px_buffer *text, const px_try *one)
{
    px_buffer_uint(text, one->bytes_sent);
}

static void put_received(px_buffer *text, const px_try *one)
{
    px_buffer_uint(text, one->bytes_received);
}

/* No request waits for a peer to become free. */
static void put_queue(px_buffer *text, const px_try *one)
{
    (void)one;
    px_buffer_byte(text, '-');
}

#define EACH_TRY(name, put)                                                                                  \
    VARIABLE(name)                                                                                           \
    {                                                                                                        \
        (void)op;                                                                                            \
        return each_try(r, put);                                                                             \
    }

EACH_TRY(upstream_addr, put_addr)
EACH_TRY(upstream_status, put_status)
EACH_TRY(upstream_connect_time, put_connect)
EACH_TRY(upstream_header_time, put_header)
EACH_TRY(upstream_response_time, put_response)
EACH_TRY(upstream_queue_time, put_queue)
EACH_TRY(upstream_response_length, put_length)
EACH_TRY(upstream_bytes_sent, put_sent)
EACH_TRY(upstream_bytes_received, put_received)

static const px_plan_proxy_pass *proxy_pass(const px_request *r)
{
    return r->location != NULL ? r->location->plan->proxy : NULL;
}

VARIABLE(proxy_host)
{
    (void)op;
    if (proxy_pass(r) == NULL || proxy_pass(r)->url != NULL)
        return r->proxy != NULL && proxy_pass(r) != NULL ? r->proxy->host : PX_NO_VALUE;
    return proxy_pass(r)->host;
}

VARIABLE(proxy_port)
{
    (void)op;
    if (proxy_pass(r) == NULL || proxy_pass(r)->url != NULL)
        return r->proxy != NULL && proxy_pass(r) != NULL ? r->proxy->port : PX_NO_VALUE;
    return proxy_pass(r)->port;
}

px_slice px_var_proxyd_reason(px_request *request, const px_op *op)
{
    (void)op;
    return px_reason_name((px_reason)request->reason);
}

/* ---- the cookies of the answer ---- */

static px_slice skip_spaces(px_slice text)
{
    while (text.len > 0 && text.data[0] == ' ')
        text = px_slice_from(text.data + 1, text.len - 1);
    return text;
}

/* The value in a Set-Cookie field; data NULL: it is about another cookie. */
static px_slice set_cookie(px_slice field, px_slice name)
{
    if (field.len <= name.len || !px_slice_equal_caseless(px_slice_from(field.data, name.len), name))
        return PX_NO_VALUE;
    px_slice rest = skip_spaces(px_slice_from(field.data + name.len, field.len - name.len));
    if (rest.len == 0 || rest.data[0] != '=')
        return PX_NO_VALUE;
    rest = skip_spaces(px_slice_from(rest.data + 1, rest.len - 1));
    const uint8_t *end = rest.len > 0 ? memchr(rest.data, ';', rest.len) : NULL;
    return end == NULL ? rest : px_slice_from(rest.data, (size_t)(end - rest.data));
}

VARIABLE(upstream_cookie)
{
    uint32_t count = 0;
    const px_header *headers = r->proxy != NULL ? px_proxy_headers(r->proxy, &count) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        px_slice value =
            headers[i].id == PX_HEADER_SET_COOKIE ? set_cookie(headers[i].value, op->text) : PX_NO_VALUE;
        if (value.data != NULL)
            return value;
    }
    return PX_NO_VALUE;
}
