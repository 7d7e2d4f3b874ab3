/* See debug.h. */
#include "proxy/debug.h"

static void put_headers(const px_request *r, const char *what, const px_header *headers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        px_request_debug(r, "%s: \"%.*s: %.*s\"", what, PX_SLICE_ARGS(headers[i].name),
                         PX_SLICE_ARGS(headers[i].value));
}

void px_debug_request(const px_request *r)
{
    if (!px_request_is_debugged(r))
        return;
    px_request_debug(r, "request line: \"%.*s\"", PX_SLICE_ARGS(r->head.request_line));
    put_headers(r, "request header", r->head.headers, r->head.header_count);
    if (r->head.body == PX_BODY_CHUNKED)
        px_request_debug(r, "request body: chunked");
    else if (r->head.body > 0)
        px_request_debug(r, "request body: %lld bytes", (long long)r->head.body);
    px_request_debug(r, "uri: \"%.*s\", args: \"%.*s\"", PX_SLICE_ARGS(r->uri), PX_SLICE_ARGS(r->args));
}

void px_debug_location(const px_request *r, const px_location *location)
{
    static const char *const kinds[] = {[PX_LOCATION_PREFIX] = "",
                                        [PX_LOCATION_PREFIX_FINAL] = "^~ ",
                                        [PX_LOCATION_EXACT] = "= ",
                                        [PX_LOCATION_REGEX] = "~ ",
                                        [PX_LOCATION_NAMED] = ""};
    if (!px_request_is_debugged(r))
        return;
    if (location == NULL)
        px_request_debug(r, "no location for \"%.*s\"", PX_SLICE_ARGS(r->uri));
    else
        px_request_debug(r, "using location: \"%s%.*s\" for \"%.*s\"", kinds[location->plan->kind],
                         PX_SLICE_ARGS(location->plan->name), PX_SLICE_ARGS(r->uri));
}

void px_debug_answer(const px_request *r)
{
    const px_answer *answer = &r->answer;
    if (!px_request_is_debugged(r))
        return;
    if (answer->content_length >= 0)
        px_request_debug(r, "answer: %d, %lld bytes", answer->status, (long long)answer->content_length);
    else
        px_request_debug(r, "answer: %d, length not known", answer->status);
}

void px_debug_response(const px_request *r, const px_response_head_in *head)
{
    if (!px_request_is_debugged(r))
        return;
    px_request_debug(r, "upstream answered: %d %.*s", head->status, PX_SLICE_ARGS(head->reason));
    put_headers(r, "upstream header", head->headers, head->header_count);
}

void px_debug_end(px_request *r)
{
    if (!px_request_is_debugged(r))
        return;
    px_request_debug(r, "request ends: status %d, %llu bytes sent, %llu received, reason \"%.*s\"",
                     px_request_status(r), (unsigned long long)px_request_bytes_sent(r),
                     (unsigned long long)px_request_bytes_received(r),
                     PX_SLICE_ARGS(px_reason_name(r->reason)));
}

/* ---- debug_connection ---- */

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool px_debug_is_wanted(const px_plan_root *plan, const px_client *client)
{
    const px_endpoint *address = &client->address;
    for (uint32_t i = 0; i < plan->debug_connection.count; i++) {
        const px_plan_network *network = &plan->debug_connection.items[i];
        if (network->address.len == address->ip_len && network->bits >= 0 &&
            (uint64_t)network->bits <= 8u * (uint64_t)address->ip_len &&
            same_bits(network->address.data, address->ip, (unsigned)network->bits))
            return true;
    }
    return false;
}
