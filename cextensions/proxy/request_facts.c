/* See request.h: what is known of a Request. */
#include "proxy/request.h"

uint64_t px_request_bytes_sent(const px_request *r)
{
    return r->stream != NULL ? r->stream->sent : r->bytes_sent;
}

uint64_t px_request_body_bytes_sent(const px_request *r)
{
    uint64_t head = r->stream != NULL ? r->stream->head_bytes : r->answer_head_bytes;
    uint64_t sent = px_request_bytes_sent(r);
    return sent > head ? sent - head : 0;
}

uint64_t px_request_bytes_received(const px_request *r)
{
    return r->stream != NULL ? r->stream->received : r->bytes_received;
}

int px_request_status(const px_request *r)
{
    if (!r->head_sent && r->end_status != 0)
        return r->end_status;
    return !r->head_sent && r->error_status != 0 ? r->error_status : r->answer.status;
}

px_slice px_request_one_line(px_request *r, px_slice value)
{
    size_t i = 0;
    while (i < value.len && value.data[i] != '\r' && value.data[i] != '\n' && value.data[i] != 0)
        i++;
    if (i == value.len)
        return value;
    uint8_t *clean = px_arena_alloc(&r->arena, value.len);
    for (i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        clean[i] = c == '\r' || c == '\n' || c == 0 ? ' ' : c;
    }
    return px_slice_from(clean, value.len);
}

px_slice px_request_server_tokens(px_request *r)
{
    const px_template *text = &r->settings->server_tokens;
    px_slice value = px_template_value(text, r);
    return px_template_constant(text) ? value : px_request_one_line(r, value);
}

px_slice px_request_slot(const px_request *r, uint64_t slot)
{
    return slot < r->slot_count ? r->slots[slot] : px_slice_from(NULL, 0);
}

void px_request_set_slot(px_request *r, uint64_t slot, px_slice value)
{
    if (r->slots == NULL)
        px_request_make_slots(r);
    if (slot < r->slot_count)
        r->slots[slot] = value;
}

void px_request_make_slots(px_request *r)
{
    r->slot_count = (uint32_t)r->generation->plan->slots;
    r->slots = px_arena_zalloc(&r->arena, r->slot_count * sizeof *r->slots);
}

/* By the extension of the path, else default_type. */
px_slice px_request_media_type(const px_request *r)
{
    size_t dot = r->uri.len;
    while (dot > 0 && r->uri.data[dot - 1] != '.' && r->uri.data[dot - 1] != '/')
        dot--;
    if (dot > 2 && r->uri.data[dot - 1] == '.' && r->uri.data[dot - 2] != '/') { /* "/.css" has none */
        px_slice extension = px_slice_from(r->uri.data + dot, r->uri.len - dot);
        const px_slice *type = px_table_find(&r->settings->types->by_extension, extension);
        if (type != NULL)
            return *type;
    }
    return r->settings->plan->default_type;
}
