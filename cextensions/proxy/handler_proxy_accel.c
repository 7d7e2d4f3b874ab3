/* See handler_proxy.h: X-Accel-* fields of an answer, by which a peer says how this answer is to be treated. */
#include "proxy/handler_proxy.h"

static void set_buffering(px_proxy *proxy, px_slice value)
{
    if (px_slice_equal_caseless(value, PX_SLICE("yes")))
        proxy->buffering = true;
    else if (px_slice_equal_caseless(value, PX_SLICE("no")))
        proxy->buffering = false;
}

/* As in nginx digits only; anything else is as if it were not there. */
static void set_limit_rate(px_request *r, px_slice value)
{
    uint64_t rate;
    if (!px_slice_to_uint(value, INT64_MAX, &rate))
        return;
    r->limit_rate = rate;
    r->limit_rate_set = true;
}

void px_proxy_obey_accel(px_proxy *proxy, const px_header *header)
{
    px_request *r = proxy->request;
    switch (header->id) {
    case PX_HEADER_X_ACCEL_BUFFERING:
        if (px_proxy_obeys(r, PX_IGNORE_X_ACCEL_BUFFERING))
            set_buffering(proxy, header->value);
        break;
    case PX_HEADER_X_ACCEL_LIMIT_RATE:
        if (px_proxy_obeys(r, PX_IGNORE_X_ACCEL_LIMIT_RATE))
            set_limit_rate(r, header->value);
        break;
    default:
        break;
    }
}
