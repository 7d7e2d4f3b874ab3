/* limit_conn: a Request holds a place in each Zone until it ends. */
#include "shm/limit_conn.h"

#include "proxy/limit.h"
#include "proxy/request.h"

#define KEY_MOST 255

typedef struct place {
    px_limit_zone *zone;
    px_worker *worker;
    uint32_t hold;
    bool held;
    struct place *before; /* the same Request's */
} place;

static void let_go(place *self)
{
    if (!self->held)
        return;
    self->held = false;
    px_limit_conn_give(&self->zone->table, self->hold);
    px_limit_count_events(self->zone);
    px_worker_count(self->worker, PX_COUNTER_LIMIT_CONN_HELD, -1);
}

static void on_clear(void *argument)
{
    let_go(argument);
}

static place *hold(px_request *r, const px_plan_limit_conn *limit, uint32_t number, place *before)
{
    place *self = px_arena_alloc(&r->arena, sizeof *self);
    *self = (place){limit->zone->runtime, r->worker, number, true, before};
    /* A tunnel lets its Generation go, a place needs its Zone: until behind on_clear, which runs first. */
    px_object_hold(r, r->settings->object);
    px_arena_on_clear(&r->arena, on_clear, self);
    px_worker_count(r->worker, PX_COUNTER_LIMIT_CONN_HELD, 1);
    return self;
}

static px_step reject(px_request *r, const px_plan_limit_zone *zone, place *places)
{
    const px_plan_settings *plan = r->settings->plan;
    bool dry = plan->limit_conn_dry_run;
    for (; places != NULL; places = places->before)
        let_go(places);
    r->limit_conn_status = dry ? PX_LIMIT_REJECTED_DRY_RUN : PX_LIMIT_REJECTED;
    if (dry)
        px_limit_decided(zone, PX_COUNTER_LIMIT_CONN_REJECTED_DRY_RUN, PX_ZONE_CELL_REJECTED_DRY_RUN);
    else
        px_limit_decided(zone, PX_COUNTER_LIMIT_CONN_REJECTED, PX_ZONE_CELL_REJECTED);
    return dry ? PX_STEP_NEXT : px_request_fail(r, (int)plan->limit_conn_status, (px_reason)r->reason);
}

static void log_reached(px_request *r, const px_plan_limit_conn *limit)
{
    const px_plan_settings *plan = r->settings->plan;
    if (!plan->limit_conn_dry_run)
        r->reason = PX_REASON_LIMITED_CONNECTIONS;
    px_request_log(r, (int)plan->limit_conn_log_level, "limiting connections%s by zone \"%.*s\"",
                   plan->limit_conn_dry_run ? ", dry run," : "", PX_SLICE_ARGS(limit->zone->name));
}

static void log_no_room(px_request *r, const px_plan_limit_conn *limit)
{
    px_limit_decided(limit->zone, PX_COUNTER_ZONE_REFUSALS, PX_ZONE_CELL_REFUSALS);
    if (!r->settings->plan->limit_conn_dry_run)
        r->reason = PX_REASON_ZONE_FULL;
    px_request_log(r, PX_LOG_ERROR, "zone \"%.*s\" has no room for another key: make it larger",
                   PX_SLICE_ARGS(limit->zone->name));
}

static void log_stuck(px_request *r, const px_plan_limit_conn *limit)
{
    px_limit_decided(limit->zone, PX_COUNTER_ZONE_REFUSALS, PX_ZONE_CELL_REFUSALS);
    px_request_log(r, PX_LOG_ALERT, "zone \"%.*s\" is held by another process for too long: not counted",
                   PX_SLICE_ARGS(limit->zone->name));
}

static px_limit_taken take(px_request *r, const px_plan_limit_conn *limit, px_slice text, place **places)
{
    px_limit_zone *zone = limit->zone->runtime;
    uint32_t number = 0;
    px_limit_taken taken =
        px_limit_conn_take(&zone->table, px_limit_hash(&zone->table, text), (uint32_t)limit->connections,
                           px_loop_now_ms(r->worker->loop), &number);
    px_limit_count_events(zone);
    if (taken == PX_LIMIT_TAKEN)
        *places = hold(r, limit, number, *places);
    else if (taken == PX_LIMIT_REACHED)
        log_reached(r, limit);
    else if (taken == PX_LIMIT_NO_ROOM)
        log_no_room(r, limit);
    else
        log_stuck(r, limit);
    return taken;
}

px_step px_limit_conn(px_request *r)
{
    const px_plan_limit_conn_list *limits = &r->settings->plan->limit_conn;
    place *places = NULL;
    if (r->limit_conn_status != PX_LIMIT_NOT_ASKED)
        return PX_STEP_NEXT;
    for (uint32_t i = 0; i < limits->count; i++) {
        px_slice text = px_limit_key_text(limits->items[i].zone, r, KEY_MOST);
        if (text.data == NULL)
            continue;
        r->limit_conn_status = PX_LIMIT_PASSED;
        px_limit_taken taken = take(r, &limits->items[i], text, &places);
        if (taken == PX_LIMIT_REACHED || taken == PX_LIMIT_NO_ROOM)
            return reject(r, limits->items[i].zone, places);
    }
    if (r->limit_conn_status == PX_LIMIT_PASSED)
        px_worker_count(r->worker, PX_COUNTER_LIMIT_CONN_PASSED, 1);
    for (; places != NULL; places = places->before)
        px_cell_add(places->zone->stats.cells, PX_ZONE_CELL_PASSED, 1);
    return PX_STEP_NEXT;
}
