/* limit_req and limit_conn: what the steps of a Request need of them. Zones are Objects of the Plan; several
 * Objects of a worker may have the same segment open while a Generation that is going away uses another key
 * or rate. */
#ifndef PX_PROXY_LIMIT_H
#define PX_PROXY_LIMIT_H

#include "proxy/conf.h"
#include "shm/limit_table.h"

typedef struct px_limit_zone {
    px_worker *worker;
    px_list link;   /* in px_worker.limit_zones */
    px_stats stats; /* by name; a decision counts for the zone that decided */
    px_slice name;
    px_limit_table table;
    px_template key;
} px_limit_zone;

/* px_request.limit_req_status and .limit_conn_status: numbers of the words that $limit_req_status has. */
enum px_limit_status {
    PX_LIMIT_NOT_ASKED = 0,
    PX_LIMIT_PASSED,
    PX_LIMIT_DELAYED,
    PX_LIMIT_REJECTED,
    PX_LIMIT_DELAYED_DRY_RUN,
    PX_LIMIT_REJECTED_DRY_RUN
};

bool px_build_limit_zone(px_build *build, px_plan_limit_zone *plan);
/* That Settings limit requests by zones of requests, and connections by zones of connections. */
bool px_limit_check(px_build *build, const px_plan_settings *plan);

/* The key of this Request. Text data NULL: it is empty, or longer than most bytes (which is logged), so the
 * Request is not counted here. */
px_slice px_limit_key_text(const px_plan_limit_zone *plan, px_request *r, size_t most);
/* What a Zone's locks and evictions brought goes to the worker's counters. */
void px_limit_count_events(px_limit_zone *zone);
/* Counts a decision: PX_COUNTER_*, and for the Zone PX_ZONE_CELL_*. */
void px_limit_decided(const px_plan_limit_zone *plan, int counter, int cell);

px_step px_limit_req(px_request *r);
px_step px_limit_conn(px_request *r);

#endif
