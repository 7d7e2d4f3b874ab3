/* A worker's own record in shared memory: what its running requests hold, its counters, its log buffers. Single writer: this
 * worker. Readers: the other workers (active connections), the master (counters, log lines of the dead). Valid at every store: a
 * worker may be killed at any instruction. */
#ifndef PX_SHM_LEDGER_H
#define PX_SHM_LEDGER_H

#include <stdatomic.h>

#include "base/slice.h"
#include "generated/shm_layout.h"
#include "shm/zone.h"

typedef struct px_ledger {
    px_zone zone;
    _Atomic uint64_t *counters; /* PX_COUNTERS cells */
    _Atomic uint32_t *active;   /* PX_PEERS_MAX cells: connections in use per peer slot */
} px_ledger;

/* fd: the segment. Checks magic, version, size; the reason why not is a static text in *why. */
bool px_ledger_open(px_ledger *ledger, int fd, const char **why);
void px_ledger_close(px_ledger *ledger);

/* Single writer: a plain load and store, no locked instruction. */
static inline void px_count(px_ledger *ledger, int counter, int64_t amount)
{
    uint64_t now = atomic_load_explicit(&ledger->counters[counter], memory_order_relaxed);
    atomic_store_explicit(&ledger->counters[counter], now + (uint64_t)amount, memory_order_relaxed);
}
static inline void px_ledger_active(px_ledger *ledger, uint32_t slot, int change)
{
    uint32_t now = atomic_load_explicit(&ledger->active[slot], memory_order_relaxed);
    atomic_store_explicit(&ledger->active[slot], now + (uint32_t)change, memory_order_relaxed);
}

/* A log buffer. Lines are copied behind `used`, then `used` is stored (release): a line is there wholly or not at all. */
typedef struct px_log_region {
    struct px_ledger *ledger;
    uint32_t index; /* in the ledger's table of regions */
    uint32_t size;
    uint8_t *bytes;
    _Atomic uint32_t *used;
} px_log_region;

/* A region of size bytes for the log file whose path has this digest; false when the slab or the table is full (the caller writes unbuffered and says so). */
bool px_log_region_take(px_ledger *ledger, const uint8_t path_digest[16], uint32_t size, px_log_region *region);
/* Must be empty. */
void px_log_region_free(px_log_region *region);
/* False: does not fit, write out first. */
bool px_log_region_add(px_log_region *region, px_slice line);
/* Writes all to fd and empties it. A short or failed write: what was not written is dropped, false, errno. */
bool px_log_region_write(px_log_region *region, int fd);

#endif
