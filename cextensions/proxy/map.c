/* See map.h. */
#include "proxy/map.h"

#include "proxy/request.h"

typedef struct px_map {
    px_template source;
    px_template by_default;
    px_table exact, heads, tails; /* px_template */
    px_template *regexes;         /* as plan->regexes */
} px_map;

static bool build_entries(px_build *build, px_table *table, const px_plan_map_entry_list *entries)
{
    px_table_init(table, build->arena, entries->count);
    for (uint32_t i = 0; i < entries->count; i++) {
        px_template *value = px_arena_alloc(build->arena, sizeof *value);
        if (!px_build_template(build, value, &entries->items[i].value))
            return false;
        px_table_add(table, entries->items[i].key, value);
    }
    return true;
}

static bool build_regexes(px_build *build, px_map *map, const px_plan_map_regex_list *regexes)
{
    char why[384];
    map->regexes = px_arena_alloc(build->arena, regexes->count * sizeof *map->regexes);
    for (uint32_t i = 0; i < regexes->count; i++) {
        if (!px_regex_prepare(build->worker->regexes, build->arena, regexes->items[i].regex, why, sizeof why))
            return px_build_fail(build, "%s", why);
        if (!px_build_template(build, &map->regexes[i], &regexes->items[i].value))
            return false;
    }
    return true;
}

bool px_build_map(px_build *build, px_plan_map *plan)
{
    px_map *map = px_arena_zalloc(build->arena, sizeof *map);
    plan->runtime = map;
    return px_build_template(build, &map->source, &plan->source) &&
           px_build_template(build, &map->by_default, &plan->default_) &&
           build_entries(build, &map->exact, &plan->exact) &&
           build_entries(build, &map->heads, &plan->heads) &&
           build_entries(build, &map->tails, &plan->tails) && build_regexes(build, map, &plan->regexes);
}

/* As in nginx, nothing at all fits no regular expression, not even "^$". */
static const px_template *look_up(const px_plan_map *plan, px_request *request, px_slice key)
{
    const px_map *map = plan->runtime;
    const px_template *found = px_table_find(&map->exact, key);
    if (found == NULL)
        found = px_table_find_head(&map->heads, key);
    if (found == NULL)
        found = px_table_find_tail(&map->tails, key);
    if (found != NULL)
        return found;
    for (uint32_t i = 0; key.len > 0 && i < plan->regexes.count; i++)
        if (px_regex_match(request, plan->regexes.items[i].regex, key) == PX_MATCH_YES)
            return &map->regexes[i];
    return &map->by_default;
}

px_slice px_map_value(const px_plan_map *plan, px_request *request)
{
    px_slice assigned = px_request_slot(request, (uint64_t)plan->slot);
    if (assigned.data != NULL)
        return assigned;
    for (const px_map_kept *kept = request->map_values; kept != NULL; kept = kept->next)
        if (kept->map == plan)
            return kept->value;
    const px_map *map = plan->runtime;
    px_slice key = px_template_value(&map->source, request);
    if (plan->hostnames && key.len > 0 && key.data[key.len - 1] == '.')
        key.len--;
    px_slice value = px_template_value(look_up(plan, request, key), request);
    if (!plan->volatile_) {
        px_map_kept *kept = px_arena_alloc(&request->arena, sizeof *kept);
        *kept = (px_map_kept){request->map_values, plan, value};
        request->map_values = kept;
    }
    return value;
}
