/* http/h1_parse: golden heads, at every split, each in front of an unreadable page. */
#include "golden.h"
#include "guard.h"

#include "http/h1_parse.h"

static px_header headers[PX_MAX_HEADERS];

static px_slice text(const char *bytes)
{
    return px_slice_from(bytes, strlen(bytes));
}

static void print_body(FILE *out, int64_t body)
{
    if (body == PX_BODY_CHUNKED)
        fputs("body: chunked\n", out);
    else if (body == PX_BODY_UNTIL_CLOSE)
        fputs("body: until close\n", out);
    else
        fprintf(out, "body: %lld\n", (long long)body);
}

static void print_flags(FILE *out, bool keepalive, bool expect_continue, bool upgrade, bool connection_names)
{
    fprintf(out, "flags:%s%s%s%s\n", keepalive ? " keepalive" : " close",
            expect_continue ? " expect-continue" : "", upgrade ? " upgrade" : "",
            connection_names ? " connection-names" : "");
}

static void print_headers(FILE *out, const px_header *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        golden_print(out, "name: ", list[i].name);
        golden_print(out, "value: ", list[i].value);
        px_slice known = px_header_name((px_header_id)list[i].id);
        if (known.len > 0)
            golden_print(out, "known as: ", known);
    }
}

static void print_request(FILE *out, const px_request_head *head)
{
    fputs("DONE\n", out);
    golden_print(out, "line: ", head->request_line);
    golden_print(out, "method: ", head->method_name);
    fprintf(out, "method is known: %s\n", head->method == PX_METHOD_OTHER ? "no" : "yes");
    golden_print(out, "target: ", head->target);
    if (head->scheme.data != NULL)
        golden_print(out, "scheme: ", head->scheme);
    if (head->authority.data != NULL)
        golden_print(out, "authority: ", head->authority);
    golden_print(out, "path: ", head->path);
    fprintf(out, "version: 1.%d\n", head->minor_version);
    if (head->host.data != NULL)
        golden_print(out, "host: ", head->host);
    print_body(out, head->body);
    print_flags(out, head->keepalive, head->expect_continue, head->upgrade, head->connection_names);
    print_headers(out, head->headers, head->header_count);
}

static void print_response(FILE *out, const px_response_head_in *head)
{
    fputs("DONE\n", out);
    golden_print(out, "line: ", head->status_line);
    fprintf(out, "status: %d\n", head->status);
    golden_print(out, "reason: ", head->reason);
    fprintf(out, "version: 1.%d\n", head->minor_version);
    print_body(out, head->body);
    print_flags(out, head->keepalive, false, head->upgrade, head->connection_names);
    print_headers(out, head->headers, head->header_count);
}

static px_parse describe_request(px_slice bytes, FILE *out)
{
    px_request_head head;
    px_parse_error error = {0};
    px_parse result = px_h1_parse_request(bytes, headers, &head, &error);
    if (result == PX_PARSE_DONE)
        print_request(out, &head);
    else
        golden_print_error(out, &error);
    return result;
}

static px_parse describe_response(px_slice bytes, FILE *out)
{
    px_response_head_in head;
    px_parse_error error = {0};
    px_parse result = px_h1_parse_response(bytes, headers, &head, &error);
    if (result == PX_PARSE_DONE)
        print_response(out, &head);
    else
        golden_print_error(out, &error);
    return result;
}

typedef struct kind {
    px_parse (*describe)(px_slice bytes, FILE *out);
    px_parse (*check_partial)(px_slice bytes, px_parse_error *error);
} kind;

static const kind requests = {describe_request, px_h1_check_partial};
static const kind responses = {describe_response, px_h1_check_partial_response};

