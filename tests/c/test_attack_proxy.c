/* Attacks on proxy/ that once worked, and what a crash report tells of a Request: over a carrier in memory. */
#include "check.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf_harness.h"

static conf_world *world;

/* A backend that takes connections and never says a word. */
static int open_silent(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 16) == 0);
    getsockname(listening, (struct sockaddr *)&address, &len);
    *port = ntohs(address.sin_port);
    return listening;
}

static memory_stream *ask_silent(int port, const char *head)
{
    px_plan_peer peer = conf_peer(port, 1);
    px_plan_location location = conf_location(world, "/");
    location.ret = NULL;
    location.proxy = conf_proxy(world, conf_upstream(world, "up", &peer, 1), NULL, 0);
    conf_listen_default(world, conf_server(world, "srv", conf_locations(world, &location, 1)));
    return conf_request(world, head);
}

static px_slice described(const void *subject)
{
    static px_crash_line line;
    line.len = 0;
    px_request_describe(&line, subject);
    return px_slice_from(line.text, line.len);
}

static bool has(px_slice text, const char *needle)
{
    return memmem(text.data, text.len, needle, strlen(needle)) != NULL;
}

TEST(crash_report, "a crash report tells step, handler, client and the beginning of the request line")
{
    static char head[1200] = "GET /?";
    int port;
    world = conf_open();
    memset(head + 6, 'x', 1000);
    strcpy(head + 1006, " HTTP/1.1\nHost: a\n\n");
    int listening = open_silent(&port);
    memory_stream *stream = ask_silent(port, head);
    px_slice text = described(stream->stream.request);
    CHECK(has(text, "step content, handler proxy, "));
    CHECK(has(text, " upstream, client: 192.0.2.7, request: \"GET /?xxx"));
    CHECK(text.data[text.len - 1] == '"' && text.data[text.len - 2] == 'x');
    CHECK(text.len > 200 && text.len < 400);
    memory_stream_abort(stream, PX_ABORT_CLOSED);
    conf_settle(world);
    memory_stream_close(&stream);
    close(listening);
    conf_close(&world);
}

TEST(crash_subject, "nothing is left to be reported of a request that has ended, or behind a turn")
{
    int port;
    world = conf_open();
    int listening = open_silent(&port);
    memory_stream *stream = ask_silent(port, "GET / HTTP/1.1\nHost: a\n\n");
    CHECK(stream->stream.request != NULL);
    CHECK(px_crash_subject == NULL);
    px_request_close(stream->stream.request, 444);
    CHECK(px_crash_subject == NULL);
    memory_stream_close(&stream);
    close(listening);
    conf_close(&world);
}

TEST(crash_nonsense, "memory that is no Request is not read for one")
{
    static const px_request nothing;
    CHECK(has(described(&nothing), "a request whose memory makes no sense"));
}
