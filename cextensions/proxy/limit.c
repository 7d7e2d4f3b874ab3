/* See limit.h: the Zones, and the step "preaccess". limit_req comes before limit_conn, as in nginx. */
#include "proxy/limit.h"

#include "proxy/request.h"
#include "proxy/vars.h"
#include "shm/limit_conn.h"

static void on_release(void *argument)
{
    px_limit_zone *zone = argument;
    px_list_unlink(&zone->link);
    px_limit_conn_rise(&zone->table);
    px_limit_close(&zone->table);
}

static bool open_zone(px_build *build, px_limit_zone *zone, const px_plan_limit_zone *plan)
{
    const char *why = "no descriptor came for it";
    int fd = px_descriptor_find(build->descriptors, plan->key);
    bool connections = plan->rate == 0;
    if (fd >= 0 && px_limit_open(&zone->table, fd, connections ? PX_LIMIT_CONN : PX_LIMIT_REQ, &why)) {
        px_arena_on_clear(build->arena, on_release, zone);
        px_list_append(&build->worker->limit_zones, &zone->link);
        if (!connections || px_limit_conn_sit(&zone->table, &why))
            return true;
    }
    return px_build_fail(build, "zone \"%.*s\": %s", PX_SLICE_ARGS(plan->name), why);
}

bool px_build_limit_zone(px_build *build, px_plan_limit_zone *plan)
{
    px_limit_zone *zone = px_arena_zalloc(build->arena, sizeof *zone);
    plan->runtime = zone;
    zone->worker = build->worker;
    zone->name = plan->name;
    px_list_init(&zone->link);
    px_stats_claim(build, "zone", plan->name, &zone->stats);
    return px_build_template(build, &zone->key, &plan->source) && open_zone(build, zone, plan);
}

bool px_limit_check(px_build *build, const px_plan_settings *plan)
{
    bool good = true;
    for (uint32_t i = 0; i < plan->limit_req.count; i++)
        good = good && plan->limit_req.items[i].zone->rate > 0;
    for (uint32_t i = 0; i < plan->limit_conn.count; i++)
        good = good && plan->limit_conn.items[i].zone->rate == 0;
    return good || px_build_fail(build, "a limit by a zone of another kind");
}

px_slice px_limit_key_text(const px_plan_limit_zone *plan, px_request *r, size_t most)
{
    const px_limit_zone *zone = plan->runtime;
    px_slice text = px_template_value(&zone->key, r);
    if (text.len <= most)
        return text.len > 0 ? text : PX_NO_VALUE;
    px_request_log(r, PX_LOG_ERROR, "the value of the \"%.*s\" key is more than %zu bytes: \"%.*s\"",
                   PX_SLICE_ARGS(plan->source_text), most, PX_SLICE_ARGS(text));
    return PX_NO_VALUE;
}

void px_limit_count_events(px_limit_zone *zone)
{
    px_limit_table *table = &zone->table;
    if ((table->recoveries | table->evictions) == 0)
        return;
    px_worker_count(zone->worker, PX_COUNTER_ZONE_RECOVERIES, (int64_t)table->recoveries);
    px_worker_count(zone->worker, PX_COUNTER_ZONE_EVICTIONS, (int64_t)table->evictions);
    px_cell_add(zone->stats.cells, PX_ZONE_CELL_EVICTIONS, table->evictions);
    table->recoveries = table->evictions = 0;
}

void px_limit_decided(const px_plan_limit_zone *plan, int counter, int cell)
{
    px_limit_zone *zone = plan->runtime;
    px_worker_count(zone->worker, counter, 1);
    px_cell_add(zone->stats.cells, cell, 1);
}

px_step px_step_preaccess(px_request *r)
{
    const px_plan_settings *plan = r->settings->plan;
    px_step step = plan->limit_req.count > 0 ? px_limit_req(r) : PX_STEP_NEXT;
    if (step == PX_STEP_NEXT && plan->limit_conn.count > 0)
        step = px_limit_conn(r);
    return step;
}

/* ---- variables ---- */

static px_slice word_of(uint8_t status)
{
    static const char *const words[] = {"",         "PASSED",          "DELAYED",
                                        "REJECTED", "DELAYED_DRY_RUN", "REJECTED_DRY_RUN"};
    return status == PX_LIMIT_NOT_ASKED ? PX_NO_VALUE : px_slice_from(words[status], strlen(words[status]));
}

px_slice px_var_limit_req_status(px_request *r, const px_op *op)
{
    (void)op;
    return word_of(r->limit_req_status);
}

px_slice px_var_limit_conn_status(px_request *r, const px_op *op)
{
    (void)op;
    return word_of(r->limit_conn_status);
}
