/* limit_req: asks each Zone in turn; a Request that all let in is counted in all, and waits as long as the
 * strictest of them says. */
#include "shm/limit_req.h"

#include "proxy/limit.h"
#include "proxy/request.h"

#define KEY_MOST 65535

/* What all Zones together say. */
typedef struct decision {
    px_request *r;
    const px_plan_limit_req_list *limits;
    uint64_t now_ms;
    px_limit_key *keys; /* as limits; asked: those that were asked and not counted yet */
    bool *asked;
    uint64_t excess;                /* in thousandths: of the limit that decides */
    const px_plan_limit_req *limit; /* the one that decides */
    uint64_t delay_ms;
} decision;

static px_limit_rate rate_of(const px_plan_limit_req *limit)
{
    return (px_limit_rate){(uint64_t)limit->zone->rate, (uint64_t)limit->burst};
}

static void wait_for(decision *self, const px_plan_limit_req *limit, uint64_t excess)
{
    uint64_t free_of_delay = (uint64_t)limit->delay;
    uint64_t delay =
        excess <= free_of_delay ? 0 : (excess - free_of_delay) * 1000 / (uint64_t)limit->zone->rate;
    if (self->limit == NULL || delay > self->delay_ms) {
        self->limit = limit;
        self->excess = excess;
        self->delay_ms = delay;
    }
}

/* A lock that cannot be had: the Zone has no say, and the operator hears of it. */
static void log_stuck(decision *self, const px_plan_limit_req *limit)
{
    px_limit_decided(limit->zone, PX_COUNTER_ZONE_REFUSALS, PX_ZONE_CELL_REFUSALS);
    px_request_log(self->r, PX_LOG_ALERT,
                   "zone \"%.*s\" is held by another process for too long: not counted",
                   PX_SLICE_ARGS(limit->zone->name));
}

/* False: this limit is exceeded. The last one counts at once. */
static bool ask(decision *self, uint32_t i)
{
    const px_plan_limit_req *limit = &self->limits->items[i];
    px_limit_zone *zone = limit->zone->runtime;
    bool last = i + 1 == self->limits->count;
    uint64_t excess;
    px_slice text = px_limit_key_text(limit->zone, self->r, KEY_MOST);
    if (text.data == NULL)
        return true;
    self->keys[i] = px_limit_hash(&zone->table, text);
    px_limit_verdict verdict =
        px_limit_req_ask(&zone->table, self->keys[i], rate_of(limit), self->now_ms, last, &excess);
    px_limit_count_events(zone);
    if (verdict == PX_LIMIT_UNKNOWN) {
        log_stuck(self, limit);
        return true;
    }
    self->asked[i] = !last;
    if (verdict == PX_LIMIT_WITHIN && last)
        wait_for(self, limit, excess);
    if (verdict == PX_LIMIT_WITHIN)
        return true;
    self->limit = limit;
    self->excess = excess;
    return false;
}

/* All let it in. */
static void count(decision *self)
{
    for (uint32_t i = self->limits->count; i > 0; i--) {
        const px_plan_limit_req *limit = &self->limits->items[i - 1];
        px_limit_zone *zone = limit->zone->runtime;
        uint64_t excess;
        if (!self->asked[i - 1])
            continue;
        px_limit_req_count(&zone->table, self->keys[i - 1], rate_of(limit), self->now_ms, &excess);
        px_limit_count_events(zone);
        wait_for(self, limit, excess);
    }
}

static px_step reject(decision *self)
{
    px_request *r = self->r;
    const px_plan_settings *plan = r->settings->plan;
    bool dry = plan->limit_req_dry_run;
    if (!dry)
        r->reason = PX_REASON_LIMITED_REQUESTS;
    px_request_log(r, (int)plan->limit_req_log_level,
                   "limiting requests%s, excess: %llu.%03llu by zone \"%.*s\"", dry ? ", dry run" : "",
                   (unsigned long long)self->excess / 1000, (unsigned long long)self->excess % 1000,
                   PX_SLICE_ARGS(self->limit->zone->name));
    r->limit_req_status = dry ? PX_LIMIT_REJECTED_DRY_RUN : PX_LIMIT_REJECTED;
    if (dry)
        px_limit_decided(self->limit->zone, PX_COUNTER_LIMIT_REQ_REJECTED_DRY_RUN,
                         PX_ZONE_CELL_REJECTED_DRY_RUN);
    else
        px_limit_decided(self->limit->zone, PX_COUNTER_LIMIT_REQ_REJECTED, PX_ZONE_CELL_REJECTED);
    return dry ? PX_STEP_NEXT : px_request_fail(r, (int)plan->limit_req_status, (px_reason)r->reason);
}

/* ---- waiting ---- */

typedef struct delayed {
    px_timer timer;
    px_request *r;
} delayed;

static void on_due(px_timer *timer)
{
    px_request *r = PX_CONTAINER(timer, delayed, timer)->r;
    px_crash_subject = r;
    r->waiting = NULL;
    px_request_continue(r); /* the same step again: it has been asked now */
}

static px_step delay(decision *self)
{
    px_request *r = self->r;
    const px_plan_settings *plan = r->settings->plan;
    bool dry = plan->limit_req_dry_run;
    int level = (int)plan->limit_req_log_level;
    px_request_log(r, level < PX_LOG_INFO ? level + 1 : level,
                   "delaying request%s, excess: %llu.%03llu, by zone \"%.*s\"", dry ? ", dry run" : "",
                   (unsigned long long)self->excess / 1000, (unsigned long long)self->excess % 1000,
                   PX_SLICE_ARGS(self->limit->zone->name));
    r->limit_req_status = dry ? PX_LIMIT_DELAYED_DRY_RUN : PX_LIMIT_DELAYED;
    if (dry) {
        px_limit_decided(self->limit->zone, PX_COUNTER_LIMIT_REQ_DELAYED_DRY_RUN,
                         PX_ZONE_CELL_DELAYED_DRY_RUN);
        return PX_STEP_NEXT;
    }
    px_limit_decided(self->limit->zone, PX_COUNTER_LIMIT_REQ_DELAYED, PX_ZONE_CELL_DELAYED);
    delayed *waiting = px_arena_alloc(&r->arena, sizeof *waiting);
    waiting->r = r;
    px_timer_init(&waiting->timer, on_due);
    r->waiting = &waiting->timer;
    px_timer_start(r->worker->loop, &waiting->timer, self->delay_ms);
    return PX_STEP_WAIT;
}

px_step px_limit_req(px_request *r)
{
    const px_plan_limit_req_list *limits = &r->settings->plan->limit_req;
    if (r->limit_req_status != PX_LIMIT_NOT_ASKED)
        return PX_STEP_NEXT;
    decision self = {.r = r, .limits = limits, .now_ms = px_clock_ms()};
    self.keys = px_arena_alloc(&r->arena, limits->count * sizeof *self.keys);
    self.asked = px_arena_zalloc(&r->arena, limits->count * sizeof *self.asked);
    bool any = false;
    for (uint32_t i = 0; i < limits->count; i++)
        if (!ask(&self, i))
            return reject(&self);
    for (uint32_t i = 0; i < limits->count; i++)
        any = any || self.asked[i];
    if (!any && self.limit == NULL)
        return PX_STEP_NEXT; /* no Zone has a key of it */
    count(&self);
    if (self.delay_ms > 0)
        return delay(&self);
    r->limit_req_status = PX_LIMIT_PASSED;
    px_limit_decided(self.limit->zone, PX_COUNTER_LIMIT_REQ_PASSED, PX_ZONE_CELL_PASSED);
    return PX_STEP_NEXT;
}
