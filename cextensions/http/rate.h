/* How many bytes per second: nginx's arithmetic, for limit_rate and proxy_limit_rate alike. Whole seconds count:
 * within each one more second's bytes may go, and behind each step there is a pause as long as its bytes take. */
#ifndef PX_HTTP_RATE_H
#define PX_HTTP_RATE_H

#include <stdint.h>

typedef struct px_rate {
    uint64_t bytes;      /* per second; 0: no limit */
    uint64_t after;      /* so many bytes do not count */
    uint64_t started_ms; /* monotonic */
} px_rate;

/* What may move now, when `moved` bytes have: more than 0; or a pause in ms, negative. */
int64_t px_rate_allows(const px_rate *rate, uint64_t moved, uint64_t now_ms);
/* The pause in ms behind a step from `before` to `moved` bytes. */
uint64_t px_rate_pause(const px_rate *rate, uint64_t before, uint64_t moved);

#endif
