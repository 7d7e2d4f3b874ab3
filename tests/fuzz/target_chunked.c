/* Chunked bodies: any bytes, cut anywhere, give the same data, the same end or the same refusal; what came
 * out, framed anew, comes out again. */
#include "fuzz.h"

#include "http/chunked.h"

#define SHORT 8u

typedef struct outcome {
    uint8_t *data;
    size_t len, eaten;
    px_parse result;
} outcome;

static void feed(px_chunked *decoder, px_slice bytes, outcome *o)
{
    bool short_one = bytes.len < SHORT; /* not worth a copy: the other cuts find what is read too far */
    uint8_t *copy = short_one ? NULL : fuzz_copy(bytes.data, bytes.len);
    px_slice exact = px_slice_from(short_one ? bytes.data : copy, bytes.len), left = exact;
    while (o->result == PX_PARSE_MORE && left.len > 0) {
        px_slice data;
        px_parse_error error = {0};
        size_t before = left.len;
        o->result = px_chunked_decode(decoder, &left, &data, &error);
        HOLDS(left.len <= before && fuzz_within(data, exact));
        HOLDS(o->result == PX_PARSE_BAD || left.len < before);
        HOLDS(o->result != PX_PARSE_BAD || (error.status == 400 && error.text != NULL));
        if (data.len > 0)
            memcpy(o->data + o->len, data.data, data.len);
        o->len += data.len;
    }
    o->eaten += bytes.len - left.len;
    free(copy);
}

static outcome decode(px_slice bytes, size_t first, size_t step)
{
    outcome o = {.data = malloc(bytes.len + 1), .result = PX_PARSE_MORE};
    if (o.data == NULL)
        abort();
    px_chunked decoder;
    px_chunked_init(&decoder);
    for (size_t at = 0; at < bytes.len && o.result == PX_PARSE_MORE;) {
        size_t len = at == 0 && first > 0 ? first : step;
        len = len < bytes.len - at ? len : bytes.len - at;
        feed(&decoder, px_slice_from(bytes.data + at, len), &o);
        at += len;
    }
    return o;
}

static void check_same(const outcome *a, outcome b)
{
    HOLDS(a->result == b.result && a->eaten == b.eaten);
    HOLDS(px_slice_equal(px_slice_from(a->data, a->len), px_slice_from(b.data, b.len)));
    free(b.data);
}

static void check_framed_anew(const outcome *o)
{
    uint8_t *framed = malloc(o->len + 2 * PX_CHUNK_HEAD_BYTES + 2), *at = framed;
    if (framed == NULL)
        abort();
    if (o->len > 0) {
        at += px_chunk_head(at, o->len);
        memcpy(at, o->data, o->len);
        at += o->len;
        memcpy(at, "\r\n", 2);
        at += 2;
    }
    at += px_chunk_head(at, 0);
    memcpy(at, "\r\n", 2);
    at += 2;
    outcome other = decode(px_slice_from(framed, (size_t)(at - framed)), 0, SIZE_MAX);
    HOLDS(other.result == PX_PARSE_DONE && other.eaten == (size_t)(at - framed));
    HOLDS(px_slice_equal(px_slice_from(o->data, o->len), px_slice_from(other.data, other.len)));
    free(other.data);
    free(framed);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    px_slice bytes = px_slice_from(input, size);
    outcome whole = decode(bytes, 0, SIZE_MAX);
    check_same(&whole, decode(bytes, 0, 1));
    check_same(&whole, decode(bytes, 0, 7));
    check_same(&whole, decode(bytes, 1 + size / 2, SIZE_MAX));
    check_same(&whole, decode(bytes, size > 0 ? 1 + input[size - 1] % size : 0, SIZE_MAX));
    HOLDS(whole.result == PX_PARSE_DONE || whole.result == PX_PARSE_BAD || whole.eaten == size);
    if (whole.result == PX_PARSE_DONE)
        check_framed_anew(&whole);
    free(whole.data);
    return 0;
}
