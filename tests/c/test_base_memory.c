/* base/block, base/arena, base/buffer: who owns bytes and when they go. */
#include "check.h"

#include "base/arena.h"
#include "base/block.h"
#include "base/buffer.h"

TEST(block_sizes, "a block holds at least what was asked for, in a size that can be used again")
{
    const size_t asked[] = {0,     1,     1024,  1025,  4096,  4097,  8192,  8193,
                            16384, 16385, 32768, 32769, 65536, 65537, 300000};
    const size_t given[] = {1024,  1024,  1024,  4096,  4096,  8192,  8192,  16384,
                            16384, 32768, 32768, 65536, 65536, 65537, 300000};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        px_block *block = px_block_take(asked[i]);
        CHECK_INT(block->size, given[i]);
        CHECK_INT((uintptr_t)block->data % 16, 0);
        memset(block->data, 7, block->size);
        px_block_release(&block);
        CHECK(block == NULL);
    }
    CHECK_INT(px_block_live(), 0);
    px_block_pool_clear();
}

TEST(block_references, "a block goes when its last reference does, and is then given out again")
{
    px_block *block = px_block_take(4096), *other = px_block_ref(block), *was = block;
    px_block_release(&block);
    CHECK_INT(px_block_live(), 1);
    other->data[4095] = 1;
    px_block_release(&other);
    CHECK_INT(px_block_live(), 0);
    block = px_block_take(2000);
    CHECK(block == was);
    px_block_release(&block);
    px_block_release(&block); /* NULL is allowed */
    px_block_pool_clear();
}

TEST(block_pool_is_bounded, "what a burst took is not kept for ever")
{
    enum { COUNT = 2000 };
    static px_block *blocks[COUNT];
    for (int i = 0; i < COUNT; i++)
        blocks[i] = px_block_take(16384);
    CHECK_INT(px_block_live(), COUNT);
    for (int i = 0; i < COUNT; i++)
        px_block_release(&blocks[i]);
    CHECK_INT(px_block_live(), 0);
    px_block_pool_clear(); /* LeakSanitizer sees what is neither pooled nor freed */
}

static char order[16];
static size_t order_len;

static void note(void *argument)
{
    order[order_len++] = *(const char *)argument;
}

typedef struct {
    px_arena *arena;
    char *text;
} late;

static void note_and_register(void *argument)
{
    late *again = argument;
    order[order_len++] = '+';
    again->text = px_arena_alloc(again->arena, 1);
    again->text[0] = 'z';
    px_arena_on_clear(again->arena, note, again->text);
}

TEST(arena_cleanups, "clean-ups run in reverse order, once, and may use the arena")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    order_len = 0;
    late again = {&arena, NULL};
    px_arena_on_clear(&arena, note, (void *)(uintptr_t) "a");
    px_arena_on_clear(&arena, note_and_register, &again);
    px_arena_on_clear(&arena, note, (void *)(uintptr_t) "b");
    px_arena_clear(&arena);
    CHECK_SLICE(((px_slice){(uint8_t *)order, order_len}), "b+za");
    px_arena_clear(&arena);
    CHECK_INT(order_len, 4);
    CHECK_INT(px_block_live(), 0);
}

TEST(arena_allocations, "allocations are aligned, apart from each other, and of any size")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    uint8_t *all[300];
    size_t sizes[300];
    unsigned random = 1;
    for (int i = 0; i < 300; i++) {
        random = random * 1103515245 + 12345;
        sizes[i] = i % 37 == 0 ? 5000 + random % 70000 : (random >> 8) % 200;
        all[i] = px_arena_alloc(&arena, sizes[i]);
        CHECK_INT((uintptr_t)all[i] % 8, 0);
        memset(all[i], i & 0xff, sizes[i]);
    }
    for (int i = 0; i < 300; i++)
        for (size_t at = 0; at < sizes[i]; at++)
            REQUIRE(all[i][at] == (i & 0xff));
    uint8_t *zeros = px_arena_zalloc(&arena, 100);
    for (int i = 0; i < 100; i++)
        CHECK_INT(zeros[i], 0);
    px_arena_clear(&arena);
    CHECK_INT(px_block_live(), 0);
}

