/* CRC-32 as zlib, nginx and Cache::Memcached compute it: for hashing that must agree with theirs. For
 * nothing that a peer may attack. */
#ifndef PX_BASE_CRC32_H
#define PX_BASE_CRC32_H

#include "base/slice.h"

#define PX_CRC32_START 0xffffffffu

/* Begin with PX_CRC32_START, add bytes in any number of calls, then take px_crc32_value. */
uint32_t px_crc32_add(uint32_t crc, px_slice bytes);
static inline uint32_t px_crc32_value(uint32_t crc)
{
    return crc ^ 0xffffffffu;
}

static inline uint32_t px_crc32(px_slice bytes)
{
    return px_crc32_value(px_crc32_add(PX_CRC32_START, bytes));
}

#endif
