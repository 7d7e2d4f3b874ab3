/* base/loop: events, stale events, timers, tasks, and what may happen inside callbacks. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/memory.h"
#include "base/slice.h"

static px_loop *loop;

typedef struct {
    px_watch watch;
    px_task task;
    px_timer timer;
    int fds[2];
    uint32_t events;
    unsigned calls;
    void (*then)(void); /* what the callback does */
} peer;

static peer a, b;

static void on_event(px_watch *watch, uint32_t events)
{
    peer *one = PX_CONTAINER(watch, peer, watch);
    one->events |= events;
    one->calls++;
    if (one->then != NULL)
        one->then();
}

static void open_peer(peer *one)
{
    *one = (peer){0};
    px_watch_init(&one->watch, on_event);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, one->fds) < 0)
        abort();
}

static void close_peer(peer *one)
{
    px_loop_unwatch(loop, &one->watch, true);
    close(one->fds[0]);
    close(one->fds[1]);
}

static void begin(void)
{
    loop = px_loop_new();
    open_peer(&a);
    open_peer(&b);
}

static void end(void)
{
    close_peer(&a);
    close_peer(&b);
    CHECK_INT(px_loop_watches(loop), 0);
    px_loop_delete(&loop);
    CHECK(loop == NULL);
}

static void one_turn(void)
{
    px_loop_run(loop, 0);
}

static void feed(peer *one)
{
    CHECK_INT(write(one->fds[1], "x", 1), 1);
}

TEST(loop_edges, "an edge is told once; the next byte is told again")
{
    begin();
    CHECK(px_loop_watch(loop, &a.watch, a.fds[0]));
    one_turn();
    CHECK_INT(a.events, EPOLLOUT);
    a.events = 0;
    feed(&a);
    one_turn();
    CHECK(a.events & EPOLLIN);
    CHECK_INT(a.calls, 2);
    one_turn();
    CHECK_INT(a.calls, 2);
    shutdown(a.fds[1], SHUT_WR);
    one_turn();
    CHECK(a.events & EPOLLRDHUP);
    end();
}

TEST(loop_levels, "a level is told as long as it lasts, and can be changed")
{
    begin();
    feed(&a);
    CHECK(px_loop_watch_level(loop, &a.watch, a.fds[0], EPOLLIN));
    one_turn();
    one_turn();
    CHECK_INT(a.calls, 2);
    CHECK_INT(a.events, EPOLLIN);
    CHECK(px_loop_watch_modify(loop, &a.watch, EPOLLOUT));
    a.events = 0;
    one_turn();
    CHECK_INT(a.events, EPOLLOUT);
    end();
}

TEST(loop_refuses, "what cannot be watched is refused with errno, and leaves nothing behind")
{
    begin();
    CHECK(!px_loop_watch(loop, &a.watch, 9999));
    CHECK_INT(errno, EBADF);
    CHECK_INT(a.watch.fd, -1);
    px_loop_unwatch(loop, &a.watch, false); /* not registered: nothing happens */
    CHECK(px_loop_watch(loop, &a.watch, a.fds[0]));
    CHECK(!px_loop_watch(loop, &b.watch, a.fds[0]));
    CHECK_INT(errno, EEXIST);
    CHECK_INT(px_loop_watches(loop), 1);
    end();
}

/* Both have an event in the same turn; whichever comes first removes the other. */
static void remove_both(void)
{
    px_loop_unwatch(loop, &a.watch, false);
    px_loop_unwatch(loop, &b.watch, false);
}

TEST(loop_stale_event, "events fetched for a watch that was removed in the same turn are dropped")
{
    begin();
    px_loop_watch(loop, &a.watch, a.fds[0]);
    px_loop_watch(loop, &b.watch, b.fds[0]);
    a.then = b.then = remove_both;
    one_turn();
    CHECK_INT(a.calls + b.calls, 1);
    end();
}

static peer fresh;
static int replaced;

/* Closes the other peer's descriptor and registers a new one, which gets the same number and the same
 * slot. */
static void replace(peer *old)
{
    int number = old->fds[0];
    px_loop_unwatch(loop, &old->watch, true);
    close(old->fds[0]);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
        abort();
    replaced = pair[0] == number && old->fds[1] != pair[1];
    fresh = (peer){.fds = {pair[0], pair[1]}};
    px_watch_init(&fresh.watch, on_event);
    uint32_t index = old->watch.index;
    px_loop_watch_level(loop, &fresh.watch, fresh.fds[0], EPOLLIN);
    replaced = replaced && fresh.watch.index == index;
    old->fds[0] = -1;
}

