/* Rates per key: the leaky bucket of limit_req, with nginx's arithmetic. All in thousandths: rates of
 * requests per second, excess of requests. Times are CLOCK_MONOTONIC milliseconds, given by the caller. */
#ifndef PX_SHM_LIMIT_REQ_H
#define PX_SHM_LIMIT_REQ_H

#include "shm/limit_table.h"

typedef enum px_limit_verdict {
    PX_LIMIT_WITHIN, /* excess is within burst */
    PX_LIMIT_ABOVE,  /* it is not */
    PX_LIMIT_UNKNOWN /* the lock could not be had: nothing was looked at */
} px_limit_verdict;

typedef struct px_limit_rate {
    uint64_t rate, burst;
} px_limit_rate;

/* What the excess of this key would be with one more request; account: that request is counted, if it is
 * within burst. */
px_limit_verdict px_limit_req_ask(px_limit_table *table, px_limit_key key, px_limit_rate limit,
                                  uint64_t now_ms, bool account, uint64_t *excess);
/* Counts a request that was asked about before, whatever the burst. */
px_limit_verdict px_limit_req_count(px_limit_table *table, px_limit_key key, px_limit_rate limit,
                                    uint64_t now_ms, uint64_t *excess);

#endif
