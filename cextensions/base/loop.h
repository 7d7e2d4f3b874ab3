/* The event loop of one worker: epoll, timers, deferred work. One thread.
 *
 * A turn: wait for events, read the clock, call on_event of each ready watch, run due timers, then run
 * tasks until none is left except those that tasks put off to the next turn. Output made during a turn is
 * written by a task (px_loop_defer), so that all that one turn makes for a connection leaves in one system
 * call.
 *
 * Rules: a watch may be removed in any callback, also its own; events already fetched for it are dropped.
 * Memory of the object that contains a watch, timer or task is freed through px_loop_free_later when its
 * own callback is running. */
#ifndef PX_BASE_LOOP_H
#define PX_BASE_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/list.h"
#include "base/timer.h"

typedef struct px_loop px_loop;

typedef struct px_watch {
    /* events: of EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR */
    void (*on_event)(struct px_watch *watch, uint32_t events);
    int fd;         /* -1: not registered */
    uint32_t index; /* private: slot in the loop's table, so that a stale event finds nobody */
} px_watch;

static inline void px_watch_init(px_watch *watch, void (*on_event)(px_watch *watch, uint32_t events))
{
    watch->on_event = on_event;
    watch->fd = -1;
    watch->index = 0;
}

typedef struct px_task {
    px_list link;
    void (*run)(struct px_task *task);
} px_task;

/* NULL: errno says why (descriptors). */
px_loop *px_loop_new(void);
/* Watches and timers that are left are forgotten; memory that was to be freed later is freed. */
void px_loop_delete(px_loop **loop);

/* The clock itself: monotonic milliseconds, now. */
uint64_t px_clock_ms(void);

/* The clock as of this turn: monotonic milliseconds. */
uint64_t px_loop_now_ms(const px_loop *loop);
/* Reads the clock again: for calls that come from outside a turn (from Python), before they start timers. */
void px_loop_clock_update(px_loop *loop);
/* Wall clock of this turn; read when the first one asks. */
const struct timespec *px_loop_realtime(px_loop *loop);

/* Edge-triggered IN|OUT|RDHUP, for connections: registered once, never modified. false: errno is set. */
bool px_loop_watch(px_loop *loop, px_watch *watch, int fd);
/* Level-triggered with these events, for listeners and Python descriptors. */
bool px_loop_watch_level(px_loop *loop, px_watch *watch, int fd, uint32_t events);
/* Other events for a watch that is registered. false: errno is set. */
bool px_loop_watch_modify(px_loop *loop, px_watch *watch, uint32_t events);
/* Puts `to` (not registered, its on_event set) in the place of `from`, without a system call: the object
 * moves, the descriptor stays. Events already fetched go to `to`. */
void px_loop_watch_move(px_loop *loop, px_watch *to, px_watch *from);
/* Idempotent. Before close(fd). closing: the descriptor is closed next and not shared, so the kernel
 * forgets it by itself: no system call. */
void px_loop_unwatch(px_loop *loop, px_watch *watch, bool closing);

void px_task_init(px_task *task, void (*run)(px_task *task));
/* Runs once at the end of this turn. Already queued: nothing happens. */
void px_loop_defer(px_loop *loop, px_task *task);
/* Runs in the next turn, after its events (which are then polled without waiting). For work that used up
 * its byte budget. */
void px_loop_next_turn(px_loop *loop, px_task *task);
/* It does not run. Idempotent; the owner's end function calls it. */
void px_task_cancel(px_task *task);
/* free(memory) when the turn is over (outside a turn: when the next one is). */
void px_loop_free_later(px_loop *loop, void *memory);

/* One or more turns until until_ms (monotonic; UINT64_MAX: no end; in the past: one turn that does not
 * wait), or until px_loop_stop was called, or a signal interrupted the wait (so that Python can run its
 * handler). Not from a callback. */
void px_loop_run(px_loop *loop, uint64_t until_ms);
/* px_loop_run returns when this turn is over; outside a turn, the next one's. */
void px_loop_stop(px_loop *loop);

/* From now on the number of turns is kept in this cell, where another process can see whether the loop
 * turns. It must live as long as the loop. */
void px_loop_show_turns(px_loop *loop, _Atomic uint64_t *cell);

/* For tests and leak checks. */
uint64_t px_loop_timers_running(const px_loop *loop);
uint64_t px_loop_watches(const px_loop *loop);
uint64_t px_loop_turns(const px_loop *loop);

/* Bytes that one event may move on one connection before it goes to the end of the line (fairness). */
#define PX_EVENT_BUDGET_BYTES (256u * 1024u)

#endif
