/* proxy_force_ranges: one range of an upstream's answer, cut out here, whatever the upstream knows of ranges. The
 * rest of the answer is read and left. As nginx, which then takes one range only. */
#include "http/date.h"
#include "proxy/conditions.h"
#include "proxy/handler_proxy.h"
#include "proxy/range.h"

typedef struct cutter {
    px_filter filter; /* first */
    px_range range;
    int64_t at; /* bytes of the whole body that have passed */
} cutter;

static void cut_head(px_filter *self, px_request *r)
{
    px_filter_head(self->next, r);
}

static void cut_body(px_filter *self, px_request *r, px_piece *pieces, uint32_t count, bool last)
{
    cutter *cut = (cutter *)(void *)self;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        px_piece piece = pieces[i];
        int64_t at = cut->at;
        cut->at += (int64_t)piece.len;
        if (px_range_cut(cut->range, at, &piece))
            pieces[kept++] = piece;
    }
    if (kept > 0 || last)
        px_filter_body(self->next, r, pieces, kept, last);
}

static px_slice header_of(const px_proxy *proxy, px_header_id id)
{
    for (uint32_t i = 0; i < proxy->header_count; i++)
        if (proxy->headers[i].id == id)
            return proxy->headers[i].value;
    return px_slice_from(NULL, 0);
}

static void send_part(px_request *r, px_range range)
{
    cutter *cut = px_arena_zalloc(&r->arena, sizeof *cut);
    *cut = (cutter){.filter = {cut_head, cut_body, r->filters}, .range = range};
    px_answer_add(r, PX_HEADER_CONTENT_RANGE, PX_SLICE("Content-Range"),
                  px_range_field(&r->arena, &range, r->answer.content_length));
    r->answer.status = 206;
    r->answer.reason = px_slice_from(NULL, 0);
    r->answer.content_length = range.end - range.start;
    r->filters = &cut->filter;
}

bool px_proxy_cut_range(px_proxy *proxy)
{
    px_request *r = proxy->request;
    px_slice field = px_request_header(r, PX_HEADER_RANGE);
    int64_t length = r->answer.content_length;
    px_ranges ranges;
    px_answer_remove(&r->answer, PX_HEADER_ACCEPT_RANGES); /* what the upstream says is no longer true */
    if (r->answer.status != 200 || length < 0 || r->settings->plan->max_ranges == 0)
        return true;
    px_range_result wanted = PX_RANGE_WHOLE;
    if (field.data != NULL &&
        !px_conditions_forbid_range(r, px_date_parse(header_of(proxy, PX_HEADER_LAST_MODIFIED)),
                                    header_of(proxy, PX_HEADER_ETAG)))
        wanted = px_range_parse(field, length, 1, &r->arena, &ranges);
    if (wanted == PX_RANGE_NOT_SATISFIABLE) {
        px_request_carry(r, PX_HEADER_CONTENT_RANGE, PX_SLICE("Content-Range"),
                         px_range_field(&r->arena, NULL, length));
        px_request_fail(r, 416, PX_REASON_RANGE_NOT_SATISFIABLE);
        return false;
    }
    if (wanted == PX_RANGE_PARTIAL && ranges.count == 1)
        send_part(r, ranges.items[0]);
    else
        px_answer_add(r, PX_HEADER_ACCEPT_RANGES, PX_SLICE("Accept-Ranges"), PX_SLICE("bytes"));
    return true;
}
