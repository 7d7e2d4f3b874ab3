/* proxy_pass with variables: the URL is made for each request, taken apart, and what it names is looked for:
 * an upstream of the configuration, an address, or a name, for which nobody can be asked. */
#include "http/bytes.h"
#include "proxy/adhoc.h"
#include "proxy/handler_proxy.h"

#define DEFAULT_PORT 80

typedef struct url {
    px_slice whole;     /* behind "http://" */
    px_slice authority; /* host and port as written */
    px_slice host, port_text, uri;
    px_slice path; /* of a unix socket */
    int port;
} url;

/* ---- apart ---- */

static bool begins_caseless(px_slice text, px_slice prefix)
{
    return text.len >= prefix.len && px_slice_equal_caseless(px_slice_from(text.data, prefix.len), prefix);
}

static const uint8_t *find(px_slice text, uint8_t byte)
{
    return text.len > 0 ? memchr(text.data, byte, text.len) : NULL;
}

static px_slice behind(px_slice text, size_t n)
{
    return px_slice_from(text.data + n, text.len - n);
}

static px_slice until(px_slice text, const uint8_t *end)
{
    return end != NULL ? px_slice_from(text.data, (size_t)(end - text.data)) : text;
}

/* What is wrong, in nginx's words; NULL: nothing. */
static const char *read_port(url *u)
{
    u->port = 0;
    for (size_t i = 0; i < u->port_text.len; i++) {
        if (!px_byte_is_digit(u->port_text.data[i]) || i >= 5)
            return "invalid port";
        u->port = u->port * 10 + (u->port_text.data[i] - '0');
    }
    return u->port >= 1 && u->port <= UINT16_MAX ? NULL : "invalid port";
}

static const char *read_unix(url *u)
{
    px_slice rest = behind(u->whole, 5);
    const uint8_t *colon = find(rest, ':');
    u->path = until(rest, colon);
    if (colon != NULL)
        u->uri = behind(rest, u->path.len + 1);
    return u->path.len > 0 ? NULL : "no path in the unix domain socket";
}

static const char *read_host(url *u)
{
    const uint8_t *slash = find(u->whole, '/');
    u->authority = until(until(u->whole, slash), find(until(u->whole, slash), '?'));
    u->uri = behind(u->whole, u->authority.len);
    px_slice rest = u->authority;
    const uint8_t *bracket = rest.len > 0 && rest.data[0] == '[' ? find(rest, ']') : NULL;
    if (rest.len > 0 && rest.data[0] == '[' && bracket == NULL)
        return "invalid host";
    u->host = bracket != NULL ? until(rest, bracket + 1) : until(rest, find(rest, ':'));
    rest = behind(rest, u->host.len);
    if (u->host.len == 0)
        return "no host";
    if (rest.len == 0)
        return NULL;
    if (rest.data[0] != ':')
        return "invalid host";
    u->port_text = behind(rest, 1);
    return read_port(u);
}

/* ---- what it names ---- */

static px_slice with_port(px_request *r, const url *u)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, u->host.len + 8);
    px_buffer_slice(&text, u->host);
    px_buffer_byte(&text, ':');
    px_buffer_uint(&text, (uint64_t)u->port);
    return px_buffer_view(&text);
}

static void on_release(void *argument)
{
    px_adhoc *adhoc = argument;
    px_adhoc_release(&adhoc);
}

static px_upstream *by_address(px_request *r, px_slice name)
{
    px_address address;
    if (!px_address_parse(&address, name, 0))
        return NULL;
    px_adhoc *adhoc = px_adhoc_take(r->generation, name, &address);
    px_arena_on_clear(&r->arena, on_release, adhoc);
    return px_adhoc_upstream(adhoc);
}

