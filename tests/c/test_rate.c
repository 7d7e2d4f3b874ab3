/* http/rate: nginx's arithmetic, with a clock that stands where we put it. */
#include "check.h"

#include "http/rate.h"

TEST(rate_allows, "each second that begins allows one second's bytes more, whenever in it one asks")
{
    const px_rate rate = {.bytes = 1000, .started_ms = 5900};
    CHECK_INT(px_rate_allows(&rate, 0, 5900), 1000);
    CHECK_INT(px_rate_allows(&rate, 400, 5999), 600);
    CHECK_INT(px_rate_allows(&rate, 400, 6000), 1600);
    CHECK_INT(px_rate_allows(&rate, 1999, 6999), 1);
    CHECK_INT(px_rate_allows(&rate, 0, 15999), 11000);
}

TEST(rate_waits, "what is over is waited for, and a millisecond")
{
    const px_rate rate = {.bytes = 1000, .started_ms = 5000};
    CHECK_INT(px_rate_allows(&rate, 1000, 5000), -1);
    CHECK_INT(px_rate_allows(&rate, 1500, 5000), -501);
    CHECK_INT(px_rate_allows(&rate, 1000000, 5000), -999001);
    CHECK_INT(px_rate_allows(&rate, 1500, 6000), 500);
}

TEST(rate_after, "bytes in front of limit_rate_after do not count")
{
    const px_rate rate = {.bytes = 1000, .after = 50000, .started_ms = 5000};
    CHECK_INT(px_rate_allows(&rate, 0, 5000), 51000);
    CHECK_INT(px_rate_allows(&rate, 50000, 5000), 1000);
    CHECK_INT(px_rate_allows(&rate, 51000, 5000), -1);
    CHECK_INT(px_rate_pause(&rate, 0, 50000), 0);
    CHECK_INT(px_rate_pause(&rate, 0, 50500), 500);
    CHECK_INT(px_rate_pause(&rate, 49000, 51000), 1000);
    CHECK_INT(px_rate_pause(&rate, 51000, 52500), 1500);
}

TEST(rate_pause, "behind a step there is a pause as long as its bytes take, in whole milliseconds")
{
    const px_rate rate = {.bytes = 3000, .started_ms = 0};
    CHECK_INT(px_rate_pause(&rate, 0, 0), 0);
    CHECK_INT(px_rate_pause(&rate, 0, 2), 0);
    CHECK_INT(px_rate_pause(&rate, 0, 3), 1);
    CHECK_INT(px_rate_pause(&rate, 3000, 6000), 1000);
}

TEST(rate_large, "numbers at the end of 64 bits mean no limit, and no overflow")
{
    const px_rate rate = {.bytes = UINT64_MAX, .after = UINT64_MAX, .started_ms = 0};
    CHECK_INT(px_rate_allows(&rate, UINT64_MAX, 1000000), INT64_MAX);
    const px_rate one = {.bytes = 1, .started_ms = 0};
    CHECK(px_rate_allows(&one, UINT64_MAX, 0) < 0);
    CHECK(px_rate_pause(&one, 0, UINT64_MAX / 2) > 0);
}
