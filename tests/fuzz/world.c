#include "world.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "engine_private.h"
#include "generated/plan_kinds.h"
#include "main_segments.h"

#define RECORD_HEAD 4u
#define DESCRIPTORS_MOST 64u

bool world_sound_answers = true;

static px_engine *engine;
static int null_fd, socket_fd;
static uint64_t blocks_at_rest;

static bool never(px_worker *worker)
{
    (void)worker;
    return false;
}

static void on_exit_close(void)
{
    px_engine_delete(&engine);
}

void world_open(void)
{
    if (engine != NULL)
        return;
    px_engine_error error = {""};
    engine = px_engine_new(0, px_main_ledgers(), px_main_peers(), &error);
    HOLDS(engine != NULL);
    engine->worker.may_connect = never;
    null_fd = open("/dev/null", O_WRONLY);
    socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    HOLDS(null_fd >= 0 && socket_fd >= 0);
    px_log_main = (px_log){0};
    px_loop_run(engine->worker.loop, 0); /* reads the clock */
    blocks_at_rest = px_block_live();
    atexit(on_exit_close);
}

px_worker *world_worker(void)
{
    return &engine->worker;
}

/* ---- Plans ---- */

typedef struct record {
    unsigned kind;
    uint8_t digest[PX_PLAN_DIGEST_BYTES];
    px_slice body;
} record;

/* Takes the next record from the front; what is too short is as long as it is. False: there is none. */
static bool next_record(px_slice *rest, record *out)
{
    if (rest->len < RECORD_HEAD)
        return false;
    const uint8_t *at = rest->data;
    size_t len = (size_t)at[2] << 8 | at[3], most = rest->len - RECORD_HEAD;
    *out = (record){.kind = at[0] % PX_PLAN_KINDS, .digest = {at[1]}};
    out->body = px_slice_from(at + RECORD_HEAD, len < most ? len : most);
    *rest = px_slice_from(out->body.data + out->body.len, most - out->body.len);
    return true;
}

static void put_big_endian(px_buffer *out, uint64_t value, int bytes)
{
    while (bytes-- > 0)
        px_buffer_byte(out, (uint8_t)(value >> (8 * bytes)));
}

/* msgpack: bin 32, str 8, array 32, int 64. */
static void put_bytes(px_buffer *out, px_slice bytes)
{
    px_buffer_byte(out, 0xc6);
    put_big_endian(out, bytes.len, 4);
    px_buffer_slice(out, bytes);
}

static void put_text(px_buffer *out, const char *text)
{
    px_buffer_byte(out, 0xd9);
    px_buffer_byte(out, (uint8_t)strlen(text));
    px_buffer_append(out, text, strlen(text));
}

static void put_record(px_buffer *out, const record *r)
{
    px_buffer_byte(out, 0x93);
    put_text(out, px_plan_kind_table[r->kind].name);
    put_bytes(out, px_slice_from(r->digest, sizeof(r->digest)));
    put_bytes(out, r->body);
}

static px_slice write_plan(px_slice records, px_arena *arena)
{
    px_buffer out;
    record r;
    uint32_t count = 0;
    for (px_slice rest = records; next_record(&rest, &r);)
        count++;
    px_buffer_init(&out, arena, records.len * 2 + 64);
    px_buffer_byte(&out, 0x92);
    px_buffer_byte(&out, 0xd3);
    put_big_endian(&out, (uint64_t)PX_PLAN_LAYOUT, 8);
    px_buffer_byte(&out, 0xdd);
    put_big_endian(&out, count, 4);
    while (next_record(&records, &r))
        put_record(&out, &r);
    return px_buffer_view(&out);
}

static const void *on_resolve(void *self, const uint8_t digest[PX_PLAN_DIGEST_BYTES], int kind)
{
    (void)self;
    (void)kind;
    return digest; /* only keys and paths are looked at */
}

static px_slice key_of_log(px_slice path, px_arena *arena)
{
    px_buffer key;
    px_buffer_init(&key, arena, path.len + 4);
    px_buffer_literal(&key, "log:");
    px_buffer_slice(&key, path);
    return px_buffer_view(&key);
}

