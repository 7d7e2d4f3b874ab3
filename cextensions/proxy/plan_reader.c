/* See plan_reader.h. Only the first failure is told, with the place of the value. */
#include "proxy/plan_reader.h"

#include <stdio.h>

static const uint8_t no_bytes[1];

void px_plan_reader_init(px_plan_reader *in, px_slice bytes, px_arena *arena, px_plan_resolve *resolve,
                         void *self)
{
    in->next = bytes.len > 0 ? bytes.data : no_bytes;
    in->end = in->next + bytes.len;
    in->arena = arena;
    in->resolve = resolve;
    in->self = self;
    in->borrow = false;
    in->name = NULL;
    in->depth = 0;
    in->error[0] = '\0';
}

static size_t left(const px_plan_reader *in)
{
    return (size_t)(in->end - in->next);
}

/* Appends to a text of fixed size; what does not fit is cut. */
static size_t append(char *text, size_t size, size_t used, const char *more)
{
    int n = snprintf(text + used, size - used, "%s", more);

    return n < 0 || (size_t)n >= size - used ? size - 1 : used + (size_t)n;
}

/* "Server.locations[3].proxy", cut where it is too long. */
static size_t put_place(const px_plan_reader *in, char *text, size_t size)
{
    size_t used = append(text, size, 0, in->name != NULL ? in->name : "");

    for (uint32_t i = 0; i < in->depth; i++) {
        const px_plan_place *place = &in->place[i];
        char number[16];

        if (place->list) {
            snprintf(number, sizeof number, "[%u]", place->index);
            used = append(text, size, used, number);
        } else if (place->field != NULL) {
            used = append(text, size, used, ".");
            used = append(text, size, used, place->field);
        }
    }
    return used;
}

static bool fail(px_plan_reader *in, const char *what)
{
    if (in->error[0] == '\0') {
        size_t used = put_place(in, in->error, sizeof in->error / 2);

        used = append(in->error, sizeof in->error, used, used > 0 ? ": " : "");
        append(in->error, sizeof in->error, used, what);
    }
    return false;
}

bool px_plan_reader_at_end(px_plan_reader *in)
{
    return in->next == in->end || fail(in, "bytes after the end");
}

/* The next n bytes as a big-endian number. The caller knows that they are there. */
static uint64_t take_number(px_plan_reader *in, size_t n)
{
    uint64_t number = 0;

    for (size_t i = 0; i < n; i++) {
        number = number << 8 | *in->next++;
    }
    return number;
}

/* A tag byte was read that n bytes of length or value follow. */
static bool has(px_plan_reader *in, size_t n)
{
    return left(in) >= n || fail(in, "the end comes too early");
}

static bool take_tag(px_plan_reader *in, uint8_t *tag)
{
    if (!has(in, 1)) {
        return false;
    }
    *tag = *in->next++;
    return true;
}

/* The count of an array. */
static bool take_array(px_plan_reader *in, uint32_t *count)
{
    uint8_t tag;

    if (!take_tag(in, &tag)) {
        return false;
    }
    if ((tag & 0xf0) == 0x90) {
        *count = tag & 0x0f;
        return true;
    }
    if (tag != 0xdc && tag != 0xdd) {
        return fail(in, "expected an array");
    }
    size_t width = tag == 0xdc ? 2 : 4;
    if (!has(in, width)) {
        return false;
    }
    *count = (uint32_t)take_number(in, width);
    return true;
}

static bool push(px_plan_reader *in, px_plan_place place)
{
    if (in->depth == PX_PLAN_DEPTH) {
        return fail(in, "nested too deeply");
    }
    in->place[in->depth++] = place;
    return true;
}

bool px_plan_enter_struct(px_plan_reader *in, const char *name, uint32_t fields)
{
    uint32_t count;

    if (!take_array(in, &count)) {
        return false;
    }
    if (count != fields) {
        char text[96];

        snprintf(text, sizeof text, "%s has %u fields, expected %u", name, count, fields);
        return fail(in, text);
    }
    if (in->name == NULL) {
        in->name = name;
    }
    return push(in, (px_plan_place){.field = NULL});
}

