/* Listening sockets by key, over Generations, and worker_connections. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/spare.h"
#include "engine_private.h"

#define COMPLAIN_GAP_MS 1000
/* Idle connections closed to make room: an eighth of them, so that not every new connection has to. */
#define CLOSE_SHARE 8
#define CLOSE_MOST 32

static px_engine_listening *of(const px_listener *listener)
{
    return PX_CONTAINER(listener->owner, px_engine_listening, shown);
}

/* ---- worker_connections ---- */

/* The peer's side of a tunnel is among upstreams; the client's side is no client's connection any more. */
static uint64_t connections(const px_worker *worker)
{
    return worker->clients + worker->tunnel_count + worker->upstreams + worker->idle_count;
}

static bool has_room(const px_engine *engine)
{
    return engine->active == NULL ||
           connections(&engine->worker) < (uint64_t)engine->active->plan->worker_connections;
}

static uint32_t share_of(uint64_t idle)
{
    uint64_t share = idle / CLOSE_SHARE;
    return share == 0 ? 1 : share > CLOSE_MOST ? CLOSE_MOST : (uint32_t)share;
}

/* Idle connections give way, those to peers first: they are cheaper to make again. Of the clients' those that
 * are idle longest. Gives how many were closed. */
static uint32_t close_some_idle(px_engine *engine)
{
    uint32_t closed = px_idle_close_some(&engine->worker, share_of(engine->worker.idle_count));
    if (closed == 0)
        closed = px_h1_server_close_idle(engine->worker.loop, share_of(px_h1_server_idle()));
    return closed;
}

static bool make_room(px_engine *engine)
{
    while (!has_room(engine))
        if (close_some_idle(engine) == 0)
            return false;
    return true;
}

/* Descriptors are the process's, and so is the one engine that there is. */
static px_engine *giver;

static bool spare_descriptors(void)
{
    return close_some_idle(giver) > 0;
}

void px_engine_spare_descriptors(px_engine *engine)
{
    giver = engine;
    px_spare_descriptors = engine != NULL ? spare_descriptors : NULL;
}

bool px_engine_may_connect(px_worker *worker)
{
    return make_room(PX_CONTAINER(worker, px_engine, worker));
}

void px_engine_on_room(px_worker *worker)
{
    px_engine *engine = PX_CONTAINER(worker, px_engine, worker);
    bool starved = engine->starved;
    if (!(engine->crowded || starved) || !has_room(engine))
        return;
    engine->crowded = engine->starved = false;
    for (px_list *at = engine->listenings.next; at != &engine->listenings; at = at->next) {
        px_engine_listening *listening = PX_CONTAINER(at, px_engine_listening, link);
        if (listening->listener == NULL)
            continue;
        if (starved)
            px_listener_retry(listening->listener);
        else
            px_listener_resume(listening->listener);
    }
}

/* Whether it is time to tell of it again. */
static bool shall_complain(px_engine *engine, uint64_t *told_ms)
{
    uint64_t now = px_loop_now_ms(engine->worker.loop);
    if (*told_ms != 0 && now - *told_ms <= COMPLAIN_GAP_MS) /* of cut milliseconds */
        return false;
    *told_ms = now;
    return true;
}

static bool may_accept(px_listener *listener)
{
    px_engine *engine = of(listener)->engine;
    if (make_room(engine))
        return true;
    engine->crowded = true;
    if (shall_complain(engine, &engine->complained_ms))
        px_log_at(&px_log_main, PX_LOG_ALERT, 0, "%lld worker_connections are not enough",
                  (long long)engine->active->plan->worker_connections);
    return false;
}

/* ---- connections ---- */

static const px_h1_settings *settings_of(px_listener *listener)
{
    return &of(listener)->shown.listen->settings->h1;
}

