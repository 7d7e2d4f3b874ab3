/* http/chunked: golden bodies at every split, and what is sent. */
#include "golden.h"
#include "guard.h"

#include "http/chunked.h"

typedef struct decoded {
    uint8_t *data;
    size_t len;
    size_t eaten; /* bytes of the input that the decoder took */
    px_parse result;
    px_parse_error error;
} decoded;

/* Gives the decoder what is at bytes, in one go or until it has enough. */
static void feed(px_chunked *decoder, px_slice bytes, decoded *d)
{
    size_t len = bytes.len;
    bool empty_handed = false;
    while (d->result == PX_PARSE_MORE && (bytes.len > 0 || !empty_handed)) {
        px_slice run;
        empty_handed = bytes.len == 0;
        d->result = px_chunked_decode(decoder, &bytes, &run, &d->error);
        if (run.len > 0)
            memcpy(d->data + d->len, run.data, run.len);
        d->len += run.len;
    }
    d->eaten += len - bytes.len;
}

/* Decodes the bytes cut in two at cut; step > 0: in steps of so many bytes. */
static decoded decode_cut(px_slice bytes, size_t cut, size_t step)
{
    decoded d = {.data = malloc(bytes.len + 1), .result = PX_PARSE_MORE};
    px_chunked decoder;
    px_chunked_init(&decoder);
    size_t at = 0;
    while (at < bytes.len && d.result == PX_PARSE_MORE) {
        size_t end = step > 0 ? at + step : at < cut ? cut : bytes.len;
        end = end < bytes.len ? end : bytes.len;
        feed(&decoder, guard_end(px_slice_from(bytes.data + at, end - at)), &d);
        at = end;
    }
    return d;
}

static void check_same(const decoded *whole, decoded other)
{
    CHECK_INT(other.result, whole->result);
    CHECK_INT(other.eaten, whole->eaten);
    CHECK(px_slice_equal(px_slice_from(other.data, other.len), px_slice_from(whole->data, whole->len)));
    free(other.data);
}

static void check_golden(px_slice bytes, FILE *out, px_parse wanted)
{
    decoded whole = decode_cut(bytes, bytes.len, 0);
    CHECK_INT(whole.result, wanted);
    size_t every = bytes.len > 2000 ? 97 : 1; /* the long ones: some of the places */
    for (size_t cut = 0; cut < bytes.len; cut += every)
        check_same(&whole, decode_cut(bytes, cut, 0));
    for (size_t step = 1; step < 8; step++)
        check_same(&whole, decode_cut(bytes, 0, step));
    if (whole.result == PX_PARSE_BAD)
        golden_print_error(out, &whole.error);
    else
        fprintf(out, "DONE\n");
    golden_print(out, "data: ", px_slice_from(whole.data, whole.len));
    fprintf(out, "behind the end: %zu\n", bytes.len - whole.eaten);
    free(whole.data);
}

static void valid_body(const char *path, px_slice bytes, FILE *out)
{
    (void)path;
    check_golden(bytes, out, PX_PARSE_DONE);
}

static void invalid_body(const char *path, px_slice bytes, FILE *out)
{
    (void)path;
    check_golden(bytes, out, PX_PARSE_BAD);
}

TEST(golden_bodies, "each golden body gives its data and ends where it ends, cut at every place")
{
    CHECK(golden_each("../http1/valid/parse-chunked-*.http", valid_body) >= 10);
}

TEST(invalid_bodies, "each invalid body is refused at the same byte, cut at every place")
{
    CHECK(golden_each("../http1/invalid/parse-chunked-*.http", invalid_body) >= 35);
}

TEST(unfinished, "a body that has not ended waits for more, after each of its bytes")
{
    static const char body[] = "5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for (size_t cut = 0; cut < sizeof(body) - 1; cut++) {
        decoded d = decode_cut(px_slice_from(body, cut), cut, 0);
        CHECK_INT(d.result, PX_PARSE_MORE);
        CHECK_INT(d.eaten, cut);
        free(d.data);
    }
}

TEST(data_is_not_copied, "the data of a chunk is a slice of the input, one for each run")
{
    static const char body[] = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    px_chunked decoder;
    px_chunked_init(&decoder);
    px_slice bytes = px_slice_from(body, sizeof(body) - 1), data;
    px_parse_error error;
    CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_MORE);
    CHECK_SLICE(data, "abc");
    CHECK(data.data == (const uint8_t *)body + 3);
    CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_MORE);
    CHECK_SLICE(data, "de");
    CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_DONE);
    CHECK_INT(data.len, 0);
    CHECK_INT(bytes.len, 0);
}

