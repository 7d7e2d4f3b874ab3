/* http/h1_client over real sockets: the test plays the peer by hand and records what the user of the client
 * is told. */
#include "check.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "h1_harness.h"
#include "http/h1_client.h"
#include "net/connect.h"

static px_loop *loop;
static px_h1_client *client;
static px_h1_client_limits limits;

/* What the user was told since begin_exchange. */
static struct {
    uint32_t connected, informational, heads, bodies, ends, writables, failures, gone;
    int status, last_informational;
    bool body_follows;
    char header[64]; /* value of X-Test */
    size_t body_len;
    px_h1_failure failure;
    bool reusable; /* at the end */
    bool pause_on_head, pause_each_body, close_on_head, close_on_body, hold_pieces;
    px_queue held;
    int stop;
} seen;

static uint8_t body_bytes[1 << 22];

static void note_end(px_h1_client *of)
{
    seen.ends++;
    seen.stop = 1;
    seen.reusable = px_h1_client_reusable(of);
}

static void on_connected(px_h1_client *of)
{
    CHECK(of == client);
    seen.connected++;
}

static void on_informational(px_h1_client *of, const px_response_head_in *head)
{
    CHECK(of == client);
    seen.informational++;
    seen.last_informational = head->status;
}

static void on_head(px_h1_client *of, const px_response_head_in *head, px_block *block, bool body_follows)
{
    CHECK(px_h1_client_owner(of) == &seen);
    CHECK(block != NULL);
    seen.heads++;
    seen.status = head->status;
    seen.body_follows = body_follows;
    for (uint32_t i = 0; i < head->header_count; i++)
        if (px_slice_equal_caseless(head->headers[i].name, PX_SLICE("x-test")))
            snprintf(seen.header, sizeof seen.header, "%.*s", PX_SLICE_ARGS(head->headers[i].value));
    if (seen.pause_on_head)
        px_h1_client_pause(of);
    if (seen.close_on_head)
        px_h1_client_close(&client);
    else if (!body_follows && head->status != 101)
        note_end(of);
}

static void on_body(px_h1_client *of, px_piece *pieces, uint32_t count, bool last)
{
    seen.bodies++;
    for (uint32_t i = 0; i < count; i++) {
        if (seen.body_len + pieces[i].len <= sizeof body_bytes)
            memcpy(body_bytes + seen.body_len, pieces[i].data, pieces[i].len);
        seen.body_len += pieces[i].len;
        if (seen.hold_pieces)
            px_queue_push(&seen.held, pieces[i]);
        else
            px_piece_release(&pieces[i]);
    }
    if (last)
        note_end(of);
    if (seen.pause_each_body && !last)
        px_h1_client_pause(of);
    if (seen.close_on_body)
        px_h1_client_close(&client);
}

static void on_writable(px_h1_client *of)
{
    CHECK(of == client);
    seen.writables++;
}

static void on_failure(px_h1_client *of, const px_h1_failure *failure)
{
    CHECK(px_h1_client_owner(of) == &seen);
    CHECK_INT(px_h1_client_fd(of), -1);
    seen.failures++;
    seen.stop = 1;
    seen.failure = *failure;
    client = NULL;
}

static const px_h1_client_user user = {on_connected, on_informational, on_head,
                                       on_body,      on_writable,      on_failure};

static void on_gone(px_h1_client *of)
{
    CHECK(px_h1_client_owner(of) == (void *)&limits);
    seen.gone++;
    seen.stop = 1;
    client = NULL;
}

/* ---- the frame of a test ---- */

static far_end begin(bool tcp, bool small)
{
    int near;
    far_end far = far_end_open(&near, tcp, small);
    loop = harness_open();
    limits = (px_h1_client_limits){.connect_timeout = 60000,
                                   .send_timeout = 60000,
                                   .read_timeout = 60000,
                                   .head_bytes = 4096,
                                   .read_bytes = 65536};
    client = px_h1_client_new(loop, near, false);
    return far;
}

static void end(far_end *far)
{
    px_h1_client_close(&client);
    CHECK_INT(px_h1_client_live(), 0);
    far_end_close(far);
    harness_close(&loop);
}

