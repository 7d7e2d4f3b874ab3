/* See hash.h. SipHash-1-3 (Aumasson, Bernstein 2012): keyed, so that nobody who does not know the secret
 * can choose names that fall into one chain; about a nanosecond per byte for names as HTTP has them.
 * Lower-casing happens eight bytes at a time. */
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"

static uint64_t secret[2];

void px_hash_seed(void)
{
    static bool seeded;
    ssize_t n;
    if (seeded)
        return;
    seeded = true;
    do
        n = getrandom(secret, sizeof secret, 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof secret) {
        px_log_write(&px_log_main, PX_LOG_EMERG, 0, "getrandom() failed (%s)", px_log_errno(errno));
        abort();
    }
}

static inline uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

typedef struct {
    uint64_t a, b, c, d;
} sip;

static inline void sip_round(sip *v)
{
    v->a += v->b;
    v->b = rotate(v->b, 13) ^ v->a;
    v->a = rotate(v->a, 32);
    v->c += v->d;
    v->d = rotate(v->d, 16) ^ v->c;
    v->a += v->d;
    v->d = rotate(v->d, 21) ^ v->a;
    v->c += v->b;
    v->b = rotate(v->b, 17) ^ v->c;
    v->c = rotate(v->c, 32);
}

static inline void sip_add(sip *v, uint64_t word)
{
    v->d ^= word;
    sip_round(v);
    v->a ^= word;
}

/* Sets bit 5 of each byte that is 'A'..'Z'; bytes above 127 stay. */
static inline uint64_t lower_word(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t seven = word & (0x7f * ones);
    uint64_t from_a = seven + (0x80 - 'A') * ones;     /* bit 7: >= 'A' */
    uint64_t past_z = seven + (0x80 - 'Z' - 1) * ones; /* bit 7: > 'Z' */
    uint64_t upper = (from_a ^ past_z) & ~word & (0x80 * ones);
    return word | (upper >> 2);
}

static inline sip sip_begin(const uint64_t key[2])
{
    return (sip){key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                 key[1] ^ 0x7465646279746573u};
}

static inline uint64_t sip_finish(sip *v)
{
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v->a ^ v->b ^ v->c ^ v->d;
}

static inline void sip_words(sip *v, px_slice s, bool lower)
{
    const uint8_t *at = s.data;
    for (size_t left = s.len / 8; left > 0; left--, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        sip_add(v, lower ? lower_word(word) : word);
    }
    uint64_t last = 0;
    if (s.len % 8 > 0)
        memcpy(&last, at, s.len % 8);
    if (lower)
        last = lower_word(last);
    sip_add(v, last | (uint64_t)(s.len & 0xff) << 56);
}

static inline uint64_t hash_words(px_slice s, bool lower)
{
    sip v = sip_begin(secret);
    sip_words(&v, s, lower);
    v.c ^= 0xff;
    return sip_finish(&v);
}

uint64_t px_hash(px_slice s)
{
    return hash_words(s, false);
}

uint64_t px_hash_caseless(px_slice s)
{
    return hash_words(s, true);
}

void px_hash_128(const uint64_t key[2], px_slice s, uint64_t out[2])
{
    sip v = sip_begin(key);
    v.b ^= 0xee;
    sip_words(&v, s, false);
    v.c ^= 0xee;
    out[0] = sip_finish(&v);
    v.b ^= 0xdd;
    out[1] = sip_finish(&v);
}
