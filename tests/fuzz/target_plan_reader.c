/* One object of a Plan, as any bytes: the first byte chooses the kind, the rest is its msgpack. What is
 * taken from memory is bounded by the bytes there are. */
#include "fuzz.h"

#include "generated/plan_kinds.h"

/* What may be allocated for each byte of input: a field of one byte becomes a pointer or a slice, a list
 * item a struct. */
#define BYTES_PER_BYTE 512u

/* Digests that begin with this byte name nobody. */
#define UNKNOWN 0xff

static const void *on_resolve(void *self, const uint8_t digest[PX_PLAN_DIGEST_BYTES], int kind)
{
    static const uint8_t somebody[65536];
    (void)self;
    HOLDS(kind >= 0 && kind < PX_PLAN_KINDS);
    HOLDS(px_plan_kind_table[kind].size <= sizeof(somebody));
    uint8_t sum = 0;
    for (size_t i = 0; i < PX_PLAN_DIGEST_BYTES; i++)
        sum |= digest[i];
    return digest[0] == UNKNOWN || sum == 0 ? NULL : somebody;
}

static size_t allocated(const px_arena *arena)
{
    size_t sum = 0;
    for (const px_block *block = arena->blocks; block != NULL; block = block->next)
        sum += block->size;
    return sum;
}

static void read_object(const px_plan_kind_entry *kind, px_slice body, bool borrow)
{
    px_arena arena;
    px_arena_init(&arena, 1024);
    px_plan_reader reader;
    px_plan_reader_init(&reader, body, &arena, on_resolve, NULL);
    reader.borrow = borrow;
    void *object = px_arena_zalloc(&arena, kind->size);
    bool good = kind->read(&reader, object) && px_plan_reader_at_end(&reader);
    HOLDS(good == (reader.error[0] == '\0'));
    HOLDS(memchr(reader.error, '\0', sizeof(reader.error)) != NULL);
    HOLDS(allocated(&arena) <= 2 * (kind->size + 4096) + BYTES_PER_BYTE * body.len);
    px_arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size == 0)
        return 0;
    const px_plan_kind_entry *kind = &px_plan_kind_table[input[0] % PX_PLAN_KINDS];
    px_slice body = px_slice_from(input + 1, size - 1);
    read_object(kind, body, false);
    read_object(kind, body, true);
    return 0;
}