static uint32_t find_descriptors(px_slice records, px_arena *arena, px_descriptor *out)
{
    record r;
    uint32_t count = 0;
    while (count < DESCRIPTORS_MOST && next_record(&records, &r)) {
        px_plan_reader in;
        px_plan_reader_init(&in, r.body, arena, on_resolve, NULL);
        if (r.kind == PX_PLAN_LOG_FILE) {
            px_plan_log_file *log = px_arena_zalloc(arena, sizeof(*log));
            if (px_plan_read_log_file(&in, log))
                out[count++] = (px_descriptor){key_of_log(log->path, arena), null_fd};
        } else if (r.kind == PX_PLAN_LISTEN) {
            px_plan_listen *listen = px_arena_zalloc(arena, sizeof(*listen));
            if (px_plan_read_listen(&in, listen))
                out[count++] = (px_descriptor){listen->key, socket_fd};
        }
    }
    return count;
}

px_generation *world_load(px_slice records)
{
    px_arena arena;
    px_descriptor descriptors[DESCRIPTORS_MOST];
    px_engine_error error = {""};
    px_arena_init(&arena, 16384);
    uint32_t count = find_descriptors(records, &arena, descriptors);
    px_slice plan = write_plan(records, &arena);
    px_generation *generation =
        px_generation_load(&engine->worker, plan, (px_descriptors){descriptors, count}, &error);
    HOLDS(memchr(error.text, '\0', sizeof(error.text)) != NULL);
    HOLDS((generation == NULL) == (error.text[0] != '\0'));
    px_arena_clear(&arena);
    return generation;
}

static px_generation *from_file;

static void on_exit_release(void)
{
    px_generation_release(&from_file);
    world_check_empty();
}

px_generation *world_load_file(const char *path)
{
    if (from_file != NULL)
        return from_file;
    FILE *file = fopen(path, "rb");
    HOLDS(file != NULL);
    static uint8_t bytes[65536];
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    from_file = world_load(px_slice_from(bytes, size));
    HOLDS(from_file != NULL && from_file->plan->listens.count > 0);
    atexit(on_exit_release);
    return from_file;
}

/* ---- the carrier ---- */

typedef struct exchange {
    px_stream stream; /* first */
    px_client client;
    px_listener listener;
    px_listening listening;
    int status;
    bool head_sent, last_sent, cut, over;
    size_t asked; /* bytes of body */
} exchange;

static bool is_plain(px_slice text)
{
    for (size_t at = 0; at < text.len; at++) {
        if (text.data[at] == '\r' || text.data[at] == '\n' || text.data[at] == '\0')
            return false;
    }
    return true;
}

static void check_head(const px_response_head *head)
{
    HOLDS(head->status >= (world_sound_answers ? 100 : 0) && head->status <= 999);
    for (uint32_t i = 0; i < head->header_count; i++) {
        bool plain = is_plain(head->headers[i].name) && is_plain(head->headers[i].value);
        HOLDS(plain || !world_sound_answers);
    }
}

static void on_send_informational(px_stream *stream, const px_response_head *head)
{
    (void)stream;
    check_head(head);
}

static void on_send_head(px_stream *stream, const px_response_head *head)
{
    exchange *e = (exchange *)stream;
    HOLDS(!e->head_sent && !e->over);
    check_head(head);
    e->head_sent = true;
    e->status = head->status;
}

static void on_send_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    exchange *e = (exchange *)stream;
    HOLDS(e->head_sent && !e->last_sent && !e->over);
    for (uint32_t i = 0; i < count; i++) {
        if (!px_piece_is_file(&pieces[i]))
            free(fuzz_copy(pieces[i].data, pieces[i].len)); /* every byte is read */
        stream->sent += pieces[i].len;
        px_piece_release(&pieces[i]);
    }
    e->last_sent = last;
}