static void replace_other(void)
{
    if (replaced)
        return;
    replace(a.calls > 0 ? &b : &a);
}

TEST(loop_reused_number, "a new watch on the same descriptor number does not get the old one's event")
{
    begin();
    replaced = 0;
    feed(&a);
    feed(&b);
    px_loop_watch_level(loop, &a.watch, a.fds[0], EPOLLIN);
    px_loop_watch_level(loop, &b.watch, b.fds[0], EPOLLIN);
    a.then = b.then = replace_other;
    one_turn();
    CHECK(replaced);
    CHECK_INT(a.calls + b.calls, 1);
    CHECK_INT(fresh.calls, 0);
    CHECK_INT(write(fresh.fds[1], "x", 1), 1);
    one_turn();
    CHECK_INT(fresh.calls, 1);
    close_peer(&fresh);
    end();
}

static void move_a_to_fresh(void)
{
    if (a.watch.fd >= 0)
        px_loop_watch_move(loop, &fresh.watch, &a.watch);
}

TEST(loop_moves, "a watch that moves takes along the events that were fetched for it")
{
    begin();
    fresh = (peer){0};
    px_watch_init(&fresh.watch, on_event);
    px_loop_watch(loop, &b.watch, b.fds[0]);
    one_turn();
    b.then = move_a_to_fresh;
    feed(&b); /* b's event comes first */
    px_loop_watch(loop, &a.watch, a.fds[0]);
    one_turn();
    CHECK_INT(a.watch.fd, -1);
    CHECK_INT(a.calls, 0);
    CHECK_INT(fresh.calls, 1);
    CHECK_INT(px_loop_watches(loop), 2);
    px_loop_unwatch(loop, &fresh.watch, true);
    end();
}

TEST(loop_many, "ten thousand watches come and go, and each gets its own events")
{
    enum { MANY = 400, ROUNDS = 25 };
    begin();
    static peer many[MANY];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < MANY; i++) {
            open_peer(&many[i]);
            if (i % 2)
                feed(&many[i]);
            REQUIRE(px_loop_watch_level(loop, &many[i].watch, many[i].fds[0], EPOLLIN));
        }
        one_turn();
        for (int i = 0; i < MANY; i++) {
            REQUIRE(many[i].calls == (unsigned)(i % 2));
            close_peer(&many[i]);
        }
    }
    end();
}

static void stop_loop(void)
{
    px_loop_stop(loop);
}

static void on_due(px_timer *timer)
{
    peer *one = PX_CONTAINER(timer, peer, timer);
    one->calls++;
    if (one->then != NULL)
        one->then();
}

TEST(loop_timer, "a timer is not early, and the loop sleeps until it")
{
    begin();
    px_timer_init(&a.timer, on_due);
    a.then = stop_loop;
    uint64_t before = px_loop_now_ms(loop), turns = px_loop_turns(loop);
    px_timer_start(loop, &a.timer, 30);
    CHECK_INT(px_loop_timers_running(loop), 1);
    px_loop_run(loop, UINT64_MAX);
    CHECK(px_clock_ms() - before >= 30);
    CHECK_INT(a.calls, 1);
    CHECK(px_loop_turns(loop) - turns <= 4);
    CHECK_INT(px_loop_timers_running(loop), 0);
    px_timer_stop(loop, &a.timer);
    end();
}

TEST(loop_until, "a run ends at its time; with a time in the past it is one turn that does not wait")
{
    begin();
    uint64_t before = px_clock_ms();
    px_loop_run(loop, before + 20);
    CHECK(px_clock_ms() >= before + 20);
    CHECK_INT(px_loop_now_ms(loop) >= before + 20, 1);
    uint64_t turns = px_loop_turns(loop);
    px_loop_run(loop, 0);
    px_loop_run(loop, px_clock_ms());
    CHECK_INT(px_loop_turns(loop), turns + 2);
    end();
}

static char trace[64];
static size_t trace_len;

static void run_a(px_task *task);
static void run_b(px_task *task);

static void add(char c)
{
    if (trace_len < sizeof trace)
        trace[trace_len++] = c;
}

static px_slice traced(void)
{
    px_slice all = px_slice_from(trace, trace_len);
    trace_len = 0;
    return all;
}

static void run_a(px_task *task)
{
    (void)task;
    add('a');
}

/* Uses up its budget three times, and each time makes output. */
static void run_b(px_task *task)
{
    peer *one = PX_CONTAINER(task, peer, task);
    add('b');
    px_loop_defer(loop, &a.task);
    if (++one->calls < 3)
        px_loop_next_turn(loop, task);
}

