/* Bytes with an unreadable page right behind them (or right in front): reading one byte too far ends the
 * test at once. */
#ifndef PX_TESTS_GUARD_H
#define PX_TESTS_GUARD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/slice.h"

#define GUARD_ROOM (64u * 1024u)

/* One place for each kind; the bytes stay until the next call of the same function. */
static inline uint8_t *guard_room(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory = mmap(NULL, GUARD_ROOM + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, GUARD_ROOM, PROT_READ | PROT_WRITE) != 0)
        abort();
    return memory + page;
}

static inline px_slice guard_end(px_slice bytes)
{
    static uint8_t *room;
    if (room == NULL)
        room = guard_room();
    if (bytes.len > GUARD_ROOM)
        abort();
    if (bytes.len > 0)
        memmove(room + GUARD_ROOM - bytes.len, bytes.data, bytes.len);
    return px_slice_from(room + GUARD_ROOM - bytes.len, bytes.len);
}

static inline px_slice guard_start(px_slice bytes)
{
    static uint8_t *room;
    if (room == NULL)
        room = guard_room();
    if (bytes.len > GUARD_ROOM)
        abort();
    if (bytes.len > 0)
        memmove(room, bytes.data, bytes.len);
    return px_slice_from(room, bytes.len);
}

#endif
