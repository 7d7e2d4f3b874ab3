/* See proxy_rules.h: Location and Refresh of an answer, by proxy_redirect. */
#include "proxy/proxy_rules.h"
#include "proxy/request.h"

static bool begins(px_slice text, px_slice prefix)
{
    return text.len >= prefix.len && (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

px_slice px_rewrite_join(px_request *r, px_slice first, px_slice rest)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, first.len + rest.len + 1);
    px_buffer_slice(&text, first);
    px_buffer_slice(&text, rest);
    return px_buffer_view(&text);
}

/* What comes in the place of a part of a field: it stays in its line. */
px_slice px_rewrite_replacement(px_request *r, const px_rewrite_rule *rule)
{
    return px_request_one_line(r, px_template_value(&rule->replacement, r));
}

bool px_rewrite_by_regex(px_request *r, const px_rewrite_rule *rule, px_slice *text)
{
    if (px_regex_match(r, rule->regex, *text) != PX_MATCH_YES)
        return false;
    *text = px_rewrite_join(r, px_rewrite_replacement(r, rule), PX_SLICE(""));
    return true;
}

bool px_rewrite_beginning(px_request *r, const px_rewrite_rule *rule, px_slice *text)
{
    if (rule->regex != NULL)
        return px_rewrite_by_regex(r, rule, text);
    px_slice pattern = px_template_value(&rule->pattern, r);
    if (!begins(*text, pattern))
        return false;
    *text = px_rewrite_join(r, px_rewrite_replacement(r, rule),
                            px_slice_from(text->data + pattern.len, text->len - pattern.len));
    return true;
}

/* proxy_redirect default: what proxy_pass says is what clients know by the location's name. */
static bool by_default(px_request *r, px_slice *url)
{
    const px_location *location = r->location;
    px_slice from = location->redirect_from;
    if (from.len == 0 || !begins(*url, from))
        return false;
    *url =
        px_rewrite_join(r, location->redirect_to, px_slice_from(url->data + from.len, url->len - from.len));
    return true;
}

/* The first rule that fits. */
static bool rewrite(px_request *r, px_slice *url)
{
    const px_proxy_rules *rules = r->settings->proxy;
    for (uint32_t i = 0; i < rules->redirect_count; i++) {
        const px_rewrite_rule *rule = &rules->redirects[i];
        if (rule->by_default ? by_default(r, url) : px_rewrite_beginning(r, rule, url))
            return true;
    }
    return false;
}

px_slice px_proxy_location(px_request *r, px_slice value)
{
    px_slice url = value;
    if (!rewrite(r, &url))
        return value;
    if (url.len == 0 || url.data[0] != '/')
        return url;
    px_buffer text; /* as for any Location that is made here */
    px_buffer_init(&text, &r->arena, url.len + r->host.len + 24);
    px_request_put_origin(r, &text);
    px_buffer_slice(&text, url);
    return px_buffer_view(&text);
}

/* "Refresh: 0; url=http://..." */
px_slice px_proxy_refresh(px_request *r, px_slice value)
{
    for (size_t i = 0; i + 4 <= value.len; i++) {
        if (!px_slice_equal_caseless(px_slice_from(value.data + i, 4), PX_SLICE("url=")))
            continue;
        px_slice url = {value.data + i + 4, value.len - i - 4};
        return rewrite(r, &url) ? px_rewrite_join(r, px_slice_from(value.data, i + 4), url) : value;
    }
    return value;
}
