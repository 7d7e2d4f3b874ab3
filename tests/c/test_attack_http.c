/* Attacks on http/ that once worked, each over real sockets: what a hostile client or peer sends, and what
 * must not come of it. */
#include "check.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "h1_harness.h"
#include "http/h1_client.h"
#include "http/h1_server.h"

static px_loop *loop;

/* ---- a server that answers each request with as many bytes as the test says, when it says ---- */

static px_h1_settings settings;
static px_listener listener;
static struct {
    px_stream *stream;
    uint32_t requests, aborts, writables;
} served;

static const px_h1_settings *settings_of(px_listener *of)
{
    (void)of;
    return &settings;
}

static void on_count(px_listener *of)
{
    (void)of;
}

static void on_request(px_stream *stream, const px_request_head *head, px_block *block)
{
    (void)head;
    (void)block;
    served.requests++;
    served.stream = stream;
    stream->request = &served;
}

static void on_bad(px_stream *stream, const px_parse_error *error, px_slice line, px_block *block)
{
    (void)error;
    (void)line;
    on_request(stream, NULL, block);
}

static void on_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    (void)stream;
    (void)last;
    while (count > 0)
        px_piece_release(&pieces[--count]);
}

static void on_body_error(px_stream *stream, int status, const char *text)
{
    (void)stream;
    (void)status;
    (void)text;
}

static void on_writable(px_stream *stream)
{
    (void)stream;
    served.writables++;
}

static void on_done(px_stream *stream)
{
    (void)stream;
    served.stream = NULL;
}

static void on_abort(px_stream *stream, px_abort_reason reason)
{
    (void)stream;
    (void)reason;
    served.stream = NULL;
    served.aborts++;
}

static const px_stream_user stream_user = {on_request,  on_bad,  on_body,  on_body_error,
                                           on_writable, on_done, on_abort, NULL};
static const px_h1_server_conf conf = {&stream_user, settings_of, on_count, on_count};

static far_end serve(bool small)
{
    int near;
    const px_address address = {.any.sa_family = AF_UNIX, .len = 2};
    far_end far = far_end_open(&near, false, small);
    loop = harness_open();
    memset(&served, 0, sizeof served);
    settings = harness_settings();
    settings.keepalive_timeout = settings.lingering_time = settings.lingering_timeout = 60000;
    listener = (px_listener){.loop = loop, .fd = -1, .references = 2};
    px_h1_server_accept(loop, &listener, near, &address, &conf, 1);
    return far;
}

static void end_server(far_end *far)
{
    far_end_close(far);
    settle(loop, NULL);
    px_h1_server_drain(loop, NULL, true);
    CHECK_INT(px_h1_server_live(), 0);
    px_h1_server_pool_clear();
    harness_close(&loop);
}

