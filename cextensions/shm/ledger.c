/* See ledger.h. Each function that changes what the master reads names the order of its stores; the
 * master's rules are the same text beside px_shm_log_region in generated/shm_layout.h. */
#include "shm/ledger.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/gzip.h"

typedef struct px_shm_ledger_header header;
typedef struct px_shm_log_region record;

/* Why this memory is no Ledger of this build; NULL: it is one. */
static const char *fault(const px_zone *zone)
{
    const header *head = (const header *)(const void *)zone->base;
    if (zone->size < sizeof *head || head->magic != PX_LEDGER_MAGIC)
        return "the segment is not a ledger";
    if (head->layout != PX_SHM_LAYOUT || head->counter_count != PX_COUNTERS ||
        head->region_count != PX_LOG_REGIONS || head->slot_cells != PX_SLOT_CELLS)
        return "the ledger was made by another build";
    if (head->peer_capacity > PX_PEERS_MAX || !px_zone_holds(zone, head->counters_offset, PX_COUNTERS, 8) ||
        !px_zone_holds(zone, head->regions_offset, PX_LOG_REGIONS, sizeof(record)) ||
        !px_zone_holds(zone, head->active_offset, head->peer_capacity, 4) ||
        !px_zone_holds(zone, head->held_offset, head->peer_capacity, 4) ||
        !px_zone_holds(zone, head->cells_offset, head->peer_capacity, PX_SLOT_CELLS * 8) ||
        !px_zone_holds(zone, head->slab_offset, head->slab_bytes, 1))
        return "the ledger's parts lie outside of its segment";
    return NULL;
}

/* The part of the segment that is this worker's Ledger. The first header tells how they lie; each is checked
 * by itself, since one may be damaged whose worker is about to die of it. */
static const char *find_own(const px_zone *crew, uint32_t worker, px_zone *own)
{
    const header *head = (const header *)(const void *)crew->base;
    const char *why = fault(crew);
    if (why != NULL)
        return why;
    if (head->stride == 0 || head->stride % (uint64_t)sysconf(_SC_PAGESIZE) != 0 || head->ledger_count < 2 ||
        head->ledger_count > crew->size / head->stride)
        return "the ledger's parts lie outside of its segment";
    if (worker > head->ledger_count - 2)
        return "the segment has no ledger for this worker";
    *own = (px_zone){crew->base + worker * head->stride, (size_t)head->stride};
    why = fault(own);
    const header *mine = (const header *)(const void *)own->base;
    if (why == NULL &&
        (mine->stride != head->stride || mine->ledger_count != head->ledger_count || mine->worker != worker))
        return "the ledgers of the segment contradict each other";
    return why;
}

/* Others' Ledgers are to be read: a worker that scribbles does not reach them. */
static bool protect(const px_zone *crew, const px_zone *own)
{
    return mprotect(crew->base, crew->size, PROT_READ) == 0 &&
           mprotect(own->base, own->size, PROT_READ | PROT_WRITE) == 0;
}

bool px_ledger_open(px_ledger *ledger, int fd, int worker, const char **why)
{
    px_zone own = {NULL, 0};
    *ledger = (px_ledger){.counters = NULL};
    if (!px_zone_map(&ledger->zone, fd)) {
        *why = "the ledger could not be mapped";
        return false;
    }
    *why = find_own(&ledger->zone, (uint32_t)worker, &own);
    if (*why == NULL && !protect(&ledger->zone, &own))
        *why = "the ledgers of other workers could not be protected";
    if (*why != NULL) {
        px_zone_unmap(&ledger->zone);
        return false;
    }
    uint8_t *base = own.base;
    header *head = (header *)(void *)base;
    ledger->stride = own.size;
    ledger->workers = head->ledger_count - 1;
    ledger->counters = (_Atomic uint64_t *)(void *)(base + head->counters_offset);
    ledger->active = (_Atomic uint32_t *)(void *)(base + head->active_offset);
    ledger->held = (_Atomic uint32_t *)(void *)(base + head->held_offset);
    ledger->cells = (_Atomic uint64_t *)(void *)(base + head->cells_offset);
    ledger->turns = &head->turns;
    ledger->regions = (record *)(void *)(base + head->regions_offset);
    ledger->slab = base + head->slab_offset;
    ledger->slab_bytes = head->slab_bytes;
    ledger->peer_capacity = head->peer_capacity;
    ledger->worker = head->worker;
    atomic_store_explicit(&head->pid, (uint32_t)getpid(), memory_order_release);
    return true;
}

void px_ledger_close(px_ledger *ledger)
{
    px_zone_unmap(&ledger->zone);
    *ledger = (px_ledger){.counters = NULL};
}

uint64_t px_ledger_active_total(const px_ledger *ledger, uint32_t slot)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < ledger->workers; i++) {
        const _Atomic uint32_t *cell = px_ledger_of(ledger, i, &ledger->active[slot]);
        total += atomic_load_explicit(cell, memory_order_relaxed);
    }
    return total;
}