/* The end is found whichever way the head is cut in two, and not before. */
static void check_end_at_every_split(px_slice bytes)
{
    for (size_t cut = 0; cut < bytes.len; cut++) {
        size_t scanned = 0;
        CHECK_INT(px_h1_find_end(guard_end(px_slice_from(bytes.data, cut)), &scanned), 0);
        CHECK(scanned <= cut);
        CHECK_INT(px_h1_find_end(guard_end(bytes), &scanned), bytes.len);
    }
    size_t scanned = 0;
    for (size_t cut = 0; cut < bytes.len; cut++)
        CHECK_INT(px_h1_find_end(guard_end(px_slice_from(bytes.data, cut)), &scanned), 0);
    CHECK_INT(px_h1_find_end(guard_end(bytes), &scanned), bytes.len);
}

/* Gives whether some beginning of the head was refused before its end came. */
static bool check_partial_at_every_split(const kind *k, px_slice bytes)
{
    bool refused = false;
    px_parse_error first = {0};
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        px_parse_error error = {0};
        px_parse result = k->check_partial(guard_end(px_slice_from(bytes.data, cut)), &error);
        CHECK(result == PX_PARSE_MORE || result == PX_PARSE_BAD);
        if (refused) {
            CHECK_INT(result, PX_PARSE_BAD);
            CHECK_INT(error.status, first.status);
            CHECK_STRING(error.text, first.text);
        } else if (result == PX_PARSE_BAD) {
            refused = true;
            first = error;
        }
    }
    return refused;
}

static void check_golden(const kind *k, px_slice bytes, FILE *out, px_parse wanted)
{
    check_end_at_every_split(bytes);
    bool refused_early = check_partial_at_every_split(k, bytes);
    CHECK(!refused_early || wanted == PX_PARSE_BAD);
    golden_text other = {0};
    other.stream = open_memstream(&other.bytes, &other.len);
    CHECK_INT(k->describe(guard_start(bytes), other.stream), wanted);
    fclose(other.stream);
    fflush(out);
    long before = ftell(out);
    CHECK_INT(k->describe(guard_end(bytes), out), wanted);
    CHECK_INT(ftell(out) - before, other.len);
    free(other.bytes);
}

static void valid_request(const char *path, px_slice bytes, FILE *out)
{
    (void)path;
    check_golden(&requests, bytes, out, PX_PARSE_DONE);
}

static void valid_response(const char *path, px_slice bytes, FILE *out)
{
    (void)path;
    check_golden(&responses, bytes, out, PX_PARSE_DONE);
}

static void invalid_request(const char *path, px_slice bytes, FILE *out)
{
    (void)path;
    check_golden(&requests, bytes, out, PX_PARSE_BAD);
}

static void invalid_response(const char *path, px_slice bytes, FILE *out)
{
    (void)path;
    check_golden(&responses, bytes, out, PX_PARSE_BAD);
}

TEST(golden_requests, "each golden request means what its .expect says, whole and at every split")
{
    CHECK(golden_each("../http1/valid/parse-request-*.http", valid_request) >= 40);
}

TEST(golden_responses, "each golden response means what its .expect says, whole and at every split")
{
    CHECK(golden_each("../http1/valid/parse-response-*.http", valid_response) >= 15);
}

TEST(invalid_requests, "each invalid request is refused with nginx's status and words, at every split")
{
    CHECK(golden_each("../http1/invalid/parse-request-*.http", invalid_request) >= 100);
}

TEST(invalid_responses, "each invalid response is refused, at every split")
{
    CHECK(golden_each("../http1/invalid/parse-response-*.http", invalid_response) >= 30);
}

