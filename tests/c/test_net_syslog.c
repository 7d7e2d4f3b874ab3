/* net/syslog: one datagram per message, as RFC 3164 wants it; nothing ever waits. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <unistd.h>

#include "net/syslog.h"

static px_arena arena;
static px_syslog syslog_server;
static int receiver;
static char message[8192];

static void open_server(bool hostname)
{
    px_address address = {.len = sizeof address.v4};
    const uint8_t ip[4] = {127, 0, 0, 1};
    receiver = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    REQUIRE(receiver >= 0 && px_address_make(&address, PX_FAMILY_V4, px_slice_from(ip, 4), 0));
    REQUIRE(bind(receiver, &address.any, address.len) == 0);
    REQUIRE(getsockname(receiver, &address.any, &address.len) == 0);
    px_arena_init(&arena, 4096);
    px_syslog_init(&syslog_server, &address, PX_SLICE("syslog:here"), &arena);
    px_syslog_shape(&syslog_server, 23, 6, PX_SLICE("tag"), hostname, &arena);
}

static void close_server(void)
{
    px_syslog_close(&syslog_server);
    px_arena_clear(&arena);
    if (receiver >= 0)
        close(receiver);
    receiver = -1;
}

static bool receives(const char *pattern)
{
    regex_t compiled;
    ssize_t n = recv(receiver, message, sizeof message - 1, 0);
    message[n > 0 ? n : 0] = '\0';
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool good = regexec(&compiled, message, 0, NULL, 0) == 0;
    regfree(&compiled);
    return good;
}

#define STAMP "[A-Z][a-z][a-z] [ 1-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9] "

TEST(form, "priority, time, host, tag, message; a line of an error log has its own severity")
{
    open_server(true);
    CHECK(px_syslog_send(&syslog_server, -1, PX_SLICE("one line")));
    CHECK(receives("^<190>" STAMP "[^ A-Z]+ tag: one line$"));
    px_syslog_send_line(&syslog_server, PX_LOG_ERROR, PX_SLICE("wrong"));
    CHECK(receives("^<187>" STAMP "[^ A-Z]+ tag: wrong$"));
    px_syslog_send_line(&syslog_server, PX_LOG_EMERG, PX_SLICE("dead"));
    CHECK(receives("^<184>"));
    close_server();
}

TEST(nohostname, "without a host")
{
    open_server(false);
    CHECK(px_syslog_send(&syslog_server, 0, PX_SLICE("")));
    CHECK(receives("^<184>" STAMP "tag: $"));
    close_server();
}

TEST(nobody, "a server that is not there is told of once, and errno stays")
{
    int ends[2];
    char told[4096];
    open_server(false);
    close(receiver);
    receiver = -1;
    REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    px_log before = px_log_main;
    const px_log_target target = {.fd = ends[1], .level = PX_LOG_INFO};
    px_log_main = (px_log){&target, 1, PX_LOG_INFO};
    int lost = 0;
    errno = 77;
    for (int i = 0; i < 10; i++)
        lost += !px_syslog_send(&syslog_server, -1, PX_SLICE("x"));
    CHECK_INT(errno, 77);
    CHECK(lost >= 4);
    ssize_t n = read(ends[0], told, sizeof told - 1);
    told[n > 0 ? n : 0] = '\0';
    CHECK(strstr(told, "send() to syslog failed (111: Connection refused), server: \"syslog:here\"\n") !=
          NULL);
    CHECK(strchr(told, '\n') == told + n - 1);
    px_log_main = before;
    close(ends[0]);
    close(ends[1]);
    close_server();
}

TEST(itself, "a server that is its own error log is not asked about itself")
{
    open_server(false);
    close(receiver);
    receiver = -1;
    px_log before = px_log_main;
    const px_log_target target = {
        .fd = -1, .level = PX_LOG_INFO, .send = px_syslog_send_line, .to = &syslog_server};
    px_log_main = (px_log){&target, 1, PX_LOG_INFO};
    for (int i = 0; i < 4; i++)
        px_log_write(&px_log_main, PX_LOG_WARN, 0, "to nobody");
    px_log_main = before;
    close_server();
}
