/* The timers of a loop, by time: eight levels of 64 slots, each level 64 times as coarse as the one below
 * (1 ms, 64 ms, 4 s, ...), with a bit per slot that may hold timers. A timer sits at the level where its
 * time first differs from `elapsed_ms`, so that the lowest occupied slot of the lowest occupied level is
 * always the next: finding it looks at eight words. Knows no clock: the loop says what time it is. */
#ifndef PX_BASE_WHEEL_H
#define PX_BASE_WHEEL_H

#include "base/timer.h"

#define PX_WHEEL_LEVELS 8
#define PX_WHEEL_SLOTS 64

typedef struct px_wheel {
    uint64_t elapsed_ms; /* all that was due up to here has been called */
    uint64_t running;    /* timers in the wheel */
    /* A set bit may be out of date (its timers were stopped); a clear one never is. */
    uint64_t occupied[PX_WHEEL_LEVELS];
    px_list slots[PX_WHEEL_LEVELS][PX_WHEEL_SLOTS];
} px_wheel;

void px_wheel_init(px_wheel *wheel, uint64_t now_ms);
/* Private to px_wheel_start: links the timer by its due_ms. */
void px_wheel_link(px_wheel *wheel, px_timer *timer);

/* due_ms > elapsed_ms. Restarts a running timer. */
static inline void px_wheel_start(px_wheel *wheel, px_timer *timer, uint64_t due_ms)
{
    if (timer->due_ms != 0) {
        timer->due_ms = due_ms;
        if (due_ms >= timer->slot_ms)
            return; /* later than where it is linked: the wheel finds out when that time comes */
        px_list_unlink(&timer->link);
    } else {
        timer->due_ms = due_ms;
        wheel->running++;
    }
    px_wheel_link(wheel, timer);
}

static inline void px_wheel_stop(px_wheel *wheel, px_timer *timer)
{
    if (timer->due_ms == 0)
        return;
    timer->due_ms = 0;
    wheel->running--;
    px_list_unlink(&timer->link);
}

/* When px_wheel_advance has something to do next; UINT64_MAX: never. May be earlier than the next timer,
 * never later. */
uint64_t px_wheel_next(px_wheel *wheel);
/* Calls, in order of their times, all timers due at now_ms or before. Timers that the callbacks start are
 * for a later call. */
void px_wheel_advance(px_wheel *wheel, uint64_t now_ms);

#endif
