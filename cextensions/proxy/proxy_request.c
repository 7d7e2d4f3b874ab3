/* See proxy_rules.h: method, body and local address of a request to a peer. */
#include "base/hash.h"
#include "http/bytes.h"
#include "proxy/proxy_rules.h"
#include "proxy/request.h"

/* What is no token (RFC 9110 9.1) would be read as something else. */
static bool is_method(px_slice text)
{
    if (text.len == 0 || text.len > PX_METHOD_MOST)
        return false;
    const uint8_t *end = text.data + text.len;
    return px_scan(text.data, end, PX_BYTE_TOKEN) == end;
}

px_slice px_proxy_method(px_request *r)
{
    const px_template *made = r->settings->proxy->method;
    if (made == NULL)
        return r->head.method_name;
    px_slice method = px_template_value(made, r);
    if (is_method(method))
        return method;
    px_slice shown = px_request_one_line(r, method);
    r->reason = PX_REASON_INVALID_UPSTREAM;
    px_request_log(r, PX_LOG_ERROR, "invalid method \"%.*s\" in \"proxy_method\"", PX_SLICE_ARGS(shown));
    return px_slice_from(NULL, 0);
}

void px_proxy_local_find(px_request *r, px_proxy_local *local)
{
    const px_proxy_rules *rules = r->settings->proxy;
    local->address = rules->local;
    local->mark = rules->local_mark;
    if (rules->bind == NULL)
        return;
    local->text = px_template_value(rules->bind, r);
    if (rules->local != NULL || local->text.len == 0)
        return;
    if (!px_address_parse(&local->made, local->text, 0)) {
        px_slice shown = px_request_one_line(r, local->text);
        px_request_log(r, PX_LOG_ERROR, "invalid local address \"%.*s\"", PX_SLICE_ARGS(shown));
        return;
    }
    local->address = &local->made;
    local->mark = px_hash(local->text);
}

bool px_proxy_obeys(const px_request *r, int64_t field)
{
    return (r->settings->plan->proxy_ignore_headers & field) == 0;
}

bool px_proxy_leaves_body(const px_request *r)
{
    return r->settings->proxy->body != NULL || !r->settings->plan->proxy_pass_request_body;
}
