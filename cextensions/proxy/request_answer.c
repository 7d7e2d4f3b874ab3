/* See request.h: the answer, from a Handler through the filters to the Stream. */
#include "http/date.h"
#include "proxy/conditions.h"
#include "proxy/debug.h"

#define FRONT 3 /* Server, Date and Content-Type stand before a Handler's fields */
#define EXPIRES_ROOM 2

static void add_carried(px_request *r, const px_header *header)
{
    if (header->id == PX_HEADER_CONTENT_TYPE)
        px_answer_content_type(r, header->value);
    else
        px_answer_add(r, (px_header_id)header->id, header->name, header->value);
}

void px_answer_begin(px_request *r, int status, uint32_t room)
{
    px_answer *answer = &r->answer;
    bool close = answer->close;
    uint32_t capacity = room + r->settings->add_header_count + r->carried_count + EXPIRES_ROOM;
    if (r->error_status != 0)
        status = r->error_status;
    px_header *headers = px_arena_alloc(&r->arena, (FRONT + capacity) * sizeof *headers);
    *answer = (px_answer){.status = status,
                          .headers = headers + FRONT,
                          .capacity = capacity,
                          .content_length = -1,
                          .close = close};
    r->no_body = r->head.method == PX_METHOD_HEAD || status == 204 || status == 304;
    for (uint32_t i = 0; i < r->carried_count; i++)
        add_carried(r, &r->carried[i]);
}

void px_request_carry(px_request *r, px_header_id id, px_slice name, px_slice value)
{
    if (r->carried_count == r->carried_capacity) {
        uint32_t capacity = r->carried_capacity * 2 + 4;
        px_header *carried = px_arena_alloc(&r->arena, capacity * sizeof *carried);
        if (r->carried_count > 0)
            memcpy(carried, r->carried, r->carried_count * sizeof *carried);
        r->carried = carried;
        r->carried_capacity = capacity;
    }
    r->carried[r->carried_count++] = (px_header){name, value, (uint16_t)id};
}

void px_answer_remove(px_answer *answer, uint16_t id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < answer->count; i++)
        if (answer->headers[i].id != id)
            answer->headers[kept++] = answer->headers[i];
    answer->count = kept;
    if (id == PX_HEADER_CONTENT_TYPE)
        answer->has_type = false;
}

static void grow_answer(px_request *r)
{
    px_answer *answer = &r->answer;
    uint32_t capacity = answer->capacity * 2 + 4;
    px_header *headers = px_arena_alloc(&r->arena, (FRONT + capacity) * sizeof *headers);
    memcpy(headers + FRONT, answer->headers, answer->count * sizeof *headers);
    answer->headers = headers + FRONT;
    answer->capacity = capacity;
}

void px_answer_add(px_request *r, px_header_id id, px_slice name, px_slice value)
{
    px_answer *answer = &r->answer;
    if (answer->count == answer->capacity)
        grow_answer(r);
    answer->headers[answer->count++] = (px_header){name, value, (uint16_t)id};
}

void px_answer_content_type(px_request *r, px_slice value)
{
    px_answer *answer = &r->answer;
    if (!answer->has_type) { /* a peer may send several; the last one counts */
        answer->headers--;
        answer->capacity++;
        answer->count++;
        answer->has_type = true;
    }
    answer->headers[0] = (px_header){PX_SLICE("Content-Type"), value, PX_HEADER_CONTENT_TYPE};
}

void px_request_send_head(px_request *r)
{
    px_debug_answer(r);
    r->head_sent = true;
    px_filter_head(r->filters, r);
}

void px_request_send_body(px_request *r, px_piece *pieces, uint32_t count, bool last)
{
    px_request_debug(r, "answer body: %u pieces%s", count, last ? ", the last" : "");
    if (last)
        r->last_sent = true;
    px_filter_body(r->filters, r, pieces, count, last);
}

px_step px_request_send_whole(px_request *r, px_slice body)
{
    px_step step = px_conditions_answer(r, PX_DATE_NONE, px_slice_from(NULL, 0));
    if (step != PX_STEP_NEXT)
        return step;
    r->answer.content_length = (int64_t)body.len;
    px_request_send_head(r);
    px_piece piece = {body.data, body.len, NULL};
    px_request_send_body(r, &piece, body.len > 0 ? 1 : 0, true);
    return PX_STEP_ANSWERED;
}

void px_request_truncate(px_request *r)
{
    px_request_end_handler(r);
    r->stream->ops->truncate(r->stream);
}