TEST(arena_takes_nothing_at_first,
     "an arena without allocations holds no memory, and can be used again after clear")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    CHECK_INT(px_block_live(), 0);
    CHECK(px_arena_alloc(&arena, 0) != NULL);
    CHECK_INT(px_block_live(), 1);
    px_arena_clear(&arena);
    CHECK_INT(px_block_live(), 0);
    CHECK_SLICE(px_arena_copy(&arena, PX_SLICE("again")), "again");
    CHECK_INT(px_arena_copy(&arena, (px_slice){NULL, 0}).len, 0);
    px_arena_clear(&arena);
}

TEST(arena_holds_blocks, "a held block lives as long as the arena")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_block *block = px_block_take(100);
    px_arena_hold(&arena, block);
    px_block *kept = block;
    px_block_release(&block);
    CHECK_INT(kept->references, 1);
    px_arena_clear(&arena);
    CHECK_INT(px_block_live(), 0);
}

#ifdef PX_ASAN
TEST(arena_poison, "bytes that were not handed out may not be touched")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    uint8_t *first = px_arena_alloc(&arena, 16), *second = px_arena_alloc(&arena, 5);
    CHECK(!__asan_address_is_poisoned(first + 15));
    CHECK(__asan_address_is_poisoned(first + 16));
    CHECK(!__asan_address_is_poisoned(second + 4));
    CHECK(__asan_address_is_poisoned(second + 5));
    CHECK(__asan_address_is_poisoned(second + 100));
    px_arena_clear(&arena);
    CHECK(__asan_address_is_poisoned(first));
}
#endif

TEST(buffer_grows, "a text of any length comes out as it was put in")
{
    for (size_t hint = 0; hint <= 512; hint += 256) {
        px_arena arena;
        px_arena_init(&arena, 4096);
        px_buffer text;
        px_buffer_init(&text, &arena, hint);
        for (unsigned i = 0; i < 20000; i++) {
            if (i % 1000 == 500)
                px_arena_alloc(&arena, 10); /* now it cannot grow in place */
            px_buffer_byte(&text, (uint8_t)(i * 7));
        }
        px_slice view = px_buffer_view(&text);
        CHECK_INT(view.len, 20000);
        for (unsigned i = 0; i < 20000; i++)
            REQUIRE(view.data[i] == (uint8_t)(i * 7));
        px_arena_clear(&arena);
    }
}

TEST(buffer_parts, "slices, literals and numbers are appended; an empty buffer gives an empty view")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_buffer text;
    px_buffer_init(&text, &arena, 0);
    CHECK_SLICE(px_buffer_view(&text), "");
    px_buffer_slice(&text, (px_slice){NULL, 0});
    px_buffer_literal(&text, "GET ");
    px_buffer_slice(&text, PX_SLICE("/a"));
    px_buffer_byte(&text, ' ');
    px_buffer_uint(&text, 0);
    px_buffer_byte(&text, ' ');
    px_buffer_uint(&text, UINT64_MAX);
    CHECK_SLICE(px_buffer_view(&text), "GET /a 0 18446744073709551615");
    uint8_t *room = px_buffer_reserve(&text, 3);
    memcpy(room, "end", 3);
    text.len += 3;
    CHECK_SLICE(px_buffer_view(&text), "GET /a 0 18446744073709551615end");
    px_arena_clear(&arena);
}

TEST(buffer_in_place, "the newest allocation grows where it is")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_buffer text;
    px_buffer_init(&text, &arena, 16);
    uint8_t *was = text.data;
    px_buffer_reserve(&text, 1000);
    CHECK(text.data == was);
    CHECK(text.capacity >= 1000);
    memset(text.data, 1, text.capacity);
    CHECK(!px_arena_extend(&arena, was, 16, 100)); /* not its size any more */
    px_arena_clear(&arena);
}
