/* See engine.h: one worker's C side. Generations are prepared, activated and retired here; sockets are
 * engine_listen.c's. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/gzip.h"
#include "base/hash.h"
#include "base/memory.h"
#include "engine_private.h"
#include "proxy/log_path.h"
#include "proxy/log_sink.h"

/* ---- life ---- */

static void init_worker(px_engine *engine)
{
    px_worker *worker = &engine->worker;
    px_objects_init(&worker->objects);
    worker->regexes = px_regexes_new();
    px_list_init(&worker->files);
    px_list_init(&worker->log_caches);
    for (int i = 0; i < PX_IDLE_BUCKETS; i++)
        px_list_init(&worker->idle_pools[i]);
    px_list_init(&worker->idle_spare);
    px_list_init(&worker->limit_zones);
    px_list_init(&worker->tunnels);
    worker->may_connect = px_engine_may_connect;
    worker->on_room = px_engine_on_room;
    px_list_init(&engine->generations);
    px_list_init(&engine->prepared);
    px_list_init(&engine->listenings);
}

static void on_drained(px_timer *timer);
static void on_idle_over(px_timer *timer);

px_engine *px_engine_new(int worker, int ledgers_fd, int peers_fd, px_engine_error *error)
{
    const char *why = "";
    px_engine *engine = px_memory_zalloc(sizeof *engine);
    px_hash_seed();
    init_worker(engine);
    px_crash_describe = px_request_describe;
    px_crash_install(worker);
    px_engine_spare_descriptors(engine);
    engine->worker.loop = px_loop_new();
    px_timer_init(&engine->drain_timer, on_drained);
    px_timer_init(&engine->idle_timer, on_idle_over);
    engine->log_before = px_log_main;
    bool good = engine->worker.loop != NULL;
    if (!good)
        snprintf(error->text, sizeof error->text, "epoll_create1() failed (%s)", px_log_errno(errno));
    if (good && !px_ledger_open(&engine->worker.ledger, ledgers_fd, worker, &why)) {
        snprintf(error->text, sizeof error->text, "the ledger of worker %d: %s", worker, why);
        good = false;
    }
    if (good && !px_peers_open(&engine->worker.peers, peers_fd, &why)) {
        snprintf(error->text, sizeof error->text, "the zone of peers: %s", why);
        good = false;
    }
    if (good) {
        px_loop_show_turns(engine->worker.loop, engine->worker.ledger.turns);
        px_h1_server_show_waiting(&engine->worker.ledger.counters[PX_COUNTER_CONNECTIONS_IDLE]);
    } else
        px_engine_delete(&engine);
    return engine;
}

static void close_tunnels(px_engine *engine)
{
    while (!px_list_empty(&engine->worker.tunnels))
        px_tunnel_close(PX_CONTAINER(engine->worker.tunnels.next, px_proxy, tunnel_link)->tunnel);
}

static void flush_file(const px_file *file)
{
    for (px_list *at = file->sinks.next; at != &file->sinks; at = at->next)
        px_log_sink_flush(PX_CONTAINER(at, px_log_sink, link));
}

/* The logs of the Generation are still there, so that it can be told what could not be written. */
static void end_logs(px_engine *engine)
{
    for (px_list *at = engine->worker.files.next; at != &engine->worker.files; at = at->next)
        flush_file(PX_CONTAINER(at, px_file, link));
    px_log_main = engine->log_before;
    px_crash_use_log(&px_log_main);
}

static void close_everything(px_engine *engine)
{
    px_engine_close_listenings(engine);
    px_h1_server_drain(engine->worker.loop, NULL, true);
    close_tunnels(engine);
    px_idle_close_all(&engine->worker);
    px_engine_sweep_listenings(engine);
    while (!px_list_empty(&engine->prepared))
        px_engine_discard(engine, PX_CONTAINER(engine->prepared.next, px_prepared, link)->generation->number);
    end_logs(engine);
    px_generation_release(&engine->active);
    px_timer_stop(engine->worker.loop, &engine->drain_timer);
    px_timer_stop(engine->worker.loop, &engine->idle_timer);
}

