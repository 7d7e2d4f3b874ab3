/* stub_status: nginx's page, to the byte, and its variables. Summed over all workers. */
#include "proxy/report.h"
#include "proxy/request.h"
#include "proxy/vars.h"

static void put_number(px_buffer *page, const char *before, uint64_t value)
{
    px_buffer_append(page, before, strlen(before));
    px_buffer_uint(page, value);
}

static px_step start(px_request *r)
{
    px_connections now;
    px_buffer page;
    if (px_report_refuses(r))
        return PX_STEP_ANSWERED;
    px_report_connections(&r->worker->ledger, &now);
    px_buffer_init(&page, &r->arena, 256);
    put_number(&page, "Active connections: ", now.active);
    put_number(&page, " \nserver accepts handled requests\n ", now.accepted);
    put_number(&page, " ", now.handled);
    put_number(&page, " ", now.requests);
    put_number(&page, " \nReading: ", now.reading);
    put_number(&page, " Writing: ", now.writing);
    put_number(&page, " Waiting: ", now.waiting);
    px_buffer_literal(&page, " \n");
    return px_report_send(r, &page, PX_SLICE("text/plain"));
}

const px_handler px_handler_stub_status = {.name = "stub_status", .start = start};

#define VARIABLE(name)                                                                                       \
    px_slice px_var_connections_##name(px_request *r, const px_op *op)                                       \
    {                                                                                                        \
        px_connections now;                                                                                  \
        (void)op;                                                                                            \
        px_report_connections(&r->worker->ledger, &now);                                                     \
        return px_var_uint(r, now.name);                                                                     \
    }

VARIABLE(active)
VARIABLE(reading)
VARIABLE(writing)
VARIABLE(waiting)
