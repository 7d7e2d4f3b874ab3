/* net/address, net/connect, net/listener. */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/connect.h"
#include "net/listener.h"

static px_arena arena;
static px_loop *loop;

TEST(addresses, "an address shows its host as nginx does, and its port")
{
    static const uint8_t v4[] = {127, 0, 0, 1}, v4_wide[] = {255, 255, 255, 255};
    static const uint8_t v6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1}, loopback[16] = {[15] = 1};
    px_address address;
    px_arena_init(&arena, 4096);
    CHECK(px_address_make(&address, 4, px_slice_from(v4, 4), 8080));
    CHECK_SLICE(px_address_host(&address, &arena), "127.0.0.1");
    CHECK_INT(px_address_port(&address), 8080);
    CHECK(px_address_make(&address, 4, px_slice_from(v4_wide, 4), 65535));
    CHECK_SLICE(px_address_host(&address, &arena), "255.255.255.255");
    CHECK(px_address_make(&address, 6, px_slice_from(v6, 16), 443));
    CHECK_SLICE(px_address_host(&address, &arena), "2001:db8::1");
    CHECK_INT(px_address_port(&address), 443);
    CHECK(px_address_make(&address, 6, px_slice_from(loopback, 16), 0));
    CHECK_SLICE(px_address_host(&address, &arena), "::1");
    CHECK(px_address_make(&address, 1, PX_SLICE("/run/app.sock"), 0));
    CHECK_SLICE(px_address_host(&address, &arena), "unix:");
    CHECK_INT(px_address_port(&address), 0);
    CHECK_STRING(address.local.sun_path, "/run/app.sock");
    px_arena_clear(&arena);
}

TEST(bad_addresses, "parts that do not fit together are refused")
{
    static uint8_t many[200];
    memset(many, 'a', sizeof many);
    px_address address;
    CHECK(!px_address_make(&address, 4, px_slice_from(many, 16), 80));
    CHECK(!px_address_make(&address, 6, px_slice_from(many, 4), 80));
    CHECK(!px_address_make(&address, 4, px_slice_from(many, 4), 65536));
    CHECK(!px_address_make(&address, 4, px_slice_from(many, 4), -1));
    CHECK(!px_address_make(&address, 7, px_slice_from(many, 4), 80));
    CHECK(!px_address_make(&address, 1, (px_slice){NULL, 0}, 0));
    CHECK(!px_address_make(&address, 1, px_slice_from(many, 108), 0));
    CHECK(px_address_make(&address, 1, px_slice_from(many, 107), 0));
    CHECK_INT(strlen(address.local.sun_path), 107);
}

static int listening_socket(px_address *address)
{
    static const uint8_t ip[] = {127, 0, 0, 1};
    px_address_make(address, 4, px_slice_from(ip, 4), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, &address->any, address->len) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, &address->any, &address->len) < 0)
        abort();
    return fd;
}

static bool option(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    getsockopt(fd, level, name, &value, &len);
    return value != 0;
}

/* Waits until the connect is decided. */
static int outcome(int fd, bool pending)
{
    if (pending) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        select(fd + 1, NULL, &set, NULL, NULL);
    }
    return px_connect_error(fd);
}

TEST(connects, "a connect does not wait and sets the options of a proxied connection")
{
    px_address address;
    bool pending;
    int listening = listening_socket(&address);
    for (int keepalive = 0; keepalive < 2; keepalive++) {
        int fd = px_connect(&address, &(px_connect_options){.keepalive = keepalive}, &pending);
        REQUIRE(fd >= 0);
        CHECK_INT(outcome(fd, pending), 0);
        CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY));
        CHECK_INT(option(fd, SOL_SOCKET, SO_KEEPALIVE), keepalive);
        CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
    close(listening);
}

TEST(connect_refused, "nobody listening: the error is told at once or when the connect is decided")
{
    px_address address;
    bool pending;
    close(listening_socket(&address));
    int fd = px_connect(&address, &(px_connect_options){.keepalive = false}, &pending);
    CHECK_INT(fd < 0 ? errno : outcome(fd, pending), ECONNREFUSED);
    if (fd >= 0)
        close(fd);
    px_address_make(&address, 1, PX_SLICE("/nonexistent/proxyd.sock"), 0);
    CHECK_INT(px_connect(&address, &(px_connect_options){.keepalive = true}, &pending), -1);
    CHECK_INT(errno, ENOENT);
}

static unsigned accepted, limit, errors;
static int last_error, last_fd;
static uint16_t last_port;
static bool close_in_accept;

static void on_accept(px_listener *listener, int fd, const px_address *peer)
{
    accepted++;
    last_port = px_address_port(peer);
    CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY));
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    close(last_fd);
    last_fd = fd;
    if (close_in_accept)
        px_listener_close(listener);
}

static bool may_accept(px_listener *listener)
{
    (void)listener;
    return accepted < limit;
}

static void on_accept_error(px_listener *listener, int error_number)
{
    (void)listener;
    errors++;
    last_error = error_number;
}

