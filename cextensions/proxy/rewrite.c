/* The rewrite steps: `set` and `return`, in a server and in a location. */
#include "proxy/request.h"

static bool is_redirect(int64_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static px_step answer(px_request *r, const px_plan_return *plan, const px_template *text)
{
    if (plan->status >= 400)
        r->reason = PX_REASON_RETURNED;
    if (plan->status == 444 && text == NULL)
        return px_request_close(r, 444);
    if (text == NULL && plan->status >= 400)
        return px_request_send_error(r, (int)plan->status);
    r->answer.status = (int)plan->status; /* $status in the text */
    px_slice value = text != NULL ? px_template_value(text, r) : PX_SLICE("");
    if (is_redirect(plan->status))
        return px_request_send_location(r, (int)plan->status, value);
    px_answer_begin(r, (int)plan->status, 2);
    px_slice type = plan->status == 204 ? PX_SLICE("") : px_request_media_type(r);
    if (type.len > 0 &&
        !r->answer.has_type) /* who sent the request here may have named one: X-Accel-Redirect */
        px_answer_content_type(r, type);
    return px_request_send_whole(r, value);
}

px_step px_step_server_rewrite(px_request *r)
{
    px_sets_run(&r->server->sets, r);
    const px_plan_return *plan = r->server->plan->ret;
    return plan == NULL ? PX_STEP_NEXT : answer(r, plan, r->server->return_text);
}

px_step px_step_location_rewrite(px_request *r)
{
    if (r->location == NULL || r->excepted) /* as in nginx, whose limit_except has none of its location's */
        return PX_STEP_NEXT;
    px_sets_run(&r->location->sets, r);
    const px_plan_return *plan = r->location->plan->ret;
    return plan == NULL ? PX_STEP_NEXT : answer(r, plan, r->location->return_text);
}
