/* Heads of responses: any bytes; what is accepted, written anew, means the same again. */
#include "head.h"

static px_header headers[PX_MAX_HEADERS], again[PX_MAX_HEADERS];

static void check_response(const px_response_head_in *head, px_slice bytes)
{
    HOLDS(head->minor_version == 0 || head->minor_version == 1);
    HOLDS(head->status >= 100 && head->status <= 999);
    HOLDS(head->body >= PX_BODY_UNTIL_CLOSE);
    HOLDS(fuzz_within(head->status_line, bytes) && fuzz_within(head->reason, bytes));
    fuzz_check_headers(head->headers, head->header_count, bytes);
    fuzz_check_framing(head->headers, head->header_count, head->minor_version, head->body);
}

static void check_written_anew(const px_response_head_in *head)
{
    px_slice written = fuzz_write_head(head->status_line, head->headers, head->header_count);
    px_response_head_in other;
    px_parse_error error = {0};
    HOLDS(fuzz_find_end(written) == written.len);
    HOLDS(!fuzz_check_partial(written, px_h1_check_partial_response));
    HOLDS(px_h1_parse_response(written, again, &other, &error) == PX_PARSE_DONE);
    HOLDS(px_slice_equal(head->status_line, other.status_line) && px_slice_equal(head->reason, other.reason));
    HOLDS(head->status == other.status && head->minor_version == other.minor_version);
    HOLDS(head->body == other.body && head->keepalive == other.keepalive && head->upgrade == other.upgrade);
    HOLDS(head->connection_names == other.connection_names && head->header_count == other.header_count);
    HOLDS(fuzz_same_headers(head->headers, other.headers, head->header_count));
    free((void *)written.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    px_slice bytes = px_slice_from(input, size);
    bool refused = fuzz_check_partial(bytes, px_h1_check_partial_response);
    size_t end = fuzz_find_end(bytes);
    px_slice whole = px_slice_from(input, end > 0 ? end : size);
    px_response_head_in head;
    px_parse_error error = {0};
    px_parse result = px_h1_parse_response(whole, headers, &head, &error);
    HOLDS(result == PX_PARSE_DONE || result == PX_PARSE_BAD);
    if (result == PX_PARSE_BAD) {
        fuzz_check_error(&error, whole);
        HOLDS(error.status == 502);
        return 0;
    }
    HOLDS(end > 0 && !refused);
    check_response(&head, whole);
    check_written_anew(&head);
    return 0;
}