static void start(bool no_body)
{
    memset(&seen, 0, sizeof seen);
    px_queue_init(&seen.held);
    px_h1_client_start(client, &user, &seen, &limits, no_body);
}

static void send_text(const char *text, bool chunked, bool last)
{
    px_piece piece = {(const uint8_t *)text, strlen(text), NULL};
    px_h1_client_send(client, &piece, 1, chunked, last);
}

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void exchange(far_end *far, const char *answer)
{
    start(false);
    send_text(REQUEST, false, true);
    settle(loop, far, NULL);
    far_end_write(far, answer, strlen(answer));
    settle(loop, far, NULL);
}

static px_slice body(void)
{
    return px_slice_from(body_bytes, seen.body_len);
}

/* ---- answers ---- */

TEST(one_exchange, "a request is sent, an answer is delivered, and the connection serves the next")
{
    far_end far = begin(false, false);
    exchange(&far, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Test: one\r\n\r\nhello");
    CHECK_SLICE(far_end_take(&far), REQUEST);
    CHECK_INT(seen.connected, 1);
    CHECK_INT(seen.status, 200);
    CHECK_STRING(seen.header, "one");
    CHECK_SLICE(body(), "hello");
    CHECK_INT(seen.ends, 1);
    CHECK(seen.reusable);
    CHECK_INT(px_h1_client_exchanges(client), 1);
    CHECK_INT(px_block_live(), 0);
    px_h1_client_park(client, 60000, on_gone, &limits);
    settle(loop, &far, NULL);
    CHECK_INT(seen.gone, 0);
    exchange(&far, "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK_SLICE(far_end_take(&far), REQUEST);
    CHECK_INT(seen.connected, 0);
    CHECK_INT(seen.status, 204);
    CHECK(!seen.body_follows && seen.ends == 1);
    CHECK(seen.reusable);
    end(&far);
}

TEST(answers, "each way of framing an answer is understood, however its bytes are split")
{
    static const struct {
        const char *bytes;
        bool head_request, then_fin;
        int status;
        const char *body;
        bool reusable;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, false, 200, "hello", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, false, 200, "", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
         false, false, 200, "abcde", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, false, 200, "", true},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", false, true, 200, "until the end", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, false, 200, "ok", false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", false, false, 200, "ok",
         false},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false, false, 200, "ok",
         false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", true, false, 200, "", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, false, 200, "", true},
        {"HTTP/1.1 200 OK\r\n\r\n", true, false, 200, "", true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", false, false, 304, "", true},
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false, false, 204, "", true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
         false, false, 200, "ok", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore", false, false, 200, "ok", false},
        {"HTTP/1.1 204 No Content\r\n\r\nmore", false, false, 204, "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].bytes);
        for (size_t split = 0; split < len; split++) {
            far_end far = begin(false, false);
            start(cases[i].head_request);
            send_text(REQUEST, false, true);
            settle(loop, &far, NULL);
            far_end_write(&far, cases[i].bytes, split);
            settle(loop, NULL);
            far_end_write(&far, cases[i].bytes + split, len - split);
            if (cases[i].then_fin)
                shutdown(far.fd, SHUT_WR);
            settle(loop, NULL);
            bool good = CHECK_INT(seen.heads, 1) && CHECK_INT(seen.status, cases[i].status) &&
                        CHECK_INT(seen.ends, 1) && CHECK_INT(seen.failures, 0) &&
                        CHECK(seen.body_len == strlen(cases[i].body)) &&
                        CHECK(memcmp(body_bytes, cases[i].body, seen.body_len) == 0) &&
                        CHECK(px_h1_client_reusable(client) == cases[i].reusable);
            if (!good)
                fprintf(stderr, "case %zu, split at %zu\n", i, split);
            end(&far);
        }
    }
}

TEST(broken_answers,
     "what is no answer, or not all of one, is a failure that says which, however it is split")
{
    static const struct {
        const char *bytes;
        px_h1_failure_kind kind;
        bool in_head;
    } cases[] = {
        {"", PX_FAIL_CLOSED, true},
        {"HTTP/1.1 200 OK\r\nContent-Le", PX_FAIL_CLOSED, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", PX_FAIL_CLOSED, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", PX_FAIL_CLOSED_IN_BODY, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", PX_FAIL_CLOSED_IN_BODY,
         false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz", PX_FAIL_INVALID, false},
        {"hello", PX_FAIL_INVALID, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", PX_FAIL_INVALID, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", PX_FAIL_INVALID,
         true},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", PX_FAIL_INVALID,
         true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].bytes);
        for (size_t split = 0; split <= len; split++) {
            far_end far = begin(false, false);
            start(false);
            send_text(REQUEST, false, true);
            settle(loop, &far, NULL);
            far_end_write(&far, cases[i].bytes, split);
            settle(loop, NULL);
            far_end_write(&far, cases[i].bytes + split, len - split);
            shutdown(far.fd, SHUT_WR);
            settle(loop, NULL);
            bool good = CHECK_INT(seen.failures, 1) && CHECK_INT(seen.failure.kind, cases[i].kind) &&
                        CHECK_INT(seen.failure.in_head, cases[i].in_head) &&
                        CHECK(seen.failure.bytes_received == (len > 0)) && CHECK(seen.failure.bytes_sent) &&
                        CHECK(!seen.failure.reused) && CHECK_INT(seen.ends, 0) &&
                        CHECK(cases[i].kind != PX_FAIL_INVALID || seen.failure.text != NULL);
            if (!good)
                fprintf(stderr, "case %zu, split at %zu\n", i, split);
            end(&far);
        }
    }
}

TEST(head_limit, "a head of proxy_buffer_size is taken, one byte more is too large, whole or in parts")
{
    for (int over = 0; over < 2; over++) {
        for (int slow = 0; slow < 2; slow++) {
            far_end far = begin(false, false);
            char answer[5000];
            static const char line[] = "HTTP/1.1 204 No Content\r\nX-Pad: ";
            memset(answer, 'p', sizeof answer);
            memcpy(answer, line, sizeof line - 1);
            size_t len = limits.head_bytes + (size_t)over;
            memcpy(answer + len - 4, "\r\n\r\n", 4);
            start(false);
            send_text(REQUEST, false, true);
            settle(loop, &far, NULL);
            for (size_t at = 0, step = slow ? 1000 : len; at < len && client != NULL; at += step) {
                far_end_write(&far, answer + at, len - at < step ? len - at : step);
                settle(loop, NULL);
            }
            CHECK_INT(seen.ends, !over);
            CHECK_INT(seen.failures, over);
            CHECK(!over || seen.failure.kind == PX_FAIL_HEAD_TOO_LARGE);
            end(&far);
        }
    }
}

static void fill_pattern(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i % 251);
}

