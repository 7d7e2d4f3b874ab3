/* See loop.h.
 *
 * Events carry the number of a slot in `slots` and the generation of that slot; taking a watch out
 * advances the generation, so that an event which was fetched before finds nobody, even if its
 * descriptor's number and its slot are in use again. */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/wheel.h"

#define BATCH 512
#define NO_SLOT UINT32_MAX
#define DELAY_MAX_MS ((uint64_t)1 << 40) /* 34 years */

typedef struct {
    union {
        px_watch *watch;
        uint32_t next_free;
    };
    uint32_t generation;
} slot;

struct px_loop {
    int epoll;
    bool running, stopping, realtime_read;
    uint64_t now_ms;
    struct timespec realtime;
    px_list tasks;      /* of this turn */
    px_list next_tasks; /* of the next one */
    slot *slots;
    uint32_t slot_count, free_slot, watches;
    void **garbage;
    size_t garbage_count, garbage_capacity;
    _Atomic uint64_t own_turns, *turns;
    px_wheel wheel;
    struct epoll_event events[BATCH];
};

/* CLOCK_MONOTONIC and not _COARSE, which is up to 4 ms behind: after a wait of exactly that long it would
 * say "not yet", and the loop would turn again for nothing. Without a system call either way. */
uint64_t px_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void px_loop_clock_update(px_loop *loop)
{
    loop->now_ms = px_clock_ms();
    loop->realtime_read = false;
}

px_loop *px_loop_new(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return NULL;
    px_loop *loop = px_memory_zalloc(sizeof *loop);
    loop->epoll = epoll;
    loop->free_slot = NO_SLOT;
    loop->turns = &loop->own_turns;
    px_list_init(&loop->tasks);
    px_list_init(&loop->next_tasks);
    px_loop_clock_update(loop);
    px_wheel_init(&loop->wheel, loop->now_ms);
    return loop;
}

static void free_garbage(px_loop *loop)
{
    for (size_t i = 0; i < loop->garbage_count; i++)
        free(loop->garbage[i]);
    loop->garbage_count = 0;
}

void px_loop_delete(px_loop **loop)
{
    px_loop *gone = *loop;
    *loop = NULL;
    if (gone == NULL)
        return;
    assert(!gone->running);
    free_garbage(gone);
    free(gone->garbage);
    free(gone->slots);
    close(gone->epoll);
    free(gone);
}

uint64_t px_loop_now_ms(const px_loop *loop)
{
    return loop->now_ms;
}

const struct timespec *px_loop_realtime(px_loop *loop)
{
    if (!loop->realtime_read) {
        clock_gettime(CLOCK_REALTIME, &loop->realtime);
        loop->realtime_read = true;
    }
    return &loop->realtime;
}

/* ---- watches ---- */

static uint32_t take_slot(px_loop *loop)
{
    if (loop->free_slot == NO_SLOT) {
        uint32_t count = loop->slot_count == 0 ? 64 : loop->slot_count * 2;
        loop->slots = px_memory_resize(loop->slots, count * sizeof *loop->slots);
        for (uint32_t i = count; i-- > loop->slot_count;) {
            loop->slots[i] = (slot){.next_free = loop->free_slot};
            loop->free_slot = i;
        }
        loop->slot_count = count;
    }
    uint32_t index = loop->free_slot;
    loop->free_slot = loop->slots[index].next_free;
    loop->watches++;
    return index;
}

static void give_slot(px_loop *loop, uint32_t index)
{
    slot *given = &loop->slots[index];
    given->generation++;
    given->next_free = loop->free_slot;
    loop->free_slot = index;
    loop->watches--;
}

static int control(px_loop *loop, int operation, int fd, uint32_t index, uint32_t events)
{
    uint64_t generation = loop->slots[index].generation;
    struct epoll_event event = {.events = events, .data.u64 = generation << 32 | index};
    return epoll_ctl(loop->epoll, operation, fd, &event);
}

bool px_loop_watch_level(px_loop *loop, px_watch *watch, int fd, uint32_t events)
{
    uint32_t index = take_slot(loop);
    if (control(loop, EPOLL_CTL_ADD, fd, index, events) < 0) {
        int error = errno;
        give_slot(loop, index);
        watch->fd = -1;
        errno = error;
        return false;
    }
    loop->slots[index].watch = watch;
    watch->index = index;
    watch->fd = fd;
    return true;
}