uint64_t px_ledger_total(const px_ledger *ledger, int counter)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i <= ledger->workers; i++)
        total += px_ledger_counter(ledger, i, counter);
    return total;
}

uint64_t px_ledger_cell_total(const px_ledger *ledger, uint32_t slot, int cell)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i <= ledger->workers; i++) {
        const _Atomic uint64_t *at =
            px_ledger_of(ledger, i, &ledger->cells[(size_t)slot * PX_SLOT_CELLS + (size_t)cell]);
        total += atomic_load_explicit(at, memory_order_relaxed);
    }
    return total;
}

uint32_t px_ledger_changes(const px_ledger *ledger)
{
    const header *masters =
        (const header *)(const void *)(ledger->zone.base + ledger->workers * ledger->stride);
    return atomic_load_explicit(&masters->changes, memory_order_acquire);
}

/* ---- log regions ---- */

static uint32_t state_of(const record *region)
{
    return atomic_load_explicit(&region->state, memory_order_relaxed);
}

/* The first region that overlaps [offset, offset + size); NULL: none does. */
static const record *in_the_way(const px_ledger *ledger, uint64_t offset, uint32_t size)
{
    for (unsigned i = 0; i < PX_LOG_REGIONS; i++) {
        const record *region = &ledger->regions[i];
        if (state_of(region) != PX_REGION_FREE && region->offset < offset + size &&
            offset < (uint64_t)region->offset + region->size)
            return region;
    }
    return NULL;
}

/* First fit. Each step passes one region, so that there are at most 64. */
static bool find_room(const px_ledger *ledger, uint32_t size, uint32_t *offset)
{
    uint64_t at = 0;
    const record *region;
    while ((region = in_the_way(ledger, at, size)) != NULL)
        at = (uint64_t)region->offset + region->size;
    *offset = (uint32_t)at;
    return at + size <= ledger->slab_bytes;
}

static record *find_free(px_ledger *ledger)
{
    for (unsigned i = 0; i < PX_LOG_REGIONS; i++)
        if (state_of(&ledger->regions[i]) == PX_REGION_FREE)
            return &ledger->regions[i];
    return NULL;
}

/* Order: offset, size, path_digest, gzip, used = 0; then OPEN (release). Until then the record is free. */
bool px_log_region_take(px_ledger *ledger, const uint8_t path_digest[16], uint32_t size, int gzip,
                        px_log_region *region)
{
    record *taken = find_free(ledger);
    uint32_t offset;
    *region = (px_log_region){.ledger = NULL};
    if (taken == NULL || size == 0 || !find_room(ledger, size, &offset))
        return false;
    taken->offset = offset;
    taken->size = size;
    memcpy(taken->path_digest, path_digest, sizeof taken->path_digest);
    taken->gzip = (uint32_t)gzip;
    atomic_store_explicit(&taken->used, 0, memory_order_relaxed);
    atomic_store_explicit(&taken->state, PX_REGION_OPEN, memory_order_release);
    region->ledger = ledger;
    region->index = (uint32_t)(taken - ledger->regions);
    region->size = size;
    region->gzip = gzip;
    region->bytes = ledger->slab + offset;
    region->used = &taken->used;
    return true;
}

void px_log_region_free(px_log_region *region)
{
    if (region->ledger == NULL)
        return;
    record *shared = &region->ledger->regions[region->index];
    atomic_store_explicit(&shared->state, PX_REGION_FREE, memory_order_release);
    region->ledger = NULL;
}

/* Order: the bytes of the line; then used (release). */
bool px_log_region_add(px_log_region *region, px_slice line)
{
    uint32_t used = px_log_region_used(region);
    if (line.len > region->size - used)
        return false;
    if (line.len > 0)
        memcpy(region->bytes + used, line.data, line.len);
    atomic_store_explicit(region->used, used + (uint32_t)line.len, memory_order_release);
    return true;
}

static void note_file(record *region, int fd)
{
    struct stat facts;
    bool regular = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
    region->file_end = regular ? (uint64_t)facts.st_size : UINT64_MAX;
    region->file_inode = regular ? (uint64_t)facts.st_ino : 0;
}

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* Order: file_end, file_inode; WRITING (release); write(); used = 0 (release); OPEN (release). A reader that finds
 * WRITING with lines looks behind file_end for how many of them are there. */
bool px_log_region_write(px_log_region *region, int fd)
{
    uint32_t used = px_log_region_used(region);
    if (used == 0)
        return true;
    record *shared = &region->ledger->regions[region->index];
    px_slice out = px_slice_from(region->bytes, used);
    if (region->gzip > 0)
        out = px_gzip_member(region->gzip, out);
    note_file(shared, fd);
    atomic_store_explicit(&shared->state, PX_REGION_WRITING, memory_order_release);
    bool good = write_all(fd, out.data, out.len);
    atomic_store_explicit(&shared->used, 0, memory_order_release);
    atomic_store_explicit(&shared->state, PX_REGION_OPEN, memory_order_release);
    return good;
}
