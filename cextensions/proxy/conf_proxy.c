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
    rules->transparent = plan->transparent;
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

static bool build_regex(px_build *build, px_plan_regex *plan, const px_plan_regex **regex)
{
    char why[384];
    *regex = plan;
    return plan == NULL || px_regex_prepare(build->worker->regexes, build->arena, plan, why, sizeof why) ||
           px_build_fail(build, "%s", why);
}

static bool build_rules(px_build *build, const px_plan_rewrite_rule_list *plan, px_rewrite_rule **rules,
                        uint32_t *count)
{
    *rules = px_arena_zalloc(build->arena, plan->count * sizeof **rules);
    for (uint32_t i = 0; i < plan->count; i++) {
        px_rewrite_rule *rule = &(*rules)[i];
        rule->by_default = plan->items[i].by_default;
        if (!build_regex(build, plan->items[i].regex, &rule->regex) ||
            !px_build_template(build, &rule->pattern, &plan->items[i].pattern) ||
            !px_build_template(build, &rule->replacement, &plan->items[i].replacement))
            return false;
    }
    *count = plan->count;
    return true;
}

static bool build_words(px_build *build, const px_plan_words_list *plan, px_template **words, uint32_t *count)
{
    *words = px_arena_zalloc(build->arena, plan->count * sizeof **words);
    for (uint32_t i = 0; i < plan->count; i++)
        if (!px_build_template(build, &(*words)[i], &plan->items[i].value))
            return false;
    *count = plan->count;
    return true;
}

static bool build_cookie_rule(px_build *build, px_cookie_rule *rule, const px_plan_cookie_rule *plan)
{
    return build_words(build, &plan->flags, &rule->flags, &rule->flag_count) &&
           build_regex(build, plan->regex, &rule->regex) &&
           px_build_template(build, &rule->name, &plan->name);
}

static bool build_cookie_rules(px_build *build, const px_plan_cookie_rule_list *plan, px_proxy_rules *rules)
{
    rules->cookie_rules = px_arena_zalloc(build->arena, plan->count * sizeof *rules->cookie_rules);
    rules->cookie_rule_count = plan->count;
    for (uint32_t i = 0; i < plan->count; i++)
        if (!build_cookie_rule(build, &rules->cookie_rules[i], &plan->items[i]))
            return false;
    return true;
}

bool px_build_proxy_rules(px_build *build, px_settings *settings)
{
    const px_plan_settings *plan = settings->plan;
    px_proxy_rules *rules = px_arena_zalloc(build->arena, sizeof *rules);
    settings->proxy = rules;
    return build_optional(build, &rules->method, plan->proxy_method) &&
           build_optional(build, &rules->body, plan->proxy_set_body) &&
           build_bind(build, rules, plan->proxy_bind) &&
           build_rules(build, &plan->proxy_redirect, &rules->redirects, &rules->redirect_count) &&
           build_rules(build, &plan->proxy_cookie_domain, &rules->domains, &rules->domain_count) &&
           build_rules(build, &plan->proxy_cookie_path, &rules->paths, &rules->path_count) &&
           build_cookie_rules(build, &plan->proxy_cookie_flags, rules) &&
           build_words(build, &plan->early_hints, &rules->early_hints, &rules->early_hint_count);
}