void px_engine_delete(px_engine **engine)
{
    px_engine *deleted = *engine;
    *engine = NULL;
    if (deleted == NULL)
        return;
    if (deleted->worker.loop != NULL)
        close_everything(deleted);
    px_objects_delete(&deleted->worker.objects);
    px_regexes_delete(&deleted->worker.regexes);
    px_loop_delete(&deleted->worker.loop);
    px_h1_server_show_waiting(NULL);
    px_peers_close(&deleted->worker.peers);
    px_ledger_close(&deleted->worker.ledger);
    px_engine_spare_descriptors(NULL);
    px_h1_server_pool_clear();
    px_block_pool_clear();
    px_gzip_clear();
    px_crash_uninstall();
    free(deleted);
}

px_loop *px_engine_loop(px_engine *engine)
{
    return engine->worker.loop;
}

/* ---- generations ---- */

static px_prepared *find_prepared(px_engine *engine, uint64_t number)
{
    for (px_list *at = engine->prepared.next; at != &engine->prepared; at = at->next) {
        px_prepared *prepared = PX_CONTAINER(at, px_prepared, link);
        if (prepared->generation->number == number)
            return prepared;
    }
    return NULL;
}

static void drop_prepared(px_prepared *prepared)
{
    for (uint32_t i = 0; i < prepared->count; i++)
        if (prepared->fds[i] >= 0)
            close(prepared->fds[i]);
    px_list_unlink(&prepared->link);
    px_generation_release(&prepared->generation);
    free(prepared->fds);
    free(prepared);
}

/* Keeps the sockets that are new. */
static bool keep_sockets(px_engine *engine, px_prepared *prepared, px_descriptors descriptors,
                         px_engine_error *error)
{
    const px_plan_listen_ref_list *listens = &prepared->generation->plan->listens;
    for (uint32_t i = 0; i < listens->count; i++) {
        px_slice key = listens->items[i]->key;
        int fd = px_descriptor_find(descriptors, key);
        if (fd >= 0)
            prepared->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd >= 0 && prepared->fds[i] < 0) {
            snprintf(error->text, sizeof error->text, "the socket \"%.*s\" cannot be kept (%s)",
                     PX_SLICE_ARGS(key), px_log_errno(errno));
            return false;
        }
        if (fd < 0 && px_engine_find_listening(engine, key) == NULL) {
            snprintf(error->text, sizeof error->text, "no descriptor came for \"%.*s\"", PX_SLICE_ARGS(key));
            return false;
        }
    }
    return true;
}

uint64_t px_engine_prepare(px_engine *engine, px_slice plan, const px_descriptor *descriptors, uint32_t count,
                           px_engine_error *error)
{
    px_descriptors given = {descriptors, count};
    px_generation *generation = px_generation_load(&engine->worker, plan, given, error);
    px_worker_count(&engine->worker, PX_COUNTER_ZONE_RECOVERIES, engine->worker.peers.recoveries);
    engine->worker.peers.recoveries = 0;
    if (generation == NULL) {
        px_worker_count(&engine->worker, PX_COUNTER_GENERATIONS_REFUSED, 1);
        return 0;
    }
    px_prepared *prepared = px_memory_zalloc(sizeof *prepared);
    prepared->generation = generation;
    prepared->count = generation->plan->listens.count;
    prepared->fds = px_memory_alloc((prepared->count + 1u) * sizeof *prepared->fds);
    for (uint32_t i = 0; i < prepared->count; i++)
        prepared->fds[i] = -1;
    px_list_init(&prepared->link);
    px_list_append(&engine->generations, &generation->link);
    if (!keep_sockets(engine, prepared, given, error)) {
        px_worker_count(&engine->worker, PX_COUNTER_GENERATIONS_REFUSED, 1);
        drop_prepared(prepared);
        return 0;
    }
    generation->number = ++engine->last_number;
    px_list_append(&engine->prepared, &prepared->link);
    return generation->number;
}

void px_engine_discard(px_engine *engine, uint64_t generation)
{
    px_prepared *prepared = find_prepared(engine, generation);
    if (prepared != NULL)
        drop_prepared(prepared);
}

static void close_late(px_request *r)
{
    r->reason = PX_REASON_SHUTTING_DOWN;
    px_request_close(r, 444);
}

