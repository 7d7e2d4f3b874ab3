/* The step "access": allow and deny; which settings limit_except gives a Request. */
#include "proxy/request.h"

typedef enum access_verdict { ACCESS_SILENT, ACCESS_GRANTED, ACCESS_DENIED } access_verdict;

static bool is_mapped(px_slice ip)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return ip.len == 16 && memcmp(ip.data, mapped, sizeof mapped) == 0;
}

/* An IPv4 client of an IPv6 socket is one, where there are rules for IPv4; else, as in nginx, it is not. */
static px_slice ip_of(const px_endpoint *address, const px_plan_access_rule_list *rules)
{
    px_slice ip = px_slice_from(address->ip, address->ip_len);
    if (!is_mapped(ip))
        return ip;
    for (uint32_t i = 0; i < rules->count; i++)
        if (rules->items[i].family == 0 || rules->items[i].family == PX_FAMILY_V4)
            return px_slice_from(ip.data + 12, 4);
    return ip;
}

static bool is_in(px_slice ip, px_slice network, int64_t prefix)
{
    size_t whole = (size_t)prefix / 8, rest = (size_t)prefix % 8;
    if (network.len != ip.len || whole + (rest > 0) > ip.len)
        return false;
    if (memcmp(ip.data, network.data, whole) != 0)
        return false;
    return rest == 0 || ((ip.data[whole] ^ network.data[whole]) >> (8 - rest)) == 0;
}

static bool fits(const px_plan_access_rule *rule, px_slice ip)
{
    if (rule->family == 0)
        return true;
    if (rule->family == PX_FAMILY_LOCAL)
        return ip.len == 0;
    return ip.len > 0 && rule->prefix >= 0 && is_in(ip, rule->network, rule->prefix);
}

static access_verdict ask_rules(px_request *r)
{
    const px_plan_access_rule_list *rules = &r->settings->plan->access_rules;
    px_slice ip = rules->count > 0 ? ip_of(&r->client->address, rules) : PX_SLICE("");
    for (uint32_t i = 0; i < rules->count; i++)
        if (fits(&rules->items[i], ip))
            return rules->items[i].deny ? ACCESS_DENIED : ACCESS_GRANTED;
    return ACCESS_SILENT;
}

/* All that guards a location, in the order in which it is asked. */
static access_verdict (*const guards[])(px_request *r) = {ask_rules};

/* satisfy all: one that denies is enough to deny. any: one that grants is enough to grant. */
px_step px_step_access(px_request *r)
{
    access_verdict decisive = r->settings->plan->satisfy == PX_SATISFY_ANY ? ACCESS_GRANTED : ACCESS_DENIED;
    access_verdict worst = ACCESS_SILENT;
    for (size_t i = 0; i < sizeof guards / sizeof guards[0]; i++) {
        access_verdict verdict = guards[i](r);
        worst = verdict > worst || verdict == decisive ? verdict : worst;
        if (verdict == decisive)
            break;
    }
    if (worst != ACCESS_DENIED)
        return PX_STEP_NEXT;
    r->reason = PX_REASON_DENIED; /* the line shows it */
    px_request_log(r, PX_LOG_ERROR, "access forbidden by rule");
    return px_request_send_error(r, 403);
}

void px_access_except(px_request *r)
{
    const px_plan_limit_except *except = r->location->plan->limit_except;
    r->excepted = false;
    if (except == NULL)
        return;
    for (uint32_t i = 0; i < except->methods.count; i++)
        if (px_slice_equal(except->methods.items[i], r->head.method_name))
            return;
    r->excepted = true;
    r->settings = except->settings->runtime;
}
