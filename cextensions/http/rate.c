/* See rate.h. */
#include "http/rate.h"

#define LONGEST_PAUSE_MS ((int64_t)1 << 40)

int64_t px_rate_allows(const px_rate *rate, uint64_t moved, uint64_t now_ms)
{
    uint64_t seconds = now_ms / 1000 - rate->started_ms / 1000 + 1;
    uint64_t due; /* by now, beside `after` */
    if (__builtin_mul_overflow(rate->bytes, seconds, &due) ||
        __builtin_add_overflow(due, rate->after, &due) || due > INT64_MAX)
        return INT64_MAX;
    if (moved < due)
        return (int64_t)(due - moved);
    uint64_t over = moved - due;
    uint64_t pause = over / rate->bytes * 1000 + over % rate->bytes * 1000 / rate->bytes + 1;
    return pause < (uint64_t)LONGEST_PAUSE_MS ? -(int64_t)pause : -LONGEST_PAUSE_MS;
}

static uint64_t behind(uint64_t bytes, uint64_t after)
{
    return bytes > after ? bytes - after : 0;
}

uint64_t px_rate_pause(const px_rate *rate, uint64_t before, uint64_t moved)
{
    uint64_t bytes = behind(moved, rate->after) - behind(before, rate->after);
    return bytes / rate->bytes * 1000 + bytes % rate->bytes * 1000 / rate->bytes;
}
