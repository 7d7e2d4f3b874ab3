/* Hashing. Keyed (a secret drawn at start) wherever a peer chooses the input. */
#ifndef PX_BASE_HASH_H
#define PX_BASE_HASH_H

#include "base/slice.h"

/* Draws the secret of this process from getrandom; call before use. The first call does it, later ones
 * change nothing. */
void px_hash_seed(void);
/* 64-bit keyed hash of the bytes as they are, or ASCII-lower-cased. */
uint64_t px_hash(px_slice s);
uint64_t px_hash_caseless(px_slice s);

/* 128 bits under a key of the caller's, the same in every process that has it: SipHash-1-3-128. */
void px_hash_128(const uint64_t key[2], px_slice s, uint64_t out[2]);

#endif