/* NULL: it is a name that no upstream has. */
static px_upstream *find_upstream(px_request *r, const url *u)
{
    const px_root *root = r->generation->plan->runtime;
    const px_plan_upstream *found = NULL;
    px_slice name = u->path.len > 0 ? u->whole : with_port(r, u);
    if (u->path.len > 0)
        name.len = 5 + u->path.len;
    else if (u->port_text.len == 0)
        found = px_table_find(&root->named, u->host);
    if (found == NULL)
        found = px_table_find(&root->implicit, name);
    return found != NULL ? found->runtime : by_address(r, name);
}

/* $proxy_host and $proxy_port. */
static void set_names(px_proxy *proxy, const url *u)
{
    bool usual = u->port == DEFAULT_PORT;
    proxy->host = u->path.len > 0 ? PX_SLICE("localhost") : usual ? u->host : u->authority;
    proxy->port = u->path.len > 0 ? PX_SLICE("") : u->port_text.len == 0 ? PX_SLICE("80") : u->port_text;
}

/* The URI goes on as it was made, but for what would end a request line. */
static px_slice clean_uri(px_request *r, px_slice uri)
{
    px_buffer text;
    if (uri.data[0] != '?' && px_scan(uri.data, uri.data + uri.len, PX_BYTE_VISIBLE) == uri.data + uri.len)
        return uri;
    px_buffer_init(&text, &r->arena, uri.len + 16);
    if (uri.data[0] == '?')
        px_buffer_byte(&text, '/');
    px_proxy_put_visible(&text, uri);
    return px_buffer_view(&text);
}

/* ---- failures ---- */

static px_step fail(px_request *r, const char *what, px_slice where)
{
    px_slice shown = px_request_one_line(r, where);
    r->reason = PX_REASON_INVALID_UPSTREAM;
    px_request_log(r, PX_LOG_ERROR, "%s \"%.*s\"", what, PX_SLICE_ARGS(shown));
    return px_request_fail(r, 500, PX_REASON_INVALID_UPSTREAM);
}

static px_step fail_url(px_request *r, const char *what, px_slice where)
{
    px_slice shown = px_request_one_line(r, where);
    r->reason = PX_REASON_INVALID_UPSTREAM;
    px_request_log(r, PX_LOG_ERROR, "%s in upstream \"%.*s\"", what, PX_SLICE_ARGS(shown));
    return px_request_fail(r, 500, PX_REASON_INVALID_UPSTREAM);
}

static px_step fail_name(px_request *r, px_slice host)
{
    px_slice shown = px_request_one_line(r, host);
    r->reason = PX_REASON_RESOLVER_MISSING;
    px_request_log(r, PX_LOG_ERROR, "no resolver defined to resolve %.*s", PX_SLICE_ARGS(shown));
    return px_request_fail(r, 502, PX_REASON_RESOLVER_MISSING);
}

px_step px_proxy_find_target(px_proxy *proxy)
{
    px_request *r = proxy->request;
    px_slice made = px_template_value(r->location->proxy_url, r);
    url u = {.port = DEFAULT_PORT};
    if (begins_caseless(made, PX_SLICE("https://")))
        return fail(r, "https protocol requires SSL support in", made);
    if (made.len <= 7 || !begins_caseless(made, PX_SLICE("http://")))
        return fail(r, "invalid URL prefix in", made);
    u.whole = behind(made, 7);
    const char *wrong = begins_caseless(u.whole, PX_SLICE("unix:")) ? read_unix(&u) : read_host(&u);
    if (wrong != NULL)
        return fail_url(r, wrong, u.whole);
    set_names(proxy, &u);
    proxy->uri = u.uri.len > 0 ? clean_uri(r, u.uri) : px_proxy_make_uri(r);
    proxy->upstream = find_upstream(r, &u);
    if (proxy->upstream != NULL)
        return PX_STEP_NEXT;
    if (u.path.len == 0 && u.host.data[0] != '[')
        return fail_name(r, u.host);
    return fail_url(r, u.path.len > 0 ? "too long path in the unix domain socket" : "invalid IPv6 address",
                    u.whole);
}
