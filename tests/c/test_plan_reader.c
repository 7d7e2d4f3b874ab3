/* proxy/plan_reader and generated/plan_read.c: objects of a Plan, as msgpack writes them. */
#include "check.h"

#include "generated/plan_kinds.h"

static px_arena arena;
static px_plan_reader reader;
static int known_object;
static int asked_kind;

static const void *on_resolve(void *self, const uint8_t digest[PX_PLAN_DIGEST_BYTES], int kind)
{
    (void)self;
    asked_kind = kind;
    return digest[0] == 'D' ? &known_object : NULL;
}

static px_plan_reader *read_from(px_slice bytes)
{
    px_arena_clear(&arena);
    px_arena_init(&arena, 4096);
    px_plan_reader_init(&reader, bytes, &arena, on_resolve, NULL);
    return &reader;
}

/* Piece: text, variable, map, slot, capture */
#define PIECE "\x95\xc4\x01x\xff\xc0\x00\x07"
#define DIGEST                                                                                               \
    "\xc4\x10"                                                                                               \
    "Digest of an obj"

TEST(numbers, "a number is read in each width that msgpack has")
{
    static const struct {
        px_slice bytes;
        int64_t want;
    } cases[] = {
        {{(const uint8_t *)"\x00", 1}, 0},
        {{(const uint8_t *)"\x7f", 1}, 127},
        {{(const uint8_t *)"\xff", 1}, -1},
        {{(const uint8_t *)"\xe0", 1}, -32},
        {{(const uint8_t *)"\xcc\xff", 2}, 255},
        {{(const uint8_t *)"\xcd\x01\x00", 3}, 256},
        {{(const uint8_t *)"\xce\xff\xff\xff\xff", 5}, UINT32_MAX},
        {{(const uint8_t *)"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9}, INT64_MAX},
        {{(const uint8_t *)"\xd0\x80", 2}, -128},
        {{(const uint8_t *)"\xd1\x80\x00", 3}, INT16_MIN},
        {{(const uint8_t *)"\xd2\x80\x00\x00\x00", 5}, INT32_MIN},
        {{(const uint8_t *)"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9}, INT64_MIN},
        {{(const uint8_t *)"\xd3\x00\x00\x00\x00\x00\x00\x00\x05", 9}, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = 99;
        CHECK(px_plan_int(read_from(cases[i].bytes), &got));
        CHECK_INT(got, cases[i].want);
        CHECK(px_plan_reader_at_end(&reader));
        for (size_t cut = 0; cut < cases[i].bytes.len; cut++)
            CHECK(!px_plan_int(read_from(px_slice_from(cases[i].bytes.data, cut)), &got));
    }
    int64_t got;
    CHECK(!px_plan_int(read_from(PX_SLICE("\xcf\x80\x00\x00\x00\x00\x00\x00\x00")), &got));
    CHECK(!px_plan_int(read_from(PX_SLICE("\xcb\x00\x00\x00\x00\x00\x00\x00\x00")), &got));
}

TEST(bytes, "bytes are copied, or borrowed when that is asked for")
{
    px_slice input = PX_SLICE("\xc4\x03one"), got;
    CHECK(px_plan_bytes(read_from(input), &got));
    CHECK_SLICE(got, "one");
    CHECK(got.data != input.data + 2);
    read_from(input)->borrow = true;
    CHECK(px_plan_bytes(&reader, &got) && got.data == input.data + 2);
    CHECK(px_plan_bytes(read_from(PX_SLICE("\xc5\x00\x03two")), &got));
    CHECK_SLICE(got, "two");
    CHECK(px_plan_bytes(read_from(PX_SLICE("\xc6\x00\x00\x00\x00")), &got));
    CHECK(got.len == 0 && got.data != NULL);
    CHECK(!px_plan_bytes(read_from(PX_SLICE("\xc6\xff\xff\xff\xff")), &got));
    CHECK(!px_plan_bytes(read_from(PX_SLICE("\xa3one")), &got));
    CHECK(px_plan_str(read_from(PX_SLICE("\xa3one")), &got));
    CHECK_SLICE(got, "one");
    CHECK(px_plan_str(read_from(PX_SLICE("\xd9\x03one")), &got));
    CHECK(!px_plan_str(read_from(PX_SLICE("\xc4\x03one")), &got));
}

TEST(structs, "a Struct is read field by field")
{
    px_plan_piece piece = {0};
    CHECK(px_plan_read_piece(read_from(PX_SLICE(PIECE)), &piece) && px_plan_reader_at_end(&reader));
    CHECK_SLICE(piece.text, "x");
    CHECK_INT(piece.variable, -1);
    CHECK(piece.map == NULL);
    CHECK_INT(piece.slot, 0);
    CHECK_INT(piece.capture, 7);
}

TEST(references, "a reference is the object that its digest names, and it must be there")
{
    px_plan_error_log log = {0};
    CHECK(px_plan_read_error_log(read_from(PX_SLICE("\x92" DIGEST "\x04")), &log));
    CHECK((const void *)log.file == &known_object);
    CHECK_INT(asked_kind, PX_PLAN_LOG_FILE);
    CHECK(!px_plan_read_error_log(read_from(PX_SLICE("\x92\xc4\x10"
                                                     "unknown.........\x04")),
                                  &log));
    CHECK(strcmp(reader.error, "ErrorLog.file: refers to an object that is not there") == 0);
    CHECK(!px_plan_read_error_log(read_from(PX_SLICE("\x92\xc0\x04")), &log));
}

TEST(none, "None is a NULL pointer, and only where it is declared")
{
    px_plan_return answer = {0};
    CHECK(px_plan_read_return(read_from(PX_SLICE("\x92\xcc\xc8\xc0")), &answer));
    CHECK(answer.text == NULL);
    CHECK(px_plan_read_return(read_from(PX_SLICE("\x92\xcc\xc8\x90")), &answer));
    CHECK(answer.text != NULL && answer.text->count == 0 && answer.text->items == NULL);
    CHECK(px_plan_read_return(read_from(PX_SLICE("\x92\xcc\xc8\x92" PIECE PIECE)), &answer));
    CHECK(answer.text != NULL && answer.text->count == 2);
    CHECK_INT(answer.text->items[1].capture, 7);
    CHECK(!px_plan_read_return(read_from(PX_SLICE("\x92\xc0\xc0")), &answer));
}

TEST(places, "an error says where in the object it is")
{
    px_plan_return answer = {0};
    CHECK(!px_plan_read_return(read_from(PX_SLICE("\x92\xcc\xc8\x92" PIECE "\x95\xc4\x01x\xc3\xc0\x00\x00")),
                               &answer));
    CHECK(strcmp(reader.error, "Return.text[1].variable: expected a number") == 0);
}

TEST(sizes, "a list that is longer than the input takes no memory")
{
    px_plan_types types = {0};
    CHECK(!px_plan_read_types(read_from(PX_SLICE("\x91\xdd\xff\xff\xff\xff")), &types));
    CHECK(strcmp(reader.error, "Types.entries: a list is longer than the bytes that are left") == 0);
    CHECK(arena.blocks == NULL);
}

TEST(layouts, "a Struct with another number of fields is refused")
{
    px_plan_buffers buffers = {0};
    CHECK(px_plan_read_buffers(read_from(PX_SLICE("\x92\x08\x10")), &buffers));
    CHECK(!px_plan_read_buffers(read_from(PX_SLICE("\x93\x08\x10\x01")), &buffers));
    CHECK(strcmp(reader.error, "Buffers has 3 fields, expected 2") == 0);
    CHECK(!px_plan_read_buffers(read_from(PX_SLICE("\x91\x08")), &buffers));
    CHECK(px_plan_read_buffers(read_from(PX_SLICE("\x92\x08\x10\x01")), &buffers));
    CHECK(!px_plan_reader_at_end(&reader));
}

TEST(depth, "locations inside each other without end are refused")
{
    enum { LEVELS = 100 };
    static const char open[] = "\x9c\x00\xc4\x00\xc0" DIGEST "\xc2\x90\xc0\xc0\xc0\xc0\x00\x91";
    static uint8_t bytes[LEVELS * sizeof open];
    size_t used = 0;
    for (int i = 0; i < LEVELS; i++) {
        memcpy(bytes + used, open, sizeof open - 1);
        used += sizeof open - 1;
    }
    px_plan_location location = {0};
    CHECK(!px_plan_read_location(read_from(px_slice_from(bytes, used)), &location));
    CHECK(strstr(reader.error, "nested too deeply") != NULL);
    CHECK(strlen(reader.error) < sizeof reader.error);
}

TEST(kinds, "the table of kinds has each kind's name, size and reader")
{
    CHECK(strcmp(px_plan_kind_table[PX_PLAN_ROOT].name, "Root") == 0);
    CHECK(px_plan_kind_table[PX_PLAN_SETTINGS].size == sizeof(px_plan_settings));
    px_plan_types types = {0};
    CHECK(px_plan_kind_table[PX_PLAN_TYPES].read(read_from(PX_SLICE("\x91\x91\x92\xc4\x01h\xc4\x01t")),
                                                 &types));
    CHECK_INT(types.entries.count, 1);
    CHECK_SLICE(types.entries.items[0].type, "t");
    px_arena_clear(&arena);
}
