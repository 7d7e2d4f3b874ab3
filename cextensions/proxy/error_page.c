/* error_page: something else answers in place of an error. Decided in one place, px_request_send_error. */
#include "proxy/request.h"

static const px_error_page *find(const px_request *r, int status)
{
    const px_docs *docs = &r->settings->docs;
    for (uint32_t i = 0; i < docs->error_page_count; i++) {
        const px_plan_error_page *plan = docs->error_pages[i].plan;
        for (uint32_t j = 0; j < plan->statuses.count; j++)
            if (plan->statuses.items[j] == status)
                return &docs->error_pages[i];
    }
    return NULL;
}

bool px_error_page_is_there(const px_request *r, int status)
{
    return find(r, status) != NULL;
}

/* What was asked for in vain may have been changed; what is asked for now is a page. */
static void become_get(px_request *r)
{
    if (r->head.method == PX_METHOD_HEAD)
        return;
    r->head.method = PX_METHOD_GET;
    r->head.method_name = PX_SLICE("GET");
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* What the client is told in the end. nginx's own numbers mean 400 to clients. */
static int shown_status(const px_error_page *page, int status)
{
    if (page->plan->overwrite >= 0)
        return (int)page->plan->overwrite;
    return status >= 494 && status <= 497 ? 400 : status;
}

bool px_error_page_run(px_request *r, int status)
{
    const px_error_page *page = NULL;
    if (r->settings->docs.error_page_count > 0 && !r->in_error_page && r->redirects <= PX_REDIRECTS_MOST)
        page = find(r, status);
    if (page == NULL)
        return false;
    r->in_error_page = !r->settings->plan->recursive_error_pages;
    r->error_status = (uint16_t)shown_status(page, status);
    px_slice uri = px_template_value(&page->uri, r);
    bool going = false;
    if (uri.len > 0 && uri.data[0] == '/') {
        px_slice args = px_split_args(&uri);
        become_get(r);
        going = px_request_redirect(r, uri, args);
    } else if (uri.len > 0 && uri.data[0] == '@') {
        going = px_request_redirect_named(r, uri);
    } else {
        px_request_send_page(r, is_redirect(r->error_status) ? r->error_status : 302,
                             px_request_one_line(r, uri.data == NULL ? PX_SLICE("") : uri));
    }
    if (going)
        px_request_continue(r);
    return true;
}
