/* What the pages that tell about proxyd have in common: numbers summed over the workers of the crew and its
 * dead, read so that no death shows in them. */
#ifndef PX_PROXY_REPORT_H
#define PX_PROXY_REPORT_H

#include "base/buffer.h"
#include "proxy/conf.h"
#include "proxy/handler.h"

extern const px_handler px_handler_stub_status;
extern const px_handler px_handler_metrics;

/* All counters. */
void px_report_counters(const px_ledger *ledger, uint64_t out[PX_COUNTERS]);
/* All cells of a slot. */
void px_report_cells(const px_ledger *ledger, uint32_t slot, uint64_t out[PX_SLOT_CELLS]);

/* As nginx counts them: each open connection is reading a head, writing (its request is under way, or a
 * tunnel), or waiting. requests: those whose head is being read included. */
typedef struct px_connections {
    uint64_t active, accepted, handled, requests, reading, writing, waiting;
} px_connections;
void px_report_connections(const px_ledger *ledger, px_connections *out);

/* For a page that may only be read: answers 405 to other methods. True: it did. */
bool px_report_refuses(px_request *r);
/* The page, which lies in the Request's arena. */
px_step px_report_send(px_request *r, const px_buffer *page, px_slice type);

#endif
