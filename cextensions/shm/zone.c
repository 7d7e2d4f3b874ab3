/* See zone.h. */
#include "shm/zone.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

bool px_zone_map(px_zone *zone, int fd)
{
    struct stat facts;
    *zone = (px_zone){NULL, 0};
    if (fstat(fd, &facts) < 0)
        return false;
    if (facts.st_size <= 0) {
        errno = EINVAL;
        return false;
    }
    void *base = mmap(NULL, (size_t)facts.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return false;
    *zone = (px_zone){base, (size_t)facts.st_size};
    return true;
}

void px_zone_unmap(px_zone *zone)
{
    if (zone->base != NULL)
        munmap(zone->base, zone->size);
    *zone = (px_zone){NULL, 0};
}

bool px_zone_holds(const px_zone *zone, uint64_t offset, uint64_t count, uint64_t bytes_each)
{
    return offset % 8 == 0 && offset <= zone->size && count <= (zone->size - offset) / bytes_each;
}
