/* Timers that live inside their owner. A wheel; starting, stopping and moving a timer cost O(1), and
 * moving one later (the common case: every request restarts its timeout) is a store: the wheel looks again
 * when the old time comes. */
#ifndef PX_BASE_TIMER_H
#define PX_BASE_TIMER_H

#include <stdint.h>

#include "base/list.h"

typedef struct px_timer {
    px_list link;     /* in a wheel slot; unlinked when not running */
    uint64_t due_ms;  /* monotonic; 0: not running */
    uint64_t slot_ms; /* the time under which it is linked, <= due_ms */
    void (*on_due)(struct px_timer *timer);
} px_timer;

struct px_loop;

void px_timer_init(px_timer *timer, void (*on_due)(px_timer *timer));
/* Due delay_ms after the loop's clock. Restarts it when it runs. */
void px_timer_start(struct px_loop *loop, px_timer *timer, uint64_t delay_ms);
/* Idempotent. The owner's end function calls it. */
void px_timer_stop(struct px_loop *loop, px_timer *timer);

static inline int px_timer_running(const px_timer *timer)
{
    return timer->due_ms != 0;
}

#endif
