/* http/h1_server and http/h1_client together, as a proxy of the simplest kind in front of an origin, all in
 * one loop: random requests in random pieces with stalls on either side, checked byte for byte; and the same
 * with sides that die at random. */
#include "check.h"

#include <sys/socket.h>

#include "base/memory.h"
#include "h1_harness.h"
#include "http/chunked.h"
#include "http/h1_client.h"
#include "http/h1_server.h"

#define UNSENT_MAX 40000u

static px_loop *loop;
static px_listener front = {.references = 1}, back = {.references = 1};
static px_h1_settings settings;
static uint32_t open_connections;
static uint64_t random_state;

static uint32_t pick(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

static const px_h1_settings *get_settings(px_listener *listener)
{
    (void)listener;
    return &settings;
}

static void opened(px_listener *listener)
{
    (void)listener;
    open_connections++;
}

static void closed(px_listener *listener)
{
    (void)listener;
    open_connections--;
}

static void answer(px_stream *stream, int status, const char *text)
{
    px_response_head head = {.status = status, .content_length = (int64_t)strlen(text)};
    px_piece piece = {(const uint8_t *)text, strlen(text), NULL};
    stream->ops->send_head(stream, &head);
    stream->ops->send_body(stream, &piece, 1, true);
}

/* ---- the origin: sends bodies back as they come, dies or answers early when the path says so ---- */

static void origin_request(px_stream *stream, const px_request_head *head, px_block *block)
{
    (void)block;
    stream->request = stream;
    px_response_head answer_head = {.status = 200, .content_length = head->body >= 0 ? head->body : -1};
    if (px_slice_equal(head->path, PX_SLICE("/die"))) {
        stream->ops->reset(stream);
    } else if (px_slice_equal(head->path, PX_SLICE("/early"))) {
        answer(stream, 403, "no");
    } else if (px_slice_equal(head->path, PX_SLICE("/half"))) {
        answer_head.content_length = 1000;
        stream->ops->send_head(stream, &answer_head);
        stream->ops->truncate(stream);
    } else if (head->body == 0) {
        answer(stream, 200, "nothing came");
    } else {
        stream->ops->send_head(stream, &answer_head);
        stream->ops->read_body(stream, 1 + pick(20000));
    }
}

static void origin_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    stream->ops->send_body(stream, pieces, count, last);
    if (!last && stream->unsent <= UNSENT_MAX)
        stream->ops->read_body(stream, 1 + pick(20000));
}

static void origin_writable(px_stream *stream)
{
    stream->ops->read_body(stream, 1 + pick(20000));
}

static void origin_bad(px_stream *stream, const px_parse_error *error, px_slice line, px_block *block)
{
    (void)line;
    (void)block;
    CHECK(stream->gone); /* the proxy sends no nonsense; it may leave in the middle */
    stream->request = stream;
    answer(stream, error->status, "bad");
}

static void origin_body_error(px_stream *stream, int status, const char *text)
{
    (void)status;
    (void)text;
    CHECK(stream->gone);
}

static void origin_done(px_stream *stream)
{
    (void)stream;
}

static void origin_abort(px_stream *stream, px_abort_reason reason)
{
    (void)stream;
    (void)reason;
}

static const px_stream_user origin_user = {origin_request,  origin_bad,  origin_body,  origin_body_error,
                                           origin_writable, origin_done, origin_abort, NULL};
static const px_h1_server_conf origin_conf = {&origin_user, get_settings, opened, closed};

/* ---- the proxy ---- */

typedef struct hop {
    px_arena arena;
    px_stream *stream;
    px_h1_client *client;
    bool asked; /* read_body is outstanding */
    bool head_sent;
} hop;

#define IDLE_MAX 3
static px_h1_client *idle[IDLE_MAX];
static uint32_t idle_count, reuses;
static const px_h1_client_limits limits = {60000, 60000, 60000, 4096, 65536};

static void idle_gone(px_h1_client *client)
{
    for (uint32_t i = 0; i < idle_count; i++)
        if (idle[i] == client)
            idle[i--] = idle[--idle_count];
}

static px_h1_client *take_client(void)
{
    if (idle_count > 0) {
        reuses++;
        return idle[--idle_count];
    }
    int near;
    far_end far = far_end_open(&near, false, pick(4) == 0);
    px_address address = {.len = 0};
    address.any.sa_family = AF_UNIX;
    px_h1_server_accept(loop, &back, far.fd, &address, &origin_conf, 1);
    return px_h1_client_new(loop, near, false);
}

