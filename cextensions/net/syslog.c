/* See syslog.h. */
#include "net/syslog.h"

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"

#define RETRY_SECONDS 1
#define COMPLAIN_SECONDS 60

void px_syslog_init(px_syslog *syslog, const px_address *address, px_slice name, px_arena *arena)
{
    *syslog = (px_syslog){.address = *address, .name = px_arena_copy(arena, name), .fd = -1};
}

void px_syslog_shape(px_syslog *syslog, int facility, int severity, px_slice tag, bool hostname,
                     px_arena *arena)
{
    char host[256] = "";
    px_buffer head;
    syslog->facility = facility;
    syslog->severity = severity;
    px_buffer_init(&head, arena, 64);
    px_buffer_byte(&head, ' ');
    if (hostname && gethostname(host, sizeof host - 1) == 0) {
        for (char *at = host; *at != '\0'; at++)
            px_buffer_byte(&head, px_ascii_lower((uint8_t)*at));
        px_buffer_byte(&head, ' ');
    }
    px_buffer_slice(&head, tag);
    px_buffer_literal(&head, ": ");
    syslog->head = px_buffer_view(&head);
}

void px_syslog_close(px_syslog *syslog)
{
    if (syslog->fd >= 0)
        close(syslog->fd);
    syslog->fd = -1;
}

static bool open_socket(px_syslog *syslog, time_t now)
{
    if (syslog->fd >= 0)
        return true;
    if (now < syslog->retry_at)
        return false;
    int fd = socket(syslog->address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, &syslog->address.any, syslog->address.len) < 0) {
        int saved = errno;
        close(fd);
        fd = -1;
        errno = saved;
    }
    if (fd < 0) {
        syslog->retry_at = now + RETRY_SECONDS;
        return false;
    }
    syslog->fd = fd;
    return true;
}

static void update_time(px_syslog *syslog, time_t now)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm local;
    if (now == syslog->second)
        return;
    syslog->second = now;
    localtime_r(&now, &local);
    snprintf(syslog->when, sizeof syslog->when, "%s %2u %02u:%02u:%02u", months[local.tm_mon % 12],
             (unsigned)local.tm_mday % 100, (unsigned)local.tm_hour % 100, (unsigned)local.tm_min % 100,
             (unsigned)local.tm_sec % 100);
}

/* Said in the log of the process, which may well be this one: then others have it. */
static void complain(px_syslog *syslog, int error)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t second = (uint64_t)now.tv_sec + 1;
    if (syslog->complained_at != 0 && second - syslog->complained_at < COMPLAIN_SECONDS)
        return;
    syslog->complained_at = second;
    px_log_at(&px_log_main, PX_LOG_ERROR, 0, "send() to syslog failed (%s), server: \"%.*s\"",
              px_log_errno(error), PX_SLICE_ARGS(syslog->name));
}

static bool send_datagram(px_syslog *syslog, int severity, px_slice message)
{
    char front[32];
    int len = snprintf(front, sizeof front, "<%d>%s", syslog->facility * 8 + severity, syslog->when);
    struct iovec parts[] = {
        {front, (size_t)len},
        {(void *)(uintptr_t)syslog->head.data, syslog->head.len},
        {(void *)(uintptr_t)message.data, message.len},
    };
    struct msghdr datagram = {.msg_iov = parts, .msg_iovlen = sizeof parts / sizeof parts[0]};
    return sendmsg(syslog->fd, &datagram, MSG_NOSIGNAL) >= 0;
}

bool px_syslog_send(px_syslog *syslog, int severity, px_slice message)
{
    time_t now = time(NULL);
    if (syslog->busy)
        return false;
    syslog->busy = true;
    int saved = errno;
    errno = ENOTCONN;
    update_time(syslog, now);
    bool good = open_socket(syslog, now) &&
                send_datagram(syslog, severity < 0 ? syslog->severity : severity, message);
    if (!good) {
        complain(syslog, errno);
        if (errno != EAGAIN && errno != EMSGSIZE)
            px_syslog_close(syslog);
    }
    syslog->busy = false;
    errno = saved;
    return good;
}

void px_syslog_send_line(void *syslog, int level, px_slice line)
{
    px_syslog_send(syslog, level > PX_LOG_EMERG ? level - 1 : 0, line);
}
