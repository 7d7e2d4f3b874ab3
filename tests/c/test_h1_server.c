/* http/h1_server over real sockets: what a client sees and what the Request is told, for every split, stall
 * and death. */
#include "check.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "h1_harness.h"
#include "http/h1_server.h"

/* ---- the application: what a Request would do, by the path ---- */

typedef enum { EVENT_DONE, EVENT_ABORT, EVENT_BODY_ERROR, EVENT_BAD } app_event;

typedef struct app_request {
    px_arena arena;
    px_stream *stream;
    px_slice path;
    px_block *body[4096];
    size_t body_bytes;
    size_t flood_left;
    px_queue kept; /* of /keep: the body */
} app_request;

static struct {
    uint32_t requests, done, aborts, bodies, body_errors, bad, writables, opened, closed;
    px_abort_reason abort_reason;
    int error_status, file_error;
    bool error_gone;
    bool pipelined;
    char error_text[128], request_line[256], last_path[256];
    uint64_t sent, head_bytes, received;
    size_t read_max;
    uint64_t body_max;
    px_stream *held; /* of /hold: the test answers */
    size_t most_unsent;
    char body[1 << 20];
    size_t body_len;
    int stop; /* set by on_done and on_abort */
} app;

static px_h1_settings settings;
static px_loop *loop;
static px_listener listener;

static const px_h1_settings *app_settings(px_listener *of)
{
    (void)of;
    return &settings;
}

static void app_opened(px_listener *of)
{
    (void)of;
    app.opened++;
}

static void app_closed(px_listener *of)
{
    (void)of;
    app.closed++;
}

static app_request *request_new(px_stream *stream, px_block *block)
{
    app_request *request = px_memory_zalloc(sizeof *request);
    px_arena_init(&request->arena, 4096);
    if (block != NULL)
        px_arena_hold(&request->arena, block);
    request->stream = stream;
    stream->request = request;
    px_queue_init(&request->kept);
    return request;
}

static void request_end(px_stream *stream)
{
    app_request *request = stream->request;
    app.sent = stream->sent;
    app.head_bytes = stream->head_bytes;
    app.received = stream->received;
    px_queue_clear(&request->kept);
    px_arena_clear(&request->arena);
    free(request);
    app.stop = 1;
}

static void answer_head(px_stream *stream, int status, int64_t length)
{
    const px_header header = {PX_SLICE("X-App"), PX_SLICE("yes"), PX_HEADER_OTHER};
    px_response_head head = {
        .status = status, .headers = &header, .header_count = 1, .content_length = length};
    stream->ops->send_head(stream, &head);
}

static void answer(px_stream *stream, int status, const char *text)
{
    app_request *request = stream->request;
    px_slice copy = px_arena_copy(&request->arena, px_slice_from(text, strlen(text)));
    px_piece piece = {copy.data, copy.len, NULL};
    answer_head(stream, status, (int64_t)copy.len);
    stream->ops->send_body(stream, &piece, 1, true);
}

static px_piece letters(size_t len, char letter)
{
    px_block *block = px_block_take(len);
    memset(block->data, letter, len);
    return (px_piece){block->data, len, block};
}

/* A file that has `has` bytes, of which `says` are promised. */
static px_piece file_of(size_t has, size_t says)
{
    char path[] = "/tmp/px-test-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    px_piece bytes = letters(has, 'f');
    CHECK_INT(write(fd, bytes.data, has), has);
    px_piece_release(&bytes);
    return px_piece_of_file(px_block_of_file(fd), 0, says);
}

/* Sends flood_left bytes, 10,000 at a time, waiting whenever 30,000 are unsent. */
static void flood(app_request *request)
{
    px_stream *stream = request->stream;
    while (request->flood_left > 0 && stream->unsent < 30000) {
        size_t len = request->flood_left < 10000 ? request->flood_left : 10000;
        request->flood_left -= len;
        px_piece piece = letters(len, 'f');
        stream->ops->send_body(stream, &piece, 1, request->flood_left == 0);
        if (stream->unsent > app.most_unsent)
            app.most_unsent = stream->unsent;
    }
}

static bool path_is(px_slice path, const char *text)
{
    return path.len == strlen(text) && memcmp(path.data, text, path.len) == 0;
}

static void app_on_request(px_stream *stream, const px_request_head *head, px_block *block)
{
    app_request *request = request_new(stream, block);
    app.requests++;
    app.pipelined = stream->pipelined;
    request->path = px_arena_copy(&request->arena, head->path);
    snprintf(app.last_path, sizeof app.last_path, "%.*s", PX_SLICE_ARGS(head->path));
    app.body_len = 0;
    stream->body_max = app.body_max;
    if (path_is(head->path, "/echo") || path_is(head->path, "/count") || path_is(head->path, "/keep")) {
        stream->ops->read_body(stream, app.read_max);
    } else if (path_is(head->path, "/hold")) {
        app.held = stream;
    } else if (path_is(head->path, "/chunked")) {
        answer_head(stream, 200, -1);
        px_piece pieces[] = {letters(5, 'a'), letters(17, 'b')};
        stream->ops->send_body(stream, pieces, 2, false);
        pieces[0] = letters(300, 'c');
        stream->ops->send_body(stream, pieces, 1, false);
        stream->ops->send_body(stream, NULL, 0, true);
    } else if (path_is(head->path, "/flood") || path_is(head->path, "/flood-chunked")) {
        request->flood_left = 3000000;
        answer_head(stream, 200, path_is(head->path, "/flood") ? 3000000 : -1);
        flood(request);
    } else if (path_is(head->path, "/big")) {
        px_piece piece = letters(600000, 'b');
        answer_head(stream, 200, 600000);
        stream->ops->send_body(stream, &piece, 1, true);
    } else if (path_is(head->path, "/file") || path_is(head->path, "/short-file")) {
        px_piece piece = file_of(path_is(head->path, "/file") ? 600000 : 1000, 600000);
        answer_head(stream, 200, 600000);
        stream->ops->send_body(stream, &piece, 1, true);
    } else if (path_is(head->path, "/204")) {
        answer(stream, 204, "");
    } else if (path_is(head->path, "/304")) {
        answer_head(stream, 304, -1);
        stream->ops->send_body(stream, NULL, 0, true);
    } else {
        char text[256];
        snprintf(text, sizeof text, "you asked for %.*s", PX_SLICE_ARGS(request->path));
        answer(stream, 200, text);
    }
}

