/* Shared segments that the master made and passed as descriptors. Fixed-size records, offsets never
 * pointers, C11 atomics. The layout is generated/shm_layout.h (declared in proxyd/shared/layout/). */
#ifndef PX_SHM_ZONE_H
#define PX_SHM_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct px_zone {
    uint8_t *base;
    size_t size;
} px_zone;

/* Maps the whole segment. False: errno. The caller keeps fd. */
bool px_zone_map(px_zone *zone, int fd);
/* Idempotent. */
void px_zone_unmap(px_zone *zone);
/* Whether count records of this size (not 0) lie within the segment from offset, which must be a multiple
 * of 8. */
bool px_zone_holds(const px_zone *zone, uint64_t offset, uint64_t count, uint64_t bytes_each);

#endif