TEST(loop_tasks, "deferred work runs in this turn, once; what was put off runs one turn at a time")
{
    begin();
    trace_len = 0;
    px_task_init(&a.task, run_a);
    px_task_init(&b.task, run_b);
    px_loop_defer(loop, &a.task);
    px_loop_defer(loop, &a.task);
    px_loop_next_turn(loop, &b.task);
    px_loop_next_turn(loop, &b.task);
    one_turn();
    CHECK_SLICE(traced(), "aba");
    one_turn();
    CHECK_SLICE(traced(), "ba");
    px_loop_run(loop, px_clock_ms() + 5); /* does not wait while work is put off */
    CHECK_SLICE(traced(), "ba");
    one_turn();
    CHECK_SLICE(traced(), "");
    px_loop_defer(loop, &a.task);
    px_task_cancel(&a.task);
    px_task_cancel(&a.task);
    one_turn();
    CHECK_SLICE(traced(), "");
    end();
}

static void defer_a(void)
{
    add('e');
    px_loop_defer(loop, &a.task);
}

static void put_off(px_task *task)
{
    (void)task;
    add('p');
}

TEST(loop_fairness, "events come before work that was put off, and output of the turn before both end")
{
    begin();
    trace_len = 0;
    px_task_init(&a.task, run_a);
    px_task_init(&b.task, put_off);
    px_loop_next_turn(loop, &b.task);
    feed(&a);
    px_loop_watch_level(loop, &a.watch, a.fds[0], EPOLLIN);
    a.then = defer_a;
    one_turn();
    CHECK_SLICE(traced(), "eap");
    end();
}

static void free_self(px_watch *watch, uint32_t events)
{
    (void)events;
    int fd = watch->fd;
    px_loop_unwatch(loop, watch, true);
    close(fd);
    px_loop_free_later(loop, watch);
    watch->index = 77; /* still ours until the turn is over */
}

TEST(loop_free_later, "an object may go in its own callback: its memory lives until the turn is over")
{
    begin();
    px_watch *watch = px_memory_alloc(sizeof *watch);
    px_watch_init(watch, free_self);
    px_loop_watch(loop, watch, dup(a.fds[0]));
    one_turn();
    for (int i = 0; i < 1000; i++)
        px_loop_free_later(loop, px_memory_alloc(8));
    end(); /* what is left is freed with the loop */
}

TEST(loop_tasks_from_outside, "work deferred between turns runs without waiting")
{
    begin();
    trace_len = 0;
    px_task_init(&a.task, run_a);
    px_loop_defer(loop, &a.task);
    uint64_t turns = px_loop_turns(loop);
    px_loop_stop(loop); /* stop between turns: the next run is one turn */
    px_loop_run(loop, UINT64_MAX);
    CHECK_SLICE(traced(), "a");
    CHECK_INT(px_loop_turns(loop), turns + 1);
    end();
}

static void on_signal(int number)
{
    (void)number;
}

static void *interrupt(void *argument)
{
    pthread_t waiting = *(pthread_t *)argument;
    for (;;) { /* until the wait is really interrupted: the signal may come before it */
        if (pthread_kill(waiting, SIGUSR1) != 0)
            return NULL;
        usleep(1000);
        pthread_testcancel();
    }
}

TEST(loop_signal, "a signal ends the run, so that Python can look at it")
{
    begin();
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t self = pthread_self(), thread;
    pthread_create(&thread, NULL, interrupt, &self);
    px_loop_run(loop, UINT64_MAX);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    CHECK_INT(px_loop_turns(loop), 1);
    end();
}

TEST(loop_shows_turns, "another process can see the loop turn")
{
    begin();
    _Atomic uint64_t cell = 77;
    one_turn();
    px_loop_show_turns(loop, &cell);
    CHECK_INT(atomic_load(&cell), 1);
    one_turn();
    one_turn();
    CHECK_INT(atomic_load(&cell), 3);
    CHECK_INT(px_loop_turns(loop), 3);
    end();
}

TEST(loop_wall_clock, "the wall clock is the same all through a turn")
{
    begin();
    struct timespec first = *px_loop_realtime(loop);
    CHECK(first.tv_sec > 1600000000);
    usleep(2000);
    CHECK(memcmp(&first, px_loop_realtime(loop), sizeof first) == 0);
    one_turn();
    CHECK(memcmp(&first, px_loop_realtime(loop), sizeof first) != 0);
    end();
}
