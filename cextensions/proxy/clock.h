/* The texts of the current second, made when it changes: Date fields and the times of log lines. */
#ifndef PX_PROXY_CLOCK_H
#define PX_PROXY_CLOCK_H

#include "base/loop.h"
#include "base/slice.h"

typedef struct px_clock {
    int64_t second;               /* for which the texts were made */
    uint8_t http[32], http_len;   /* "Mon, 23 Nov 2026 15:00:00 GMT" */
    uint8_t local[32], local_len; /* "23/Nov/2026:15:00:00 +0000" */
    uint8_t iso[32], iso_len;     /* "2026-11-23T15:00:00+00:00" */
} px_clock;

/* Brings the texts up to the loop's wall clock. What was handed out before is overwritten: copy what is
 * kept. */
void px_clock_update(px_clock *clock, px_loop *loop);

static inline px_slice px_clock_http(const px_clock *clock)
{
    return px_slice_from(clock->http, clock->http_len);
}

#endif
