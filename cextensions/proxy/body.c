/* See body.h. */
#include "proxy/body.h"

#include "proxy/request.h"

#define READ_BYTES 65536
#define GATHER_BYTES 4096

/* ---- the pieces that are held ---- */

static void release_held(px_body *body)
{
    for (uint32_t i = 0; i < body->held_count; i++)
        px_piece_release(&body->held[i]);
    body->held_count = 0;
    body->held_bytes = 0;
    px_block_release(&body->gather);
}

static void on_clear(void *argument)
{
    release_held(argument);
}

px_body *px_body_of(px_request *r)
{
    if (r->body == NULL) {
        r->body = px_arena_zalloc(&r->arena, sizeof *r->body);
        r->body->whole = r->head.body == 0;
        if (!r->body->whole)
            px_arena_on_clear(&r->arena, on_clear, r->body);
    }
    return r->body;
}

static px_piece *new_held(px_request *r, px_body *body)
{
    if (body->held_count == body->held_capacity) {
        uint32_t capacity = body->held_capacity == 0 ? 4 : body->held_capacity * 2;
        px_piece *held = px_arena_alloc(&r->arena, capacity * sizeof *held);
        if (body->held_count > 0)
            memcpy(held, body->held, body->held_count * sizeof *held);
        body->held = held;
        body->held_capacity = capacity;
    }
    return &body->held[body->held_count++];
}

/* Small pieces are copied together, so that a client that sends byte by byte does not make us hold a block
 * for each. */
static void hold_copy(px_request *r, px_body *body, const px_piece *piece)
{
    const uint8_t *data = piece->data;
    size_t left = piece->len;
    while (left > 0) {
        if (body->gather == NULL || body->gather_used == body->gather->size) {
            px_block_release(&body->gather);
            body->gather = px_block_take(GATHER_BYTES);
            body->gather_used = 0;
            *new_held(r, body) = (px_piece){body->gather->data, 0, px_block_ref(body->gather)};
        }
        size_t room = body->gather->size - body->gather_used;
        size_t n = left < room ? left : room;
        memcpy(body->gather->data + body->gather_used, data, n);
        body->held[body->held_count - 1].len += n;
        body->gather_used += (uint32_t)n;
        data += n;
        left -= n;
    }
}

/* Keeps a reference of its own. */
static void hold(px_request *r, px_body *body, const px_piece *piece)
{
    body->held_bytes += piece->len;
    if (piece->owner == NULL || piece->len < piece->owner->size / 4) {
        hold_copy(r, body, piece);
        return;
    }
    px_block_release(&body->gather);
    *new_held(r, body) = (px_piece){piece->data, piece->len, px_block_ref(piece->owner)};
}

/* ---- reading ---- */

void px_body_ask(px_request *r)
{
    px_body *body = px_body_of(r);
    if (body->asked || body->whole)
        return;
    body->asked = true;
    r->stream->ops->read_body(r->stream, READ_BYTES);
}

void px_body_leave(px_request *r)
{
    r->body = NULL;
    r->head.body = 0;
    r->body_left = true;
}

static size_t bytes_of(const px_piece *pieces, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += pieces[i].len;
    return bytes;
}

bool px_body_came(px_request *r, const px_piece *pieces, uint32_t count, bool last)
{
    px_body *body = px_body_of(r);
    int64_t most = r->settings->plan->client_max_body_size;
    body->asked = false;
    body->whole = last;
    body->bytes += bytes_of(pieces, count);
    if (most <= 0 || body->bytes <= (uint64_t)most)
        return true;
    r->reason = PX_REASON_BODY_TOO_LARGE;
    px_request_log(r, PX_LOG_ERROR, "client intended to send too large chunked body: %llu bytes",
                   (unsigned long long)body->bytes);
    body->lost = true;
    px_request_fail(r, 413, PX_REASON_BODY_TOO_LARGE);
    return false;
}

void px_body_set_aside(px_request *r, const px_piece *pieces, uint32_t count, bool last)
{
    px_body *body = r->body;
    body->asked = false;
    body->whole = last;
    body->bytes += bytes_of(pieces, count);
    px_body_remember(r, pieces, count);
    if (body->lost)
        px_body_leave(r);
}

/* ---- keeping ---- */

/* nginx: a body whose length is known may be a quarter larger. */
static size_t memory_limit(const px_request *r)
{
    size_t buffer = r->settings->body_buffer;
    bool fits = r->head.body > 0 && (uint64_t)r->head.body <= (uint64_t)buffer + buffer / 4;
    return fits ? (size_t)r->head.body : buffer;
}

static bool open_spool(px_request *r, px_body *body)
{
    const px_plan_settings *plan = r->settings->plan;
    bool only = plan->client_body_in_file_only != PX_IN_FILE_OFF;
    const px_spool_kind kind = {
        .told = "a client request body is buffered to a temporary file",
        .while_what = "",
        .level = only ? PX_LOG_NOTICE : PX_LOG_WARN,
        .named = only,
        .removed = plan->client_body_in_file_only == PX_IN_FILE_CLEAN,
    };
    return px_spool_open(&body->spool, r, plan->client_body_temp_path, &kind);
}

static bool spool_held(px_request *r, px_body *body)
{
    bool written = (body->spool.file != NULL || open_spool(r, body)) &&
                   px_spool_write(&body->spool, r, body->held, body->held_count);
    release_held(body);
    if (!written) {
        body->lost = true;
        px_request_fail(r, 500, PX_REASON_TEMP_FILE_FAILED);
    }
    return written;
}

bool px_body_keep(px_request *r, px_piece *pieces, uint32_t count)
{
    px_body *body = px_body_of(r);
    for (uint32_t i = 0; i < count; i++) {
        hold(r, body, &pieces[i]);
        px_piece_release(&pieces[i]);
    }
    bool to_file = body->spool.file != NULL || r->settings->plan->client_body_in_file_only != PX_IN_FILE_OFF;
    if (body->held_bytes > memory_limit(r) || (to_file && body->whole))
        return spool_held(r, body);
    return true;
}

bool px_body_keep_nothing(px_request *r)
{
    return spool_held(r, px_body_of(r));
}

void px_body_remember(px_request *r, const px_piece *pieces, uint32_t count)
{
    px_body *body = px_body_of(r);
    if (body->lost || body->spool.file != NULL)
        return;
    if (body->held_bytes + bytes_of(pieces, count) <= r->settings->body_buffer) {
        for (uint32_t i = 0; i < count; i++)
            hold(r, body, &pieces[i]);
    } else {
        body->lost = true;
        release_held(body);
    }
}

uint32_t px_body_pieces(px_body *body, uint32_t *at, px_piece *pieces, uint32_t max)
{
    uint32_t n = 0;
    if (body->spool.file != NULL && px_body_has(body, *at)) {
        pieces[n++] = px_spool_piece(&body->spool, 0, (size_t)body->spool.bytes);
        ++*at;
    }
    for (; body->spool.file == NULL && n < max && *at < body->held_count; n++, ++*at) {
        pieces[n] = body->held[*at];
        px_block_ref(pieces[n].owner);
    }
    return n;
}
