/* Connections per key, over all workers, right whoever dies when.
 *
 * A request that is counted has a hold: a cell in a chunk of the Zone that belongs to its worker's seat and
 * names the record. Record and hold change together, under the bucket's lock, behind an intent: so whoever
 * gets the lock of one who died finds either both changed or neither, or undoes it.
 *
 * A worker holds its seat's lock for as long as it lives; so anybody can find out that it does not, and give
 * back what its holds hold. That is done when a Zone is opened (a successor's first act), and whenever a
 * limit is about to refuse somebody: nobody is refused because of the dead. The master takes no part: it
 * would have to take locks in memory that workers write. */
#ifndef PX_SHM_LIMIT_CONN_H
#define PX_SHM_LIMIT_CONN_H

#include "shm/limit_table.h"

typedef enum px_limit_taken {
    PX_LIMIT_TAKEN,
    PX_LIMIT_REACHED, /* there are as many as there may be */
    PX_LIMIT_NO_ROOM, /* no record or no hold is free */
    PX_LIMIT_UNTAKEN  /* the lock could not be had: nothing was looked at */
} px_limit_taken;

/* Behind px_limit_open: takes a seat. False: none is free, *why says so. */
bool px_limit_conn_sit(px_limit_table *table, const char **why);
/* Before px_limit_close: gives back everything. */
void px_limit_conn_rise(px_limit_table *table);

/* One more connection for this key, unless it has most. *hold is for px_limit_conn_give. */
px_limit_taken px_limit_conn_take(px_limit_table *table, px_limit_key key, uint32_t most, uint64_t now_ms,
                                  uint32_t *hold);
/* The connection is over. (A lock that cannot be had is tried again later.) */
void px_limit_conn_give(px_limit_table *table, uint32_t hold);

/* Gives back what dead workers held; whether there were any. */
bool px_limit_conn_reap(px_limit_table *table);

#endif