static void on_send_trailers(px_stream *stream, const px_header *headers, uint32_t count)
{
    HOLDS(((exchange *)stream)->head_sent);
    for (uint32_t i = 0; i < count; i++) {
        free(fuzz_copy(headers[i].name.data, headers[i].name.len));
        free(fuzz_copy(headers[i].value.data, headers[i].value.len));
    }
}

static void on_read_body(px_stream *stream, size_t max_bytes)
{
    ((exchange *)stream)->asked = max_bytes;
}

static void on_reset(px_stream *stream)
{
    ((exchange *)stream)->over = true;
}

static void on_truncate(px_stream *stream)
{
    ((exchange *)stream)->cut = true;
}

static const px_stream_ops carrier = {
    .send_informational = on_send_informational,
    .send_head = on_send_head,
    .send_trailers = on_send_trailers,
    .send_body = on_send_body,
    .read_body = on_read_body,
    .reset = on_reset,
    .truncate = on_truncate,
};

static void begin(exchange *e, px_generation *generation, const px_listen *listen)
{
    e->listening = (px_listening){&engine->worker, generation, listen};
    e->listener = (px_listener){.loop = engine->worker.loop, .fd = socket_fd, .owner = &e->listening};
    e->client = (px_client){.number = 7, .requests = 1, .fd = socket_fd, .listener = &e->listener};
    e->client.address_text = PX_SLICE("192.0.2.7");
    e->client.address = (px_endpoint){.ip = {192, 0, 2, 7}, .ip_len = 4, .port = 54321};
    e->stream.ops = &carrier;
    e->stream.user = &px_request_stream_user;
    e->stream.client = &e->client;
    e->stream.loop = engine->worker.loop;
    e->stream.settings = &listen->settings->h1;
    e->stream.keepalive = true;
}

static void give_body(exchange *e, px_slice *body)
{
    size_t len = body->len < e->asked ? body->len : e->asked;
    px_piece piece = {body->data, len, NULL};
    *body = px_slice_from(body->data + len, body->len - len);
    e->asked = 0;
    e->stream.received += len;
    e->stream.user->on_body(&e->stream, &piece, len > 0, body->len == 0);
}

/* What the other side does until nothing more comes of it. */
static void finish(exchange *e, px_slice body, void (*before_end)(px_request *request, void *argument),
                   void *argument)
{
    while (!e->over && !e->last_sent && !e->cut && e->asked > 0)
        give_body(e, &body);
    if (e->over)
        return;
    if (before_end != NULL && e->stream.request != NULL)
        before_end(e->stream.request, argument);
    e->over = true;
    if (e->last_sent || e->cut)
        e->stream.user->on_done(&e->stream);
    else
        e->stream.user->on_abort(&e->stream, PX_ABORT_CLOSED);
}

int world_exchange(px_generation *generation, const px_listen *listen, px_slice head, px_slice body,
                   void (*before_end)(px_request *request, void *argument), void *argument)
{
    static px_header headers[PX_MAX_HEADERS];
    px_block *block = px_block_take(head.len);
    memcpy(block->data, head.data, head.len);
    px_request_head parsed;
    px_parse_error error = {0};
    exchange e = {.status = 0};
    if (px_h1_parse_request(px_slice_from(block->data, head.len), headers, &parsed, &error) ==
        PX_PARSE_DONE) {
        begin(&e, generation, listen);
        e.stream.body = parsed.body;
        e.stream.received = head.len;
        e.stream.user->on_request(&e.stream, &parsed, block);
        finish(&e, body, before_end, argument);
        HOLDS(e.stream.request == NULL || e.over);
    }
    px_block_release(&block);
    px_loop_run(engine->worker.loop, 0); /* what was put off to the end of the turn */
    return e.status;
}

void world_check_empty(void)
{
    HOLDS(engine->worker.objects.count == 0);
    HOLDS(engine->worker.requests == 0);
    HOLDS(px_list_empty(&engine->worker.files));
    HOLDS(px_regexes_count(engine->worker.regexes) == 0);
    HOLDS(px_block_live() == blocks_at_rest);
}