static void app_on_bad_request(px_stream *stream, const px_parse_error *error, px_slice line, px_block *block)
{
    request_new(stream, block);
    app.bad++;
    app.error_status = error->status;
    app.error_gone = stream->gone;
    snprintf(app.error_text, sizeof app.error_text, "%s", error->text);
    snprintf(app.request_line, sizeof app.request_line, "%.*s", PX_SLICE_ARGS(line));
    answer(stream, error->status == 494 ? 400 : error->status, "bad");
}

static void app_on_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    app_request *request = stream->request;
    app.bodies++;
    for (uint32_t i = 0; i < count; i++) {
        if (app.body_len + pieces[i].len <= sizeof app.body)
            memcpy(app.body + app.body_len, pieces[i].data, pieces[i].len);
        app.body_len += pieces[i].len;
        if (path_is(request->path, "/keep"))
            px_queue_push(&request->kept, pieces[i]);
        else
            px_piece_release(&pieces[i]);
    }
    if (!last) {
        stream->ops->read_body(stream, app.read_max);
        return;
    }
    if (!path_is(request->path, "/echo")) {
        char text[64];
        snprintf(text, sizeof text, "%zu bytes", app.body_len);
        answer(stream, 200, text);
        return;
    }
    px_piece piece = letters(app.body_len, 0);
    memcpy((uint8_t *)(uintptr_t)piece.data, app.body, app.body_len);
    answer_head(stream, 200, (int64_t)app.body_len);
    stream->ops->send_body(stream, &piece, 1, true);
}

static void app_on_body_error(px_stream *stream, int status, const char *text)
{
    app.body_errors++;
    app.error_status = status;
    app.error_gone = stream->gone;
    snprintf(app.error_text, sizeof app.error_text, "%s", text);
    if (!stream->gone)
        answer(stream, status, "bad body");
}

static void app_on_writable(px_stream *stream)
{
    app_request *request = stream->request;
    app.writables++;
    flood(request);
}

static void app_on_done(px_stream *stream)
{
    app.done++;
    request_end(stream);
}

static void app_on_abort(px_stream *stream, px_abort_reason reason)
{
    app.aborts++;
    app.abort_reason = reason;
    app.file_error = stream->file_error;
    request_end(stream);
}

static const px_stream_user app_user = {app_on_request,  app_on_bad_request, app_on_body,  app_on_body_error,
                                        app_on_writable, app_on_done,        app_on_abort, NULL};
static const px_h1_server_conf app_conf = {&app_user, app_settings, app_opened, app_closed};

/* ---- the frame of a test ---- */

static void begin(void)
{
    memset(&app, 0, sizeof app);
    app.read_max = 65536;
    settings = harness_settings();
    settings.keepalive_requests = 100000;
    settings.files = (px_h1_files){true, 2u << 20, 2, 32768};
    loop = harness_open();
    listener = (px_listener){.loop = loop, .references = 1};
}

static void end(void)
{
    px_h1_server_drain(loop, NULL, true);
    CHECK_INT(px_h1_server_live(), 0);
    CHECK_INT(px_h1_server_idle(), 0);
    CHECK_INT(app.opened, app.closed);
    CHECK_INT(app.requests + app.bad, app.done + app.aborts);
    CHECK_INT(listener.references, 1);
    harness_close(&loop);
}

static far_end client(bool tcp, bool small)
{
    int near;
    far_end far = far_end_open(&near, tcp, small);
    px_address peer = {.len = 0};
    peer.any.sa_family = AF_UNIX;
    px_h1_server_accept(loop, &listener, near, &peer, &app_conf, 7);
    return far;
}

static px_slice say(far_end *far, const char *text)
{
    far->len = 0;
    CHECK_INT(far_end_write(far, text, strlen(text)), strlen(text));
    settle(loop, far, NULL);
    return far_end_view(far);
}

/* The body of the one answer in bytes. */
static px_slice body_of(px_slice bytes)
{
    const uint8_t *at = bytes.len > 0 ? memmem(bytes.data, bytes.len, "\r\n\r\n", 4) : NULL;
    if (at == NULL)
        return (px_slice){NULL, 0};
    return px_slice_from(at + 4, bytes.len - (size_t)(at + 4 - bytes.data));
}

/* Until all connections are closed, which takes a timer. */
static void wait_for_none(void)
{
    for (uint64_t end_ms = px_clock_ms() + PATIENCE_MS; px_h1_server_live() > 0 && px_clock_ms() < end_ms;)
        px_loop_run(loop, px_clock_ms() + 5);
    CHECK_INT(px_h1_server_live(), 0);
}

#define HOST "Host: a\r\n"

/* ---- files ---- */

TEST(answer_from_a_file,
     "an answer whose body is a file, also to a client that reads slowly; no byte to HEAD")
{
    for (int way = 0; way < 4; way++) {
        begin();
        settings.files.sendfile = way & 1;
        far_end far = client(!(way & 2), way & 2);
        px_slice got = say(&far, "GET /file HTTP/1.1\r\n" HOST "\r\n");
        CHECK(slice_has(got, "Content-Length: 600000\r\n"));
        CHECK_INT(body_of(got).len, 600000);
        CHECK_INT(slice_count(body_of(got), "ffffffffffffffff"), 600000 / 16);
        CHECK_INT(app.sent, got.len);
        got = say(&far, "HEAD /file HTTP/1.1\r\n" HOST "\r\n");
        CHECK(slice_has(got, "Content-Length: 600000\r\n"));
        CHECK_INT(body_of(got).len, 0);
        CHECK(!far.ended);
        CHECK_INT(px_block_live(), 0);
        far_end_close(&far);
        settle(loop, NULL);
        end();
    }
}

TEST(file_cut_while_sent, "a file that became shorter ends this client's connection, and says why")
{
    for (int way = 0; way < 2; way++) {
        begin();
        settings.files.sendfile = way & 1;
        far_end far = client(true, false), other = client(true, false);
        px_slice got = say(&far, "GET /short-file HTTP/1.1\r\n" HOST "\r\n");
        CHECK_INT(body_of(got).len, 1000);
        CHECK(far.ended || far.reset);
        CHECK_INT(app.aborts, 1);
        CHECK_INT(app.abort_reason, PX_ABORT_FILE);
        CHECK_INT(app.file_error, -1);
        CHECK(slice_has(say(&other, "GET /fine HTTP/1.1\r\n" HOST "\r\n"), "you asked for /fine"));
        far_end_close(&far);
        far_end_close(&other);
        settle(loop, NULL);
        end();
    }
}

