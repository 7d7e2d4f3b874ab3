/* $upstream_* and $proxy_*: one value per try, in order. */
#include "proxy/handler_proxy.h"
#include "proxy/vars.h"

#define VARIABLE(name) px_slice px_var_##name(px_request *r, const px_op *op)

/* Writes the value of one try. */
typedef void put_try(px_buffer *text, const px_try *one);

static px_slice each_try(px_request *r, put_try *put)
{
    if (r->proxy == NULL || r->proxy->try_count == 0)
        return PX_NO_VALUE;
    px_buffer text;
    px_buffer_init(&text, &r->arena, 32);
    for (uint32_t i = 0; i < r->proxy->try_count; i++) {
        if (i > 0)
            px_buffer_literal(&text, ", ");
        put(&text, &r->proxy->tries[i]);
    }
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
