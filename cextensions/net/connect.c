/* See connect.h. */
#include "net/connect.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

static void set_options(int fd, int family, bool keepalive)
{
    const int on = 1;
    if (family == AF_UNIX)
        return;
    /* Heads and bodies leave in as few writes as there can be: waiting to fill a segment only adds delay. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keepalive)
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

int px_connect(const px_address *address, bool keepalive, bool *pending)
{
    int family = address->any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_options(fd, family, keepalive);
    *pending = false;
    if (connect(fd, &address->any, address->len) == 0)
        return fd;
    if (errno == EINPROGRESS || errno == EINTR) {
        *pending = true;
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int px_connect_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return errno;
    return error;
}