static px_listener *begin(px_address *address)
{
    loop = px_loop_new();
    px_listener *listener = px_listener_open(loop, listening_socket(address));
    listener->on_accept = on_accept;
    listener->may_accept = may_accept;
    listener->on_accept_error = on_accept_error;
    accepted = errors = 0;
    limit = 1000;
    last_error = 0;
    last_fd = -1;
    close_in_accept = false;
    return listener;
}

static void end(px_listener *listener)
{
    if (listener != NULL)
        px_listener_close(listener);
    close(last_fd);
    px_loop_run(loop, 0);
    CHECK_INT(px_loop_watches(loop), 0);
    CHECK_INT(px_loop_timers_running(loop), 0);
    px_loop_delete(&loop);
}

static int call(const px_address *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, &address->any, address->len) < 0)
        abort();
    return fd;
}

TEST(accepts, "connections are accepted, one per turn without multi_accept, all of them with it")
{
    for (int multi = 0; multi < 2; multi++) {
        px_address address, own = {.len = sizeof own.v4};
        px_listener *listener = begin(&address);
        listener->multi_accept = multi;
        int clients[3];
        for (int i = 0; i < 3; i++)
            clients[i] = call(&address);
        px_loop_run(loop, 0);
        CHECK_INT(accepted, multi ? 3 : 1);
        while (accepted < 3)
            px_loop_run(loop, 0);
        getsockname(clients[2], &own.any, &own.len);
        CHECK_INT(last_port, px_address_port(&own));
        for (int i = 0; i < 3; i++)
            close(clients[i]);
        end(listener);
    }
}

TEST(accept_pauses, "with all connections in use the listener rests, and resumes where it was")
{
    px_address address;
    px_listener *listener = begin(&address);
    limit = 1;
    int first = call(&address), second = call(&address);
    for (int i = 0; i < 5; i++)
        px_loop_run(loop, 0);
    CHECK_INT(accepted, 1);
    CHECK_INT(px_loop_watches(loop), 0); /* no event, so no spin */
    limit = 2;
    px_listener_resume(listener);
    px_listener_resume(listener);
    while (accepted < 2)
        px_loop_run(loop, px_clock_ms() + 1000);
    close(first);
    close(second);
    end(listener);
}

TEST(accept_without_descriptors,
     "without descriptors the listener says so once, tries again later, and goes on")
{
    px_address address;
    px_listener *listener = begin(&address);
    int client = call(&address);
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){3, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    for (int i = 0; i < 5; i++)
        px_loop_run(loop, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK_INT(accepted, 0);
    CHECK_INT(errors, 1);
    CHECK_INT(last_error, EMFILE);
    CHECK_INT(px_loop_watches(loop), 0);
    px_listener_resume(listener); /* a connection that ends does not end the rest */
    CHECK_INT(px_loop_watches(loop), 0);
    while (accepted == 0)
        px_loop_run(loop, px_clock_ms() + 1000);
    CHECK_INT(errors, 1);
    close(client);
    end(listener);
}

static int spare_fd = -1;

/* Gives a descriptor up, once. */
static bool give_up(px_listener *listener)
{
    (void)listener;
    bool given = spare_fd >= 0;
    close(spare_fd);
    spare_fd = -1;
    return given;
}

TEST(accept_with_what_others_give_up,
     "for want of descriptors something idle is closed and the connection taken in the same turn")
{
    px_address address;
    px_listener *listener = begin(&address);
    listener->free_descriptors = give_up;
    int first = call(&address), second = call(&address);
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    none = (struct rlimit){(rlim_t)spare_fd + 1, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    px_loop_run(loop, 0);
    CHECK_INT(accepted, 1);
    CHECK_INT(errors, 0);
    px_loop_run(loop, 0); /* last_fd holds the descriptor, and there is no other to spare */
    CHECK_INT(accepted, 1);
    CHECK_INT(errors, 1);
    CHECK_INT(px_loop_watches(loop), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    px_listener_retry(listener); /* at once, although the timer runs */
    px_loop_run(loop, 0);
    CHECK_INT(accepted, 2);
    close(first);
    close(second);
    end(listener);
}

TEST(listener_references, "a closed listener lives until its last connection has gone")
{
    px_address address;
    px_listener *listener = begin(&address), *held = px_listener_ref(listener);
    px_listener_close(listener);
    CHECK(held->closing);
    px_listener_resume(held);
    CHECK_INT(px_loop_watches(loop), 0);
    px_loop_run(loop, 0);
    CHECK_INT(held->references, 1);
    px_listener_release(&held);
    CHECK(held == NULL);
    end(NULL);
}

TEST(listener_closed_in_accept, "a listener may be closed while it hands out a connection")
{
    px_address address;
    px_listener *listener = begin(&address);
    listener->multi_accept = true;
    close_in_accept = true;
    int first = call(&address), second = call(&address);
    while (accepted == 0)
        px_loop_run(loop, 0);
    CHECK_INT(accepted, 1);
    close(first);
    close(second);
    end(NULL);
}