static void on_open(px_listener *listener)
{
    px_engine_listening *listening = of(listener);
    listening->connections++;
    listening->engine->worker.clients++;
    px_worker_count(&listening->engine->worker, PX_COUNTER_CONNECTIONS_HANDLED, 1);
    px_worker_count(&listening->engine->worker, PX_COUNTER_CONNECTIONS_ACTIVE, 1);
}

static void free_listening(px_engine_listening *listening)
{
    px_list_unlink(&listening->link);
    px_generation_release(&listening->shown.generation);
    px_loop_free_later(listening->engine->worker.loop, listening);
}

static void on_close(px_listener *listener)
{
    px_engine_listening *listening = of(listener);
    px_engine *engine = listening->engine;
    listening->connections--;
    engine->worker.clients--;
    px_worker_count(&engine->worker, PX_COUNTER_CONNECTIONS_ACTIVE, -1);
    if (listening->listener == NULL && listening->connections == 0)
        free_listening(listening);
    px_engine_on_room(&engine->worker);
}

static const px_h1_server_conf server_conf = {
    .user = &px_request_stream_user,
    .settings = settings_of,
    .on_open = on_open,
    .on_close = on_close,
};

static void on_accept(px_listener *listener, int fd, const px_address *peer)
{
    px_worker *worker = &of(listener)->engine->worker;
    px_worker_count(worker, PX_COUNTER_CONNECTIONS_ACCEPTED, 1);
    px_h1_server_accept(worker->loop, listener, fd, peer, &server_conf, ++worker->connection_number);
}

static bool free_descriptors(px_listener *listener)
{
    px_engine *engine = of(listener)->engine;
    if (close_some_idle(engine) > 0)
        return true;
    engine->starved = true;
    return false;
}

static void on_accept_error(px_listener *listener, int error)
{
    px_engine *engine = of(listener)->engine;
    px_worker_count(&engine->worker, PX_COUNTER_ACCEPT_FAILURES, 1);
    if ((error == EMFILE || error == ENFILE) && !shall_complain(engine, &engine->starved_ms))
        return; /* another listener's */
    px_log_at(&px_log_main, error == EMFILE || error == ENFILE ? PX_LOG_CRIT : PX_LOG_ALERT, 0,
              "accept4() failed (%s)", px_log_errno(error));
}

/* ---- sockets ---- */

px_engine_listening *px_engine_find_listening(px_engine *engine, px_slice key)
{
    for (px_list *at = engine->listenings.next; at != &engine->listenings; at = at->next) {
        px_engine_listening *listening = PX_CONTAINER(at, px_engine_listening, link);
        if (listening->listener != NULL &&
            px_slice_equal(key, px_slice_from(listening->key, listening->key_len)))
            return listening;
    }
    return NULL;
}

static void point_at(px_engine_listening *listening, px_generation *generation, const px_plan_listen *plan)
{
    px_generation *before = listening->shown.generation;
    generation->references++;
    listening->shown.generation = generation;
    listening->shown.listen = plan->runtime;
    listening->listener->listen = plan;
    listening->listener->multi_accept = generation->plan->multi_accept;
    px_generation_release(&before);
}

static void close_listening(px_engine_listening *listening)
{
    px_listener *listener = listening->listener;
    px_loop *loop = listening->engine->worker.loop;
    px_listener_accept_waiting(listener);
    listening->listener = NULL;
    listening
        ->connections++; /* stays while its idle connections close; px_engine_sweep_listenings frees it */
    listener->references++;
    px_listener_close(listener);
    if (!listening->engine->keep_idle)
        px_h1_server_drain(loop, listener, false);
    px_listener_release(&listener);
    listening->connections--;
}