/* worker_shutdown_timeout is over for what a retired Generation still serves. */
static void on_linger(px_timer *timer)
{
    px_generation *generation = PX_CONTAINER(timer, px_generation, linger);
    generation->references++; /* the last Request takes its own with it */
    while (!px_list_empty(&generation->requests))
        close_late(PX_CONTAINER(generation->requests.next, px_request, link));
    px_generation_release(&generation);
}

static void retire(px_generation *generation)
{
    if (generation == NULL)
        return;
    generation->retired = true;
    generation->linger.on_due = on_linger;
    if (generation->plan->shutdown_timeout > 0 && !px_list_empty(&generation->requests))
        px_timer_start(generation->worker->loop, &generation->linger,
                       (uint64_t)generation->plan->shutdown_timeout);
    px_generation_release(&generation);
}

bool px_engine_activate(px_engine *engine, uint64_t generation, px_engine_error *error)
{
    px_prepared *prepared = find_prepared(engine, generation);
    if (prepared == NULL || engine->draining) {
        snprintf(error->text, sizeof error->text, "generation %llu is not prepared",
                 (unsigned long long)generation);
        return false;
    }
    if (!px_engine_switch_listenings(engine, prepared, error))
        return false;
    px_generation *before = engine->active;
    engine->active = prepared->generation;
    prepared->generation->references++;
    drop_prepared(prepared);
    px_log_main = *engine->active->log;
    px_crash_use_log(&px_log_main);
    px_crash_generation = engine->active->number;
    retire(before);
    px_worker_count(&engine->worker, PX_COUNTER_GENERATIONS_ACTIVATED, 1);
    px_engine_on_room(&engine->worker);
    return true;
}

/* ---- logs ---- */

bool px_engine_reopen(px_engine *engine, const px_descriptor *descriptors, uint32_t count,
                      px_engine_error *error)
{
    bool good = true;
    px_log_caches_clear(&engine->worker);
    for (px_list *at = engine->worker.files.next; at != &engine->worker.files; at = at->next) {
        px_file *file = PX_CONTAINER(at, px_file, link);
        flush_file(file);
        int fd = -1;
        for (uint32_t i = 0; i < count && fd < 0; i++)
            if (descriptors[i].key.len == file->path_len + 4 &&
                memcmp(descriptors[i].key.data, "log:", 4) == 0 &&
                memcmp(descriptors[i].key.data + 4, file->path, file->path_len) == 0)
                fd = descriptors[i].fd;
        if (fd >= 0 && !px_file_replace(file, fd)) {
            snprintf(error->text, sizeof error->text, "\"%s\" cannot be reopened (%s)", file->path,
                     px_log_errno(errno));
            good = false;
        }
    }
    return good;
}

/* ---- the end ---- */

static void on_drained(px_timer *timer)
{
    px_engine *engine = PX_CONTAINER(timer, px_engine, drain_timer);
    px_h1_server_drain(engine->worker.loop, NULL, true);
    close_tunnels(engine);
}

/* The clients that had something to ask know by now that this connection ends. */
static void on_idle_over(px_timer *timer)
{
    px_engine *engine = PX_CONTAINER(timer, px_engine, idle_timer);
    engine->keep_idle = false;
    px_h1_server_drain(engine->worker.loop, NULL, false);
    px_idle_close_some(&engine->worker, UINT32_MAX);
}

void px_engine_drain(px_engine *engine, uint64_t timeout_ms, uint64_t idle_ms)
{
    engine->draining = true;
    engine->keep_idle = idle_ms > 0;
    px_engine_close_listenings(engine);
    if (idle_ms > 0)
        px_timer_start(engine->worker.loop, &engine->idle_timer, idle_ms);
    else
        on_idle_over(&engine->idle_timer);
    if (timeout_ms > 0)
        px_timer_start(engine->worker.loop, &engine->drain_timer, timeout_ms);
}

px_engine_live px_engine_count_live(const px_engine *engine)
{
    px_engine_live live = {
        .connections = px_h1_server_live(),
        .requests = engine->worker.requests,
        .tunnels = engine->worker.tunnel_count,
        .idle_upstream = engine->worker.idle_count,
        .objects = engine->worker.objects.count,
        .timers = px_loop_timers_running(engine->worker.loop),
        .blocks = px_block_live(),
    };
    for (const px_list *at = engine->generations.next; at != &engine->generations; at = at->next)
        live.generations++;
    return live;
}
