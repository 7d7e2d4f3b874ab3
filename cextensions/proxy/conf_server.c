/* What is derived from Server and Location: sorted prefixes, compiled regular expressions, what `return`
 * and `proxy_pass` do. */
#include <stdlib.h>

#include "proxy/conf.h"
#include "proxy/report.h"
#include "proxy/upstream.h"

static bool build_level(px_build *build, px_level *level, px_plan_location_list *locations);

static px_template *build_text(px_build *build, const px_plan_return *plan)
{
    px_template *text = px_arena_zalloc(build->arena, sizeof *text);
    return px_build_template(build, text, plan->text) ? text : NULL;
}

static bool build_return(px_build *build, const px_plan_return *plan, px_template **text)
{
    *text = NULL;
    if (plan == NULL)
        return true;
    if (plan->status < 0 || plan->status > 999)
        return px_build_fail(build, "a status of %lld", (long long)plan->status);
    if (plan->text != NULL)
        *text = build_text(build, plan);
    return plan->text == NULL || *text != NULL;
}

static bool build_sets(px_build *build, const px_plan_set_variable_list *plan, px_sets *sets)
{
    char why[128];
    return px_sets_build(sets, build->arena, plan, why, sizeof why) || px_build_fail(build, "%s", why);
}

/* nginx's `proxy_redirect default`: what the upstream says about itself becomes what clients see. */
static void build_redirect(px_build *build, px_location *location)
{
    const px_plan_proxy_pass *proxy = location->plan->proxy;
    px_slice slash = PX_SLICE("/");
    px_buffer url;
    px_buffer_init(&url, build->arena, 16 + proxy->host.len + proxy->uri.len);
    px_buffer_literal(&url, "http://");
    px_buffer_slice(&url, proxy->host);
    px_buffer_slice(&url, proxy->uri.data == NULL ? slash : proxy->uri);
    location->redirect_from = px_buffer_view(&url);
    location->redirect_to = proxy->uri.data == NULL
                                ? slash
                                : px_slice_from(location->plan->name.data, (size_t)proxy->prefix_bytes);
}

/* NULL: none. */
static const px_handler *report_handler(int64_t report)
{
    if (report == PX_REPORT_NONE)
        return NULL;
    return report == PX_REPORT_METRICS ? &px_handler_metrics : &px_handler_stub_status;
}

static bool build_proxy(px_build *build, px_location *location)
{
    const px_plan_proxy_pass *proxy = location->plan->proxy;
    location->handler = report_handler(location->plan->report);
    if (location->handler != NULL || proxy == NULL)
        return true;
    if (proxy->url != NULL) {
        location->handler = &px_handler_proxy;
        location->proxy_url = px_arena_zalloc(build->arena, sizeof *location->proxy_url);
        return px_build_template(build, location->proxy_url, proxy->url);
    }
    if (proxy->upstream == NULL)
        return px_build_fail(build, "proxy_pass to nowhere");
    if (proxy->tls)
        return px_build_fail(build, "this engine does not speak TLS to upstreams");
    if (proxy->prefix_bytes < 0 || (uint64_t)proxy->prefix_bytes > location->plan->name.len)
        return px_build_fail(build, "proxy_pass replaces more than its location's name");
    location->handler = &px_handler_proxy;
    location->upstream = proxy->upstream->runtime;
    build_redirect(build, location);
    return true;
}

static bool build_regex(px_build *build, px_plan_regex *regex)
{
    char why[384];
    if (regex == NULL)
        return px_build_fail(build, "a location has no regular expression");
    return px_regex_prepare(build->worker->regexes, build->arena, regex, why, sizeof why) ||
           px_build_fail(build, "%s", why);
}

static bool build_location(px_build *build, px_location *location, px_plan_location *plan)
{
    location->plan = plan;
    location->settings = plan->settings->runtime;
    plan->runtime = location;
    if (plan->kind == PX_LOCATION_REGEX && !build_regex(build, plan->regex))
        return false;
    return build_sets(build, &plan->sets, &location->sets) &&
           build_return(build, plan->ret, &location->return_text) &&
           px_build_try_files(build, &location->try_files, plan->try_files) && build_proxy(build, location) &&
           build_level(build, &location->level, &plan->locations);
}

static bool is_path(const px_plan_location *plan)
{
    return plan->kind == PX_LOCATION_EXACT || plan->kind == PX_LOCATION_PREFIX ||
           plan->kind == PX_LOCATION_PREFIX_FINAL;
}

static int compare(const void *a, const void *b)
{
    return px_route_compare(((const px_level_entry *)a)->name, ((const px_level_entry *)b)->name);
}

static void merge(px_level_entry *into, const px_level_entry *from)
{
    if (from->exact != NULL)
        into->exact = from->exact;
    if (from->prefix != NULL)
        into->prefix = from->prefix;
}

/* Entries of one name become one ("/x" and "= /x"). */
static void unite(px_level *level)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < level->count; i++) {
        if (kept > 0 && px_slice_equal(level->entries[kept - 1].name, level->entries[i].name))
            merge(&level->entries[kept - 1], &level->entries[i]);
        else
            level->entries[kept++] = level->entries[i];
    }
    level->count = kept;
}

