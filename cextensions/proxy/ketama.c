/* See ketama.h. The points of a server are a chain: crc32(HOST NUL PORT PREVIOUS), the previous point in
 * four bytes, little-endian; zero in front of the first. */
#include "proxy/ketama.h"

#include <stdlib.h>
#include <strings.h>

#include "base/crc32.h"

px_ketama *px_ketama_begin(px_arena *arena, uint32_t weight)
{
    px_ketama *ring = px_arena_zalloc(arena, sizeof *ring);
    ring->capacity = weight * PX_KETAMA_POINTS;
    ring->points = px_arena_alloc(arena, ring->capacity * sizeof *ring->points);
    return ring;
}

/* Where the digits behind a colon that end the text begin; its length when there are none. */
static size_t port_of(px_slice server)
{
    for (size_t at = server.len; at > 0; at--) {
        uint8_t c = server.data[at - 1];
        if (c == ':')
            return at;
        if (c < '0' || c > '9')
            break;
    }
    return server.len;
}

static uint32_t hash_name(px_slice server)
{
    px_slice host = server, port = {NULL, 0};
    if (server.len >= 5 && strncasecmp((const char *)server.data, "unix:", 5) == 0) {
        host = (px_slice){server.data + 5, server.len - 5};
    } else if (port_of(server) < server.len || (server.len > 0 && server.data[server.len - 1] == ':')) {
        size_t at = port_of(server);
        host = (px_slice){server.data, at - 1};
        port = (px_slice){server.data + at, server.len - at};
    }
    uint32_t crc = px_crc32_add(PX_CRC32_START, host);
    crc = px_crc32_add(crc, px_slice_from("", 1));
    return px_crc32_add(crc, port);
}

void px_ketama_add(px_ketama *ring, px_slice server, uint32_t weight, uint32_t owner)
{
    uint32_t name = hash_name(server), previous = 0;
    for (uint64_t i = 0; i < (uint64_t)weight * PX_KETAMA_POINTS && ring->count < ring->capacity; i++) {
        const char bytes[4] = {(char)previous, (char)(previous >> 8), (char)(previous >> 16),
                               (char)(previous >> 24)};
        previous = px_crc32_value(px_crc32_add(name, px_slice_from(bytes, sizeof bytes)));
        ring->points[ring->count++] = (px_ketama_point){previous, owner};
    }
}

static int compare(const void *a, const void *b)
{
    const px_ketama_point *one = a, *two = b;
    if (one->hash != two->hash)
        return one->hash < two->hash ? -1 : 1;
    return (one->owner > two->owner) - (one->owner < two->owner);
}

void px_ketama_finish(px_ketama *ring)
{
    uint32_t kept = 0;
    qsort(ring->points, ring->count, sizeof *ring->points, compare);
    for (uint32_t i = 0; i < ring->count; i++)
        if (kept == 0 || ring->points[i].hash != ring->points[kept - 1].hash)
            ring->points[kept++] = ring->points[i];
    ring->count = kept;
}

uint32_t px_ketama_find(const px_ketama *ring, uint32_t hash)
{
    uint32_t low = 0, high = ring->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hash > ring->points[middle].hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
