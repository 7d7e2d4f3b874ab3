/* See set.h. */
#include "proxy/set.h"

#include <stdio.h>

#include "proxy/rates.h"
#include "proxy/request.h"
#include "proxy/vars.h"

static void set_args(px_request *request, px_slice value)
{
    request->args = value;
    request->changed = true;
}

/* As in nginx, what is no size changes nothing. */
static void set_limit_rate(px_request *request, px_slice value)
{
    uint64_t rate;
    if (!px_size_parse(value, &rate))
        return;
    request->limit_rate = rate;
    request->limit_rate_set = true;
}

static px_variable_set setter_of(int64_t variable)
{
    switch (variable) {
    case PX_VAR_ARGS:
        return set_args;
    case PX_VAR_LIMIT_RATE:
        return set_limit_rate;
    default:
        return NULL;
    }
}

bool px_sets_build(px_sets *sets, px_arena *arena, const px_plan_set_variable_list *plan, char *error,
                   size_t size)
{
    px_set *items = px_arena_zalloc(arena, plan->count * sizeof *items);
    for (uint32_t i = 0; i < plan->count; i++) {
        const px_plan_set_variable *line = &plan->items[i];
        items[i].slot = (uint64_t)line->slot;
        items[i].change = setter_of(line->variable);
        if (items[i].change == NULL && line->slot < 0) {
            snprintf(error, size, "`set` names a variable that this engine cannot change");
            return false;
        }
        if (!px_template_compile(&items[i].value, arena, &line->value, error, size))
            return false;
        px_template_quote_captures(&items[i].value, arena);
    }
    *sets = (px_sets){items, plan->count};
    return true;
}

static void run(const px_set *set, px_request *request)
{
    px_slice value = px_template_value(&set->value, request);
    if (value.data == NULL)
        value = PX_SLICE(""); /* it is set, to nothing */
    if (set->change != NULL)
        set->change(request, value);
    else
        px_request_set_slot(request, set->slot, value);
}

void px_sets_run(const px_sets *sets, px_request *request)
{
    for (uint32_t i = 0; i < sets->count; i++)
        run(&sets->items[i], request);
}