/* ---- heads ---- */

TEST(a_request_is_answered, "a request is answered, and the next on the same connection")
{
    begin();
    far_end far = client(false, false);
    px_slice got = say(&far, "GET /one HTTP/1.1\r\n" HOST "\r\n");
    CHECK_SLICE(got, "HTTP/1.1 200 OK\r\nContent-Length: 18\r\nConnection: keep-alive\r\nX-App: yes\r\n\r\n"
                     "you asked for /one");
    CHECK_INT(app.sent, got.len);
    CHECK_INT(app.sent - app.head_bytes, 18);
    CHECK_INT(app.received, strlen("GET /one HTTP/1.1\r\n" HOST "\r\n"));
    CHECK_INT(px_block_live(), 0);
    CHECK_INT(px_h1_server_idle(), 1);
    CHECK(slice_has(say(&far, "GET /two HTTP/1.1\r\n" HOST "\r\n"), "you asked for /two"));
    CHECK_INT(px_block_live(), 0);
    CHECK(!far.ended);
    far_end_close(&far);
    settle(loop, NULL);
    CHECK_INT(px_h1_server_live(), 0);
    end();
}

TEST(every_split, "a request reads the same however its bytes are split in two")
{
    static const char request[] = "\r\nPOST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nT: v\r\n\r\n"
                                  "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nijkl"
                                  "GET /end HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
    for (size_t split = 1; split < sizeof request; split++) {
        begin();
        far_end far = client(false, false);
        far_end_write(&far, request, split);
        settle(loop, &far, NULL);
        far_end_write(&far, request + split, sizeof request - 1 - split);
        settle(loop, &far, NULL);
        px_slice got = far_end_view(&far);
        CHECK_INT(slice_count(got, "HTTP/1.1 200 OK"), 3);
        CHECK(slice_has(got, "\r\n\r\nabcdefghHTTP/1.1"));
        CHECK(slice_has(got, "\r\n\r\nijklHTTP/1.1"));
        CHECK(slice_has(got, "Connection: close\r\nX-App: yes\r\n\r\nyou asked for /end"));
        CHECK(far.ended);
        far_end_close(&far);
        end();
    }
}

TEST(byte_by_byte, "a request that comes byte by byte is answered")
{
    begin();
    far_end far = client(false, false);
    static const char request[] =
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (size_t i = 0; i < sizeof request - 1; i++) {
        far_end_write(&far, request + i, 1);
        px_loop_run(loop, 0);
    }
    settle(loop, &far, NULL);
    CHECK_SLICE(body_of(far_end_view(&far)), "abc");
    far_end_close(&far);
    end();
}

TEST(pipelined_partial_head,
     "the next head may begin in the block of the request before it, and end elsewhere")
{
    begin();
    far_end far = client(false, false);
    char first[5000];
    int len = snprintf(first, sizeof first, "GET /1 HTTP/1.1\r\n" HOST "X: %0900d\r\n\r\n", 0);
    int more = snprintf(first + len, sizeof first - (size_t)len, "GET /2 HTTP/1.1\r\n" HOST "Y: %03500d", 0);
    first[4096] = 0; /* as much as one read takes */
    CHECK(len + more > 4096);
    px_slice got = say(&far, first);
    CHECK_INT(slice_count(got, "you asked for"), 1);
    got = say(&far, "0\r\n\r\n");
    CHECK(slice_has(got, "you asked for /2"));
    CHECK_INT(px_block_live(), 0);
    far_end_close(&far);
    end();
}

TEST(pipelined_thousand,
     "a thousand requests in one go are answered in order, without starving another client")
{
    begin();
    far_end many = client(false, false), one = client(false, false);
    char text[64];
    settle(loop, &many, &one, NULL);
    static char requests[40000];
    size_t len = 0;
    for (int i = 0; i < 1000; i++)
        len +=
            (size_t)snprintf(requests + len, sizeof requests - len, "GET /n%d HTTP/1.1\r\n" HOST "\r\n", i);
    CHECK_INT(far_end_write(&many, requests, len), len);
    far_end_say(&one, "GET /other HTTP/1.1\r\n" HOST "\r\n");
    px_loop_run(loop, 0);
    far_end_read(&many);
    far_end_read(&one);
    CHECK(slice_has(far_end_view(&one), "/other"));
    CHECK(slice_count(far_end_view(&many), "you asked for") < 100);
    settle(loop, &many, &one, NULL);
    px_slice got = far_end_view(&many);
    CHECK_INT(slice_count(got, "you asked for"), 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "you asked for /n%d", i);
        const uint8_t *at = memmem(got.data, got.len, text, strlen(text));
        if (!CHECK(at != NULL))
            break;
        got = px_slice_from(at, got.len - (size_t)(at - got.data));
    }
    CHECK(app.pipelined);
    CHECK_INT(px_block_live(), 0);
    far_end_close(&many);
    far_end_close(&one);
    end();
}

TEST(empty_lines, "empty lines in front of a request are skipped")
{
    begin();
    far_end far = client(false, false);
    CHECK(slice_has(say(&far, "\r\n\n\r\nGET /a HTTP/1.1\r\n" HOST "\r\n"), "200 OK"));
    CHECK_INT(say(&far, "\r").len, 0);
    CHECK(slice_has(say(&far, "\nGET /b HTTP/1.1\r\n" HOST "\r\n"), "200 OK"));
    CHECK(slice_has(say(&far, "\rGET /c HTTP/1.1\r\n" HOST "\r\n"), "400 "));
    far_end_close(&far);
    end();
}