static void let_client_go(hop *h)
{
    if (h->client == NULL)
        return;
    if (idle_count < IDLE_MAX && px_h1_client_reusable(h->client)) {
        px_h1_client_park(h->client, 60000, idle_gone, NULL);
        idle[idle_count++] = h->client;
        h->client = NULL;
        return;
    }
    px_h1_client_close(&h->client);
}

static void ask(hop *h)
{
    h->asked = true;
    h->stream->ops->read_body(h->stream, 1 + pick(30000));
}

static const px_h1_client_user hop_client_user;

static void proxy_request(px_stream *stream, const px_request_head *head, px_block *block)
{
    hop *h = px_memory_zalloc(sizeof *h);
    px_arena_init(&h->arena, 4096);
    px_arena_hold(&h->arena, block);
    stream->request = h;
    h->stream = stream;
    h->client = take_client();
    px_h1_client_start(h->client, &hop_client_user, h, &limits, false);
    px_buffer text;
    px_buffer_init(&text, &h->arena, 256);
    px_buffer_slice(&text, head->method_name);
    px_buffer_byte(&text, ' ');
    px_buffer_slice(&text, head->path);
    px_buffer_literal(&text, " HTTP/1.1\r\nHost: origin\r\n");
    if (head->body == PX_BODY_CHUNKED) {
        px_buffer_literal(&text, "Transfer-Encoding: chunked\r\n");
    } else if (head->body > 0) {
        px_buffer_literal(&text, "Content-Length: ");
        px_buffer_uint(&text, (uint64_t)head->body);
        px_buffer_literal(&text, "\r\n");
    }
    px_buffer_literal(&text, "\r\n");
    px_piece piece = {text.data, text.len, NULL};
    px_h1_client_send(h->client, &piece, 1, false, head->body == 0);
    if (head->body != 0)
        ask(h);
}

static void proxy_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    hop *h = stream->request;
    h->asked = false;
    if (h->client == NULL) {
        while (count > 0)
            px_piece_release(&pieces[--count]);
        return;
    }
    px_h1_client_send(h->client, pieces, count, stream->body == PX_BODY_CHUNKED, last);
    if (!last && px_h1_client_unsent(h->client) <= UNSENT_MAX)
        ask(h);
}

static void proxy_bad(px_stream *stream, const px_parse_error *error, px_slice line, px_block *block)
{
    (void)line;
    (void)block;
    CHECK(stream->gone);
    hop *h = px_memory_zalloc(sizeof *h);
    px_arena_init(&h->arena, 4096);
    stream->request = h;
    h->stream = stream;
    answer(stream, error->status, "bad");
}

static void proxy_body_error(px_stream *stream, int status, const char *text)
{
    (void)status;
    (void)text;
    CHECK(stream->gone);
}

static void proxy_writable(px_stream *stream)
{
    hop *h = stream->request;
    if (h->client != NULL)
        px_h1_client_resume(h->client);
}

static void hop_end(hop *h)
{
    px_h1_client_close(&h->client);
    px_arena_clear(&h->arena);
    free(h);
}

static void proxy_done(px_stream *stream)
{
    hop_end(stream->request);
}

static void proxy_abort(px_stream *stream, px_abort_reason reason)
{
    (void)reason;
    hop_end(stream->request);
}

static const px_stream_user proxy_user = {proxy_request,  proxy_bad,  proxy_body,  proxy_body_error,
                                          proxy_writable, proxy_done, proxy_abort, NULL};
static const px_h1_server_conf proxy_conf = {&proxy_user, get_settings, opened, closed};

static void hop_head(px_h1_client *client, const px_response_head_in *in, px_block *block, bool body_follows)
{
    hop *h = px_h1_client_owner(client);
    (void)block;
    px_response_head head = {.status = in->status, .content_length = in->body >= 0 ? in->body : -1};
    h->head_sent = true;
    h->stream->ops->send_head(h->stream, &head);
    if (!body_follows) {
        let_client_go(h);
        h->stream->ops->send_body(h->stream, NULL, 0, true);
    }
}

static void hop_body(px_h1_client *client, px_piece *pieces, uint32_t count, bool last)
{
    hop *h = px_h1_client_owner(client);
    if (last)
        let_client_go(h);
    h->stream->ops->send_body(h->stream, pieces, count, last);
    if (!last && h->stream->unsent > UNSENT_MAX)
        px_h1_client_pause(client);
}

