/* http/date, proxy/range, the lists of entity tags, expires: what texts mean. */
#include "check.h"

#include "generated/plan.h"
#include "http/date.h"
#include "proxy/expires.h"
#include "proxy/conditions.h"
#include "proxy/range.h"

#define S(text) px_slice_from(text, strlen(text))

TEST(dates_written, "a date is written as RFC 9110 wants it")
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {{0, "Thu, 01 Jan 1970 00:00:00 GMT"},         {1000000000, "Sun, 09 Sep 2001 01:46:40 GMT"},
                {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"}, {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
                {-5, "Thu, 01 Jan 1970 00:00:00 GMT"},        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
                {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t text[PX_DATE_BYTES];
        px_date_put(text, rows[i].seconds);
        check_bytes(text, sizeof text, rows[i].text, strlen(rows[i].text), __FILE__, __LINE__, "date");
    }
}

TEST(dates_there_and_back, "every date that is written is read as itself")
{
    uint8_t text[PX_DATE_BYTES];
    for (int64_t seconds = 0; seconds < 253402300799; seconds += 7777777 * 13) {
        px_date_put(text, seconds);
        REQUIRE(px_date_parse(px_slice_from(text, sizeof text)) == seconds);
    }
}

TEST(dates_read, "the three forms are read, and nothing else")
{
    CHECK_INT(px_date_parse(S("Sun, 06 Nov 1994 08:49:37 GMT")), 784111777);
    CHECK_INT(px_date_parse(S("Sunday, 06-Nov-94 08:49:37 GMT")), 784111777);
    CHECK_INT(px_date_parse(S("Sun Nov  6 08:49:37 1994")), 784111777);
    static const char *const none[] = {"",
                                       "x",
                                       "Sun,",
                                       "Sun, 06 Nov 1994",
                                       "Sun, 31 Feb 1994 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 24:49:37 GMT",
                                       "Sun, 06 Xxx 1994 08:49:37 GMT",
                                       "Sun, 00 Nov 1994 08:49:37 GMT",
                                       "Sun Nov",
                                       "06 Nov 1994 08:49:37"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        CHECK(px_date_parse(S(none[i])) == PX_DATE_NONE);
    CHECK(px_date_parse(px_slice_from(NULL, 0)) == PX_DATE_NONE); /* a field that is not there */
}

static px_range_result parse(const char *field, int64_t length, uint32_t most, px_arena *arena,
                             px_ranges *out)
{
    return px_range_parse(S(field), length, most, arena, out);
}

TEST(ranges, "ranges are read as nginx reads them")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_ranges out;
    CHECK_INT(parse("bytes=0-9", 100, 10, &arena, &out), PX_RANGE_PARTIAL);
    CHECK_INT(out.count, 1);
    CHECK_INT(out.items[0].end, 10);
    CHECK_INT(parse("bytes=-9", 100, 10, &arena, &out), PX_RANGE_PARTIAL);
    CHECK_INT(out.items[0].start, 91);
    CHECK_INT(parse("bytes=5-,0-0,-1", 100, 3, &arena, &out), PX_RANGE_PARTIAL);
    CHECK_INT(out.count, 3);
    CHECK_INT(parse("bytes=5-,0-0,-1", 100, 2, &arena, &out), PX_RANGE_WHOLE);
    CHECK_INT(parse("bytes=100-", 100, 2, &arena, &out), PX_RANGE_NOT_SATISFIABLE);
    CHECK_INT(parse("bytes=0-0", 0, 2, &arena, &out), PX_RANGE_WHOLE);
    CHECK_INT(parse("bytes=0-60,30-99", 100, 9, &arena, &out), PX_RANGE_WHOLE);
    CHECK_INT(parse("bytes=9223372036854775807-", 100, 9, &arena, &out), PX_RANGE_NOT_SATISFIABLE);
    CHECK_INT(parse("bytes=0-9223372036854775807", 100, 9, &arena, &out), PX_RANGE_PARTIAL);
    CHECK_INT(parse("bytes=0-9223372036854775808", 100, 9, &arena, &out), PX_RANGE_NOT_SATISFIABLE);
    CHECK_INT(parse("pages=0-9", 100, 9, &arena, &out), PX_RANGE_WHOLE);
    px_arena_clear(&arena);
}

TEST(every_beginning_of_a_range, "no beginning of a range is read beyond its end")
{
    static const char field[] = "bytes= 1 - 20 , -5 ,7-";
    px_arena arena;
    px_arena_init(&arena, 4096);
    for (size_t len = 0; len < sizeof field; len++) {
        char *exact = malloc(len == 0 ? 1 : len);
        memcpy(exact, field, len);
        px_ranges out;
        px_range_parse(px_slice_from(exact, len), 50, 9, &arena, &out);
        free(exact);
    }
    px_arena_clear(&arena);
}

TEST(cut, "of a piece is left what a range wants of it")
{
    px_range range = {10, 20};
    for (int64_t at = 0; at < 40; at++) {
        px_piece piece = {(const uint8_t *)"abcdefgh", 8, NULL};
        int64_t from = at > 10 ? at : 10, to = at + 8 < 20 ? at + 8 : 20;
        CHECK(px_range_cut(range, at, &piece) == (from < to));
        if (from < to)
            CHECK(piece.len == (size_t)(to - from) && piece.data[0] == (uint8_t)('a' + (from - at)));
    }
}

TEST(tags, "lists of entity tags")
{
    px_slice etag = S("\"a-1\"");
    CHECK(px_etag_listed(S("\"a-1\""), etag, false));
    CHECK(px_etag_listed(S("\"x\" ,, \"a-1\" , \"y\""), etag, false));
    CHECK(!px_etag_listed(S("W/\"a-1\""), etag, false));
    CHECK(px_etag_listed(S("W/\"a-1\""), etag, true));
    CHECK(!px_etag_listed(S("\"a-1\"x"), etag, true));
    CHECK(!px_etag_listed(S(""), etag, true));
}

TEST(climbing, "a path with .. among its segments climbs")
{
    CHECK(px_docs_climbs(S("..")) && px_docs_climbs(S("/..")) && px_docs_climbs(S("a/../b")));
    CHECK(px_docs_climbs(S("/a/..")) && px_docs_climbs(S("../a")));
    CHECK(!px_docs_climbs(S("/a..b/...")) && !px_docs_climbs(S("")) && !px_docs_climbs(S("/./")));
}

TEST(expires_values, "what the value of a variable says for expires")
{
    int64_t kind, seconds;
    CHECK(px_expires_read(S("30d"), false, &kind, &seconds) && kind == PX_EXPIRES_ACCESS &&
          seconds == 2592000);
    CHECK(px_expires_read(S("-1"), false, &kind, &seconds) && seconds == -1);
    CHECK(px_expires_read(S("+1h 30m"), true, &kind, &seconds) && kind == PX_EXPIRES_MODIFIED &&
          seconds == 5400);
    CHECK(px_expires_read(S("@15h30m"), false, &kind, &seconds) && kind == PX_EXPIRES_DAILY &&
          seconds == 55800);
    CHECK(px_expires_read(S("max"), false, &kind, &seconds) && kind == PX_EXPIRES_MAX);
    static const char *const bad[] = {"",     "-", "x", "1x", "1h1d", "@25h", "99999999999999999999",
                                      "1h1h", " "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!px_expires_read(S(bad[i]), false, &kind, &seconds));
    CHECK(!px_expires_read(S("max"), true, &kind, &seconds));
    CHECK(!px_expires_read(S("@1h"), true, &kind, &seconds));
}
