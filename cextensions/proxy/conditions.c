/* See conditions.h. */
#include "proxy/conditions.h"

#include "http/date.h"

typedef enum condition {
    GO_ON,
    NOT_MODIFIED, /* 304 */
    FAILED        /* 412 */
} condition;

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

bool px_etag_listed(px_slice list, px_slice etag, bool weak)
{
    const uint8_t *at = list.data, *end = list.data + list.len;
    if (weak && etag.len > 2 && etag.data[0] == 'W' && etag.data[1] == '/')
        etag = px_slice_from(etag.data + 2, etag.len - 2);
    while (at < end) {
        if (weak && end - at > 2 && at[0] == 'W' && at[1] == '/')
            at += 2;
        if (etag.len > (size_t)(end - at))
            return false;
        if (memcmp(at, etag.data, etag.len) == 0) {
            at += etag.len;
            while (at < end && is_blank(*at))
                at++;
            if (at == end || *at == ',')
                return true;
        }
        while (at < end && *at != ',')
            at++;
        while (at < end && (is_blank(*at) || *at == ','))
            at++;
    }
    return false;
}

static bool matches(px_slice field, px_slice etag, bool weak)
{
    if (field.len == 1 && field.data[0] == '*')
        return true;
    return etag.data != NULL && px_etag_listed(field, etag, weak);
}

static bool unmodified_since(px_slice field, int64_t modified)
{
    return modified != PX_DATE_NONE && px_date_parse(field) >= modified;
}

static bool modified_since(const px_request *r, px_slice field, int64_t modified)
{
    int64_t rule = r->settings->plan->if_modified_since;
    if (modified == PX_DATE_NONE || rule == PX_IF_MODIFIED_SINCE_OFF)
        return true;
    int64_t since = px_date_parse(field);
    if (since == PX_DATE_NONE)
        return true;
    return since != modified && (rule == PX_IF_MODIFIED_SINCE_EXACT || since < modified);
}

static condition test(const px_request *r, int64_t modified, px_slice etag)
{
    px_slice unmodified = px_request_header(r, PX_HEADER_IF_UNMODIFIED_SINCE);
    px_slice match = px_request_header(r, PX_HEADER_IF_MATCH);
    px_slice since = px_request_header(r, PX_HEADER_IF_MODIFIED_SINCE);
    px_slice none_match = px_request_header(r, PX_HEADER_IF_NONE_MATCH);
    if (unmodified.data != NULL && !unmodified_since(unmodified, modified))
        return FAILED;
    if (match.data != NULL && !matches(match, etag, false))
        return FAILED;
    if (since.data == NULL && none_match.data == NULL)
        return GO_ON;
    if (since.data != NULL && modified_since(r, since, modified))
        return GO_ON;
    if (none_match.data != NULL && !matches(none_match, etag, true))
        return GO_ON;
    return NOT_MODIFIED;
}

static px_step send_not_modified(px_request *r)
{
    r->answer.status = 304;
    r->answer.content_length = -1;
    r->no_body = true;
    px_answer_remove(&r->answer, PX_HEADER_CONTENT_TYPE);
    px_request_send_head(r);
    px_request_send_body(r, NULL, 0, true);
    return PX_STEP_ANSWERED;
}

px_step px_conditions_answer(px_request *r, int64_t modified, px_slice etag)
{
    switch (r->answer.status == 200 ? test(r, modified, etag) : GO_ON) {
    case NOT_MODIFIED:
        return send_not_modified(r);
    case FAILED:
        return px_request_fail(r, 412, PX_REASON_PRECONDITION_FAILED);
    default:
        return PX_STEP_NEXT;
    }
}

/* False: add_header leaves this field alone. */
static bool is_replaced(px_request *r, px_header_id id, px_slice *value)
{
    bool replaced = false;
    for (uint32_t i = 0; i < r->settings->add_header_count; i++) {
        const px_add_header *header = &r->settings->add_headers[i];
        if (header->id != id)
            continue;
        *value = px_template_value(&header->value, r);
        if (value->len == 0)
            value->data = NULL;
        replaced = true;
    }
    return replaced;
}

bool px_conditions_forbid_range(px_request *r, int64_t modified, px_slice etag)
{
    px_slice field = px_request_header(r, PX_HEADER_IF_RANGE);
    px_slice date;
    if (field.data == NULL)
        return false;
    if (field.len >= 2 && field.data[field.len - 1] == '"') {
        is_replaced(r, PX_HEADER_ETAG, &etag);
        return etag.data == NULL || !px_slice_equal(field, etag);
    }
    if (is_replaced(r, PX_HEADER_LAST_MODIFIED, &date))
        modified = px_date_parse(date);
    return modified == PX_DATE_NONE || px_date_parse(field) != modified;
}