static px_engine_listening *open_listening(px_engine *engine, px_generation *generation,
                                           const px_plan_listen *plan, int fd, px_engine_error *error)
{
    px_listener *listener = px_listener_open(engine->worker.loop, fd);
    if (listener == NULL) {
        snprintf(error->text, sizeof error->text, "\"%.*s\" cannot be listened on (%s)",
                 PX_SLICE_ARGS(plan->key), px_log_errno(errno));
        return NULL;
    }
    px_engine_listening *listening = px_memory_zalloc(sizeof *listening + plan->key.len);
    listening->engine = engine;
    listening->shown.worker = &engine->worker;
    listening->listener = listener;
    listening->key_len = plan->key.len;
    memcpy(listening->key, plan->key.data, plan->key.len);
    listener->owner = &listening->shown;
    listener->on_accept = on_accept;
    listener->may_accept = may_accept;
    listener->free_descriptors = free_descriptors;
    listener->on_accept_error = on_accept_error;
    px_list_append(&engine->listenings, &listening->link);
    point_at(listening, generation, plan);
    return listening;
}

/* Opens what is new. After a failure nothing of it stays open. */
static bool open_new(px_engine *engine, px_prepared *prepared, px_engine_error *error)
{
    const px_plan_listen_ref_list *listens = &prepared->generation->plan->listens;
    for (uint32_t i = 0; i < listens->count; i++) {
        if (px_engine_find_listening(engine, listens->items[i]->key) != NULL)
            continue;
        if (prepared->fds[i] < 0) {
            snprintf(error->text, sizeof error->text, "the socket \"%.*s\" was closed meanwhile",
                     PX_SLICE_ARGS(listens->items[i]->key));
            return false;
        }
        if (open_listening(engine, prepared->generation, listens->items[i], prepared->fds[i], error) == NULL)
            return false;
        prepared->fds[i] = -1;
    }
    return true;
}

static px_engine_listening *next_of(px_engine *engine, px_engine_listening *listening)
{
    px_list *next = listening == NULL ? engine->listenings.next : listening->link.next;
    return next == &engine->listenings ? NULL : PX_CONTAINER(next, px_engine_listening, link);
}

/* Which of the open sockets the Generation has. */
static void mark_wanted(px_engine *engine, const px_generation *generation)
{
    const px_plan_listen_ref_list *listens = &generation->plan->listens;
    for (px_engine_listening *at = next_of(engine, NULL); at != NULL; at = next_of(engine, at))
        at->wanted = false;
    for (uint32_t i = 0; i < listens->count; i++) {
        px_engine_listening *listening = px_engine_find_listening(engine, listens->items[i]->key);
        if (listening != NULL)
            listening->wanted = true;
    }
}

static void close_unwanted(px_engine *engine)
{
    for (px_engine_listening *at = next_of(engine, NULL); at != NULL; at = next_of(engine, at))
        if (at->listener != NULL && !at->wanted)
            close_listening(at);
    px_engine_sweep_listenings(engine);
}

bool px_engine_switch_listenings(px_engine *engine, px_prepared *prepared, px_engine_error *error)
{
    const px_plan_listen_ref_list *listens = &prepared->generation->plan->listens;
    if (!open_new(engine, prepared, error)) {
        if (engine->active != NULL)
            mark_wanted(engine, engine->active);
        else
            mark_wanted(engine, &(px_generation){.plan = &(px_plan_root){.listens = {NULL, 0}}});
        close_unwanted(engine);
        return false;
    }
    for (uint32_t i = 0; i < listens->count; i++)
        point_at(px_engine_find_listening(engine, listens->items[i]->key), prepared->generation,
                 listens->items[i]);
    mark_wanted(engine, prepared->generation);
    close_unwanted(engine);
    return true;
}

void px_engine_close_listenings(px_engine *engine)
{
    for (px_engine_listening *at = next_of(engine, NULL); at != NULL; at = next_of(engine, at))
        at->wanted = false;
    close_unwanted(engine);
}

void px_engine_sweep_listenings(px_engine *engine)
{
    for (px_engine_listening *at = next_of(engine, NULL), *next; at != NULL; at = next) {
        next = next_of(engine, at);
        if (at->listener == NULL && at->connections == 0)
            free_listening(at);
    }
}
