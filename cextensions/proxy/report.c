/* See report.h. */
#include "proxy/report.h"

#include "proxy/request.h"

/* The master moves what a dead worker counted in about a millisecond. */
#define TRIES 1000

/* Whether what was read since changes were `before` is good, or as good as it gets. */
static bool is_good(const px_ledger *ledger, uint32_t before, int tries)
{
    atomic_thread_fence(memory_order_acquire);
    return (before % 2 == 0 && px_ledger_changes(ledger) == before) || tries == TRIES;
}

void px_report_counters(const px_ledger *ledger, uint64_t out[PX_COUNTERS])
{
    for (int tries = 1;; tries++) {
        uint32_t before = px_ledger_changes(ledger);
        for (int i = 0; i < PX_COUNTERS; i++)
            out[i] = px_ledger_total(ledger, i);
        if (is_good(ledger, before, tries))
            return;
    }
}

void px_report_cells(const px_ledger *ledger, uint32_t slot, uint64_t out[PX_SLOT_CELLS])
{
    for (int tries = 1;; tries++) {
        uint32_t before = px_ledger_changes(ledger);
        for (int i = 0; i < PX_SLOT_CELLS; i++)
            out[i] = px_ledger_cell_total(ledger, slot, i);
        if (is_good(ledger, before, tries))
            return;
    }
}

void px_report_connections(const px_ledger *ledger, px_connections *out)
{
    uint64_t all[PX_COUNTERS];
    px_report_counters(ledger, all);
    out->active = all[PX_COUNTER_CONNECTIONS_ACTIVE] + all[PX_COUNTER_TUNNELS_ACTIVE];
    out->accepted = all[PX_COUNTER_CONNECTIONS_ACCEPTED];
    out->handled = all[PX_COUNTER_CONNECTIONS_HANDLED];
    out->writing = all[PX_COUNTER_REQUESTS_ACTIVE];
    out->waiting = all[PX_COUNTER_CONNECTIONS_IDLE];
    uint64_t known = out->writing + out->waiting; /* other workers go on while they are read */
    out->reading = out->active > known ? out->active - known : 0;
    out->requests = all[PX_COUNTER_REQUESTS] + out->reading;
}

bool px_report_refuses(px_request *r)
{
    if (r->head.method == PX_METHOD_GET || r->head.method == PX_METHOD_HEAD)
        return false;
    px_request_fail(r, 405, PX_REASON_METHOD_NOT_ALLOWED);
    return true;
}

px_step px_report_send(px_request *r, const px_buffer *page, px_slice type)
{
    px_answer_begin(r, 200, 1);
    px_answer_content_type(r, type);
    return px_request_send_whole(r, px_buffer_view(page));
}
