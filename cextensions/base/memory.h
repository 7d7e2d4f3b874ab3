/* Memory that is there or the process ends with a message: callers carry no dead error branches, and every
 * size that comes from a peer is bounded before it arrives here. Not for the way of a request: that uses
 * arenas and blocks. Also what tells AddressSanitizer of bytes that nobody may touch. */
#ifndef PX_BASE_MEMORY_H
#define PX_BASE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define PX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PX_ASAN 1
#endif
#endif

#ifdef PX_ASAN
#include <sanitizer/asan_interface.h>
#define px_poison(address, size) __asan_poison_memory_region((address), (size))
#define px_unpoison(address, size) __asan_unpoison_memory_region((address), (size))
#else
#define px_poison(address, size) ((void)(address), (void)(size))
#define px_unpoison(address, size) ((void)(address), (void)(size))
#endif

/* malloc, calloc, realloc that do not fail; free() takes what they give. */
void *px_memory_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *px_memory_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *px_memory_resize(void *memory, size_t size) __attribute__((returns_nonnull));

#endif
