/* Heads of requests: any bytes; what is accepted, written anew, means the same again. */
#include "head.h"

#include "http/path.h"

static px_header headers[PX_MAX_HEADERS], again[PX_MAX_HEADERS];

static void check_target(const px_request_head *head)
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_path path;
    px_parse_error error = {0};
    px_slice host;
    HOLDS(head->path.len > 0 && strchr("/?*", head->path.data[0]) != NULL);
    if (px_path_normalize(head->path, true, &arena, &path, &error) == PX_PARSE_DONE)
        HOLDS(path.uri.len > 0 && (path.uri.data[0] == '/' || head->method == PX_METHOD_OPTIONS));
    else
        HOLDS(error.status == 400);
    if (head->host.data != NULL)
        HOLDS(px_host_normalize(head->host, &arena, &host) && host.len > 0);
    if (head->authority.data != NULL)
        HOLDS(px_host_normalize(head->authority, &arena, &host) && host.len > 0);
    px_arena_clear(&arena);
}

static void check_request(const px_request_head *head, px_slice bytes)
{
    HOLDS(head->minor_version == 0 || head->minor_version == 1);
    HOLDS(head->minor_version == 0 || head->host.data != NULL);
    HOLDS(fuzz_count(head->headers, head->header_count, PX_HEADER_HOST) == (head->host.data != NULL));
    HOLDS(head->method != PX_METHOD_CONNECT && head->method != PX_METHOD_TRACE);
    HOLDS(head->body >= PX_BODY_CHUNKED);
    HOLDS(!head->expect_continue || head->minor_version == 1);
    HOLDS(fuzz_within(head->request_line, bytes) && fuzz_within(head->target, bytes));
    fuzz_check_headers(head->headers, head->header_count, bytes);
    fuzz_check_framing(head->headers, head->header_count, head->minor_version, head->body);
    check_target(head);
}

static void check_same(const px_request_head *a, const px_request_head *b)
{
    HOLDS(a->method == b->method && px_slice_equal(a->method_name, b->method_name));
    HOLDS(px_slice_equal(a->target, b->target) && px_slice_equal(a->path, b->path));
    HOLDS(px_slice_equal(a->scheme, b->scheme) && px_slice_equal(a->authority, b->authority));
    HOLDS(px_slice_equal(a->request_line, b->request_line) && px_slice_equal(a->host, b->host));
    HOLDS(a->minor_version == b->minor_version && a->body == b->body && a->keepalive == b->keepalive);
    HOLDS(a->expect_continue == b->expect_continue && a->upgrade == b->upgrade);
    HOLDS(a->connection_names == b->connection_names && a->header_count == b->header_count);
    HOLDS(fuzz_same_headers(a->headers, b->headers, a->header_count));
}

static void check_written_anew(const px_request_head *head)
{
    px_slice written = fuzz_write_head(head->request_line, head->headers, head->header_count);
    px_request_head other;
    px_parse_error error = {0};
    HOLDS(fuzz_find_end(written) == written.len);
    HOLDS(!fuzz_check_partial(written, px_h1_check_partial));
    HOLDS(px_h1_parse_request(written, again, &other, &error) == PX_PARSE_DONE);
    check_same(head, &other);
    free((void *)written.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    px_slice bytes = px_slice_from(input, size);
    bool refused = fuzz_check_partial(bytes, px_h1_check_partial);
    size_t end = fuzz_find_end(bytes);
    px_slice whole = px_slice_from(input, end > 0 ? end : size);
    px_request_head head;
    px_parse_error error = {0};
    px_parse result = px_h1_parse_request(whole, headers, &head, &error);
    HOLDS(result == PX_PARSE_DONE || result == PX_PARSE_BAD);
    HOLDS(fuzz_within(head.request_line, whole));
    if (result == PX_PARSE_BAD) {
        fuzz_check_error(&error, whole);
        return 0;
    }
    HOLDS(end > 0 && !refused);
    check_request(&head, whole);
    check_written_anew(&head);
    return 0;
}
