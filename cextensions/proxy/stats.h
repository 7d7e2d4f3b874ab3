/* What is counted for each server, peer and limit zone, and for each Request at its end: cells of a slot in
 * the Ledger (proxyd/shared/cells.py), found when a configuration is loaded. Adding to one is a load and a
 * store; readers add up over the Ledgers of the crew. */
#ifndef PX_PROXY_STATS_H
#define PX_PROXY_STATS_H

#include "http/h1_client.h"
#include "shm/ledger.h"

typedef struct px_build px_build;
typedef struct px_request px_request;

typedef struct px_stats {
    int32_t slot;            /* in the Zone of peers; -1: there was no room, so that nobody sees the cells */
    _Atomic uint64_t *cells; /* PX_SLOT_CELLS; never NULL */
} px_stats;

/* The cells of a server ("server") or a limit zone ("zone") of this name, until the Object that is being
 * built is released. */
void px_stats_claim(px_build *build, const char *kind, px_slice name, px_stats *stats);
/* Of a slot that somebody else holds; -1: cells of nobody, in the build's arena. */
void px_stats_of_slot(px_build *build, int32_t slot, px_stats *stats);

/* A Request has ended: by server, class and reason. */
void px_stats_count_request(px_request *r);
/* PX_PEER_CELL_FAILURES_* */
int px_stats_failure_cell(px_h1_failure_kind kind);

#endif
