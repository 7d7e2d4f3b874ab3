/* How bytes move on one socket: plain now, TLS later, one table of functions. A Transport is embedded in
 * its connection. It remembers what the kernel already told it, so that no system call is made whose
 * answer is known. */
#ifndef PX_NET_TRANSPORT_H
#define PX_NET_TRANSPORT_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/loop.h"

typedef struct px_transport px_transport;

typedef enum {
    PX_IO_OK = 0, /* *moved bytes (> 0) moved */
    PX_IO_AGAIN,  /* wait for on_ready */
    PX_IO_END,    /* read only: the peer sent FIN (or close_notify) */
    PX_IO_ERROR   /* transport->error has the errno */
} px_io;

typedef struct px_transport_ops {
    px_io (*read)(px_transport *transport, void *into, size_t size, size_t *moved);
    /* more: other bytes are written at once behind these; a packet that is not full may wait for them. */
    px_io (*write)(px_transport *transport, const struct iovec *iov, int count, bool more, size_t *moved);
    /* Bytes of a file, not through user space. *moved 0 with OK: the file ends before offset. ERROR with
     * EINVAL and write_failed unset: not from this kind of file; read it. NULL op: the transport cannot. */
    px_io (*send_file)(px_transport *transport, int file, off_t offset, size_t len, size_t *moved);
    /* Into and out of a pipe, without copying; as read and write. NULL ops: the transport cannot. AGAIN of
     * splice_in may also mean that the pipe is full: that is left to the caller, who knows what is in it. */
    px_io (*splice_in)(px_transport *transport, int pipe, size_t len, size_t *moved);
    px_io (*splice_out)(px_transport *transport, int pipe, size_t len, bool more, size_t *moved);
    void (*shutdown_write)(px_transport *transport);
    void (*close)(px_transport *transport, bool reset); /* reset: RST instead of FIN */
} px_transport_ops;

struct px_transport {
    const px_transport_ops *ops;
    px_loop *loop;
    px_watch watch;
    /* Edge: something changed. The owner reads px_transport_readable/writable and acts. */
    void (*on_ready)(px_transport *transport);
    int error;
    /* A read may give something: set by events, cleared by AGAIN or by a short read (unless peer_ended). */
    bool readable : 1;
    bool writable : 1;   /* a write may work: set at start and by events, cleared by AGAIN or a short write */
    bool peer_ended : 1; /* RDHUP or HUP was seen: read to the end */
    bool read_ended : 1; /* END or ERROR was returned by read */
    bool write_failed : 1; /* ERROR was returned by write; what the peer sent before can still be read */
};

/* Takes over fd (non-blocking), watches it. readable_now: the caller knows that data may be there already
 * (accept with deferred data: true is always safe). A connect under way: the caller clears writable;
 * on_ready comes when it is decided. false: could not be watched; fd is still the caller's. */
bool px_transport_plain(px_transport *transport, px_loop *loop, int fd, bool readable_now,
                        void (*on_ready)(px_transport *transport));
/* Moves the connection to another owner's struct (tunnel, idle pool), without a system call: from is left
 * closed, the socket stays open. */
void px_transport_move(px_transport *to, px_transport *from, void (*on_ready)(px_transport *transport));

static inline px_io px_transport_read(px_transport *t, void *into, size_t size, size_t *moved)
{
    return t->ops->read(t, into, size, moved);
}
static inline px_io px_transport_write(px_transport *t, const struct iovec *iov, int count, size_t *moved)
{
    return t->ops->write(t, iov, count, false, moved);
}
/* Sends FIN behind what was written; reading goes on. */
static inline void px_transport_shutdown_write(px_transport *t)
{
    t->ops->shutdown_write(t);
}
static inline bool px_transport_open(const px_transport *t)
{
    return t->watch.fd >= 0;
}
/* Idempotent. */
void px_transport_close(px_transport *transport, bool reset);

#endif
