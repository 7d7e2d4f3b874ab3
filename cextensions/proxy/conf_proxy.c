/* What is derived from the proxy_* Settings that are texts and rules. */
#include "base/hash.h"
#include "proxy/proxy_rules.h"

static bool build_optional(px_build *build, px_template **out, const px_plan_piece_list *pieces)
{
    if (pieces == NULL)
        return true;
    *out = px_arena_zalloc(build->arena, sizeof **out);
    return px_build_template(build, *out, pieces);
}

static bool build_bind(px_build *build, px_proxy_rules *rules, const px_plan_proxy_bind *plan)
{
    if (plan == NULL)
        return true;
    if (!build_optional(build, &rules->bind, &plan->address))
        return false;
    if (!px_template_constant(rules->bind))
        return true;
    px_slice text = rules->bind->count == 0 ? PX_SLICE("") : rules->bind->ops[0].text;
    rules->local = px_arena_zalloc(build->arena, sizeof *rules->local);
    rules->local_mark = px_hash(text);
    return px_address_parse(rules->local, text, 0) ||
           px_build_fail(build, "proxy_bind to \"%.*s\"", PX_SLICE_ARGS(text));
}

bool px_build_proxy_rules(px_build *build, px_settings *settings)
{
    const px_plan_settings *plan = settings->plan;
    px_proxy_rules *rules = px_arena_zalloc(build->arena, sizeof *rules);
    settings->proxy = rules;
    return build_optional(build, &rules->method, plan->proxy_method) &&
           build_optional(build, &rules->body, plan->proxy_set_body) &&
           build_bind(build, rules, plan->proxy_bind);
}
