/* http/h1_server over real sockets: what a client sees and what the Request is told, for every split, stall and death. */
#include "check.h"

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
    bool chunked;
} app_request;

static struct {
    uint32_t requests, done, aborts, bodies, body_errors, bad, writables, opened, closed;
    px_abort_reason abort_reason;
    int error_status;
    bool error_gone;
    bool pipelined;
    char error_text[128], request_line[256], last_path[256];
    uint64_t sent, head_bytes, received;
    size_t read_max;
    px_stream *held;    /* of /hold: the test answers */
    size_t most_unsent;
    char body[1 << 20];
    size_t body_len;
    int stop;           /* set by on_done and on_abort */
} app;

static px_h1_settings settings;
static px_log quiet_log;
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
    return request;
}

static void request_end(px_stream *stream)
{
    app_request *request = stream->request;
    app.sent = stream->sent;
    app.head_bytes = stream->head_bytes;
    app.received = stream->received;
    px_arena_clear(&request->arena);
    free(request);
    app.stop = 1;
}

static void answer_head(px_stream *stream, int status, int64_t length)
{
    const px_header header = {PX_SLICE("X-App"), PX_SLICE("yes"), PX_HEADER_OTHER};
    px_response_head head = {.status = status, .headers = &header, .header_count = 1, .content_length = length};
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
    if (path_is(head->path, "/echo") || path_is(head->path, "/count")) {
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
        px_piece_release(&pieces[i]);
    }
    if (!last) {
        stream->ops->read_body(stream, app.read_max);
        return;
    }
    if (path_is(request->path, "/count")) {
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
    request_end(stream);
}

static const px_stream_user app_user = {app_on_request, app_on_bad_request, app_on_body, app_on_body_error,
                                        app_on_writable, app_on_done, app_on_abort};
static const px_h1_server_conf app_conf = {&app_user, app_settings, app_opened, app_closed};

/* ---- the frame of a test ---- */

static void begin(void)
{
    memset(&app, 0, sizeof app);
    app.read_max = 65536;
    settings = (px_h1_settings){.client_header_timeout = 60000, .client_body_timeout = 60000, .send_timeout = 60000,
                                .keepalive_timeout = 75000, .lingering_time = 30000, .lingering_timeout = 5000,
                                .keepalive_requests = 100000, .keepalive_time = 3600000, .header_buffer_bytes = 1024,
                                .large_buffer_count = 4, .large_buffer_bytes = 8192, .log = &quiet_log};
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

#define HOST "Host: a\r\n"

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
    static const char request[] = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (size_t i = 0; i < sizeof request - 1; i++) {
        far_end_write(&far, request + i, 1);
        px_loop_run(loop, 0);
    }
    settle(loop, &far, NULL);
    CHECK_SLICE(body_of(far_end_view(&far)), "abc");
    far_end_close(&far);
    end();
}
