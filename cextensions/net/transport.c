/* See transport.h: the plain Transport. Edge-triggered, so every answer of the kernel is remembered in the
 * bits readable and writable: a read shorter than asked has emptied the socket and a later byte gives an
 * event; only a FIN that came before that read gives none, and RDHUP tells of it (peer_ended), after which
 * reading goes on until it returns END. */
#include "net/transport.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static px_io read_failed(px_transport *t)
{
    t->error = errno;
    t->read_ended = true;
    t->readable = false;
    return PX_IO_ERROR;
}

/* What the peer sent before it closed can still be read: an upstream may answer and close while the
 * request is written. */
static px_io write_failed(px_transport *t)
{
    t->error = errno;
    t->write_failed = true;
    t->writable = false;
    t->peer_ended = true;
    t->readable = !t->read_ended;
    return PX_IO_ERROR;
}

static px_io plain_read(px_transport *t, void *into, size_t size, size_t *moved)
{
    assert(size > 0);
    if (!t->readable)
        return !t->read_ended ? PX_IO_AGAIN : t->error != 0 ? PX_IO_ERROR : PX_IO_END;
    ssize_t n;
    do
        n = recv(t->watch.fd, into, size, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        if ((size_t)n < size && !t->peer_ended)
            t->readable = false;
        *moved = (size_t)n;
        return PX_IO_OK;
    }
    if (n == 0) {
        t->read_ended = t->peer_ended = true;
        t->readable = false;
        return PX_IO_END;
    }
    if (errno == EAGAIN) {
        t->readable = false;
        return PX_IO_AGAIN;
    }
    return read_failed(t);
}

static ssize_t send_all(int fd, const struct iovec *iov, int count, int flags)
{
    if (count == 1)
        return send(fd, iov->iov_base, iov->iov_len, flags);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)count};
    return sendmsg(fd, &message, flags);
}

static px_io plain_write(px_transport *t, const struct iovec *iov, int count, bool more, size_t *moved)
{
    if (!t->writable)
        return t->write_failed ? PX_IO_ERROR : PX_IO_AGAIN;
    size_t wanted = 0;
    for (int i = 0; i < count; i++)
        wanted += iov[i].iov_len;
    assert(wanted > 0);
    ssize_t n;
    do
        n = send_all(t->watch.fd, iov, count, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        t->writable = (size_t)n == wanted;
        *moved = (size_t)n;
        return PX_IO_OK;
    }
    if (n == 0 || errno == EAGAIN) {
        t->writable = false;
        return PX_IO_AGAIN;
    }
    return write_failed(t);
}

/* Fewer bytes than asked for mean a full socket or the end of the file: the next call will tell. */
static px_io plain_send_file(px_transport *t, int file, off_t offset, size_t len, size_t *moved)
{
    *moved = 0;
    if (!t->writable)
        return t->write_failed ? PX_IO_ERROR : PX_IO_AGAIN;
    ssize_t n;
    do
        n = sendfile(t->watch.fd, file, &offset, len);
    while (n < 0 && errno == EINTR);
    if (n >= 0) {
        *moved = (size_t)n;
        return PX_IO_OK;
    }
    if (errno == EAGAIN) {
        t->writable = false;
        return PX_IO_AGAIN;
    }
    if (errno == EPIPE || errno == ECONNRESET || errno == ETIMEDOUT)
        return write_failed(t);
    t->error = errno; /* of the file */
    return PX_IO_ERROR;
}

/* Never "short": how many bytes a pipe takes depends on how they lie in the socket. */
static px_io plain_splice_in(px_transport *t, int pipe, size_t len, size_t *moved)
{
    if (!t->readable)
        return !t->read_ended ? PX_IO_AGAIN : t->error != 0 ? PX_IO_ERROR : PX_IO_END;
    ssize_t n;
    do
        n = splice(t->watch.fd, NULL, pipe, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        *moved = (size_t)n;
        return PX_IO_OK;
    }
    if (n == 0) {
        t->read_ended = t->peer_ended = true;
        t->readable = false;
        return PX_IO_END;
    }
    return errno == EAGAIN ? PX_IO_AGAIN : read_failed(t);
}

static px_io plain_splice_out(px_transport *t, int pipe, size_t len, bool more, size_t *moved)
{
    if (!t->writable)
        return t->write_failed ? PX_IO_ERROR : PX_IO_AGAIN;
    unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0);
    ssize_t n;
    do
        n = splice(pipe, NULL, t->watch.fd, NULL, len, flags);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        t->writable = (size_t)n == len;
        *moved = (size_t)n;
        return PX_IO_OK;
    }
    if (n == 0 || errno == EAGAIN) {
        t->writable = false;
        return PX_IO_AGAIN;
    }
    return write_failed(t);
}

static void plain_shutdown_write(px_transport *t)
{
    shutdown(t->watch.fd, SHUT_WR);
}

static void plain_close(px_transport *t, bool reset)
{
    int fd = t->watch.fd;
    if (reset) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    px_loop_unwatch(t->loop, &t->watch, true);
    close(fd);
    t->readable = t->writable = false;
}

static const px_transport_ops plain_ops = {
    .read = plain_read,
    .write = plain_write,
    .send_file = plain_send_file,
    .splice_in = plain_splice_in,
    .splice_out = plain_splice_out,
    .shutdown_write = plain_shutdown_write,
    .close = plain_close,
};

static void on_event(px_watch *watch, uint32_t events)
{
    px_transport *t = PX_CONTAINER(watch, px_transport, watch);
    bool was_writable = t->writable;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        t->peer_ended = true;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        t->readable = !t->read_ended;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        t->writable = !t->write_failed;
    /* "Writable, as before" is all that the first event of most connections says. */
    if (events == EPOLLOUT && was_writable)
        return;
    t->on_ready(t);
}

bool px_transport_plain(px_transport *t, px_loop *loop, int fd, bool readable_now,
                        void (*on_ready)(px_transport *transport))
{
    *t = (px_transport){
        .ops = &plain_ops, .loop = loop, .on_ready = on_ready, .readable = readable_now, .writable = true};
    px_watch_init(&t->watch, on_event);
    return px_loop_watch(loop, &t->watch, fd);
}

void px_transport_move(px_transport *to, px_transport *from, void (*on_ready)(px_transport *transport))
{
    *to = *from;
    to->on_ready = on_ready;
    px_watch_init(&to->watch, from->watch.on_event);
    px_loop_watch_move(from->loop, &to->watch, &from->watch);
    from->readable = from->writable = false;
}

void px_transport_close(px_transport *t, bool reset)
{
    if (px_transport_open(t))
        t->ops->close(t, reset);
}
