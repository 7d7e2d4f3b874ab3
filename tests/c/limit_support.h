/* Limit Zones for tests: segments as the master makes them. */
#ifndef PX_TESTS_LIMIT_SUPPORT_H
#define PX_TESTS_LIMIT_SUPPORT_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/limit_table.h"

/* The first so many of the buckets are homes. */
static inline int limit_segment_of(uint32_t kind, uint32_t homes, uint32_t buckets)
{
    px_limit_header made = {.magic = PX_LIMIT_MAGIC,
                            .layout = PX_SHM_LAYOUT,
                            .kind = kind,
                            .buckets = buckets,
                            .homes = homes,
                            .secret = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};
    if (kind == PX_LIMIT_CONN) {
        made.seats = 16;
        made.chunks = (buckets * 16 + PX_LIMIT_HOLDS - 1) / PX_LIMIT_HOLDS;
    }
    made.seats_offset = sizeof made;
    made.buckets_offset = made.seats_offset + made.seats * sizeof(struct px_shm_limit_seat);
    made.chunks_offset = made.buckets_offset + (uint64_t)buckets * PX_LIMIT_BUCKET_BYTES;
    uint64_t size = made.chunks_offset + made.chunks * sizeof(struct px_shm_limit_chunk);
    int fd = memfd_create("limit", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || pwrite(fd, &made, sizeof made, 0) != sizeof made)
        abort();
    return fd;
}

/* All buckets are homes. */
static inline int limit_segment(uint32_t kind, uint32_t buckets)
{
    return limit_segment_of(kind, buckets, buckets);
}

#endif