static bool begins(px_slice text, px_slice prefix)
{
    return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

/* In sorted order, what begins an entry stands before it, and everything between begins so too. */
static void link_parents(px_level *level)
{
    for (uint32_t i = 1; i < level->count; i++) {
        const px_level_entry *above = &level->entries[i - 1];
        while (above != NULL && (above->prefix == NULL || !begins(level->entries[i].name, above->name)))
            above = above->parent;
        level->entries[i].parent = above;
    }
}

static void sort_level(px_level *level)
{
    if (level->count > 1)
        qsort(level->entries, level->count, sizeof *level->entries, compare);
    unite(level);
    link_parents(level);
    for (uint32_t i = 0; i < level->count; i++) {
        const px_level_entry *entry = &level->entries[i];
        if ((entry->prefix != NULL && entry->prefix->plan->slash_redirect) ||
            (entry->exact != NULL && entry->exact->plan->slash_redirect))
            level->slash_redirects = true;
    }
}

static bool build_level(px_build *build, px_level *level, px_plan_location_list *locations)
{
    px_location *all = px_arena_zalloc(build->arena, locations->count * sizeof *all);
    level->entries = px_arena_zalloc(build->arena, locations->count * sizeof *level->entries);
    level->regexes = px_arena_zalloc(build->arena, locations->count * sizeof *level->regexes);
    for (uint32_t i = 0; i < locations->count; i++) {
        px_plan_location *plan = &locations->items[i];
        if (!build_location(build, &all[i], plan))
            return false;
        if (plan->kind == PX_LOCATION_REGEX)
            level->regexes[level->regex_count++] = &all[i];
        else if (is_path(plan))
            level->entries[level->count++] =
                (px_level_entry){.name = plan->name,
                                 .exact = plan->kind == PX_LOCATION_EXACT ? &all[i] : NULL,
                                 .prefix = plan->kind != PX_LOCATION_EXACT ? &all[i] : NULL};
    }
    sort_level(level);
    return true;
}

static bool build_named(px_build *build, px_server *server)
{
    const px_plan_location_list *locations = &server->plan->locations;
    server->named = px_arena_zalloc(build->arena, locations->count * sizeof *server->named);
    for (uint32_t i = 0; i < locations->count; i++)
        if (locations->items[i].kind == PX_LOCATION_NAMED)
            server->named[server->named_count++] = locations->items[i].runtime;
    return true;
}

/* Servers of one name at several addresses are counted one by one. */
static px_slice counted_name(px_build *build, const px_plan_server *plan)
{
    px_buffer text;
    px_buffer_init(&text, build->arena, plan->name.len + plan->listen.len + 1);
    px_buffer_slice(&text, plan->name);
    px_buffer_byte(&text, 0);
    px_buffer_slice(&text, plan->listen);
    return px_buffer_view(&text);
}

bool px_build_server(px_build *build, px_plan_server *plan)
{
    px_server *server = px_arena_zalloc(build->arena, sizeof *server);
    server->plan = plan;
    server->object = build->object;
    server->settings = plan->settings->runtime;
    server->handler = report_handler(plan->report);
    plan->runtime = server;
    px_stats_claim(build, "server", counted_name(build, plan), &server->stats);
    return build_sets(build, &plan->sets, &server->sets) &&
           build_return(build, plan->ret, &server->return_text) &&
           px_build_try_files(build, &server->try_files, plan->try_files) &&
           build_level(build, &server->level, &plan->locations) && build_named(build, server);
}

/* ---- addresses and names ---- */

static void build_names_table(px_build *build, px_table *table, const px_plan_server_name_list *names)
{
    px_table_init(table, build->arena, names->count);
    for (uint32_t i = 0; i < names->count; i++)
        px_table_add(table, names->items[i].name, names->items[i].server->runtime);
}

static bool build_names(px_build *build, px_names *names, px_plan_listen_address *plan)
{
    names->plan = plan;
    names->by_default = plan->default_->runtime;
    plan->runtime = names;
    build_names_table(build, &names->exact, &plan->exact);
    build_names_table(build, &names->heads, &plan->heads);
    build_names_table(build, &names->tails, &plan->tails);
    for (uint32_t i = 0; i < plan->regexes.count; i++)
        if (!build_regex(build, plan->regexes.items[i].regex))
            return false;
    return true;
}

bool px_build_listen(px_build *build, px_plan_listen *plan)
{
    px_listen *listen = px_arena_zalloc(build->arena, sizeof *listen);
    listen->plan = plan;
    listen->address_count = plan->addresses.count;
    listen->addresses = px_arena_zalloc(build->arena, plan->addresses.count * sizeof *listen->addresses);
    plan->runtime = listen;
    if (plan->addresses.count == 0)
        return px_build_fail(build, "\"%.*s\" has no server", PX_SLICE_ARGS(plan->key));
    for (uint32_t i = 0; i < plan->addresses.count; i++) {
        if (!build_names(build, &listen->addresses[i], &plan->addresses.items[i]))
            return false;
        if (plan->addresses.items[i].address.len == 0)
            listen->any = &listen->addresses[i];
    }
    if (listen->any == NULL)
        listen->any = &listen->addresses[0];
    listen->settings = listen->any->by_default->settings;
    return true;
}
