/* For programs without a master (main_engine.c, C tests, fuzzers): makes the two shared segments that an
 * engine needs. */
#ifndef PX_MAIN_SEGMENTS_H
#define PX_MAIN_SEGMENTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "generated/shm_layout.h"

#define PX_MAIN_PEERS 1024u
#define PX_MAIN_SLAB (1u << 20)

static inline int px_main_segment(const void *head, size_t head_bytes, size_t size)
{
    int fd = memfd_create("proxyd", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || pwrite(fd, head, head_bytes, 0) != (ssize_t)head_bytes) {
        perror("memfd_create");
        exit(1);
    }
    return fd;
}

/* One worker's, and the master's, which stays empty. */
static inline int px_main_ledgers(void)
{
    struct px_shm_ledger_header head;
    memset(&head, 0, sizeof head);
    uint32_t at = (uint32_t)sizeof head;
    head.magic = PX_LEDGER_MAGIC;
    head.layout = PX_SHM_LAYOUT;
    head.counter_count = PX_COUNTERS;
    head.peer_capacity = PX_MAIN_PEERS;
    head.region_count = PX_LOG_REGIONS;
    head.counters_offset = at;
    head.regions_offset = at += PX_COUNTERS * 8u;
    head.active_offset = at += PX_LOG_REGIONS * (uint32_t)sizeof(struct px_shm_log_region);
    head.held_offset = at += PX_MAIN_PEERS * 4u;
    head.cells_offset = at += PX_MAIN_PEERS * 4u;
    head.slot_cells = PX_SLOT_CELLS;
    at += PX_MAIN_PEERS * PX_SLOT_CELLS * 8u;
    head.slab_offset = at = (at + 65535u) & ~65535u; /* whole pages anywhere */
    head.slab_bytes = PX_MAIN_SLAB;
    head.ledger_count = 2;
    head.stride = at + PX_MAIN_SLAB;
    return px_main_segment(&head, sizeof head, 2 * (size_t)head.stride);
}

static inline int px_main_peers(void)
{
    struct px_shm_peers_header head;
    memset(&head, 0, sizeof head);
    head.magic = PX_PEERS_MAGIC;
    head.layout = PX_SHM_LAYOUT;
    head.capacity = PX_MAIN_PEERS;
    head.records_offset = (uint32_t)sizeof head;
    return px_main_segment(&head, sizeof head,
                           sizeof head + PX_MAIN_PEERS * sizeof(struct px_shm_peer_record));
}

#endif
