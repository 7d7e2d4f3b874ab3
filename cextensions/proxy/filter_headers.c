/* Server, Date, expires and add_header. Also the end of the chain: the writer that hands the answer to the Stream. */
#include "proxy/expires.h"
#include "proxy/rates.h"
#include "proxy/request.h"
#include "proxy/trailers.h"

bool px_status_is_usual(int status)
{
    switch (status) {
    case 200:
    case 201:
    case 204:
    case 206:
    case 301:
    case 302:
    case 303:
    case 304:
    case 307:
    case 308:
        return true;
    default:
        return false;
    }
}

/* nginx keeps one of each of these: add_header replaces it, and removes it where the value is empty. */
static bool replaces(uint16_t id)
{
    return id == PX_HEADER_LAST_MODIFIED || id == PX_HEADER_ETAG;
}

static void add_configured(px_request *r)
{
    const px_settings *settings = r->settings;
    bool usual = px_status_is_usual(r->answer.status);
    if (usual && settings->plan->expires->kind != PX_EXPIRES_OFF)
        px_expires_set(r);
    for (uint32_t i = 0; i < settings->add_header_count; i++) {
        const px_add_header *header = &settings->add_headers[i];
        if (!usual && !header->always)
            continue;
        px_slice value = px_request_one_line(r, px_template_value(&header->value, r));
        if (replaces(header->id))
            px_answer_remove(&r->answer, header->id);
        if (value.len > 0)
            px_answer_add(r, header->id, header->name, value);
    }
}

/* In front of what the Handler gave: px_answer_begin left room there. */
static void prepend(px_answer *answer, px_header_id id, px_slice name, px_slice value)
{
    answer->headers--;
    answer->capacity++;
    answer->count++;
    *answer->headers = (px_header){name, value, (uint16_t)id};
}

static void add_server(px_request *r)
{
    px_slice name = px_request_server_tokens(r);
    if (name.len > 0)
        prepend(&r->answer, PX_HEADER_SERVER, PX_SLICE("Server"), name);
}

static void headers_head(px_filter *self, px_request *r)
{
    px_clock_update(&r->worker->clock, r->worker->loop);
    if (!r->answer.has_date)
        prepend(&r->answer, PX_HEADER_DATE, PX_SLICE("Date"),
                px_arena_copy(&r->arena, px_clock_http(&r->worker->clock)));
    if (!r->answer.has_server)
        add_server(r);
    add_configured(r);
    px_trailers_announce(r);
    px_filter_head(self->next, r);
}

static void headers_body(px_filter *self, px_request *r, px_piece *pieces, uint32_t count, bool last)
{
    px_filter_body(self->next, r, pieces, count, last);
}

static void writer_head(px_filter *self, px_request *r)
{
    (void)self;
    const px_answer *answer = &r->answer;
    px_response_head head = {
        .status = answer->status,
        .reason = answer->reason,
        .headers = answer->headers,
        .header_count = answer->count,
        .content_length = answer->content_length,
        .close = answer->close,
        .upgrade = answer->upgrade,
    };
    px_rates_apply(r);
    r->stream->ops->send_head(r->stream, &head);
}

static void writer_body(px_filter *self, px_request *r, px_piece *pieces, uint32_t count, bool last)
{
    (void)self;
    if (!r->no_body) {
        if (last)
            px_trailers_send(r);
        r->stream->ops->send_body(r->stream, pieces, count, last);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        px_piece_release(&pieces[i]);
    if (last)
        r->stream->ops->send_body(r->stream, NULL, 0, true);
}

px_filter px_filter_headers = {headers_head, headers_body, &px_filter_writer};
px_filter px_filter_writer = {writer_head, writer_body, NULL};