TEST(bad_requests, "what is no request is answered at once and the connection is closed")
{
    static const struct {
        const char *bytes;
        int status;
        size_t received;
        const char *line;
    } cases[] = {
        {"GET /\x01 HTTP/1.1\r\n", 400, 0, "GET /\x01 HTTP/1.1"},
        {"GET / HTTP/9.1\r\n", 505, 0, "GET / HTTP/9.1"},
        {"\x16\x03\x01", 400, 0, "\x16\x03\x01"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\n", 400, 34, "GET / HTTP/1.1"},
        {"GET / HTTP/1.1\r\nHost: a\r\nBad header: b\r\n\r\n", 400, 25, "GET / HTTP/1.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        far_end far = client(false, false);
        px_slice got = say(&far, cases[i].bytes);
        char status[32];
        snprintf(status, sizeof status, "HTTP/1.1 %d ", cases[i].status);
        CHECK(slice_has(got, status));
        CHECK(slice_has(got, "Connection: close"));
        CHECK(far.ended);
        CHECK_INT(app.bad, 1);
        CHECK_INT(app.requests, 0);
        CHECK(!app.error_gone);
        CHECK_INT(app.received, cases[i].received);
        CHECK_STRING(app.request_line, cases[i].line);
        far_end_close(&far);
        end();
    }
}

/* A GET whose request line and whose header lines have these lengths, ends of lines included. */
static char *head_of(size_t line_len, size_t header_len, size_t header_count)
{
    size_t size = line_len + header_len * header_count + 64, at;
    char *text = px_memory_alloc(size);
    memset(text, 'a', size);
    memcpy(text, "GET /", 5);
    memcpy(text + line_len - 11, " HTTP/1.1\r\n", 11);
    at = line_len;
    for (size_t i = 0; i < header_count; i++, at += header_len) {
        memcpy(text + at, "X: ", 3);
        memcpy(text + at + header_len - 2, "\r\n", 2);
    }
    memcpy(text + at, HOST "\r\n", sizeof HOST + 2);
    return text;
}

TEST(head_limits, "heads are refused where nginx's buffers would be too small, and only there")
{
    static const struct {
        size_t line, header, count;
        int status;
    } cases[] = {
        {8192, 100, 1, 200}, {8193, 100, 1, 414}, {100, 8192, 1, 200},  {100, 8193, 1, 494},
        {100, 8000, 4, 200}, {100, 8000, 5, 494}, {100, 300, 100, 200}, {100, 300, 120, 494},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int slow = 0; slow < 2; slow++) {
            begin();
            far_end far = client(false, false);
            char *text = head_of(cases[i].line, cases[i].header, cases[i].count);
            size_t len = strlen(text), step = slow ? 700 : len;
            for (size_t at = 0; at < len; at += step) {
                far_end_write(&far, text + at, len - at < step ? len - at : step);
                settle(loop, &far, NULL);
            }
            px_slice got = far_end_view(&far);
            CHECK_INT(app.bad, cases[i].status != 200);
            CHECK(cases[i].status == 200 || app.error_status == cases[i].status);
            CHECK(slice_has(got, cases[i].status == 200   ? "HTTP/1.1 200"
                                 : cases[i].status == 414 ? "HTTP/1.1 414"
                                                          : "HTTP/1.1 400"));
            CHECK_INT(far.ended, cases[i].status != 200);
            free(text);
            far_end_close(&far);
            end();
        }
    }
}

/* ---- framing of answers ---- */

TEST(head_gets_no_body, "HEAD gets the head of the answer alone, 204 and 304 never have a body")
{
    begin();
    far_end far = client(false, false);
    CHECK_SLICE(say(&far, "HEAD /one HTTP/1.1\r\n" HOST "\r\n"),
                "HTTP/1.1 200 OK\r\nContent-Length: 18\r\nConnection: keep-alive\r\nX-App: yes\r\n\r\n");
    CHECK_INT(app.sent, app.head_bytes);
    CHECK_SLICE(say(&far, "HEAD /chunked HTTP/1.1\r\n" HOST "\r\n"),
                "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nX-App: yes\r\n\r\n");
    CHECK_SLICE(say(&far, "GET /204 HTTP/1.1\r\n" HOST "\r\n"),
                "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\nX-App: yes\r\n\r\n");
    CHECK_SLICE(say(&far, "GET /304 HTTP/1.1\r\n" HOST "\r\n"),
                "HTTP/1.1 304 Not Modified\r\nConnection: keep-alive\r\nX-App: yes\r\n\r\n");
    CHECK(!far.ended);
    far_end_close(&far);
    end();
}

TEST(chunks, "an answer of unknown length is chunked")
{
    begin();
    far_end far = client(false, false);
    px_slice got = say(&far, "GET /chunked HTTP/1.1\r\n" HOST "\r\n");
    CHECK(slice_has(got, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n"));
    CHECK(slice_has(got, "\r\n\r\n16\r\naaaaabbbbbbbbbbbbbbbbb\r\n12c\r\nccc"));
    CHECK(slice_has(got, "ccc\r\n0\r\n\r\n"));
    CHECK(!far.ended);
    CHECK_INT(app.sent, got.len);
    CHECK_INT(app.sent - app.head_bytes, 22 + 300 + strlen("16\r\n\r\n12c\r\n\r\n0\r\n\r\n"));
    far_end_close(&far);
    end();
}

TEST(http10, "an HTTP/1.0 client gets no chunks, and its connection is closed unless it asked otherwise")
{
    begin();
    far_end far = client(false, false);
    CHECK(slice_has(say(&far, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                    "Connection: keep-alive\r\n"));
    px_slice got = say(&far, "GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(slice_has(got, "Connection: close\r\n"));
    CHECK(!slice_has(got, "Transfer-Encoding"));
    CHECK_INT(body_of(got).len, 322);
    CHECK(far.ended);
    far_end_close(&far);
    far = client(false, false);
    CHECK(slice_has(say(&far, "GET /a HTTP/1.0\r\n\r\n"), "Connection: close\r\n"));
    CHECK(far.ended);
    far_end_close(&far);
    end();
}

TEST(too_long_and_too_short,
     "an answer is never longer than its head says; a shorter one closes the connection")
{
    begin();
    far_end far = client(false, false);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    answer_head(app.held, 200, 5);
    px_piece piece = letters(9, 'x');
    app.held->ops->send_body(app.held, &piece, 1, true);
    CHECK_SLICE(body_of(say(&far, "")), "xxxxx");
    CHECK(!far.ended);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    answer_head(app.held, 200, 5);
    piece = letters(3, 'x');
    app.held->ops->send_body(app.held, &piece, 1, true);
    CHECK_SLICE(body_of(say(&far, "")), "xxx");
    CHECK(far.ended);
    far_end_close(&far);
    end();
}

TEST(truncated_answer,
     "an answer whose rest never comes is sent as far as it goes, without the end of its chunks")
{
    begin();
    far_end far = client(false, false);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    answer_head(app.held, 200, -1);
    px_piece piece = letters(3, 'x');
    app.held->ops->send_body(app.held, &piece, 1, false);
    app.held->ops->truncate(app.held);
    CHECK_SLICE(body_of(say(&far, "")), "3\r\nxxx\r\n");
    CHECK(far.ended);
    CHECK_INT(app.done, 1);
    far_end_close(&far);
    end();
}

TEST(informational, "1xx answers go before the final one, but not to HTTP/1.0")
{
    begin();
    px_header link = {PX_SLICE("Link"), PX_SLICE("</a>"), PX_HEADER_LINK};
    px_response_head hints = {
        .status = 103, .reason = PX_SLICE("Early Hints"), .headers = &link, .header_count = 1};
    far_end far = client(false, false);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    app.held->ops->send_informational(app.held, &hints);
    CHECK_SLICE(say(&far, ""), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    answer(app.held, 200, "x");
    CHECK(slice_has(say(&far, ""), "HTTP/1.1 200"));
    say(&far, "GET /hold HTTP/1.0\r\n\r\n");
    app.held->ops->send_informational(app.held, &hints);
    answer(app.held, 200, "x");
    CHECK(!slice_has(say(&far, ""), "103"));
    far_end_close(&far);
    end();
}

TEST(large_head, "a response head larger than any block is sent whole")
{
    begin();
    far_end far = client(false, false);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    px_piece long_value = letters(50000, 'v');
    px_header headers[3] = {{PX_SLICE("A"), {long_value.data, 50000}, 0},
                            {PX_SLICE("B"), {long_value.data, 1500}, 0},
                            {PX_SLICE("C"), PX_SLICE("end"), 0}};
    px_response_head head = {.status = 200, .headers = headers, .header_count = 3, .content_length = 1};
    app.held->ops->send_head(app.held, &head);
    px_block_release(&long_value.owner);
    px_piece piece = letters(1, 'x');
    app.held->ops->send_body(app.held, &piece, 1, true);
    px_slice got = say(&far, "");
    CHECK(slice_has(got, "v\r\nC: end\r\n\r\nx"));
    CHECK_INT(slice_count(got, "v"), 51501); /* one in a name */
    CHECK_INT(app.sent - app.head_bytes, 1);
    far_end_close(&far);
    end();
}

/* ---- request bodies ---- */

TEST(body_sizes, "a body arrives whole whatever the Request asks for at a time")
{
    static const size_t maxima[] = {1, 7, 4096, 1000000};
    for (size_t i = 0; i < 4; i++) {
        for (int chunked = 0; chunked < 2; chunked++) {
            begin();
            app.read_max = maxima[i];
            size_t len = maxima[i] == 1 ? 3000 : 300000;
            far_end far = client(false, false);
            char head[128], *body = px_memory_alloc(len);
            for (size_t at = 0; at < len; at++)
                body[at] = (char)('a' + at % 23);
            snprintf(head, sizeof head,
                     chunked ? "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%zx\r\n"
                             : "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
                     len);
            far_end_write(&far, head, strlen(head));
            for (size_t at = 0; at < len;) {
                at += far_end_write(&far, body + at, len - at);
                settle(loop, &far, NULL);
            }
            if (chunked)
                far_end_say(&far, "\r\n0\r\n\r\n");
            settle(loop, &far, NULL);
            px_slice echoed = body_of(far_end_view(&far));
            CHECK(echoed.len == len && memcmp(echoed.data, body, len) == 0);
            CHECK_INT(app.received, strlen(head) + len + (chunked ? 7 : 0));
            free(body);
            far_end_close(&far);
            end();
        }
    }
}

TEST(trickled_body, "a body that trickles in while its pieces are kept does not cost a block for each byte")
{
    begin();
    far_end far = client(false, false);
    say(&far, "POST /keep HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1000; i++) {
        far_end_say(&far, "1\r\nx\r\n");
        px_loop_run(loop, 0);
    }
    CHECK_INT(app.body_len, 1000);
    CHECK(px_block_live() <= 4);
    CHECK_SLICE(body_of(say(&far, "0\r\n\r\n")), "1000 bytes");
    CHECK_INT(px_block_live(), 0);
    far_end_close(&far);
    end();
}

TEST(silent_in_body, "a client that is silent within its body costs no block")
{
    begin();
    far_end far = client(false, false);
    say(&far, "POST /count HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\nabc");
    uint64_t live = px_block_live();
    say(&far, "def");
    CHECK_INT(px_block_live(), live); /* the arena, and the head that it holds */
    CHECK_INT(app.body_len, 6);
    far_end_close(&far);
    end();
}

TEST(expect_continue, "100 Continue is sent when the body is asked for and none of it came")
{
    begin();
    far_end far = client(false, false);
    CHECK_SLICE(say(&far, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
                "HTTP/1.1 100 Continue\r\n\r\n");
    px_slice got = say(&far, "abc");
    CHECK_SLICE(body_of(got), "abc");
    CHECK_INT(app.sent, 25 + got.len);
    CHECK_INT(app.sent - app.head_bytes, 25 + 3); /* as nginx counts */
    got = say(&far, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
    CHECK(!slice_has(got, "100 Continue"));
    CHECK_SLICE(body_of(got), "abc");
    got = say(&far, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\na");
    CHECK_INT(got.len, 0); /* it did not wait */
    CHECK_SLICE(body_of(say(&far, "bc")), "abc");
    far_end_close(&far);
    end();
}

TEST(expect_unwanted,
     "a body that is expected but not wanted is let come and thrown away, so that the connection can go on")
{
    begin();
    far_end far = client(false, false);
    px_slice got = say(&far, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    CHECK(slice_has(got, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    CHECK(slice_has(got, "keep-alive"));
    CHECK(slice_has(say(&far, "abcGET /next HTTP/1.1\r\n" HOST "\r\n"), "you asked for /next"));
    got = say(&far, "POST /a HTTP/1.1\r\n" HOST
                    "Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
    CHECK(!slice_has(got, "100 Continue"));
    CHECK(far.ended);
    far_end_close(&far);
    end();
}

TEST(unread_body, "a body that nobody reads is thrown away and the connection goes on")
{
    begin();
    far_end far = client(false, false);
    px_slice got = say(&far, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    CHECK(slice_has(got, "keep-alive"));
    CHECK_INT(app.done, 1);
    CHECK_INT(px_h1_server_idle(), 0);
    got = say(&far, "defghijGET /next HTTP/1.1\r\n" HOST "\r\n");
    CHECK(slice_has(got, "you asked for /next"));
    got = say(&far, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                    "POST /b HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
                    "GET /c HTTP/1.1\r\n" HOST "\r\n");
    CHECK_INT(slice_count(got, "you asked for"), 3);
    CHECK_INT(px_h1_server_idle(), 1);
    far_end_close(&far);
    end();
}

TEST(unread_large_body,
     "a client that sends all of a body that nobody reads before it reads the answer does not hang")
{
    begin();
    far_end far = client(false, true);
    static char body[500000];
    memset(body, 'b', sizeof body);
    far_end_say(&far, "POST /big HTTP/1.1\r\n" HOST "Content-Length: 500000\r\n\r\n");
    far.deaf = true;
    size_t at = 0;
    for (int turns = 0; at < sizeof body && turns < 10000; turns++) {
        at += far_end_write(&far, body + at, sizeof body - at);
        px_loop_run(loop, 0);
    }
    CHECK_INT(at, sizeof body);
    CHECK_INT(app.done, 0);
    far.deaf = false;
    settle(loop, &far, NULL);
    CHECK_INT(body_of(far_end_view(&far)).len, 600000);
    CHECK(slice_has(say(&far, "GET /next HTTP/1.1\r\n" HOST "\r\n"), "you asked for /next"));
    far_end_close(&far);
    end();
}

TEST(bad_chunks, "a broken chunk is answered with 400 and the connection is closed")
{
    begin();
    far_end far = client(false, false);
    px_slice got =
        say(&far, "POST /echo HTTP/1.1\r\n" HOST
                  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nGET / HTTP/1.1\r\n" HOST "\r\n");
    CHECK(slice_has(got, "HTTP/1.1 400 Bad Request\r\n"));
    CHECK(slice_has(got, "Connection: close\r\n"));
    CHECK_INT(slice_count(got, "HTTP/1.1"), 1);
    CHECK(far.ended);
    CHECK_INT(app.requests, 1);
    far_end_close(&far);
    end();
}

TEST(large_chunk, "a chunk that would make the body too large is refused by its size, before it comes")
{
    begin();
    app.body_max = 10;
    far_end far = client(false, false);
    CHECK_SLICE(body_of(say(&far, "POST /count HTTP/1.1\r\n" HOST
                                  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n7\r\ndefghij\r\n0\r\n\r\n")),
                "10 bytes");
    px_slice got =
        say(&far, "POST /count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n8\r\n");
    CHECK(slice_has(got, "HTTP/1.1 413 "));
    CHECK_STRING(app.error_text, "client intended to send too large chunked body: 3+8 bytes");
    CHECK(far.ended);
    far_end_close(&far);
    far = client(false, false);
    CHECK_INT(say(&far, "POST /count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nff").len, 0);
    CHECK(slice_has(say(&far, "x\r\n"), "HTTP/1.1 400 ")); /* it is no size before its line ends */
    far_end_close(&far);
    end();
}

TEST(early_answer_survives, "an early answer reaches a client that is still sending: it is not lost to a RST")
{
    begin();
    settings.lingering_time = 30000;
    far_end far = client(true, false);
    far_end_say(&far,
                "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 50000000\r\nConnection: close\r\n\r\nsome");
    settle(loop, NULL);
    answer(app.held, 413, "too large");
    static char more[100000];
    for (int i = 0; i < 50; i++) {
        far_end_write(&far, more, sizeof more);
        px_loop_run(loop, 0);
    }
    settle(loop, &far, NULL);
    CHECK(slice_has(far_end_view(&far), "HTTP/1.1 413 "));
    CHECK(slice_has(far_end_view(&far), "too large"));
    CHECK(far.ended && !far.reset);
    CHECK_INT(px_h1_server_live(), 1);
    far_end_close(&far);
    settle(loop, NULL);
    CHECK_INT(px_h1_server_live(), 0);
    end();
}

TEST(bad_head_survives, "the answer to a bad head reaches a client that goes on sending its body")
{
    begin();
    far_end far = client(true, false);
    far_end_say(&far, "POST / HTTP/1.1\r\nHost: a\r\nBad header: x\r\nContent-Length: 9000000\r\n\r\n");
    static char more[100000];
    for (int i = 0; i < 50; i++) {
        far_end_write(&far, more, sizeof more);
        px_loop_run(loop, 0);
    }
    settle(loop, &far, NULL);
    CHECK(slice_has(far_end_view(&far), "HTTP/1.1 400 "));
    CHECK(far.ended && !far.reset);
    far_end_close(&far);
    end();
}

TEST(settings_of_a_location,
     "the Request may put other timeouts and keep-alive rules in place for its answer")
{
    begin();
    far_end far = client(false, false);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    px_h1_settings *own = px_memory_alloc(sizeof *own);
    *own = settings;
    own->keepalive_timeout = 20;
    app.held->settings = own;
    answer(app.held, 200, "x");
    CHECK(slice_has(say(&far, ""), "keep-alive"));
    free(own); /* the connection must not need it any more */
    wait_for_none();
    far_end_read(&far);
    CHECK(far.ended);
    far_end_close(&far);
    end();
}

/* ---- time ---- */

TEST(slow_heads, "a client that sends no request is closed silently; one that sends half is logged as 408")
{
    begin();
    settings.client_header_timeout = 30;
    far_end silent = client(false, false);
    far_end half = client(false, false);
    far_end_say(&half, "GET /a HTTP/1.1\r\nHo");
    run_until(loop, &app.stop);
    CHECK_INT(app.bad, 1);
    CHECK_INT(app.error_status, 408);
    CHECK(app.error_gone);
    CHECK_STRING(app.request_line, "GET /a HTTP/1.1");
    CHECK_INT(app.received, 17);
    CHECK_INT(app.abort_reason, PX_ABORT_TIMEOUT);
    CHECK_INT(app.sent, 0);
    wait_for_none();
    settle(loop, &silent, &half, NULL);
    CHECK(silent.ended && silent.len == 0);
    CHECK(half.ended && half.len == 0);
    far_end_close(&silent);
    far_end_close(&half);
    end();
}

TEST(slow_body, "a body that stops coming ends the request without an answer, logged as 408")
{
    begin();
    settings.client_body_timeout = 30;
    far_end far = client(false, false);
    say(&far, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabc");
    run_until(loop, &app.stop);
    settle(loop, &far, NULL);
    CHECK_INT(app.body_errors, 1);
    CHECK_INT(app.error_status, 408);
    CHECK_INT(app.abort_reason, PX_ABORT_TIMEOUT);
    CHECK(far.ended && far.len == 0);
    far_end_close(&far);
    end();
}

TEST(keepalive_ends, "an idle connection is closed after keepalive_timeout, and after keepalive_requests")
{
    begin();
    settings.keepalive_timeout = 30;
    far_end far = client(false, false);
    CHECK(slice_has(say(&far, "GET /a HTTP/1.1\r\n" HOST "\r\n"), "keep-alive"));
    wait_for_none();
    settle(loop, &far, NULL);
    CHECK(far.ended);
    far_end_close(&far);
    settings.keepalive_requests = 2;
    settings.keepalive_timeout = 75000;
    settings.keepalive_header = 75;
    far = client(false, false);
    CHECK(slice_has(say(&far, "GET /a HTTP/1.1\r\n" HOST "\r\n"),
                    "Connection: keep-alive\r\nKeep-Alive: timeout=75\r\n"));
    CHECK(slice_has(say(&far, "GET /a HTTP/1.1\r\n" HOST "\r\n"), "Connection: close\r\nX"));
    CHECK(far.ended);
    far_end_close(&far);
    settings.keepalive_timeout = 0;
    far = client(false, false);
    CHECK(slice_has(say(&far, "GET /a HTTP/1.1\r\n" HOST "\r\n"), "Connection: close\r\n"));
    far_end_close(&far);
    end();
}

TEST(stalled_reader,
     "a client that stops reading is given up after send_timeout, and holds back the Request before")
{
    begin();
    settings.send_timeout = 30;
    far_end far = client(false, true);
    far.deaf = true;
    say(&far, "GET /flood HTTP/1.1\r\n" HOST "\r\n");
    CHECK(app.most_unsent <= 41000);
    CHECK_INT(app.done, 0);
    run_until(loop, &app.stop);
    CHECK_INT(app.aborts, 1);
    CHECK_INT(app.abort_reason, PX_ABORT_TIMEOUT);
    CHECK_INT(px_block_live(), 0);
    far_end_close(&far);
    end();
}

TEST(slow_reader, "a client that reads slowly gets all of a large answer")
{
    for (int chunked = 0; chunked < 2; chunked++) {
        begin();
        far_end far = client(false, true);
        say(&far,
            chunked ? "GET /flood-chunked HTTP/1.1\r\n" HOST "\r\n" : "GET /flood HTTP/1.1\r\n" HOST "\r\n");
        CHECK_INT(app.done, 1);
        CHECK(app.writables > 10);
        CHECK(app.most_unsent <= 41000);
        CHECK_INT(app.sent, far.len);
        if (chunked)
            CHECK_INT(slice_count(body_of(far_end_view(&far)), "ffffffff"), 3000000 / 8);
        else
            CHECK_INT(body_of(far_end_view(&far)).len, 3000000);
        far_end_close(&far);
        end();
    }
}

TEST(lingers_no_longer_than_told, "a client that never stops sending is cut off after lingering_time")
{
    begin();
    settings.lingering_time = 40;
    settings.lingering_timeout = 5000;
    far_end far = client(true, false);
    say(&far, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 50000000\r\n\r\nabc");
    static const char more[1000];
    for (uint64_t end_ms = px_clock_ms() + PATIENCE_MS; px_h1_server_live() > 0 && px_clock_ms() < end_ms;) {
        far_end_write(&far, more, sizeof more);
        px_loop_run(loop, px_clock_ms() + 2);
    }
    CHECK_INT(px_h1_server_live(), 0);
    far_end_close(&far);
    end();
}

/* ---- clients that leave ---- */

TEST(closes_while_held, "a client that closes while its request is under way ends it")
{
    begin();
    far_end far = client(false, false);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n" HOST "\r\n");
    CHECK_INT(app.aborts, 0);
    shutdown(far.fd, SHUT_WR); /* half is enough, as for nginx, and pipelined requests do not matter */
    settle(loop, &far, NULL);
    CHECK_INT(app.aborts, 1);
    CHECK_INT(app.abort_reason, PX_ABORT_CLOSED);
    CHECK(far.ended && far.len == 0);
    far_end_close(&far);
    end();
}

TEST(half_closes_after_request,
     "a client that half-closes behind its request gets an answer that is ready at once")
{
    begin();
    far_end far = client(false, false);
    far_end_say(&far, "GET /a HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n");
    shutdown(far.fd, SHUT_WR);
    settle(loop, &far, NULL);
    CHECK_INT(slice_count(far_end_view(&far), "you asked for"), 2);
    CHECK(far.ended);
    CHECK_INT(app.done, 2);
    far_end_close(&far);
    far = client(false, false);
    far_end_say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    shutdown(far.fd, SHUT_WR);
    settle(loop, &far, NULL);
    CHECK_INT(app.aborts, 1);
    far_end_close(&far);
    end();
}

TEST(body_then_fin, "a body that is followed by FIN is read to its end before the FIN counts")
{
    begin();
    far_end far = client(false, false);
    static char body[200000];
    memset(body, 'b', sizeof body);
    app.read_max = 10000;
    far_end_say(&far, "POST /count HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n");
    far_end_write(&far, body, sizeof body);
    shutdown(far.fd, SHUT_WR);
    settle(loop, &far, NULL);
    CHECK_INT(app.body_len, 200000);
    far_end_close(&far);
    end();
}

TEST(leaves_at_each_point, "a client may leave after any byte of its request, by FIN or by RST")
{
    static const char request[] =
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (size_t len = 0; len < sizeof request; len++) {
        for (int how = 0; how < 3; how++) {
            begin();
            far_end far = client(true, false);
            far_end_write(&far, request, len);
            if (how != 1)
                settle(loop, NULL);
            if (how == 2)
                far_end_reset(&far);
            else
                far_end_close(&far);
            settle(loop, NULL);
            CHECK_INT(px_h1_server_live(), 0);
            CHECK_INT(app.requests + app.bad, app.done + app.aborts);
            CHECK(app.bad == 0 || (app.error_gone && app.error_status == 400));
            end();
        }
    }
}

TEST(leaves_while_flooded, "a client that leaves during a large answer ends it")
{
    for (int how = 0; how < 2; how++) {
        begin();
        far_end far = client(true, true);
        far.deaf = true;
        say(&far, "GET /flood HTTP/1.1\r\n" HOST "\r\n");
        CHECK_INT(app.done, 0);
        if (how == 0)
            far_end_close(&far);
        else
            far_end_reset(&far);
        settle(loop, NULL);
        CHECK_INT(app.aborts, 1);
        CHECK_INT(px_h1_server_live(), 0);
        end();
    }
}

TEST(request_resets, "the Request may end the exchange at any time, also in its callbacks")
{
    begin();
    far_end far = client(false, false);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    px_stream *stream = app.held;
    app_request *request = stream->request;
    answer_head(stream, 200, 1000);
    px_piece piece = letters(10, 'x');
    stream->ops->send_body(stream, &piece, 1, false);
    px_arena_clear(&request->arena);
    free(request);
    stream->ops->reset(stream);
    app.aborts++;
    settle(loop, &far, NULL);
    CHECK(far.ended);
    CHECK_INT(px_h1_server_live(), 0);
    far_end_close(&far);
    end();
}

/* ---- all connections ---- */

TEST(drain, "draining closes idle connections, lets requests finish and closes behind them")
{
    begin();
    far_end idle = client(false, false), busy = client(false, false), fresh = client(false, false);
    say(&idle, "GET /a HTTP/1.1\r\n" HOST "\r\n");
    say(&busy, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    px_h1_server_drain(loop, NULL, false);
    settle(loop, &idle, &busy, &fresh, NULL);
    CHECK(idle.ended);
    CHECK(!busy.ended && !fresh.ended);
    answer(app.held, 200, "late");
    settle(loop, &busy, NULL);
    CHECK(slice_has(far_end_view(&busy), "Connection: close\r\n"));
    CHECK(busy.ended);
    CHECK(slice_has(say(&fresh, "GET /a HTTP/1.1\r\n" HOST "\r\n"), "Connection: close\r\n"));
    CHECK(fresh.ended);
    CHECK_INT(px_h1_server_live(), 0);
    far_end_close(&idle);
    far_end_close(&busy);
    far_end_close(&fresh);
    end();
}

TEST(drain_now, "draining at once ends running requests too")
{
    begin();
    far_end busy = client(false, false), half = client(false, false);
    say(&busy, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    say(&half, "GET /ho");
    px_h1_server_drain(loop, NULL, true);
    CHECK_INT(app.aborts, 1);
    CHECK_INT(app.abort_reason, PX_ABORT_DRAIN);
    CHECK_INT(px_h1_server_live(), 0);
    settle(loop, &busy, &half, NULL);
    CHECK(busy.ended && half.ended);
    far_end_close(&busy);
    far_end_close(&half);
    end();
}

TEST(close_idle, "of the idle connections those longest idle are closed first")
{
    begin();
    far_end ends[4];
    for (int i = 0; i < 4; i++) {
        ends[i] = client(false, false);
        say(&ends[i], "GET /a HTTP/1.1\r\n" HOST "\r\n");
    }
    say(&ends[0], "GET /again HTTP/1.1\r\n" HOST "\r\n");
    say(&ends[2], "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    CHECK_INT(px_h1_server_idle(), 3);
    CHECK_INT(px_h1_server_close_idle(loop, 1), 1);
    settle(loop, &ends[0], &ends[1], &ends[2], &ends[3], NULL);
    CHECK(ends[1].ended);
    CHECK(!ends[0].ended && !ends[2].ended && !ends[3].ended);
    CHECK_INT(px_h1_server_close_idle(loop, 9), 2);
    CHECK_INT(px_h1_server_live(), 1);
    answer(app.held, 200, "x");
    settle(loop, &ends[2], NULL);
    for (int i = 0; i < 4; i++)
        far_end_close(&ends[i]);
    end();
}

/* ---- upgrade ---- */

static void on_taken_ready(px_transport *transport)
{
    (void)transport;
}

TEST(takes_transport, "after 101 the socket is the Request's, with what is unsent and what came early")
{
    begin();
    far_end far = client(false, false);
    say(&far, "GET /hold HTTP/1.1\r\n" HOST "Upgrade: x\r\nConnection: upgrade\r\n\r\nearly");
    px_stream *stream = app.held;
    px_header upgrade = {PX_SLICE("Upgrade"), PX_SLICE("x"), PX_HEADER_UPGRADE};
    px_response_head head = {
        .status = 101, .headers = &upgrade, .header_count = 1, .content_length = -1, .upgrade = true};
    stream->ops->send_head(stream, &head);
    px_transport taken;
    px_queue unsent, early;
    px_queue_init(&unsent);
    px_queue_init(&early);
    app_request *request = stream->request;
    CHECK(stream->ops->take_transport(stream, &taken, on_taken_ready, &unsent, &early));
    app.done++;
    px_arena_clear(&request->arena);
    free(request);
    CHECK_INT(px_h1_server_live(), 0);
    px_loop_run(loop, 0);
    struct iovec iov[4];
    int count = px_queue_iovec(&unsent, iov, 4);
    size_t moved;
    CHECK_INT(px_transport_write(&taken, iov, count, &moved), PX_IO_OK);
    far_end_read(&far);
    CHECK_SLICE(far_end_view(&far),
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    CHECK_INT(px_queue_iovec(&early, iov, 4), 1);
    CHECK_SLICE(px_slice_from(iov[0].iov_base, iov[0].iov_len), "early");
    px_queue_clear(&unsent);
    px_queue_clear(&early);
    px_transport_close(&taken, false);
    far_end_close(&far);
    end();
}