static void hop_writable(px_h1_client *client)
{
    hop *h = px_h1_client_owner(client);
    if (!h->asked)
        ask(h);
}

static void hop_failure(px_h1_client *client, const px_h1_failure *failure)
{
    hop *h = px_h1_client_owner(client);
    (void)failure;
    h->client = NULL;
    if (h->head_sent)
        h->stream->ops->truncate(h->stream);
    else
        answer(h->stream, 502, "the origin failed");
}

static const px_h1_client_user hop_client_user = {
    .on_head = hop_head, .on_body = hop_body, .on_writable = hop_writable, .on_failure = hop_failure};

/* ---- the client: a script of requests and the answers that it expects ---- */

#define SCRIPT_BYTES (1u << 21)
#define REQUESTS_MAX 12

typedef struct script {
    uint8_t *bytes;
    size_t len, written;
    uint32_t count;
    struct {
        size_t body_len;
        int status;
        uint8_t seed; /* byte i of the body is seed + i % 251 */
    } want[REQUESTS_MAX];
} script;

static void script_text(script *s, const char *text)
{
    size_t len = strlen(text);
    memcpy(s->bytes + s->len, text, len);
    s->len += len;
}

static void script_body(script *s, size_t from, size_t len, uint8_t seed)
{
    for (size_t i = 0; i < len; i++)
        s->bytes[s->len++] = (uint8_t)(seed + (from + i) % 251);
}

static void add_post(script *s, bool early)
{
    char text[128];
    size_t len = pick(3) == 0 ? pick(120000) + 1 : pick(3000) + 1;
    uint8_t seed = (uint8_t)pick(256);
    bool chunked = pick(2) == 0;
    snprintf(text, sizeof text,
             chunked ? "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                     : "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             early ? "/early" : "/echo", len);
    script_text(s, text);
    for (size_t at = 0; at < len;) {
        size_t part = chunked ? 1 + pick(9000) : len;
        if (part > len - at)
            part = len - at;
        if (chunked) {
            snprintf(text, sizeof text, "%zx\r\n", part);
            script_text(s, text);
        }
        script_body(s, at, part, seed);
        at += part;
        if (chunked)
            script_text(s, at < len ? "\r\n" : "\r\n0\r\n\r\n");
    }
    s->want[s->count].status = early ? 0 : 200;
    s->want[s->count].seed = seed;
    s->want[s->count++].body_len = len;
}

static void add_get(script *s, const char *path, int status)
{
    char text[64];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    script_text(s, text);
    s->want[s->count].status = status;
    s->want[s->count++].body_len = 0; /* not checked */
}

static script script_new(bool deadly)
{
    script s = {.bytes = px_memory_alloc(SCRIPT_BYTES)};
    for (uint32_t count = 1 + pick(REQUESTS_MAX); s.count < count;) {
        if (pick(3) > 0)
            add_post(&s, pick(5) == 0);
        else if (!deadly || pick(2) == 0)
            add_get(&s, pick(4) == 0 ? "/early" : "/", 0);
        else
            add_get(&s, pick(2) == 0 ? "/die" : "/half", 0);
    }
    return s;
}

/* Takes one answer from the front of bytes; gives its body. False: there is none. */
static bool next_answer(px_slice *bytes, int *status, uint8_t *body, size_t *body_len)
{
    static px_header headers[PX_MAX_HEADERS];
    px_response_head_in head;
    px_parse_error error;
    size_t scanned = 0, len = px_h1_find_end(*bytes, &scanned);
    if (len == 0 ||
        px_h1_parse_response(px_slice_from(bytes->data, len), headers, &head, &error) != PX_PARSE_DONE)
        return false;
    *status = head.status;
    *body_len = 0;
    *bytes = px_slice_from(bytes->data + len, bytes->len - len);
    if (head.body >= 0) {
        if (bytes->len < (size_t)head.body)
            return false;
        memcpy(body, bytes->data, (size_t)head.body);
        *body_len = (size_t)head.body;
        *bytes = px_slice_from(bytes->data + head.body, bytes->len - (size_t)head.body);
        return true;
    }
    px_chunked decoder;
    px_chunked_init(&decoder);
    for (px_parse result = PX_PARSE_MORE; result != PX_PARSE_DONE;) {
        px_slice data;
        if (bytes->len == 0)
            return false;
        result = px_chunked_decode(&decoder, bytes, &data, &error);
        if (result == PX_PARSE_BAD)
            return false;
        memcpy(body + *body_len, data.data, data.len);
        *body_len += data.len;
    }
    return true;
}

