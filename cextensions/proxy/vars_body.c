/* Variables of bodies: the client's, and how fast an answer's goes. */
#include "proxy/body.h"
#include "proxy/request.h"
#include "proxy/vars.h"

/* As in nginx only while it is in memory: who needs it of a larger body has $request_body_file. */
px_slice px_var_request_body(px_request *r, const px_op *op)
{
    (void)op;
    const px_body *body = r->body;
    if (body == NULL || body->held_count == 0 || !body->whole || body->held_bytes != body->bytes)
        return PX_NO_VALUE;
    if (body->held_count == 1)
        return px_slice_from(body->held[0].data, body->held[0].len);
    px_buffer text;
    px_buffer_init(&text, &r->arena, body->held_bytes);
    for (uint32_t i = 0; i < body->held_count; i++)
        px_buffer_append(&text, body->held[i].data, body->held[i].len);
    return px_buffer_view(&text);
}

px_slice px_var_request_body_file(px_request *r, const px_op *op)
{
    (void)op;
    return r->body != NULL && r->body->spool.file != NULL ? r->body->spool.path : PX_NO_VALUE;
}

px_slice px_var_limit_rate(px_request *r, const px_op *op)
{
    (void)op;
    return px_var_uint(r, r->limit_rate);
}
