/* See adhoc.h. */
#include "proxy/adhoc.h"

#include <stdlib.h>

#include "base/memory.h"

/* As for an implicit upstream of the configuration (directives/upstream.py). */
#define KEEPALIVE 32
#define KEEPALIVE_REQUESTS 1000
#define KEEPALIVE_TIME_MS 3600000
#define KEEPALIVE_TIMEOUT_MS 60000

struct px_adhoc {
    px_list link; /* in its cache, the one asked last first */
    uint32_t references;
    px_arena arena;
    px_plan_upstream plan; /* plan.runtime: the upstream */
    px_plan_peer peer;
};

struct px_adhoc_cache {
    px_list kept;
    uint32_t count;
};

/* ---- one ---- */

static px_slice address_bytes(const px_address *address, int64_t *family)
{
    switch (address->any.sa_family) {
    case AF_INET:
        *family = PX_FAMILY_V4;
        return px_slice_from(&address->v4.sin_addr, 4);
    case AF_INET6:
        *family = PX_FAMILY_V6;
        return px_slice_from(&address->v6.sin6_addr, 16);
    default:
        *family = PX_FAMILY_LOCAL;
        return px_slice_from(address->local.sun_path,
                             strnlen(address->local.sun_path, sizeof address->local.sun_path));
    }
}

static void make_plan(px_adhoc *adhoc, px_slice name, const px_address *address)
{
    px_slice own = px_arena_copy(&adhoc->arena, name);
    adhoc->peer = (px_plan_peer){.name = own, .port = px_address_port(address), .weight = 1};
    px_slice bytes = address_bytes(address, &adhoc->peer.family);
    adhoc->peer.address = px_arena_copy(&adhoc->arena, bytes);
    adhoc->plan = (px_plan_upstream){.name = own,
                                     .implicit = true,
                                     .peers = {&adhoc->peer, 1},
                                     .balance = PX_BALANCE_ROUND_ROBIN,
                                     .keepalive = KEEPALIVE,
                                     .keepalive_requests = KEEPALIVE_REQUESTS,
                                     .keepalive_time = KEEPALIVE_TIME_MS,
                                     .keepalive_timeout = KEEPALIVE_TIMEOUT_MS};
}

static px_adhoc *make(px_worker *worker, px_slice name, const px_address *address)
{
    px_engine_error error;
    px_adhoc *adhoc = px_memory_zalloc(sizeof *adhoc);
    adhoc->references = 1;
    px_list_init(&adhoc->link);
    px_arena_init(&adhoc->arena, 1024);
    make_plan(adhoc, name, address);
    px_build build = {.worker = worker, .arena = &adhoc->arena, .error = &error, .private_peers = true};
    if (!px_build_upstream(&build, &adhoc->plan))
        abort(); /* one peer of an address that is known to be good */
    return adhoc;
}

px_upstream *px_adhoc_upstream(const px_adhoc *adhoc)
{
    return adhoc->plan.runtime;
}

void px_adhoc_release(px_adhoc **adhoc)
{
    px_adhoc *released = *adhoc;
    *adhoc = NULL;
    if (released == NULL || --released->references > 0)
        return;
    px_arena_clear(&released->arena);
    free(released);
}

/* ---- those that are kept ---- */

static void forget(px_adhoc_cache *cache, px_adhoc *adhoc)
{
    px_list_unlink(&adhoc->link);
    cache->count--;
    px_adhoc_release(&adhoc);
}

static px_adhoc *find(px_adhoc_cache *cache, px_slice name)
{
    for (px_list *at = cache->kept.next; at != &cache->kept; at = at->next) {
        px_adhoc *adhoc = PX_CONTAINER(at, px_adhoc, link);
        if (px_slice_equal(adhoc->plan.name, name))
            return adhoc;
    }
    return NULL;
}

px_adhoc *px_adhoc_take(px_generation *generation, px_slice name, const px_address *address)
{
    if (generation->adhoc == NULL) {
        generation->adhoc = px_memory_zalloc(sizeof *generation->adhoc);
        px_list_init(&generation->adhoc->kept);
    }
    px_adhoc_cache *cache = generation->adhoc;
    px_adhoc *adhoc = find(cache, name);
    if (adhoc != NULL) {
        px_list_unlink(&adhoc->link);
    } else {
        adhoc = make(generation->worker, name, address);
        if (++cache->count > PX_ADHOC_MOST)
            forget(cache, PX_CONTAINER(cache->kept.previous, px_adhoc, link));
    }
    px_list_prepend(&cache->kept, &adhoc->link);
    adhoc->references++;
    return adhoc;
}

void px_adhoc_clear(px_adhoc_cache **cache)
{
    px_adhoc_cache *cleared = *cache;
    *cache = NULL;
    if (cleared == NULL)
        return;
    while (!px_list_empty(&cleared->kept))
        forget(cleared, PX_CONTAINER(cleared->kept.next, px_adhoc, link));
    free(cleared);
}
