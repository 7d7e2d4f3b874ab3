/* See idle.h. */
#include "proxy/idle.h"

#include "base/hash.h"
#include "base/memory.h"

typedef struct px_idle {
    px_list in_shelf; /* unused: in px_worker.idle_spare */
    px_list in_pool;
    px_h1_client *client;
    px_idle_shelf *shelf;
} px_idle;

/* ---- pools and shelves ---- */

static px_idle_pool *pool_take(px_worker *worker, px_slice name)
{
    px_list *bucket = &worker->idle_pools[px_hash(name) % PX_IDLE_BUCKETS];
    for (px_list *at = bucket->next; at != bucket; at = at->next) {
        px_idle_pool *pool = PX_CONTAINER(at, px_idle_pool, link);
        if (px_slice_equal(name, px_slice_from(pool->name, pool->name_len))) {
            pool->references++;
            return pool;
        }
    }
    px_idle_pool *pool = px_memory_zalloc(sizeof *pool + name.len);
    pool->worker = worker;
    pool->references = 1;
    px_list_init(&pool->parked);
    px_list_init(&pool->shelves);
    pool->name_len = name.len;
    if (name.len > 0)
        memcpy(pool->name, name.data, name.len);
    px_list_append(bucket, &pool->link);
    return pool;
}

static void pool_release(px_idle_pool *pool)
{
    if (--pool->references > 0)
        return;
    px_list_unlink(&pool->link);
    free(pool);
}

static bool same_address(const px_address *a, const px_address *b)
{
    return a->len == b->len && memcmp(&a->any, &b->any, a->len) == 0;
}

px_idle_shelf *px_idle_shelf_take(px_worker *worker, px_slice upstream, const px_address *address)
{
    px_idle_pool *pool = pool_take(worker, upstream);
    for (px_list *at = pool->shelves.next; at != &pool->shelves; at = at->next) {
        px_idle_shelf *shelf = PX_CONTAINER(at, px_idle_shelf, link);
        if (same_address(&shelf->address, address)) {
            pool_release(pool);
            shelf->references++;
            return shelf;
        }
    }
    px_idle_shelf *shelf = px_memory_zalloc(sizeof *shelf);
    shelf->pool = pool;
    shelf->references = 1;
    shelf->address = *address;
    px_list_init(&shelf->parked);
    px_list_append(&pool->shelves, &shelf->link);
    return shelf;
}

/* ---- nodes ---- */

static px_idle *node_take(px_worker *worker)
{
    if (px_list_empty(&worker->idle_spare))
        return px_memory_zalloc(sizeof(px_idle));
    px_idle *node = PX_CONTAINER(worker->idle_spare.next, px_idle, in_shelf);
    px_list_unlink(&node->in_shelf);
    return node;
}

/* Takes the connection out of the pool; the node is free again. */
static px_h1_client *node_empty(px_idle *node)
{
    px_idle_pool *pool = node->shelf->pool;
    px_h1_client *client = node->client;
    px_list_unlink(&node->in_shelf);
    px_list_unlink(&node->in_pool);
    pool->count--;
    pool->worker->idle_count--;
    px_worker_count(pool->worker, PX_COUNTER_UPSTREAM_CONNECTIONS_IDLE, -1);
    px_list_prepend(&pool->worker->idle_spare, &node->in_shelf);
    return client;
}

static void node_close(px_idle *node)
{
    px_h1_client *client = node_empty(node);
    px_h1_client_close(&client);
}

static void on_gone(px_h1_client *client)
{
    px_idle *node = px_h1_client_owner(client);
    px_worker *worker = node->shelf->pool->worker;
    node_empty(node); /* the client is closed and freed by itself */
    worker->on_room(worker);
}

void px_idle_shelf_release(px_idle_shelf **shelf)
{
    px_idle_shelf *released = *shelf;
    *shelf = NULL;
    if (released == NULL || --released->references > 0)
        return;
    while (!px_list_empty(&released->parked))
        node_close(PX_CONTAINER(released->parked.next, px_idle, in_shelf));
    px_list_unlink(&released->link);
    pool_release(released->pool);
    free(released);
}

px_h1_client *px_idle_take_marked(px_idle_shelf *shelf, uint64_t mark)
{
    for (px_list *at = shelf->parked.next; at != &shelf->parked; at = at->next) {
        px_idle *node = PX_CONTAINER(at, px_idle, in_shelf);
        if (px_h1_client_mark(node->client) == mark)
            return node_empty(node);
    }
    return NULL;
}

void px_idle_park(px_idle_shelf *shelf, px_h1_client **client, uint32_t most, uint64_t timeout_ms)
{
    px_idle_pool *pool = shelf->pool;
    px_idle *node = node_take(pool->worker);
    node->client = *client;
    node->shelf = shelf;
    px_list_prepend(&shelf->parked, &node->in_shelf);
    px_list_init(&node->in_pool);
    px_list_append(&pool->parked, &node->in_pool);
    pool->count++;
    pool->worker->idle_count++;
    px_worker_count(pool->worker, PX_COUNTER_UPSTREAM_CONNECTIONS_IDLE, 1);
    px_h1_client_park(*client, timeout_ms, on_gone, node);
    *client = NULL;
    while (pool->count > most)
        node_close(PX_CONTAINER(pool->parked.next, px_idle, in_pool));
}

uint32_t px_idle_close_some(px_worker *worker, uint32_t count)
{
    uint32_t closed = 0;
    for (int i = 0; i < PX_IDLE_BUCKETS; i++) {
        px_list *bucket = &worker->idle_pools[i];
        for (px_list *at = bucket->next; at != bucket && closed < count; at = at->next) {
            px_idle_pool *pool = PX_CONTAINER(at, px_idle_pool, link);
            for (; closed < count && !px_list_empty(&pool->parked); closed++)
                node_close(PX_CONTAINER(pool->parked.next, px_idle, in_pool));
        }
    }
    return closed;
}

void px_idle_close_all(px_worker *worker)
{
    px_idle_close_some(worker, UINT32_MAX);
    while (!px_list_empty(&worker->idle_spare)) {
        px_idle *node = PX_CONTAINER(worker->idle_spare.next, px_idle, in_shelf);
        px_list_unlink(&node->in_shelf);
        free(node);
    }
}
