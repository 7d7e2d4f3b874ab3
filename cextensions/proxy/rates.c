/* See rates.h. */
#include "proxy/rates.h"

#include "proxy/request.h"

bool px_size_parse(px_slice text, uint64_t *bytes)
{
    unsigned shift = 0;
    if (text.len > 1 && (text.data[text.len - 1] | 32) == 'k')
        shift = 10;
    else if (text.len > 1 && (text.data[text.len - 1] | 32) == 'm')
        shift = 20;
    if (shift > 0)
        text.len--;
    if (!px_slice_to_uint(text, INT64_MAX >> shift, bytes))
        return false;
    *bytes <<= shift;
    return true;
}

static bool build_one(px_build *build, px_size_value *value, const px_plan_piece_list *pieces)
{
    if (!px_build_template(build, &value->text, pieces))
        return false;
    value->constant = px_template_constant(&value->text);
    if (value->constant && value->text.count > 0 && !px_size_parse(value->text.ops[0].text, &value->bytes))
        return px_build_fail(build, "a rate that is no size");
    return true;
}

bool px_build_rates(px_build *build, px_settings *settings)
{
    const px_plan_settings *plan = settings->plan;
    px_rates *rates = px_arena_zalloc(build->arena, sizeof *rates);
    settings->rates = rates;
    if (!build_one(build, &rates->limit, &plan->limit_rate) ||
        !build_one(build, &rates->after, &plan->limit_rate_after) ||
        !build_one(build, &rates->from_peer, &plan->proxy_limit_rate))
        return false;
    rates->none = rates->limit.constant && rates->limit.bytes == 0;
    return true;
}

uint64_t px_size_of(const px_size_value *value, px_request *r)
{
    uint64_t bytes;
    if (value->constant)
        return value->bytes;
    px_slice text = px_template_value(&value->text, r);
    if (px_size_parse(text, &bytes))
        return bytes;
    px_slice shown = px_request_one_line(r, text);
    px_request_log(r, PX_LOG_ERROR, "invalid size \"%.*s\" while sending to client", PX_SLICE_ARGS(shown));
    return 0;
}

void px_rates_apply(px_request *r)
{
    const px_rates *rates = r->settings->rates;
    if (!r->limit_rate_set && rates->none)
        return;
    if (!r->limit_rate_set) {
        r->limit_rate = px_size_of(&rates->limit, r);
        r->limit_rate_set = true;
    }
    if (r->limit_rate > 0)
        r->stream->rate = (px_rate){r->limit_rate, px_size_of(&rates->after, r), r->started_ms};
}