bool px_loop_watch(px_loop *loop, px_watch *watch, int fd)
{
    return px_loop_watch_level(loop, watch, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

bool px_loop_watch_modify(px_loop *loop, px_watch *watch, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, watch->fd, watch->index, events) == 0;
}

void px_loop_watch_move(px_loop *loop, px_watch *to, px_watch *from)
{
    to->fd = from->fd;
    to->index = from->index;
    loop->slots[to->index].watch = to;
    from->fd = -1;
}

void px_loop_unwatch(px_loop *loop, px_watch *watch, bool closing)
{
    if (watch->fd < 0)
        return;
    if (!closing)
        control(loop, EPOLL_CTL_DEL, watch->fd, watch->index, 0);
    give_slot(loop, watch->index);
    watch->fd = -1;
}

/* ---- timers ---- */

void px_timer_init(px_timer *timer, void (*on_due)(px_timer *timer))
{
    *timer = (px_timer){.on_due = on_due};
    px_list_init(&timer->link);
}

void px_timer_start(px_loop *loop, px_timer *timer, uint64_t delay_ms)
{
    /* The clock is cut to whole milliseconds: one more, so that no timer is early by a part of one. */
    uint64_t delay = delay_ms < DELAY_MAX_MS ? delay_ms : DELAY_MAX_MS;
    px_wheel_start(&loop->wheel, timer, loop->now_ms + delay + 1);
}

void px_timer_stop(px_loop *loop, px_timer *timer)
{
    px_wheel_stop(&loop->wheel, timer);
}

/* ---- deferred work ---- */

void px_task_init(px_task *task, void (*run)(px_task *task))
{
    px_list_init(&task->link);
    task->run = run;
}

void px_loop_defer(px_loop *loop, px_task *task)
{
    if (px_list_empty(&task->link))
        px_list_append(&loop->tasks, &task->link);
}

void px_loop_next_turn(px_loop *loop, px_task *task)
{
    if (px_list_empty(&task->link))
        px_list_append(&loop->next_tasks, &task->link);
}

void px_task_cancel(px_task *task)
{
    px_list_unlink(&task->link);
}

void px_loop_free_later(px_loop *loop, void *memory)
{
    if (loop->garbage_count == loop->garbage_capacity) {
        loop->garbage_capacity = loop->garbage_capacity == 0 ? 64 : loop->garbage_capacity * 2;
        loop->garbage = px_memory_resize(loop->garbage, loop->garbage_capacity * sizeof *loop->garbage);
    }
    loop->garbage[loop->garbage_count++] = memory;
}

/* What an earlier turn put off joins the end of this turn's tasks, so that fresh output goes first. */
static void run_tasks(px_loop *loop, px_list *put_off)
{
    px_list_splice(&loop->tasks, put_off);
    while (!px_list_empty(&loop->tasks)) {
        px_task *task = PX_CONTAINER(loop->tasks.next, px_task, link);
        px_list_unlink(&task->link);
        px_crash_subject = NULL;
        task->run(task);
    }
}

/* ---- turns ---- */

static int wait_ms(px_loop *loop, uint64_t until_ms)
{
    if (loop->stopping || !px_list_empty(&loop->tasks) || !px_list_empty(&loop->next_tasks))
        return 0;
    uint64_t next = px_wheel_next(&loop->wheel);
    if (next > until_ms)
        next = until_ms;
    if (next == UINT64_MAX)
        return -1;
    if (next <= loop->now_ms)
        return 0;
    uint64_t wait = next - loop->now_ms;
    return wait < INT_MAX ? (int)wait : INT_MAX;
}

static int wait_for_events(px_loop *loop, uint64_t until_ms)
{
    int count = epoll_wait(loop->epoll, loop->events, BATCH, wait_ms(loop, until_ms));
    if (count >= 0)
        return count;
    if (errno != EINTR) {
        px_log_write(&px_log_main, PX_LOG_EMERG, 0, "epoll_wait() failed (%s)", px_log_errno(errno));
        abort();
    }
    loop->stopping = true;
    return 0;
}

static void call_watches(px_loop *loop, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t key = loop->events[i].data.u64;
        slot *found = &loop->slots[(uint32_t)key];
        px_crash_subject = NULL;
        if (found->generation == (uint32_t)(key >> 32))
            found->watch->on_event(found->watch, loop->events[i].events);
    }
}

static void turn(px_loop *loop, uint64_t until_ms)
{
    int count = wait_for_events(loop, until_ms);
    px_loop_clock_update(loop);
    px_list
        put_off; /* taken before the events, which may put off more: that is for the turn after this one */
    px_list_init(&put_off);
    px_list_splice(&put_off, &loop->next_tasks);
    call_watches(loop, count);
    px_crash_subject = NULL;
    px_wheel_advance(&loop->wheel, loop->now_ms);
    run_tasks(loop, &put_off);
    free_garbage(loop);
    px_crash_subject = NULL;
    atomic_store_explicit(loop->turns, px_loop_turns(loop) + 1, memory_order_relaxed);
}

void px_loop_run(px_loop *loop, uint64_t until_ms)
{
    assert(!loop->running);
    loop->running = true;
    px_loop_clock_update(loop);
    do
        turn(loop, until_ms);
    while (!loop->stopping && loop->now_ms < until_ms);
    loop->stopping = false;
    loop->running = false;
}

void px_loop_stop(px_loop *loop)
{
    loop->stopping = true;
}

uint64_t px_loop_timers_running(const px_loop *loop)
{
    return loop->wheel.running;
}

uint64_t px_loop_watches(const px_loop *loop)
{
    return loop->watches;
}

uint64_t px_loop_turns(const px_loop *loop)
{
    return atomic_load_explicit(loop->turns, memory_order_relaxed);
}

void px_loop_show_turns(px_loop *loop, _Atomic uint64_t *cell)
{
    atomic_store_explicit(cell, px_loop_turns(loop), memory_order_relaxed);
    loop->turns = cell;
}