TEST(empty_lines, "empty lines without end cost one connection its share of a turn, not the turn")
{
    static char lines[1 << 20];
    far_end far = serve(false);
    const int large = 1 << 20;
    int unread = 0;
    memset(lines, '\n', sizeof lines);
    setsockopt(far.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large); /* as much as the system allows */
    REQUIRE(far_end_write(&far, lines, sizeof lines) > PX_EVENT_BUDGET_BYTES + 8192);
    px_loop_run(loop, 0);
    CHECK(ioctl(far.fd, TIOCOUTQ, &unread) == 0 && unread > 0);
    for (int turns = 0; turns < 100 && unread > 0; turns++) {
        px_loop_run(loop, 0);
        REQUIRE(ioctl(far.fd, TIOCOUTQ, &unread) == 0);
    }
    CHECK_INT(unread, 0);
    far_end_say(&far, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    settle(loop, NULL);
    CHECK_INT(served.requests, 1);
    end_server(&far);
}

static void send_bytes(size_t len)
{
    px_block *block = px_block_take(len);
    memset(block->data, 'x', len);
    px_piece piece = {block->data, len, block};
    served.stream->ops->send_body(served.stream, &piece, 1, false);
}

TEST(send_timer, "a client that took everything in time does not have the time of its last wait on it")
{
    far_end far = serve(true);
    far_end_say(&far, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    settle(loop, NULL);
    const px_response_head head = {.status = 200, .content_length = -1};
    served.stream->ops->send_head(served.stream, &head);
    settle(loop, &far, NULL);
    uint64_t before = px_loop_timers_running(loop);
    far.deaf = true;
    send_bytes(1 << 20);
    settle(loop, &far, NULL);
    CHECK(served.stream->unsent > 0);
    CHECK_INT(px_loop_timers_running(loop), before + 1);
    far.deaf = false;
    settle(loop, &far, NULL);
    CHECK_INT(served.stream->unsent, 0);
    CHECK_INT(px_loop_timers_running(loop), before);
    end_server(&far);
}

/* ---- a client of a peer ---- */

static px_h1_client *client;
static px_h1_client_limits limits;
static struct {
    uint32_t heads, informational, failures;
    px_h1_failure failure;
    bool last;
} told;

static void on_informational(px_h1_client *of, const px_response_head_in *head)
{
    (void)of;
    (void)head;
    told.informational++;
}

static void on_head(px_h1_client *of, const px_response_head_in *head, px_block *block, bool body_follows)
{
    (void)of;
    (void)head;
    (void)block;
    told.heads++;
    told.last = !body_follows;
}

static void on_answer_body(px_h1_client *of, px_piece *pieces, uint32_t count, bool last)
{
    (void)of;
    while (count > 0)
        px_piece_release(&pieces[--count]);
    told.last = last;
}

static void on_sent(px_h1_client *of)
{
    (void)of;
}

static void on_failure(px_h1_client *of, const px_h1_failure *failure)
{
    (void)of;
    told.failures++;
    told.failure = *failure;
    client = NULL;
}

static void on_gone(px_h1_client *of)
{
    (void)of;
    client = NULL;
}

static const px_h1_client_user client_user = {NULL,           on_informational, on_head,
                                              on_answer_body, on_sent,          on_failure};

static far_end connect_peer(bool small)
{
    int near;
    far_end far = far_end_open(&near, false, small);
    loop = harness_open();
    limits = (px_h1_client_limits){.connect_timeout = 60000,
                                   .send_timeout = 60000,
                                   .read_timeout = 60000,
                                   .head_bytes = 4096,
                                   .read_bytes = 16384};
    client = px_h1_client_new(loop, near, false);
    return far;
}

static void ask(const char *text, bool last)
{
    memset(&told, 0, sizeof told);
    px_h1_client_start(client, &client_user, NULL, &limits, false);
    px_piece piece = {(const uint8_t *)text, strlen(text), NULL};
    px_h1_client_send(client, &piece, 1, false, last);
}

static void end_client(far_end *far)
{
    px_h1_client_close(&client);
    far_end_close(far);
    settle(loop, NULL);
    CHECK_INT(px_h1_client_live(), 0);
    harness_close(&loop);
}

#define REQUEST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

TEST(early_answer, "what a peer said before it was asked is not the answer to the next request, which can "
                   "be sent elsewhere")
{
    far_end far = connect_peer(false);
    ask(REQUEST, true);
    settle(loop, &far, NULL);
    far_end_say(&far, ANSWER);
    settle(loop, &far, NULL);
    CHECK_INT(told.heads, 1);
    REQUIRE(px_h1_client_reusable(client));
    px_h1_client_park(client, 60000, on_gone, NULL);
    far_end_take(&far);
    far_end_say(&far, ANSWER);
    ask(REQUEST, true); /* before the loop could tell of those bytes */
    settle(loop, &far, NULL);
    CHECK_INT(told.heads, 0);
    CHECK_INT(told.failures, 1);
    CHECK(told.failure.reused && !told.failure.bytes_sent);
    CHECK_INT(far_end_view(&far).len, 0);
    end_client(&far);
}

TEST(early_upgrade, "a 101 before the whole request has gone is refused, whatever the kernel has taken")
{
    far_end far = connect_peer(false);
    ask("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", false);
    px_h1_client_expect_upgrade(client);
    settle(loop, &far, NULL);
    far_end_say(&far, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    settle(loop, &far, NULL);
    CHECK_INT(told.heads, 0);
    CHECK_INT(told.failures, 1);
    CHECK_INT(told.failure.kind, PX_FAIL_INVALID);
    end_client(&far);
}

TEST(informational_flood, "a peer that answers with 1xx without end is given up, not listened to for ever")
{
    far_end far = connect_peer(false);
    ask(REQUEST, true);
    settle(loop, &far, NULL);
    for (int i = 0; i < 10000 && told.failures == 0; i++) {
        far_end_say(&far, "HTTP/1.1 102 Processing\r\n\r\n");
        if (i % 100 == 99)
            settle(loop, &far, NULL);
    }
    CHECK_INT(told.failures, 1);
    CHECK_INT(told.failure.kind, PX_FAIL_INVALID);
    CHECK_INT(told.heads, 0);
    CHECK(told.informational >= 100);
    end_client(&far);
}

TEST(peer_send_timer, "a peer that took everything in time does not have the time of its last wait on it")
{
    static char body[1 << 20];
    far_end far = connect_peer(true);
    memset(body, 'x', sizeof body - 1);
    far.deaf = true;
    ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", false);
    settle(loop, &far, NULL);
    uint64_t before = px_loop_timers_running(loop);
    px_piece piece = {(const uint8_t *)body, sizeof body - 1, NULL};
    px_h1_client_send(client, &piece, 1, false, false);
    settle(loop, &far, NULL);
    CHECK(px_h1_client_unsent(client) > 0);
    CHECK_INT(px_loop_timers_running(loop), before + 1);
    far.deaf = false;
    settle(loop, &far, NULL);
    CHECK_INT(px_h1_client_unsent(client), 0);
    CHECK_INT(px_loop_timers_running(loop), before);
    end_client(&far);
}
