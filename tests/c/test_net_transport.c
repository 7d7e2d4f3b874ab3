/* net/transport: the plain Transport, what it remembers, and the system calls that it does not make. */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/transport.h"

typedef struct {
    px_transport transport;
    unsigned ready;
} connection;

static px_loop *loop;
static connection us;
static int them;
static char received[65536];

static void on_ready(px_transport *transport)
{
    PX_CONTAINER(transport, connection, transport)->ready++;
}

/* A pair of TCP sockets: `*ours` and the peer's. */
static void tcp_pair(int *ours, int *theirs)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    *theirs = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listening, (struct sockaddr *)&address, len) < 0 || listen(listening, 1) < 0 ||
        getsockname(listening, (struct sockaddr *)&address, &len) < 0 ||
        connect(*theirs, (struct sockaddr *)&address, len) < 0)
        abort();
    *ours = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
    close(listening);
}

static void begin(bool tcp)
{
    int fds[2];
    loop = px_loop_new();
    if (tcp)
        tcp_pair(&fds[0], &fds[1]);
    else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
        abort();
    them = fds[1];
    us.ready = 0;
    CHECK(px_transport_plain(&us.transport, loop, fds[0], true, on_ready));
}

static void end(void)
{
    px_transport_close(&us.transport, false);
    px_transport_close(&us.transport, false);
    if (them >= 0)
        close(them);
    CHECK_INT(px_loop_watches(loop), 0);
    px_loop_delete(&loop);
}

static px_io read_some(size_t size, size_t *moved)
{
    *moved = 0;
    return px_transport_read(&us.transport, received, size, moved);
}

static void turn(void)
{
    px_loop_run(loop, 0);
}

/* Waits until the transport was told something new. */
static void wait_ready(void)
{
    for (unsigned before = us.ready; us.ready == before;)
        px_loop_run(loop, px_clock_ms() + 1000);
}

TEST(short_read, "after a short read the socket is known to be empty, until an event says otherwise")
{
    begin(true);
    size_t moved;
    CHECK_INT(write(them, "hello", 5), 5);
    wait_ready();
    CHECK(us.transport.readable);
    CHECK_INT(read_some(100, &moved), PX_IO_OK);
    CHECK_INT(moved, 5);
    CHECK(!us.transport.readable);
    CHECK_INT(write(them, "again", 5), 5);
    CHECK_INT(read_some(100, &moved), PX_IO_AGAIN); /* without asking the kernel */
    wait_ready();
    CHECK_INT(read_some(5, &moved), PX_IO_OK);
    CHECK(us.transport.readable); /* all that was asked for: there may be more */
    CHECK_INT(read_some(5, &moved), PX_IO_AGAIN);
    CHECK(!us.transport.readable);
    end();
}

TEST(fin_behind_data, "a FIN that came with the data is found, without another event")
{
    begin(true);
    size_t moved;
    CHECK_INT(write(them, "bye", 3), 3);
    shutdown(them, SHUT_WR);
    while (!us.transport.peer_ended)
        wait_ready();
    CHECK_INT(read_some(100, &moved), PX_IO_OK);
    CHECK_INT(moved, 3);
    CHECK(us.transport.readable);
    CHECK_INT(read_some(100, &moved), PX_IO_END);
    CHECK(!us.transport.readable);
    CHECK_INT(read_some(100, &moved), PX_IO_END);
    CHECK(us.transport.writable); /* half-closed: we may still answer */
    struct iovec iov = {(void *)(uintptr_t) "ok", 2};
    CHECK_INT(px_transport_write(&us.transport, &iov, 1, &moved), PX_IO_OK);
    CHECK_INT(read(them, received, 10), 2);
    end();
}

TEST(fin_after_read, "a FIN that comes after the last read is told by an event")
{
    begin(true);
    size_t moved;
    CHECK_INT(write(them, "bye", 3), 3);
    wait_ready();
    CHECK_INT(read_some(100, &moved), PX_IO_OK);
    shutdown(them, SHUT_WR);
    wait_ready();
    CHECK_INT(read_some(100, &moved), PX_IO_END);
    end();
}

