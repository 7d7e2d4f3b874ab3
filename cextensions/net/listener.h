/* Accepting on one listening socket. Lives as long as its key is in the active Generation; connections
 * hold a reference. */
#ifndef PX_NET_LISTENER_H
#define PX_NET_LISTENER_H

#include "base/loop.h"
#include "net/address.h"

typedef struct px_listener {
    px_loop *loop;
    int fd;              /* -1: closed */
    px_watch watch;      /* not registered while paused */
    px_timer retry;      /* after EMFILE and the like: try again later, no spin */
    uint32_t references; /* 1 for the engine while it listens, 1 per connection */
    bool closing;        /* no longer in the active Generation: connections finish and close */
    bool multi_accept;
    const void *listen;      /* what upper layers know of it (px_plan_listen of the active Generation) */
    void *owner;             /* the upper layer's */
    uint64_t error_after_ms; /* private: on_accept_error is not called again before */
    /* A connection: fd is the callee's now. */
    void (*on_accept)(struct px_listener *listener, int fd, const px_address *peer);
    /* Asked before accept: false pauses until px_listener_resume (worker_connections reached). */
    bool (*may_accept)(struct px_listener *listener);
    /* No descriptor is left: close what can be spared. True: some were closed, accept() is tried again. NULL:
     * nothing can be. */
    bool (*free_descriptors)(struct px_listener *listener);
    /* accept() failed with errno; called at most once per second. */
    void (*on_accept_error)(struct px_listener *listener, int error_number);
} px_listener;

/* fd (listening, non-blocking) becomes the listener's; sets TCP_NODELAY on it, which accepted connections
 * inherit. One reference, the engine's. The caller sets on_accept and what else it needs before the next
 * turn. NULL with errno: fd is still the caller's. */
px_listener *px_listener_open(px_loop *loop, int fd);
/* Accepts again after may_accept said no. Idempotent, cheap. */
void px_listener_resume(px_listener *listener);
/* Accepts again after accept() failed for want of descriptors: some were closed. */
void px_listener_retry(px_listener *listener);
/* Takes the connections that wait in the kernel, which would be reset when the socket is closed. */
void px_listener_accept_waiting(px_listener *listener);
/* Stops accepting, closes the socket and gives up the engine's reference; the memory lives until the last
 * reference is gone (and until the turn is over). */
void px_listener_close(px_listener *listener);
static inline px_listener *px_listener_ref(px_listener *listener)
{
    listener->references++;
    return listener;
}
/* *listener becomes NULL. */
void px_listener_release(px_listener **listener);

#endif
