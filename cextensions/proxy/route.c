/* See route.h, and the steps "server" and "location". */
#include "proxy/body.h"
#include "proxy/route.h"

#include "proxy/debug.h"

/* ---- servers ---- */

/* The address of the local end as a Plan has it: an IPv4 client of an IPv6 socket came to an IPv4 address. */
static px_slice local_ip(int fd, px_address *address)
{
    address->len = sizeof address->local;
    if (getsockname(fd, &address->any, &address->len) < 0)
        return px_slice_from(NULL, 0);
    if (address->any.sa_family == AF_INET)
        return px_slice_from(&address->v4.sin_addr, 4);
    if (address->any.sa_family != AF_INET6)
        return px_slice_from(NULL, 0);
    if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
        return px_slice_from(address->v6.sin6_addr.s6_addr + 12, 4);
    return px_slice_from(&address->v6.sin6_addr, 16);
}

const px_names *px_route_names(const px_listen *listen, int fd)
{
    if (listen->address_count == 1)
        return listen->any;
    px_address address;
    px_slice ip = local_ip(fd, &address);
    for (uint32_t i = 0; i < listen->address_count; i++)
        if (ip.len > 0 && px_slice_equal(listen->addresses[i].plan->address, ip))
            return &listen->addresses[i];
    return listen->any;
}

const px_server *px_route_server(const px_names *names, px_slice host, px_request *request)
{
    const px_server *server = px_table_find(&names->exact, host);
    if (server == NULL)
        server = px_table_find_head(&names->heads, host);
    if (server == NULL)
        server = px_table_find_tail(&names->tails, host);
    if (server != NULL)
        return server;
    for (uint32_t i = 0; i < names->plan->regexes.count; i++) {
        const px_plan_server_regex *entry = &names->plan->regexes.items[i];
        if (host.len > 0 && px_regex_match(request, entry->regex, host) == PX_MATCH_YES)
            return entry->server->runtime;
    }
    return names->by_default;
}

px_step px_step_server(px_request *r)
{
    const px_names *names = px_route_names(r->listen, r->client->fd);
    r->server = px_route_server(names, r->host, r);
    r->settings = r->server->settings;
    r->stream->settings = &r->settings->h1;
    return PX_STEP_NEXT;
}

/* ---- locations ---- */