TEST(reset_by_peer, "a reset is an error with its errno")
{
    begin(true);
    size_t moved;
    struct linger now = {1, 0};
    setsockopt(them, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    turn();
    CHECK_INT(read_some(100, &moved), PX_IO_AGAIN);
    close(them);
    them = -1;
    wait_ready();
    CHECK_INT(read_some(100, &moved), PX_IO_ERROR);
    CHECK_INT(us.transport.error, ECONNRESET);
    CHECK_INT(read_some(100, &moved), PX_IO_ERROR);
    end();
}

TEST(close_with_reset, "a transport closed with reset sends RST")
{
    begin(true);
    px_transport_close(&us.transport, true);
    CHECK(!px_transport_open(&us.transport));
    CHECK_INT(read(them, received, 10), -1);
    CHECK_INT(errno, ECONNRESET);
    end();
}

TEST(gathered_write, "several pieces leave in order; a full socket is remembered; room is told by an event")
{
    begin(true);
    static char block[200000];
    memset(block, 'x', sizeof block);
    struct iovec iov[3] = {
        {(void *)(uintptr_t) "head", 4}, {block, sizeof block}, {(void *)(uintptr_t) "tail", 4}};
    size_t moved, sent = 0;
    px_io io;
    while ((io = px_transport_write(&us.transport, iov, 3, &moved)) == PX_IO_OK)
        sent += moved;
    CHECK_INT(io, PX_IO_AGAIN);
    CHECK(!us.transport.writable);
    size_t got = 0;
    while (got < sent) {
        ssize_t n = read(them, received, sizeof received);
        REQUIRE(n > 0);
        if (got == 0)
            CHECK(memcmp(received, "headxxxx", 8) == 0);
        got += (size_t)n;
    }
    while (!us.transport.writable)
        wait_ready();
    CHECK_INT(px_transport_write(&us.transport, iov, 1, &moved), PX_IO_OK);
    CHECK_INT(moved, 4);
    CHECK(us.transport.writable);
    end();
}

TEST(write_to_gone_peer,
     "writing to a peer that went is an error and no signal; what it sent can still be read")
{
    begin(false);
    CHECK_INT(write(them, "answer", 6), 6);
    close(them);
    them = -1;
    struct iovec iov = {(void *)(uintptr_t) "request", 7};
    size_t moved;
    CHECK_INT(px_transport_write(&us.transport, &iov, 1, &moved), PX_IO_ERROR);
    CHECK_INT(us.transport.error, EPIPE);
    CHECK_INT(px_transport_write(&us.transport, &iov, 1, &moved), PX_IO_ERROR);
    CHECK(us.transport.readable);
    CHECK_INT(read_some(100, &moved), PX_IO_OK);
    CHECK_INT(moved, 6);
    CHECK(read_some(100, &moved) >= PX_IO_END);
    end();
}

TEST(nothing_new, "an event that says only what is known calls nobody")
{
    begin(true);
    turn(); /* the first event: writable */
    turn();
    CHECK_INT(us.ready, 0);
    end();
}

TEST(shutdown_write, "the peer sees the end, and can still send")
{
    begin(true);
    size_t moved;
    px_transport_shutdown_write(&us.transport);
    CHECK_INT(read(them, received, 10), 0);
    CHECK_INT(write(them, "late", 4), 4);
    wait_ready();
    CHECK_INT(read_some(100, &moved), PX_IO_OK);
    end();
}

static unsigned moved_ready;

static void on_ready_elsewhere(px_transport *transport)
{
    (void)transport;
    moved_ready++;
}

TEST(moves, "a connection moves to another struct with all that is known of it")
{
    begin(true);
    px_transport other;
    size_t moved;
    CHECK_INT(read_some(100, &moved), PX_IO_AGAIN);
    px_transport_move(&other, &us.transport, on_ready_elsewhere);
    CHECK(!px_transport_open(&us.transport));
    CHECK(px_transport_open(&other));
    CHECK(!other.readable && other.writable);
    px_transport_close(&us.transport, true); /* closes nothing */
    CHECK_INT(write(them, "x", 1), 1);
    moved_ready = 0;
    while (moved_ready == 0)
        px_loop_run(loop, px_clock_ms() + 1000);
    CHECK_INT(us.ready, 0);
    CHECK_INT(px_transport_read(&other, received, 10, &moved), PX_IO_OK);
    px_transport_close(&other, false);
    end();
}

TEST(connecting, "a connect under way that ends well makes the transport writable, and says so")
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0), ours = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    loop = px_loop_new();
    REQUIRE(bind(listening, (struct sockaddr *)&address, len) == 0 && listen(listening, 1) == 0);
    getsockname(listening, (struct sockaddr *)&address, &len);
    CHECK(connect(ours, (struct sockaddr *)&address, len) == 0 || errno == EINPROGRESS);
    us.ready = 0;
    REQUIRE(px_transport_plain(&us.transport, loop, ours, false, on_ready));
    us.transport.writable = false;
    wait_ready();
    CHECK(us.transport.writable && !us.transport.peer_ended);
    them = accept(listening, NULL, NULL);
    close(listening);
    end();
}

TEST(refused_descriptor, "a descriptor that cannot be watched stays the caller's")
{
    loop = px_loop_new();
    CHECK(!px_transport_plain(&us.transport, loop, 9999, true, on_ready));
    CHECK(!px_transport_open(&us.transport));
    them = -1;
    end();
}
