/* A worker's own record in shared memory: what its running requests hold, its counters, its log buffers.
 * Single writer: this worker. Readers: the master (counters, log lines of the dead) and the other workers of
 * the crew, who add up: the Ledgers of a crew lie in one segment, the master's own behind those of the
 * workers. Valid at every store: a worker may be killed at any instruction. */
#ifndef PX_SHM_LEDGER_H
#define PX_SHM_LEDGER_H

#include <stdatomic.h>

#include "base/slice.h"
#include "generated/shm_layout.h"
#include "shm/zone.h"

typedef struct px_ledger {
    px_zone zone;               /* the Ledgers of the whole crew; only the own one may be written to */
    size_t stride;              /* bytes from one to the next */
    uint32_t workers;           /* how many workers' there are; the master's is behind them */
    _Atomic uint64_t *counters; /* PX_COUNTERS cells */
    _Atomic uint32_t *active;   /* peer_capacity cells: connections in use per peer slot */
    _Atomic uint32_t *held;     /* peer_capacity cells: loaded Upstreams that refer to the slot */
    _Atomic uint64_t *cells;    /* peer_capacity * PX_SLOT_CELLS: what is counted per slot */
    _Atomic uint64_t *turns;    /* for px_loop_show_turns */
    struct px_shm_log_region *regions;
    uint8_t *slab;
    uint32_t slab_bytes;
    uint32_t peer_capacity;
    uint32_t worker; /* index of the worker it was made for */
} px_ledger;

/* fd: the segment; stays the caller's. worker: index of this one. Checks magic, layout, offsets; the reason
 * why not is a static text in *why. Writes this process's pid into its Ledger. */
bool px_ledger_open(px_ledger *ledger, int fd, int worker, const char **why);
/* Idempotent. */
void px_ledger_close(px_ledger *ledger);

/* -DPX_UNCOUNTED: nothing is counted, only to measure what counting costs. */
#ifdef PX_UNCOUNTED
#define PX_COUNTS false
#else
#define PX_COUNTS true
#endif

/* Single writer: a plain load and store, no locked instruction. */
static inline void px_count(px_ledger *ledger, int counter, int64_t amount)
{
    if (!PX_COUNTS)
        return;
    uint64_t now = atomic_load_explicit(&ledger->counters[counter], memory_order_relaxed);
    atomic_store_explicit(&ledger->counters[counter], now + (uint64_t)amount, memory_order_relaxed);
}
static inline void px_ledger_cell_add(_Atomic uint32_t *cell, int change)
{
    uint32_t now = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, now + (uint32_t)change, memory_order_relaxed);
}
/* Adds to one of the PX_SLOT_CELLS cells of a slot: cells as px_ledger_cells gave them. */
static inline _Atomic uint64_t *px_ledger_cells(px_ledger *ledger, uint32_t slot)
{
    return ledger->cells + (size_t)slot * PX_SLOT_CELLS;
}
static inline void px_cell_add(_Atomic uint64_t *cells, int cell, uint64_t amount)
{
    if (!PX_COUNTS)
        return;
    uint64_t now = atomic_load_explicit(&cells[cell], memory_order_relaxed);
    atomic_store_explicit(&cells[cell], now + amount, memory_order_relaxed);
}
/* The histogram's bucket for so many milliseconds: bounds are 1, 2, 4, ... 65536, and the last has no bound. */
static inline int px_latency_bucket(uint64_t ms)
{
    return ms <= 1 ? 0 : ms > 65536 ? PX_LATENCY_BUCKETS - 1 : 64 - __builtin_clzll(ms - 1);
}
/* The same cell in the Ledger of another: index below workers, or workers for the master's. To be read only. */
static inline const void *px_ledger_of(const px_ledger *ledger, uint32_t index, const volatile void *own)
{
    ptrdiff_t away = ((ptrdiff_t)index - (ptrdiff_t)ledger->worker) * (ptrdiff_t)ledger->stride;
    return (const uint8_t *)(uintptr_t)own + away;
}
/* A counter in the Ledger of another. */
static inline uint64_t px_ledger_counter(const px_ledger *ledger, uint32_t index, int counter)
{
    const _Atomic uint64_t *cell = px_ledger_of(ledger, index, &ledger->counters[counter]);
    return atomic_load_explicit(cell, memory_order_relaxed);
}
/* slot: as px_peers_find gave it (below peer_capacity). */
static inline void px_ledger_active(px_ledger *ledger, uint32_t slot, int change)
{
    px_ledger_cell_add(&ledger->active[slot], change);
}
static inline void px_ledger_hold(px_ledger *ledger, uint32_t slot, int change)
{
    px_ledger_cell_add(&ledger->held[slot], change);
}

/* Connections in use at the peer of this slot, by all workers of the crew. */
uint64_t px_ledger_active_total(const px_ledger *ledger, uint32_t slot);
/* Sums over the crew and its dead. While the master moves what a dead worker had counted they may be too
 * small or too large; whoever minds asks px_ledger_changes before and behind, and reads again unless both
 * gave the same even number. */
uint64_t px_ledger_total(const px_ledger *ledger, int counter);
uint64_t px_ledger_cell_total(const px_ledger *ledger, uint32_t slot, int cell);
uint32_t px_ledger_changes(const px_ledger *ledger);

/* A log buffer. Lines are copied behind `used`, then `used` is stored (release): a line is there wholly or
 * not at all. */
typedef struct px_log_region {
    struct px_ledger *ledger; /* NULL: none was taken */
    uint32_t index;           /* in the ledger's table of regions */
    uint32_t size;
    int gzip; /* level; 0: written as it is */
    uint8_t *bytes;
    _Atomic uint32_t *used;
} px_log_region;

/* A region of size bytes for the log file whose path has this digest; false when the slab or the table is
 * full (the caller writes unbuffered and says so). gzip: level at which it will be compressed, or 0. */
bool px_log_region_take(px_ledger *ledger, const uint8_t path_digest[16], uint32_t size, int gzip,
                        px_log_region *region);
/* Must be empty. */
void px_log_region_free(px_log_region *region);
/* False: does not fit, write out first. */
bool px_log_region_add(px_log_region *region, px_slice line);
static inline uint32_t px_log_region_used(const px_log_region *region)
{
    return atomic_load_explicit(region->used, memory_order_relaxed);
}
/* Writes all to fd (as one gzip member, where that is asked for) and empties it. A failed write: what was not
 * written is dropped, false, errno. An empty region: nothing happens, true. */
bool px_log_region_write(px_log_region *region, int fd);

#endif