bool px_plan_enter_list(px_plan_reader *in, uint32_t item_bytes, uint32_t *count)
{
    uint32_t n;

    if (!take_array(in, &n)) {
        return false;
    }
    if (n > left(in) / item_bytes) {
        return fail(in, "a list is longer than the bytes that are left");
    }
    if (!push(in, (px_plan_place){.list = true})) {
        return false;
    }
    *count = n;
    return true;
}

void *px_plan_items(px_plan_reader *in, uint32_t count, size_t size)
{
    return count == 0 ? NULL : px_arena_zalloc(in->arena, count * size);
}

bool px_plan_leave(px_plan_reader *in)
{
    in->depth--;
    return true;
}

bool px_plan_none(px_plan_reader *in)
{
    if (left(in) == 0 || *in->next != 0xc0) {
        return false;
    }
    in->next++;
    return true;
}

bool px_plan_bool(px_plan_reader *in, bool *out)
{
    uint8_t tag;

    if (!take_tag(in, &tag)) {
        return false;
    }
    if (tag != 0xc2 && tag != 0xc3) {
        return fail(in, "expected true or false");
    }
    *out = tag == 0xc3;
    return true;
}

bool px_plan_int(px_plan_reader *in, int64_t *out)
{
    uint8_t tag;

    if (!take_tag(in, &tag)) {
        return false;
    }
    if (tag < 0x80 || tag >= 0xe0) { /* fixint */
        *out = (int8_t)tag;
        return true;
    }
    if (tag < 0xcc || tag > 0xd3) {
        return fail(in, "expected a number");
    }
    bool is_signed = tag >= 0xd0;
    size_t width = (size_t)1 << ((tag - 0xcc) & 3);
    if (!has(in, width)) {
        return false;
    }
    uint64_t number = take_number(in, width);
    if (!is_signed) {
        *out = (int64_t)number;
        return number <= INT64_MAX || fail(in, "a number is too large");
    }
    uint64_t sign = UINT64_C(1) << (width * 8 - 1); /* extend the sign */
    *out = (int64_t)((number ^ sign) - sign);
    return true;
}

/* len bytes that the caller knows to be there. */
static void take_slice(px_plan_reader *in, size_t len, px_slice *out)
{
    px_slice bytes = px_slice_from(in->next, len);

    in->next += len;
    if (len == 0) {
        *out = px_slice_from(no_bytes, 0);
    } else {
        *out = in->borrow ? bytes : px_arena_copy(in->arena, bytes);
    }
}

/* Bytes whose tag says that the length follows in 1, 2 or 4 bytes. */
static bool take_long(px_plan_reader *in, unsigned log_width, px_slice *out)
{
    size_t width = (size_t)1 << log_width;

    if (!has(in, width)) {
        return false;
    }
    size_t len = take_number(in, width);
    if (!has(in, len)) {
        return false;
    }
    take_slice(in, len, out);
    return true;
}

bool px_plan_bytes(px_plan_reader *in, px_slice *out)
{
    uint8_t tag;

    if (!take_tag(in, &tag)) {
        return false;
    }
    if (tag < 0xc4 || tag > 0xc6) {
        return fail(in, "expected bytes");
    }
    return take_long(in, tag - 0xc4u, out);
}

bool px_plan_str(px_plan_reader *in, px_slice *out)
{
    uint8_t tag;

    if (!take_tag(in, &tag)) {
        return false;
    }
    if ((tag & 0xe0) == 0xa0) {
        size_t len = tag & 0x1f;

        if (!has(in, len)) {
            return false;
        }
        take_slice(in, len, out);
        return true;
    }
    if (tag < 0xd9 || tag > 0xdb) {
        return fail(in, "expected text");
    }
    return take_long(in, tag - 0xd9u, out);
}

const void *px_plan_ref(px_plan_reader *in, int kind)
{
    if (!has(in, 2 + PX_PLAN_DIGEST_BYTES)) {
        return NULL;
    }
    if (in->next[0] != 0xc4 || in->next[1] != PX_PLAN_DIGEST_BYTES) {
        fail(in, "expected a digest");
        return NULL;
    }
    const uint8_t *digest = in->next + 2;
    in->next += 2 + PX_PLAN_DIGEST_BYTES;
    const void *object = in->resolve != NULL ? in->resolve(in->self, digest, kind) : NULL;
    if (object == NULL) {
        fail(in, "refers to an object that is not there");
    }
    return object;
}