TEST(early_refusal, "a peer that speaks no HTTP is refused at the first byte that shows it")
{
    static const struct {
        const kind *kind;
        const char *good; /* as far as it may still become a request */
        char next;        /* the byte that ends it */
        int status;
    } cases[] = {
        {&requests, "", '\x16', 400},
        {&requests, "GET", '\r', 400},
        {&requests, "HEL", 'o', 400},
        {&requests, "GET ", '?', 400},
        {&requests, "GET h", '/', 400},
        {&requests, "GET http:", 'a', 400},
        {&requests, "GET http:/", 'a', 400},
        {&requests, "GET http://a", '@', 400},
        {&requests, "GET http://[::1]", '\\', 400},
        {&requests, "GET /", '\r', 400},
        {&requests, "GET /a", '\0', 400},
        {&requests, "GET / ", 'h', 400},
        {&requests, "GET / HTTP/", '2', 505},
        {&requests, "GET / HTTP/1.", 'x', 400},
        {&requests, "GET / HTTP/1.123", '0', 400},
        {&requests, "GET / HTTP/1.1", ' ', 400},
        {&requests, "GET / HTTP/1.1\r", '\r', 400},
        {&responses, "", '2', 502},
        {&responses, "HTTP/", '2', 502},
        {&responses, "HTTP/1.1 2", 'x', 502},
        {&responses, "HTTP/1.1 200", '0', 502},
        {&responses, "HTTP/1.1 200 ", '\x1b', 502},
        {&responses, "HTTP/1.1 200 OK\r", 'x', 502},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        px_parse_error error = {0};
        char bytes[64];
        int len = snprintf(bytes, sizeof(bytes), "%s", cases[i].good);
        CHECK_INT(cases[i].kind->check_partial(guard_end(px_slice_from(bytes, (size_t)len)), &error),
                  PX_PARSE_MORE);
        bytes[len] = cases[i].next;
        CHECK_INT(cases[i].kind->check_partial(guard_end(px_slice_from(bytes, (size_t)len + 1)), &error),
                  PX_PARSE_BAD);
        CHECK_INT(error.status, cases[i].status);
    }
}

TEST(good_line_waits, "a whole request line waits for its headers, whatever they are")
{
    px_parse_error error;
    CHECK_INT(px_h1_check_partial(guard_end(text("GET / HTTP/1.1\r\n")), &error), PX_PARSE_MORE);
    CHECK_INT(px_h1_check_partial(guard_end(text("GET / HTTP/1.1\n broken")), &error), PX_PARSE_MORE);
    CHECK_INT(px_h1_check_partial_response(guard_end(text("HTTP/1.1 200\r\nX")), &error), PX_PARSE_MORE);
}