static bool begins(px_slice text, px_slice prefix)
{
    return text.len >= prefix.len && (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

/* The last entry that is not behind uri; NULL: all are. */
static const px_level_entry *last_before(const px_level *level, px_slice uri)
{
    uint32_t from = 0, to = level->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (px_route_compare(level->entries[middle].name, uri) <= 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from == 0 ? NULL : &level->entries[from - 1];
}

static bool redirects(const px_location *location)
{
    return location != NULL && location->plan->slash_redirect;
}

/* The entry that is uri with a "/" behind it and wants requests without it redirected. Between uri and uri/
 * in the order stand only names that begin with uri and go on with a byte below "/". */
static const px_location *find_redirect(const px_level *level, px_slice uri, const px_level_entry *before)
{
    const px_level_entry *end = level->entries + level->count;
    for (const px_level_entry *at = before == NULL ? level->entries : before + 1; at < end; at++) {
        if (!begins(at->name, uri) || at->name.data[uri.len] > '/')
            return NULL;
        if (at->name.len == uri.len + 1 && at->name.data[uri.len] == '/')
            return redirects(at->exact) ? at->exact : redirects(at->prefix) ? at->prefix : NULL;
    }
    return NULL;
}

static px_found find_path(const px_level *level, px_slice uri, const px_location **location)
{
    const px_level_entry *entry = last_before(level, uri);
    const px_level_entry *before = entry;
    if (entry != NULL && entry->name.len == uri.len && begins(uri, entry->name)) {
        *location = entry->exact != NULL ? entry->exact : entry->prefix;
        return entry->exact != NULL ? PX_FOUND_EXACT : PX_FOUND_PREFIX;
    }
    if (level->slash_redirects) {
        const px_location *redirect = find_redirect(level, uri, before);
        if (redirect != NULL) {
            *location = redirect;
            return PX_FOUND_REDIRECT;
        }
    }
    while (entry != NULL && (entry->prefix == NULL || !begins(uri, entry->name)))
        entry = entry->parent;
    if (entry == NULL)
        return PX_FOUND_NOT;
    *location = entry->prefix;
    return PX_FOUND_PREFIX;
}

px_found px_route_location(const px_level *level, px_slice uri, px_request *request,
                           const px_location **location)
{
    px_found found = find_path(level, uri, location);
    bool final = false;
    if (found == PX_FOUND_PREFIX) {
        final = (*location)->plan->kind == PX_LOCATION_PREFIX_FINAL;
        px_found inner = px_route_location(&(*location)->level, uri, request, location);
        if (inner == PX_FOUND_EXACT || inner == PX_FOUND_REDIRECT || inner == PX_FOUND_FAILED)
            return inner;
    }
    if (found == PX_FOUND_EXACT || found == PX_FOUND_REDIRECT || final)
        return found;
    for (uint32_t i = 0; i < level->regex_count; i++) {
        px_match match = px_regex_match(request, level->regexes[i]->plan->regex, uri);
        if (match == PX_MATCH_FAILED)
            return PX_FOUND_FAILED;
        if (match == PX_MATCH_NO)
            continue;
        *location = level->regexes[i];
        px_found inner = px_route_location(&(*location)->level, uri, request, location);
        return inner == PX_FOUND_REDIRECT || inner == PX_FOUND_FAILED ? inner : PX_FOUND_EXACT;
    }
    return found;
}

const px_location *px_route_named(const px_server *server, px_slice name)
{
    for (uint32_t i = 0; i < server->named_count; i++)
        if (px_slice_equal(server->named[i]->plan->name, name))
            return server->named[i];
    return NULL;
}

static px_step redirect_to_slash(px_request *r, const px_location *location)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, location->plan->name.len + r->args.len + 16);
    px_path_escape(&text, location->plan->name);
    if (r->args.len > 0) {
        px_buffer_byte(&text, '?');
        px_buffer_slice(&text, r->args);
    }
    return px_request_send_location(r, 301, px_buffer_view(&text));
}

static bool body_too_large(px_request *r)
{
    int64_t most = r->settings->plan->client_max_body_size;
    if (most <= 0 || r->head.body <= most)
        return false;
    r->reason = PX_REASON_BODY_TOO_LARGE;
    px_request_log(r, PX_LOG_ERROR, "client intended to send too large body: %lld bytes",
                   (long long)r->head.body);
    return true;
}

px_step px_step_location(px_request *r)
{
    const px_location *location = NULL;
    px_found found = px_route_location(&r->server->level, r->uri, r, &location);
    if (found == PX_FOUND_FAILED)
        return px_request_fail(r, 500, PX_REASON_INTERNAL_ERROR);
    if (location != NULL) {
        r->location = location;
        r->settings = location->settings;
        px_access_except(r);
        r->stream->settings = &r->settings->h1;
    }
    px_debug_location(r, location);
    if (r->settings->plan->internal && !r->internal)
        return px_request_fail(r, 404, PX_REASON_INTERNAL_ONLY);
    if (body_too_large(r)) {
        px_body_leave(r);
        return px_request_fail(r, 413, PX_REASON_BODY_TOO_LARGE);
    }
    if (r->settings->plan->keepalive_disable != 0)
        px_request_judge_browser(r);
    r->stream->body_max = (uint64_t)r->settings->plan->client_max_body_size;
    if (found == PX_FOUND_REDIRECT)
        return redirect_to_slash(r, location);
    return PX_STEP_NEXT; /* without a location, the server's own files are looked at */
}