TEST(largest_chunk, "the largest size is taken as it is, without overflow")
{
    px_chunked decoder;
    px_chunked_init(&decoder);
    px_slice bytes = px_slice_from("fffffffffffffff\r\nabc", 20), data;
    px_parse_error error;
    CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_MORE);
    CHECK_SLICE(data, "abc");
    CHECK(decoder.left == 0xfffffffffffffff - 3);
}

TEST(signed_chunks, "a long body may have an extension on every chunk")
{
    static char chunk[70000];
    int head = snprintf(chunk, sizeof(chunk), "10000;chunk-signature=%064d\r\n", 7);
    memset(chunk + head, 'x', 0x10000);
    memcpy(chunk + head + 0x10000, "\r\n", 2);
    px_chunked decoder;
    px_chunked_init(&decoder);
    px_parse_error error;
    uint64_t total = 0;
    for (unsigned i = 0; i < 1000; i++) {
        px_slice bytes = px_slice_from(chunk, (size_t)head + 0x10000 + 2), data;
        while (bytes.len > 0) {
            REQUIRE(px_chunked_decode(&decoder, &bytes, &data, &error) == PX_PARSE_MORE);
            total += data.len;
        }
    }
    CHECK_INT(total, 1000 * 0x10000);
}

TEST(stays_broken, "a decoder that has failed fails for ever; one that has ended takes nothing more")
{
    px_chunked decoder;
    px_chunked_init(&decoder);
    px_slice bytes = px_slice_from("x", 1), data;
    px_parse_error error;
    CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_BAD);
    bytes = px_slice_from("0\r\n\r\n", 5);
    CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_BAD);
    px_chunked_init(&decoder);
    bytes = px_slice_from("0\r\n\r\n0\r\n\r\n", 10);
    CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_DONE);
    CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_DONE);
    CHECK_INT(bytes.len, 5);
}

TEST(padded_sizes, "blanks behind a size are taken where the caller allows them, and nothing behind blanks")
{
    static const struct {
        const char *body;
        px_parse padded;
    } cases[] = {
        {"5   \r\nhello\r\n0 \t \r\n\r\n", PX_PARSE_DONE}, {"5 ;x=y\r\nhello\r\n0\r\n\r\n", PX_PARSE_DONE},
        {"5 6\r\nhello\r\n0\r\n\r\n", PX_PARSE_BAD},       {" 5\r\nhello\r\n0\r\n\r\n", PX_PARSE_BAD},
        {"5 \nhello\r\n0\r\n\r\n", PX_PARSE_BAD},          {"5 \r \nhello\r\n0\r\n\r\n", PX_PARSE_BAD},
        {" \r\nhello\r\n0\r\n\r\n", PX_PARSE_BAD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t room[64];
        decoded d = {.data = room, .result = PX_PARSE_MORE};
        px_chunked decoder;
        px_chunked_init(&decoder);
        CHECK(!decoder.padded_sizes);
        decoder.padded_sizes = true;
        feed(&decoder, px_slice_from(cases[i].body, strlen(cases[i].body)), &d);
        CHECK_INT(d.result, cases[i].padded);
        if (d.result == PX_PARSE_DONE)
            CHECK_SLICE(px_slice_from(d.data, d.len), "hello");
    }
}

TEST(chunk_heads, "a chunk's head is its size in hexadecimal, and our decoder reads what we write")
{
    static const struct {
        uint64_t size;
        const char *want;
    } cases[] = {
        {0, "0\r\n"},
        {1, "1\r\n"},
        {9, "9\r\n"},
        {10, "a\r\n"},
        {15, "f\r\n"},
        {16, "10\r\n"},
        {255, "ff\r\n"},
        {256, "100\r\n"},
        {4096, "1000\r\n"},
        {65535, "ffff\r\n"},
        {0x123456789abcdef, "123456789abcdef\r\n"},
        {UINT64_MAX, "ffffffffffffffff\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t head[PX_CHUNK_HEAD_BYTES];
        size_t len = px_chunk_head(head, cases[i].size);
        check_bytes(head, len, cases[i].want, strlen(cases[i].want), __FILE__, __LINE__, "head");
        if (cases[i].size == 0 || cases[i].size == UINT64_MAX)
            continue;
        px_chunked decoder;
        px_chunked_init(&decoder);
        px_slice bytes = px_slice_from(head, len), data;
        px_parse_error error;
        CHECK_INT(px_chunked_decode(&decoder, &bytes, &data, &error), PX_PARSE_MORE);
        CHECK(decoder.left == cases[i].size);
    }
}
