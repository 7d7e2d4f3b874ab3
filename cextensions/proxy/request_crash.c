/* A Request in a crash report (base/crash.h). Runs in a signal handler: reads memory, calls nothing else. */
#include "proxy/handler_proxy.h"
#include "proxy/request.h"

#define REQUEST_LINE_BYTES 200

void px_request_describe(px_crash_line *line, const void *subject)
{
    const px_request *r = subject;
    px_crash_put(line, "crashed while serving ");
    if (r->magic != PX_REQUEST_MAGIC) {
        px_crash_put(line, "a request whose memory makes no sense");
        return;
    }
    px_crash_put(line, "*");
    px_crash_put_uint(line, r->client->number);
    px_crash_put(line, ", step ");
    px_crash_put(line, px_request_step_name(r));
    if (r->handler != NULL) {
        px_crash_put(line, ", handler ");
        px_crash_put(line, r->handler->name);
    }
    if (r->proxy != NULL) {
        px_crash_put(line, ", ");
        px_crash_put(line, px_proxy_activity(r->proxy));
    }
    px_crash_put(line, ", client: ");
    px_crash_put_slice(line, r->client->address_text, INET6_ADDRSTRLEN);
    px_crash_put(line, ", request: \"");
    px_crash_put_slice(line, r->head.request_line, REQUEST_LINE_BYTES);
    px_crash_put(line, "\"");
}
