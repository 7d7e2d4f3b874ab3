/* See handler_proxy.h: answers of a peer that say that something else answers: X-Accel-Redirect, and errors that
 * have an error_page (proxy_intercept_errors). */
#include "http/bytes.h"
#include "proxy/docs.h"
#include "proxy/handler_proxy.h"

static const px_header *find(const px_response_head_in *head, uint16_t id)
{
    for (uint32_t i = 0; i < head->header_count; i++)
        if (head->headers[i].id == id)
            return &head->headers[i];
    return NULL;
}

/* ---- X-Accel-Redirect ---- */

/* What the peer says of the content is said of the file, too. */
static bool is_kept(const px_header *header)
{
    switch (header->id) {
    case PX_HEADER_CONTENT_TYPE:
    case PX_HEADER_SET_COOKIE:
    case PX_HEADER_ACCEPT_RANGES:
    case PX_HEADER_CACHE_CONTROL:
    case PX_HEADER_EXPIRES:
        return true;
    default:
        return px_slice_equal_caseless(header->name, PX_SLICE("Content-Disposition"));
    }
}

static void keep(px_request *r, const px_response_head_in *head)
{
    for (uint32_t i = 0; i < head->header_count; i++) {
        const px_header *header = &head->headers[i];
        if (!is_kept(header))
            continue;
        bool cookie = header->id == PX_HEADER_SET_COOKIE;
        px_request_carry(r, (px_header_id)header->id, header->name,
                         cookie ? px_proxy_set_cookie(r, header->value) : header->value);
    }
}

/* Decodes %XX. False: a path that nobody means well. */
static bool read_uri(px_request *r, px_slice *uri)
{
    uint8_t *text = px_arena_alloc(&r->arena, uri->len), *to = text;
    for (size_t i = 0; i < uri->len; i++) {
        uint8_t byte = uri->data[i];
        if (byte == '%' && uri->len - i > 2) {
            int high = px_byte_hex(uri->data[i + 1]), low = px_byte_hex(uri->data[i + 2]);
            if (high >= 0 && low >= 0) {
                byte = (uint8_t)(high * 16 + low);
                i += 2;
            }
        }
        if (byte == 0)
            return false;
        *to++ = byte;
    }
    *uri = px_slice_from(text, (size_t)(to - text));
    return uri->len > 0 && !px_docs_climbs(*uri);
}

static void become_get(px_request *r)
{
    if (r->head.method == PX_METHOD_HEAD)
        return;
    r->head.method = PX_METHOD_GET;
    r->head.method_name = PX_SLICE("GET");
}

static void redirect(px_request *r, px_slice uri)
{
    px_slice whole = uri;
    if (uri.len > 0 && uri.data[0] == '@') {
        if (px_request_redirect_named(r, uri))
            px_request_continue(r);
        return;
    }
    px_slice args = px_split_args(&uri);
    if (!read_uri(r, &uri)) {
        px_request_end_handler(r);
        r->reason = PX_REASON_NOT_FOUND;
        px_request_log(r, PX_LOG_ERROR,
                       "unsafe URI \"%.*s\" was detected while reading response header from upstream",
                       PX_SLICE_ARGS(whole));
        px_request_send_error(r, 404);
        return;
    }
    become_get(r);
    if (px_request_redirect(r, uri, args))
        px_request_continue(r);
}

/* ---- errors ---- */

static bool is_intercepted(const px_request *r, int status)
{
    return status >= 300 && r->settings->plan->proxy_intercept_errors && px_error_page_is_there(r, status);
}

static void intercept(px_request *r, const px_response_head_in *head)
{
    const px_header *asks = head->status == 401 ? find(head, PX_HEADER_WWW_AUTHENTICATE) : NULL;
    if (asks != NULL)
        px_request_carry(r, PX_HEADER_WWW_AUTHENTICATE, PX_SLICE("WWW-Authenticate"), asks->value);
    r->reason = PX_REASON_NONE; /* the error is the peer's own */
    px_request_send_error(r, head->status);
}

bool px_proxy_lead_elsewhere(px_proxy *proxy, const px_response_head_in *head)
{
    px_request *r = proxy->request;
    if (is_intercepted(r, head->status)) { /* before X-Accel-Redirect, as in nginx */
        intercept(r, head);
        return true;
    }
    const px_header *accel = find(head, PX_HEADER_X_ACCEL_REDIRECT);
    if (accel == NULL || !px_proxy_obeys(r, PX_IGNORE_X_ACCEL_REDIRECT))
        return false;
    keep(r, head);
    redirect(r, accel->value);
    return true;
}
