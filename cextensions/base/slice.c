/* See slice.h. */
#include "base/slice.h"

bool px_slice_equal_caseless(px_slice a, px_slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (px_ascii_lower(a.data[i]) != px_ascii_lower(b.data[i]))
            return false;
    return true;
}

bool px_slice_to_uint(px_slice s, uint64_t max, uint64_t *out)
{
    if (s.len == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)s.data[i] - '0';
        if (digit > 9 || value > max / 10)
            return false;
        value *= 10;
        if (digit > max - value)
            return false;
        value += digit;
    }
    *out = value;
    return true;
}