static void check_answers(const script *s, px_slice bytes)
{
    static uint8_t body[SCRIPT_BYTES];
    for (uint32_t i = 0; i < s->count; i++) {
        int status;
        size_t len;
        REQUIRE(next_answer(&bytes, &status, body, &len));
        if (s->want[i].status == 0)
            continue;
        CHECK_INT(status, s->want[i].status);
        CHECK_INT(len, s->want[i].body_len);
        for (size_t at = 0; at < len; at++)
            if (body[at] != (uint8_t)(s->want[i].seed + at % 251)) {
                CHECK(!"the body is what was sent");
                return;
            }
    }
    CHECK_INT(bytes.len, 0);
}

/* ---- the tests ---- */

static void begin(uint64_t seed)
{
    random_state = seed;
    settings = harness_settings();
    loop = harness_open();
    front.loop = back.loop = loop;
    idle_count = 0;
}

static void end(void)
{
    while (idle_count > 0)
        px_h1_client_close(&idle[--idle_count]);
    settle(loop, NULL);
    px_h1_server_drain(loop, NULL, true);
    settle(loop, NULL);
    CHECK_INT(px_h1_server_live(), 0);
    CHECK_INT(px_h1_client_live(), 0);
    CHECK_INT(open_connections, 0);
    CHECK_INT(front.references + back.references, 2);
    harness_close(&loop);
}

static far_end open_client(void)
{
    int near;
    far_end far = far_end_open(&near, false, pick(3) == 0);
    px_address address = {.len = 0};
    address.any.sa_family = AF_UNIX;
    px_h1_server_accept(loop, &front, near, &address, &proxy_conf, 1);
    return far;
}

/* One step of a client: writes some, perhaps reads. */
static void step(far_end *far, script *s)
{
    if (s->written < s->len && pick(3) > 0) {
        size_t len = pick(8) == 0 ? 1 + pick(40) : 1 + pick(40000);
        if (len > s->len - s->written)
            len = s->len - s->written;
        s->written += far_end_write(far, s->bytes + s->written, len);
    }
    if (pick(3) > 0)
        far_end_read(far);
}

#define CLIENTS 4

TEST(all_is_echoed,
     "what clients send comes back unchanged and in order, however it is cut and whoever stalls")
{
    reuses = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        begin(seed);
        far_end far[CLIENTS];
        script scripts[CLIENTS];
        for (int i = 0; i < CLIENTS; i++) {
            far[i] = open_client();
            scripts[i] = script_new(false);
        }
        for (int turns = 0; turns < 3000; turns++) {
            for (int i = 0; i < CLIENTS; i++)
                step(&far[i], &scripts[i]);
            px_loop_run(loop, 0);
        }
        for (int i = 0; i < CLIENTS; i++) {
            for (int turns = 0; scripts[i].written < scripts[i].len && turns < 10000; turns++) {
                step(&far[i], &scripts[i]);
                px_loop_run(loop, 0);
            }
        }
        settle(loop, &far[0], &far[1], &far[2], &far[3], NULL);
        for (int i = 0; i < CLIENTS; i++) {
            check_answers(&scripts[i], far_end_view(&far[i]));
            free(scripts[i].bytes);
            far_end_close(&far[i]);
        }
        end();
    }
    CHECK(reuses > 100);
}

TEST(everybody_dies, "clients and origins that die at any moment leave nothing behind")
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        begin(seed * 7919);
        far_end far[CLIENTS];
        script scripts[CLIENTS];
        for (int i = 0; i < CLIENTS; i++) {
            far[i] = open_client();
            scripts[i] = script_new(true);
        }
        for (int turns = 0; turns < 300; turns++) {
            for (int i = 0; i < CLIENTS; i++) {
                if (far[i].fd < 0)
                    continue;
                step(&far[i], &scripts[i]);
                if (pick(80) == 0)
                    shutdown(far[i].fd, SHUT_WR);
                if (pick(80) == 0)
                    far_end_close(&far[i]);
            }
            px_loop_run(loop, 0);
            if (pick(100) == 0)
                px_h1_server_drain(loop, pick(2) == 0 ? &front : &back, pick(2) == 0);
        }
        for (int i = 0; i < CLIENTS; i++) {
            far_end_close(&far[i]);
            free(scripts[i].bytes);
        }
        settle(loop, NULL);
        end();
    }
}
