/* See connect.h. */
#include "net/connect.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/spare.h"

static bool bind_failed;

static void set_options(int fd, int family, const px_connect_options *options)
{
    const int on = 1;
    if (options->receive_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options->receive_bytes, sizeof options->receive_bytes);
    if (options->send_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options->send_bytes, sizeof options->send_bytes);
    if (family == AF_UNIX)
        return;
    /* Heads and bodies leave in as few writes as there can be: waiting to fill a segment only adds delay. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options->keepalive)
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* Without a port of its own, the kernel chooses it when it knows the peer: one local port can then serve
 * connections to several. */
static bool make_transparent(int fd, int family)
{
    const int on = 1;
    if (family == AF_INET6)
        return setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof on) == 0;
    return family == AF_UNIX || setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) == 0;
}

static bool bind_to(int fd, int family, const px_connect_options *options)
{
    const int on = 1;
    const px_address *local = options->local;
    if (local == NULL)
        return true;
    if (family != AF_UNIX && px_address_port(local) == 0)
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    bind_failed =
        (options->transparent && !make_transparent(fd, family)) || bind(fd, &local->any, local->len) < 0;
    return !bind_failed;
}

static int fail(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int px_connect(const px_address *address, const px_connect_options *options, bool *pending)
{
    int family = address->any.sa_family;
    bind_failed = false;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && px_spare_made_room())
        fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_options(fd, family, options);
    if (!bind_to(fd, family, options))
        return fail(fd);
    *pending = false;
    if (connect(fd, &address->any, address->len) == 0)
        return fd;
    if (errno == EINPROGRESS || errno == EINTR) {
        *pending = true;
        return fd;
    }
    return fail(fd);
}

bool px_connect_bind_failed(void)
{
    return bind_failed;
}

int px_connect_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return errno;
    return error;
}
