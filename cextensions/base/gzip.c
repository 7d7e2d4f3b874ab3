/* See gzip.h. One deflate state (a quarter of a megabyte) is kept for all. */
#include "base/gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/memory.h"

#define GZIP_WINDOW (15 + 16) /* the largest, with gzip's header */
#define MEMORY_LEVEL 8

static z_stream stream;
static int stream_level; /* 0: there is no stream */
static uint8_t *out;
static size_t out_size;

static void fail(const char *what)
{
    fprintf(stderr, "proxyd: %s failed\n", what);
    abort();
}

static void prepare(int level, size_t len)
{
    if (stream_level != 0 && stream_level != level) {
        deflateEnd(&stream);
        stream_level = 0;
    }
    if (stream_level == 0) {
        stream = (z_stream){0};
        if (deflateInit2(&stream, level, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
            fail("deflateInit2()");
        stream_level = level;
    } else {
        deflateReset(&stream);
    }
    size_t bound = deflateBound(&stream, len);
    if (bound > out_size) {
        out = px_memory_resize(out, bound);
        out_size = bound;
    }
}

px_slice px_gzip_member(int level, px_slice bytes)
{
    prepare(level, bytes.len);
    stream.next_in = (uint8_t *)(uintptr_t)bytes.data; /* zlib's interface lacks a const */
    stream.avail_in = (uInt)bytes.len;
    stream.next_out = out;
    stream.avail_out = (uInt)out_size;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        fail("deflate()");
    return px_slice_from(out, stream.total_out);
}

void px_gzip_clear(void)
{
    if (stream_level != 0)
        deflateEnd(&stream);
    free(out);
    stream_level = 0;
    out = NULL;
    out_size = 0;
}
