/* Where the key of a limit_conn Zone is: at home in one bucket, or, where that was full when it came, in one
 * of the PX_LIMIT_REACH buckets behind it. So a Zone has room for another key until it is nearly full, and
 * nearly every search looks at one bucket: the home knows how far away keys of it may be.
 *
 * Whoever looks for a key holds the home's lock all the while, so that nobody puts the same key elsewhere
 * meanwhile. A second lock is always one of a bucket farther behind, so that nobody waits in a circle. The
 * last PX_LIMIT_REACH buckets of a Zone are nobody's home. */
#ifndef PX_SHM_LIMIT_PLACE_H
#define PX_SHM_LIMIT_PLACE_H

#include "shm/limit_table.h"

typedef struct px_limit_place {
    px_limit_bucket *home, *bucket; /* both are locked; often the same */
    uint32_t home_number, number;
    int at; /* the record in bucket; -1: there is no room for a new one */
} px_limit_place;

/* The key's record, which is made where there is none. False: a lock cannot be had; nothing is locked. */
bool px_limit_place_find(px_limit_table *table, px_limit_key key, uint64_t now_ms, px_limit_repair *repair,
                         px_limit_place *place);
/* Unlocks what px_limit_place_find locked. */
void px_limit_place_leave(const px_limit_place *place);

#endif
