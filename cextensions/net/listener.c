/* See listener.h. Level-triggered with EPOLLEXCLUSIVE: a new connection wakes one of the workers that
 * wait, and what one worker leaves in the queue wakes it or another again. Exclusive watches cannot be
 * modified, so pausing takes the watch out. */
#include "net/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/memory.h"

#define RETRY_MS 500
#define ERROR_GAP_MS 1000
#define WAITING_MOST 1024  /* in a flood there is always one more */
#define ACCEPTS_AT_ONCE 64 /* multi_accept: others have their turn in a flood, too */

static void wait_for_connections(px_listener *listener)
{
    if (listener->watch.fd >= 0 || listener->closing)
        return;
    if (!px_loop_watch_level(listener->loop, &listener->watch, listener->fd, EPOLLIN | EPOLLEXCLUSIVE))
        px_timer_start(listener->loop, &listener->retry, RETRY_MS);
}

static void pause_listener(px_listener *listener)
{
    px_loop_unwatch(listener->loop, &listener->watch, false);
}

/* The connection is gone before it was accepted, or the network has a passing trouble (accept(2) lists
 * these): the next one may be fine. */
static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENOPROTOOPT ||
           error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH || error == ENETDOWN ||
           error == ENETUNREACH || error == EPERM;
}

static void refused(px_listener *listener, int error)
{
    if (error == EAGAIN || is_passing(error))
        return;
    pause_listener(listener);
    px_timer_start(listener->loop, &listener->retry, RETRY_MS);
    uint64_t now_ms = px_loop_now_ms(listener->loop);
    if (listener->on_accept_error == NULL || now_ms < listener->error_after_ms)
        return;
    listener->error_after_ms = now_ms + ERROR_GAP_MS;
    listener->on_accept_error(listener, error);
}

static int accept_now(px_listener *listener, px_address *peer)
{
    peer->len = sizeof peer->local; /* the largest */
    peer->any.sa_family = AF_UNSPEC;
    return accept4(listener->fd, &peer->any, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static bool out_of_descriptors(int error)
{
    return error == EMFILE || error == ENFILE;
}

static bool accept_one(px_listener *listener)
{
    if (listener->may_accept != NULL && !listener->may_accept(listener)) {
        pause_listener(listener);
        return false;
    }
    px_address peer;
    int fd = accept_now(listener, &peer), error = errno;
    if (fd < 0 && out_of_descriptors(error) && listener->free_descriptors != NULL) {
        if (listener->free_descriptors(listener))
            fd = accept_now(listener, &peer), error = errno;
    }
    if (fd < 0) {
        refused(listener, error);
        return false;
    }
    listener->on_accept(listener, fd, &peer);
    return true;
}

static void on_event(px_watch *watch, uint32_t events)
{
    px_listener *listener = PX_CONTAINER(watch, px_listener, watch);
    (void)events;
    for (int left = ACCEPTS_AT_ONCE; left > 0; left--)
        if (!accept_one(listener) || !listener->multi_accept || listener->closing)
            return;
}

static void on_retry(px_timer *timer)
{
    wait_for_connections(PX_CONTAINER(timer, px_listener, retry));
}

px_listener *px_listener_open(px_loop *loop, int fd)
{
    px_listener *listener = px_memory_zalloc(sizeof *listener);
    listener->loop = loop;
    listener->fd = fd;
    listener->references = 1;
    px_watch_init(&listener->watch, on_event);
    px_timer_init(&listener->retry, on_retry);
    /* Accepted connections inherit it: one system call less for each. Fails for unix sockets, which have
     * no such delay. */
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!px_loop_watch_level(loop, &listener->watch, fd, EPOLLIN | EPOLLEXCLUSIVE)) {
        free(listener);
        return NULL;
    }
    return listener;
}

void px_listener_resume(px_listener *listener)
{
    if (!px_timer_running(&listener->retry))
        wait_for_connections(listener);
}

void px_listener_retry(px_listener *listener)
{
    px_timer_stop(listener->loop, &listener->retry);
    wait_for_connections(listener);
}

void px_listener_accept_waiting(px_listener *listener)
{
    for (int left = WAITING_MOST; left > 0 && accept_one(listener); left--) {
    }
}

void px_listener_close(px_listener *listener)
{
    if (listener->closing)
        return;
    listener->closing = true;
    px_timer_stop(listener->loop, &listener->retry);
    /* Other processes may share the socket, so closing it would not end the watch. */
    pause_listener(listener);
    close(listener->fd);
    listener->fd = -1;
    px_listener_release(&listener);
}

void px_listener_release(px_listener **listener)
{
    px_listener *released = *listener;
    *listener = NULL;
    if (released != NULL && --released->references == 0)
        px_loop_free_later(released->loop, released);
}