static bool is_pattern(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != i % 251)
            return false;
    return true;
}

TEST(large_answers, "a large body arrives whole, also when its reader pauses between pieces")
{
    enum { LEN = 1000000 };
    uint8_t *large = px_memory_alloc(LEN);
    fill_pattern(large, LEN);
    for (int pausing = 0; pausing < 2; pausing++) {
        far_end far = begin(false, false);
        start(false);
        seen.pause_each_body = pausing == 1;
        send_text(REQUEST, false, true);
        far_end_say(&far, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        for (size_t at = 0, turns = 0; seen.ends == 0 && turns < 100000; turns++) {
            at += far_end_write(&far, large + at, LEN - at);
            uint32_t bodies = seen.bodies;
            px_loop_run(loop, 0);
            if (pausing) {
                CHECK(seen.bodies <= bodies + 1);
                px_h1_client_resume(client);
            }
        }
        CHECK_INT(seen.body_len, LEN);
        CHECK(is_pattern(body_bytes, LEN));
        CHECK_INT(px_block_live(), 0);
        end(&far);
    }
    free(large);
}

TEST(pieces_outlive_the_client, "pieces that were handed over stay good after the client is closed")
{
    far_end far = begin(false, false);
    start(false);
    seen.hold_pieces = true;
    send_text(REQUEST, false, true);
    settle(loop, &far, NULL);
    far_end_say(&far,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    settle(loop, NULL);
    px_h1_client_close(&client);
    settle(loop, NULL);
    CHECK_INT(seen.held.bytes, 7);
    CHECK_SLICE(px_slice_from(seen.held.items[0].data, 3), "abc");
    px_queue_clear(&seen.held);
    end(&far);
}

TEST(trickle, "a body that trickles in while its pieces are kept does not cost a block for each byte")
{
    far_end far = begin(false, false);
    start(false);
    seen.hold_pieces = true;
    send_text(REQUEST, false, true);
    settle(loop, &far, NULL);
    far_end_say(&far, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1000; i++) {
        far_end_say(&far, "1\r\nx\r\n");
        px_loop_run(loop, 0);
    }
    CHECK_INT(seen.held.bytes, 1000);
    CHECK(px_block_live() <= 3);
    px_queue_clear(&seen.held);
    far_end_say(&far, "1\r\nx\r\n");
    settle(loop, NULL);
    px_queue_clear(&seen.held);
    far_end_say(&far, "1\r\n");
    settle(loop, NULL);
    CHECK_INT(px_block_live(), 0); /* nobody keeps a piece: a silent peer costs no block */
    far_end_say(&far, "x\r\n0\r\n\r\n");
    settle(loop, NULL);
    CHECK_INT(seen.ends, 1);
    CHECK_INT(seen.body_len, 1002);
    px_queue_clear(&seen.held);
    end(&far);
}

TEST(paused_on_head, "a client that pauses in on_head gets no body until it resumes")
{
    far_end far = begin(false, false);
    start(false);
    seen.pause_on_head = true;
    send_text(REQUEST, false, true);
    settle(loop, &far, NULL);
    far_end_say(&far, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    settle(loop, NULL);
    CHECK_INT(seen.heads, 1);
    CHECK_INT(seen.bodies, 0);
    px_h1_client_resume(client);
    settle(loop, NULL);
    CHECK_SLICE(body(), "hello");
    CHECK_INT(seen.ends, 1);
    end(&far);
}

TEST(closes_in_callbacks, "a client may be closed in any callback")
{
    for (int where = 0; where < 2; where++) {
        far_end far = begin(false, false);
        start(false);
        seen.close_on_head = where == 0;
        seen.close_on_body = where == 1;
        send_text(REQUEST, false, true);
        settle(loop, &far, NULL);
        far_end_say(&far, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        settle(loop, &far, NULL);
        CHECK(client == NULL);
        CHECK(far.ended || far.reset);
        CHECK_INT(px_h1_client_live(), 0);
        end(&far);
    }
}

/* ---- requests ---- */

TEST(request_bodies, "a request body is sent as it comes, framed in chunks where asked")
{
    far_end far = begin(false, false);
    start(false);
    send_text("POST / HTTP/1.1\r\n\r\n", false, false);
    settle(loop, &far, NULL);
    CHECK_INT(seen.writables, 1);
    send_text("abc", true, false);
    send_text("", true, false);
    send_text("defg", true, true);
    settle(loop, &far, NULL);
    CHECK_INT(seen.writables, 1);
    CHECK_SLICE(far_end_take(&far), "POST / HTTP/1.1\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    far_end_say(&far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    settle(loop, NULL);
    CHECK(seen.reusable);
    px_h1_client_park(client, 60000, on_gone, &limits);
    start(false);
    send_text("POST / HTTP/1.1\r\n\r\n", false, false);
    send_text("", true, true);
    settle(loop, &far, NULL);
    CHECK_SLICE(far_end_take(&far), "POST / HTTP/1.1\r\n\r\n0\r\n\r\n");
    end(&far);
}

TEST(behind_the_request, "what is handed over behind the end of a request is sent to nobody")
{
    far_end far = begin(false, false);
    start(false);
    send_text("POST / HTTP/1.1\r\n\r\nabc", false, true);
    send_text("GET /admin HTTP/1.1\r\n\r\n", false, false);
    settle(loop, &far, NULL);
    CHECK_SLICE(far_end_take(&far), "POST / HTTP/1.1\r\n\r\nabc");
    far_end_say(&far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    settle(loop, NULL);
    CHECK(seen.reusable);
    end(&far);
}

TEST(slow_peer, "a large request goes out as the peer reads, and on_writable follows")
{
    enum { LEN = 1000000 };
    uint8_t *large = px_memory_alloc(LEN);
    fill_pattern(large, LEN);
    far_end far = begin(false, true);
    far.deaf = true;
    start(false);
    px_piece piece = {large, LEN, NULL};
    px_h1_client_send(client, &piece, 1, false, false);
    settle(loop, NULL);
    CHECK(px_h1_client_unsent(client) > 0);
    CHECK_INT(seen.writables, 0);
    far.deaf = false;
    settle(loop, &far, NULL);
    CHECK_INT(px_h1_client_unsent(client), 0);
    CHECK_INT(seen.writables, 1);
    CHECK_INT(far.len, LEN);
    CHECK(is_pattern(far.bytes, LEN));
    end(&far);
    free(large);
}

TEST(early_answer,
     "an answer that comes before the request is sent whole is delivered, and the connection is not kept")
{
    static uint8_t large[1000000];
    far_end far = begin(false, true);
    far.deaf = true;
    start(false);
    px_piece piece = {large, sizeof large, NULL};
    px_h1_client_send(client, &piece, 1, false, true);
    settle(loop, NULL);
    far_end_say(&far, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    settle(loop, NULL);
    CHECK_INT(seen.status, 413);
    CHECK_SLICE(body(), "no");
    CHECK_INT(seen.ends, 1);
    CHECK(!seen.reusable);
    end(&far);
}

TEST(early_answer_and_close,
     "an answer counts also when the peer closed behind it and the rest of the request cannot be sent")
{
    static uint8_t large[1000000];
    for (int read_first = 0; read_first < 2; read_first++) {
        far_end far = begin(true, true);
        far.deaf = true;
        start(false);
        px_piece piece = {large, sizeof large, NULL};
        px_h1_client_send(client, &piece, 1, false, true);
        settle(loop, NULL);
        far_end_say(&far, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        far_end_close(&far); /* unread bytes: the kernel sends RST */
        if (read_first == 0) {
            /* The answer and the reset are both there before the client looks. */
            px_piece more = {large, 1000, NULL};
            px_h1_client_send(client, &more, 1, false, true);
        }
        settle(loop, NULL);
        CHECK_INT(seen.heads + seen.failures, 1);
        CHECK(seen.heads == 0 || seen.status == 413);
        end(&far);
    }
}

TEST(answer_before_broken_pipe, "a write that fails does not lose the answer that came before")
{
    far_end far = begin(false, false); /* a unix socket: closing it keeps what it sent */
    start(false);
    send_text("POST / HTTP/1.1\r\n\r\n", false, false);
    settle(loop, &far, NULL);
    far_end_say(&far, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
    far_end_close(&far);
    send_text("body", false, true); /* written before the answer is read: EPIPE */
    px_loop_run(loop, 0);
    settle(loop, NULL);
    CHECK_INT(seen.status, 401);
    CHECK_SLICE(body(), "no");
    CHECK_INT(seen.failures, 0);
    CHECK(!seen.reusable);
    end(&far);
}

TEST(send_fails, "a write that fails without an answer is a failure of sending")
{
    far_end far = begin(false, false);
    start(false);
    far_end_close(&far);
    send_text(REQUEST, false, true);
    settle(loop, NULL);
    CHECK_INT(seen.failures, 1);
    CHECK_INT(seen.failure.kind, PX_FAIL_SEND);
    CHECK_INT(seen.failure.error_number, EPIPE);
    CHECK(!seen.failure.bytes_sent && !seen.failure.bytes_received && seen.failure.in_head);
    end(&far);
}

/* ---- connecting ---- */

static int listening(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(fd, (struct sockaddr *)address, len);
    getsockname(fd, (struct sockaddr *)address, &len);
    return fd;
}

static void connect_to(const struct sockaddr_in *to)
{
    px_address address = {.len = sizeof *to};
    address.v4 = *to;
    bool pending;
    int fd = px_connect(&address, &(px_connect_options){.keepalive = false}, &pending);
    loop = harness_open();
    limits = (px_h1_client_limits){.connect_timeout = 60000,
                                   .send_timeout = 60000,
                                   .read_timeout = 60000,
                                   .head_bytes = 4096,
                                   .read_bytes = 65536};
    REQUIRE(fd >= 0);
    client = px_h1_client_new(loop, fd, pending);
    start(false);
    send_text(REQUEST, false, true);
}

TEST(connects, "a connection that is still under way is waited for, then the request is sent")
{
    struct sockaddr_in address;
    int fd = listening(&address);
    listen(fd, 1);
    connect_to(&address);
    settle(loop, NULL);
    CHECK_INT(seen.connected, 1);
    far_end far = {.fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK)};
    settle(loop, &far, NULL);
    CHECK_SLICE(far_end_take(&far), REQUEST);
    far_end_say(&far, "HTTP/1.1 204 No Content\r\n\r\n");
    settle(loop, NULL);
    CHECK(seen.reusable);
    end(&far);
    close(fd);
}

TEST(refused, "a connection that is refused is a failure of connecting, with its reason")
{
    struct sockaddr_in address;
    int fd = listening(&address); /* bound, but nobody listens */
    connect_to(&address);
    run_until(loop, &seen.stop);
    CHECK_INT(seen.failures, 1);
    CHECK_INT(seen.failure.kind, PX_FAIL_CONNECT);
    CHECK_INT(seen.failure.error_number, ECONNREFUSED);
    CHECK_INT(seen.connected, 0);
    CHECK(!seen.failure.bytes_sent);
    far_end none = {.fd = -1};
    end(&none);
    close(fd);
}

TEST(connect_timeout, "a connection that does not come about is given up")
{
    struct sockaddr_in address;
    int fd = listening(&address);
    listen(fd, 0);
    int full[3]; /* fill the queue, so that the next SYN is dropped */
    for (int i = 0; i < 3; i++) {
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(full[i], (struct sockaddr *)&address, sizeof address);
    }
    connect_to(&address);
    limits.connect_timeout = 30;
    start(false);
    run_until(loop, &seen.stop);
    CHECK_INT(seen.failures, 1);
    CHECK_INT(seen.failure.kind, PX_FAIL_CONNECT_TIMEOUT);
    far_end none = {.fd = -1};
    end(&none);
    for (int i = 0; i < 3; i++)
        close(full[i]);
    close(fd);
}

/* ---- time ---- */

TEST(read_timeouts, "a peer that is silent for read_timeout is given up, in its head and in its body")
{
    for (int in_body = 0; in_body < 2; in_body++) {
        far_end far = begin(false, false);
        limits.read_timeout = 30;
        start(false);
        send_text(REQUEST, false, true);
        turn_until_said(loop, &far);
        if (in_body)
            far_end_say(&far, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
        run_until(loop, &seen.stop);
        CHECK_INT(seen.failures, 1);
        CHECK_INT(seen.failure.kind, PX_FAIL_READ_TIMEOUT);
        CHECK_INT(seen.failure.in_head, !in_body);
        CHECK_INT(seen.heads, in_body);
        end(&far);
    }
}

TEST(send_timeout, "a peer that stops reading the request is given up after send_timeout")
{
    static uint8_t large[1000000];
    far_end far = begin(false, true);
    far.deaf = true;
    limits.send_timeout = 30;
    limits.read_timeout = 20; /* does not count while the request is being sent */
    start(false);
    px_piece piece = {large, sizeof large, NULL};
    px_h1_client_send(client, &piece, 1, false, true);
    run_until(loop, &seen.stop);
    CHECK_INT(seen.failure.kind, PX_FAIL_SEND_TIMEOUT);
    CHECK(seen.failure.bytes_sent);
    end(&far);
}

TEST(paused_time, "while the reader pauses the peer's silence does not count; when it resumes it does")
{
    far_end far = begin(false, false);
    limits.read_timeout = 20;
    start(false);
    seen.pause_on_head = true;
    send_text(REQUEST, false, true);
    turn_until_said(loop, &far);
    far_end_say(&far, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    settle(loop, NULL);
    for (uint64_t until = px_clock_ms() + 60; px_clock_ms() < until;)
        px_loop_run(loop, until);
    CHECK_INT(seen.failures, 0);
    px_h1_client_resume(client);
    run_until(loop, &seen.stop);
    CHECK_INT(seen.failure.kind, PX_FAIL_READ_TIMEOUT);
    end(&far);
}

/* ---- idle ---- */

static far_end parked(void)
{
    far_end far = begin(false, false);
    exchange(&far, "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(seen.reusable);
    far_end_take(&far);
    return far;
}

TEST(idle_gone, "an idle connection that the peer closes, or on which it speaks, or that is too old, is gone")
{
    for (int how = 0; how < 4; how++) {
        far_end far = parked();
        if (how == 3)
            shutdown(far.fd, SHUT_WR); /* before it is parked */
        px_h1_client_park(client, how == 2 ? 20 : 60000, on_gone, &limits);
        if (how == 0)
            shutdown(far.fd, SHUT_WR);
        if (how == 1)
            far_end_say(&far, "HTTP/1.1 408 Request Timeout\r\n\r\n");
        seen.stop = 0;
        run_until(loop, &seen.stop);
        CHECK_INT(seen.gone, 1);
        CHECK_INT(px_h1_client_live(), 0);
        end(&far);
    }
}

TEST(closed_while_idle, "a request on a connection that was closed while idle fails as reused")
{
    for (int how = 0; how < 2; how++) {
        far_end far = parked();
        px_h1_client_park(client, 60000, on_gone, &limits);
        settle(loop, NULL);
        if (how == 0)
            shutdown(far.fd, SHUT_WR);
        else
            far_end_close(&far);
        start(false); /* before the loop could tell of it */
        send_text(REQUEST, false, true);
        settle(loop, NULL);
        CHECK_INT(seen.failures, 1);
        CHECK(seen.failure.kind == PX_FAIL_CLOSED || seen.failure.kind == PX_FAIL_SEND);
        CHECK(seen.failure.reused);
        CHECK(!seen.failure.bytes_received && !seen.failure.bytes_sent);
        end(&far);
    }
}

TEST(reused_then_half_an_answer,
     "a failure after the first byte of an answer is not one of a stale connection")
{
    far_end far = parked();
    px_h1_client_park(client, 60000, on_gone, &limits);
    start(false);
    send_text(REQUEST, false, true);
    settle(loop, &far, NULL);
    far_end_say(&far, "HT");
    shutdown(far.fd, SHUT_WR);
    settle(loop, NULL);
    CHECK_INT(seen.failure.kind, PX_FAIL_CLOSED);
    CHECK(!seen.failure.reused);
    CHECK(seen.failure.bytes_received);
    end(&far);
}

TEST(fin_behind_answer, "a connection that is closed right behind an answer is not kept")
{
    far_end far = begin(false, false);
    start(false);
    send_text(REQUEST, false, true);
    settle(loop, &far, NULL);
    far_end_say(&far, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    shutdown(far.fd, SHUT_WR);
    settle(loop, NULL);
    CHECK_INT(seen.ends, 1);
    CHECK(!seen.reusable);
    end(&far);
}

/* ---- upgrade ---- */

static void on_taken_ready(px_transport *transport)
{
    (void)transport;
}

TEST(upgrades, "after a 101 that was asked for the socket can be taken, with what came behind the head")
{
    far_end far = begin(false, false);
    start(false);
    px_h1_client_expect_upgrade(client);
    send_text(REQUEST, false, true);
    settle(loop, &far, NULL);
    far_end_say(&far, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nearly");
    settle(loop, NULL);
    CHECK_INT(seen.status, 101);
    CHECK(!seen.body_follows);
    CHECK(!px_h1_client_reusable(client));
    px_transport taken;
    px_queue unsent, early;
    px_queue_init(&unsent);
    px_queue_init(&early);
    CHECK(px_h1_client_take_transport(&client, &taken, on_taken_ready, &unsent, &early));
    CHECK(client == NULL);
    CHECK_INT(px_h1_client_live(), 0);
    settle(loop, NULL);
    CHECK_INT(unsent.count, 0);
    CHECK_INT(early.count, 1);
    CHECK_SLICE(px_slice_from(early.items[0].data, early.items[0].len), "early");
    px_queue_clear(&early);
    px_transport_close(&taken, false);
    end(&far);
}

TEST(many_exchanges, "a thousand exchanges on one connection leave nothing behind")
{
    far_end far = begin(false, false);
    for (int i = 0; i < 1000; i++) {
        exchange(&far, i % 2 ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                             : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        CHECK_SLICE(body(), "ok");
        CHECK(seen.reusable);
        px_h1_client_park(client, 60000, on_gone, &limits);
    }
    CHECK_INT(px_block_live(), 0);
    CHECK_INT(px_h1_client_exchanges(client), 1000);
    end(&far);
}
