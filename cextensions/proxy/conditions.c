/* See handler_static.h: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range, as nginx
 * understands them. */
#include "http/date.h"
#include "proxy/handler_static.h"

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

px_condition px_conditions_test(const px_request *r, int64_t modified, px_slice etag)
{
    px_slice unmodified = px_request_header(r, PX_HEADER_IF_UNMODIFIED_SINCE);
    px_slice match = px_request_header(r, PX_HEADER_IF_MATCH);
    px_slice since = px_request_header(r, PX_HEADER_IF_MODIFIED_SINCE);
    px_slice none_match = px_request_header(r, PX_HEADER_IF_NONE_MATCH);
    if (unmodified.data != NULL && !unmodified_since(unmodified, modified))
        return PX_CONDITION_FAILED;
    if (match.data != NULL && !matches(match, etag, false))
        return PX_CONDITION_FAILED;
    if (since.data == NULL && none_match.data == NULL)
        return PX_CONDITION_GO_ON;
    if (since.data != NULL && modified_since(r, since, modified))
        return PX_CONDITION_GO_ON;
    if (none_match.data != NULL && !matches(none_match, etag, true))
        return PX_CONDITION_GO_ON;
    return PX_CONDITION_NOT_MODIFIED;
}

bool px_conditions_forbid_range(const px_request *r, int64_t modified, px_slice etag)
{
    px_slice field = px_request_header(r, PX_HEADER_IF_RANGE);
    if (field.data == NULL)
        return false;
    if (field.len >= 2 && field.data[field.len - 1] == '"')
        return etag.data == NULL || !px_slice_equal(field, etag);
    return modified == PX_DATE_NONE || px_date_parse(field) != modified;
}
