/* Bytes to one gzip member: a file of such members, one after the other, is a gzip file. */
#ifndef PX_BASE_GZIP_H
#define PX_BASE_GZIP_H

#include "base/slice.h"

/* level: 1 (fast) to 9 (small). The result is valid until the next call. The master makes the same bytes of
 * the same input (proxyd/process/reap.py): parameters are those of Python's zlib with wbits 31. */
px_slice px_gzip_member(int level, px_slice bytes);
/* Frees what is kept between calls. */
void px_gzip_clear(void);

#endif
