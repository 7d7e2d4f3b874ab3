/* See h1_harness.h. */
#include "h1_harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/block.h"
#include "base/memory.h"

#define QUIET_TURNS 4

px_h1_settings harness_settings(void)
{
    static px_log quiet;
    return (px_h1_settings){.client_header_timeout = 60000,
                            .client_body_timeout = 60000,
                            .send_timeout = 60000,
                            .keepalive_timeout = 75000,
                            .lingering_time = 30000,
                            .lingering_timeout = 5000,
                            .lingering_close = PX_LINGERING_ON,
                            .merge_slashes = true,
                            .chunked = true,
                            .max_headers = PX_MAX_HEADERS,
                            .keepalive_requests = 1000,
                            .keepalive_time = 3600000,
                            .header_buffer_bytes = 1024,
                            .large_buffer_count = 4,
                            .large_buffer_bytes = 8192,
                            .log = &quiet};
}

px_loop *harness_open(void)
{
    return px_loop_new();
}

static void expect_none(const char *what, uint64_t count)
{
    if (count == 0)
        return;
    fprintf(stderr, "left behind: %llu %s\n", (unsigned long long)count, what);
    exit(1);
}

void harness_close(px_loop **loop)
{
    px_loop_run(*loop, 0);
    expect_none("watches", px_loop_watches(*loop));
    expect_none("timers", px_loop_timers_running(*loop));
    px_loop_delete(loop);
    expect_none("blocks", px_block_live());
}

static void must(int result)
{
    if (result >= 0)
        return;
    perror("the harness");
    exit(1);
}

static void connect_pair(int fds[2])
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    must(bind(listener, (struct sockaddr *)&address, len));
    must(listen(listener, 1));
    must(getsockname(listener, (struct sockaddr *)&address, &len));
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(fds[0], (struct sockaddr *)&address, len));
    fds[1] = accept(listener, NULL, NULL);
    must(fds[1]);
    close(listener);
}

far_end far_end_open(int *near, bool tcp, bool small)
{
    int fds[2];
    if (tcp)
        connect_pair(fds);
    else
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
        const int least = 1;
        if (small) {
            setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
            setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
        }
    }
    *near = fds[1];
    return (far_end){.fd = fds[0]};
}

void far_end_close(far_end *end)
{
    if (end->fd >= 0)
        close(end->fd);
    free(end->bytes);
    *end = (far_end){.fd = -1};
}

void far_end_reset(far_end *end)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    far_end_close(end);
}

size_t far_end_write(far_end *end, const void *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = send(end->fd, (const uint8_t *)bytes + done, len - done, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

bool far_end_read(far_end *end)
{
    bool moved = false;
    while (end->fd >= 0 && !end->ended && !end->reset) {
        if (end->capacity - end->len < 65536) {
            end->capacity = 2 * end->capacity + 131072;
            end->bytes = px_memory_resize(end->bytes, end->capacity);
        }
        ssize_t n = recv(end->fd, end->bytes + end->len, 65536, 0);
        if (n < 0 && errno == EAGAIN)
            break;
        moved = true;
        end->ended = n == 0;
        end->reset = n < 0;
        if (n > 0)
            end->len += (size_t)n;
    }
    return moved;
}

px_slice far_end_view(const far_end *end)
{
    return px_slice_from(end->bytes, end->len);
}

px_slice far_end_take(far_end *end)
{
    px_slice all = far_end_view(end);
    end->len = 0;
    return all;
}

void turn_until_said(px_loop *loop, far_end *end)
{
    for (uint64_t end_ms = px_clock_ms() + PATIENCE_MS; !far_end_read(end) && px_clock_ms() < end_ms;)
        px_loop_run(loop, 0);
}

void settle(px_loop *loop, ...)
{
    for (int quiet = 0; quiet < QUIET_TURNS; quiet++) {
        px_loop_run(loop, 0);
        va_list ends;
        va_start(ends, loop);
        for (far_end *end; (end = va_arg(ends, far_end *)) != NULL;)
            if (!end->deaf && far_end_read(end))
                quiet = -1;
        va_end(ends);
    }
}

void run_until(px_loop *loop, const int *flag)
{
    uint64_t end_ms = px_clock_ms() + PATIENCE_MS;
    while (*flag == 0 && px_clock_ms() < end_ms)
        px_loop_run(loop, px_clock_ms() + 5);
}

bool slice_has(px_slice haystack, const char *needle)
{
    return haystack.len > 0 && memmem(haystack.data, haystack.len, needle, strlen(needle)) != NULL;
}

size_t slice_count(px_slice haystack, const char *needle)
{
    size_t count = 0, len = strlen(needle);
    while (haystack.len >= len) {
        const uint8_t *at = memmem(haystack.data, haystack.len, needle, len);
        if (at == NULL)
            break;
        count++;
        haystack.len -= (size_t)(at - haystack.data) + len;
        haystack.data = at + len;
    }
    return count;
}
