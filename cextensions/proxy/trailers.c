/* See trailers.h. */
#include "proxy/trailers.h"

/* ---- add_trailer ---- */

static px_slice value_of(px_request *r, const px_add_header *trailer)
{
    if (!trailer->always && !px_status_is_usual(r->answer.status))
        return PX_SLICE("");
    return px_request_one_line(r, px_template_value(&trailer->value, r));
}

/* What variables will make is not known yet, as in nginx. */
static bool may_have_any(const px_request *r)
{
    bool usual = px_status_is_usual(r->answer.status);
    for (uint32_t i = 0; i < r->settings->add_trailer_count; i++)
        if ((usual || r->settings->add_trailers[i].always) && r->settings->add_trailers[i].value.count > 0)
            return true;
    return false;
}

/* Who cannot be sent chunks is not sent trailers. */
void px_trailers_announce(px_request *r)
{
    if (r->settings->add_trailer_count == 0 || r->no_body || r->answer.upgrade || !may_have_any(r))
        return;
    if (r->head.minor_version >= 1 && r->settings->h1.chunked)
        r->answer.content_length = -1;
}

void px_trailers_send(px_request *r)
{
    const px_settings *settings = r->settings;
    px_answer *answer = &r->answer;
    uint32_t most = answer->trailer_count + settings->add_trailer_count;
    if (most == 0)
        return;
    px_header *all = px_arena_alloc(&r->arena, most * sizeof *all);
    uint32_t count = answer->trailer_count;
    if (count > 0)
        memcpy(all, answer->trailers, count * sizeof *all);
    for (uint32_t i = 0; i < settings->add_trailer_count; i++) {
        const px_add_header *trailer = &settings->add_trailers[i];
        px_slice value = value_of(r, trailer);
        if (value.len > 0)
            all[count++] = (px_header){trailer->name, value, trailer->id};
    }
    answer->trailers = all; /* what is sent, for $sent_trailer_* */
    answer->trailer_count = count;
    r->stream->ops->send_trailers(r->stream, all, count);
}

/* ---- a peer's ---- */

/* Fields that frame a message or say how it is to be read come too late behind it (RFC 9110 6.5.1). */
static const uint64_t never_behind = PX_HEADER_BIT(HOST) | PX_HEADER_BIT(CONTENT_TYPE) |
                                     PX_HEADER_BIT(CONTENT_ENCODING) | PX_HEADER_BIT(CONTENT_RANGE) |
                                     PX_HEADER_BIT(TRAILER);

static bool is_passed(const px_settings *settings, const px_header *field)
{
    if (field->id == PX_HEADER_OTHER)
        return px_table_find(&settings->answer_hidden_names, field->name) == NULL;
    return (((settings->answer_hidden | never_behind) >> field->id) & 1) == 0;
}

static uint32_t count_lines(px_slice text)
{
    uint32_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

/* The decoder took nothing but "name:value" CRLF. */
static px_header read_line(px_slice *text)
{
    const uint8_t *colon = memchr(text->data, ':', text->len);
    const uint8_t *end = memchr(text->data, '\r', text->len);
    px_header field = {.name = {text->data, (size_t)(colon - text->data)},
                       .value = px_header_trim(px_slice_from(colon + 1, (size_t)(end - colon - 1)))};
    field.id = (uint16_t)px_header_lookup(field.name);
    *text = px_slice_from(end + 2, text->len - (size_t)(end + 2 - text->data));
    return field;
}

void px_proxy_take_trailers(px_proxy *proxy)
{
    px_request *r = proxy->request;
    px_slice text = px_h1_client_trailers(proxy->client);
    if (text.len == 0)
        return;
    text = px_arena_copy(&r->arena, text);
    size_t bytes = count_lines(text) * sizeof(px_header);
    px_header *all = px_arena_alloc(&r->arena, bytes), *passed = px_arena_alloc(&r->arena, bytes);
    uint32_t count = 0;
    proxy->trailers = all;
    while (text.len > 0) {
        px_header *field = &all[proxy->trailer_count++];
        *field = read_line(&text);
        if (is_passed(r->settings, field))
            passed[count++] = *field;
    }
    r->answer.trailers = passed;
    r->answer.trailer_count = count;
}

/* ---- early hints ---- */

static bool is_wanted(px_request *r)
{
    const px_proxy_rules *rules = r->settings->proxy;
    for (uint32_t i = 0; i < rules->early_hint_count; i++) {
        px_slice value = px_template_value(&rules->early_hints[i], r);
        if (value.len > 1 || (value.len == 1 && value.data[0] != '0'))
            return true;
    }
    return false;
}

void px_proxy_on_informational(px_h1_client *client, const px_response_head_in *head)
{
    px_proxy *proxy = px_proxy_of(client);
    px_request *r = proxy->request;
    if (head->status != 103 || r->head_sent || r->settings->proxy->early_hint_count == 0 || !is_wanted(r))
        return;
    for (uint32_t i = 0; i < head->header_count; i++)
        proxy->hint_bytes += head->headers[i].name.len + head->headers[i].value.len + 4;
    if (proxy->hint_bytes > r->settings->limits.head_bytes) /* all of them together are as large as a head */
        return;
    px_response_head hints = {.status = 103, .content_length = -1};
    px_header *fields = px_arena_alloc(&r->arena, head->header_count * sizeof *fields);
    for (uint32_t i = 0; i < head->header_count; i++)
        if (!px_proxy_hides(r, head, &head->headers[i]))
            fields[hints.header_count++] = head->headers[i];
    hints.headers = fields;
    r->stream->ops->send_informational(r->stream, &hints);
}