TEST(end_of_head, "the end is the first empty line; what is behind it is not looked at")
{
    static const struct {
        const char *bytes;
        size_t end;
    } cases[] = {
        {"a\n\nb", 3},
        {"a\r\n\r\nb", 5},
        {"a\n\r\nb", 4},
        {"a\r\n\nb", 4},
        {"a\r\nb\r\n\r\n\r\n", 8},
        {"0123456789abcd\r\n\r\n", 18},
        {"0123456789abcde\r\n\r\n", 19},
        {"0123456789abcdef\r\n\r\n", 20},
        {"0123456789abcdef0123456789abcde\n\n", 33},
        {"a\r\n\r", 0},
        {"a\r\n\rb\r\n", 0},
        {"a\r\r\n\r\r\n", 0},
        {"a\n", 0},
        {"a", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t scanned = 0;
        CHECK_INT(px_h1_find_end(guard_end(text(cases[i].bytes)), &scanned), cases[i].end);
    }
    size_t scanned = 0;
    CHECK_INT(px_h1_find_end(px_slice_from(NULL, 0), &scanned), 0);
}

/* Builds a request with count fields. */
static px_slice many_fields(char *into, size_t room, unsigned count)
{
    int len = snprintf(into, room, "GET / HTTP/1.0\r\n");
    for (unsigned i = 0; i < count; i++)
        len += snprintf(into + len, room - (size_t)len, "X: %u\r\n", i);
    len += snprintf(into + len, room - (size_t)len, "\r\n");
    return px_slice_from(into, (size_t)len);
}

TEST(field_count, "as many header lines as there is room for are taken, one more is refused")
{
    static char bytes[32768];
    px_request_head head;
    px_parse_error error = {0};
    px_slice most = many_fields(bytes, sizeof(bytes), PX_MAX_HEADERS);
    CHECK_INT(px_h1_parse_request(guard_end(most), headers, &head, &error), PX_PARSE_DONE);
    CHECK_INT(head.header_count, PX_MAX_HEADERS);
    CHECK_SLICE(head.headers[PX_MAX_HEADERS - 1].value, "999");
    px_slice over = many_fields(bytes, sizeof(bytes), PX_MAX_HEADERS + 1);
    CHECK_INT(px_h1_parse_request(guard_end(over), headers, &head, &error), PX_PARSE_BAD);
    CHECK_STRING(error.text, "client sent too many header lines");
}

TEST(no_head, "bytes that are not one whole head are never taken for one")
{
    static const char *const cases[] = {"",
                                        "G",
                                        "GET / HTTP/1.0",
                                        "GET / HTTP/1.0\r\n",
                                        "GET / HTTP/1.0\r\nX: y",
                                        "GET / HTTP/1.0\r\nX: y\r\n",
                                        "GET / HTTP/1.0\r\n\r",
                                        "GET / HTTP/1.0\r\n\r\nX"};
    px_request_head head;
    px_response_head_in response;
    px_parse_error error;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_INT(px_h1_parse_request(guard_end(text(cases[i])), headers, &head, &error), PX_PARSE_BAD);
    CHECK_INT(px_h1_parse_request(px_slice_from(NULL, 0), headers, &head, &error), PX_PARSE_BAD);
    CHECK_INT(px_h1_parse_response(px_slice_from(NULL, 0), headers, &response, &error), PX_PARSE_BAD);
    CHECK_INT(px_h1_parse_response(guard_end(text("HTTP/1.1 200 OK\r\n")), headers, &response, &error),
              PX_PARSE_BAD);
}

TEST(bad_head_keeps_its_line, "a refused request still has its request line, for the log")
{
    px_request_head head;
    px_parse_error error;
    px_h1_parse_request(text("nonsense \x01\r\nX: y\r\n\r\n"), headers, &head, &error);
    CHECK_SLICE(head.request_line, "nonsense \x01");
    px_h1_parse_request(text("GET /a HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n"), headers, &head, &error);
    CHECK_SLICE(head.request_line, "GET /a HTTP/1.1");
    CHECK_INT(head.method, PX_METHOD_GET);
    CHECK_SLICE(head.host, "a");
    CHECK_INT(head.header_count, 1);
    CHECK_STRING(error.activity, "reading client request headers");
}

/* Whether bytes[at] stands behind a colon of its own line. */
static bool in_value(const char *bytes, size_t at)
{
    while (at > 0 && bytes[at - 1] != '\n') {
        if (bytes[--at] == ':')
            return true;
    }
    return false;
}

TEST(control_bytes, "no control byte passes anywhere in a head, but for a tab in a value")
{
    static const char good[] =
        "GET /abc?d HTTP/1.1\r\nHost: a\r\nX-Name-That-Is-Long: value with more than 16\r\n\r\n";
    static const char controls[] = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13"
                                   "\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f";
    px_request_head head;
    px_parse_error error;
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (size_t i = 0; i < sizeof(controls) - 1; i++) {
            bool line_end = good[at] == '\r' || good[at] == '\n';
            bool blank = controls[i] == '\t' && in_value(good, at);
            if (line_end || blank)
                continue;
            char bytes[sizeof(good)];
            memcpy(bytes, good, sizeof(good));
            bytes[at] = controls[i];
            px_slice all = guard_end(px_slice_from(bytes, sizeof(good) - 1));
            if (!CHECK_INT(px_h1_parse_request(all, headers, &head, &error), PX_PARSE_BAD))
                fprintf(stderr, "byte %d at %zu\n", controls[i], at);
        }
    }
}
