/* What every target has: one function that takes any bytes, and properties that must hold. A property that
 * does not ends the program, which the fuzzer (or replay) reports together with the input. */
#ifndef PX_FUZZ_H
#define PX_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define HOLDS(property)                                                                                      \
    do {                                                                                                     \
        if (!(property)) {                                                                                   \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property);                    \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* The bytes lie within the whole (an empty slice may lie anywhere). */
static inline bool fuzz_within(px_slice part, px_slice whole)
{
    return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* A copy on the heap of exactly this size, so that AddressSanitizer sees one byte too many. Free it with
 * free(). */
static inline uint8_t *fuzz_copy(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

#endif
