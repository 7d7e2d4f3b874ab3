/* The debug level of the error log: the way of a Request, step by step, in lines that an operator can read.
 * Costs one look at a flag as long as no log asks for it. Longer tales than a line are debug.c's. */
#ifndef PX_PROXY_DEBUG_H
#define PX_PROXY_DEBUG_H

#include "proxy/request.h"

static inline bool px_request_is_debugged(const px_request *r)
{
    return px_log_debugging && (r->debugged || r->settings->log.level >= PX_LOG_DEBUG);
}

#define px_request_debug(r, ...)                                                                             \
    do {                                                                                                     \
        if (px_request_is_debugged(r))                                                                       \
            px_log_debug(&(r)->settings->log, (r)->debugged, (r)->client->number, __VA_ARGS__);              \
    } while (0)

/* What the client asked for, field by field. */
void px_debug_request(const px_request *r);
/* Which location was found; NULL: none. */
void px_debug_location(const px_request *r, const px_location *location);
/* The head that goes to the filters. */
void px_debug_answer(const px_request *r);
/* What a peer answered. */
void px_debug_response(const px_request *r, const px_response_head_in *head);
void px_debug_end(px_request *r);

/* Whether debug_connection names this client. */
bool px_debug_is_wanted(const px_plan_root *plan, const px_client *client);

#endif
