/* See memory.h. Running out ends the worker by SIGABRT: the master starts another and the core shows who
 * asked. */
#include "base/memory.h"

#include "base/log.h"

static void *checked(void *memory, size_t size)
{
    if (memory == NULL) {
        px_log_write(&px_log_main, PX_LOG_EMERG, 0, "out of memory: %zu bytes were asked for", size);
        abort();
    }
    return memory;
}

void *px_memory_alloc(size_t size)
{
    return checked(malloc(size > 0 ? size : 1), size);
}

void *px_memory_zalloc(size_t size)
{
    return checked(calloc(1, size > 0 ? size : 1), size);
}

void *px_memory_resize(void *memory, size_t size)
{
    return checked(realloc(memory, size > 0 ? size : 1), size);
}
