/* What one HTTP/1 connection is going to write: a queue of pieces, and a growable writer for the text between
 * them (heads, chunk sizes) that goes into blocks. Text is written once, behind the text before it where that
 * was the last thing queued, so that a head, a chunk's size and a small body leave as few pieces in one
 * system call. Knows neither side of HTTP. */
#ifndef PX_HTTP_H1_OUTPUT_H
#define PX_HTTP_H1_OUTPUT_H

#include "base/piece.h"
#include "http/headers.h"
#include "net/transport.h"

/* How pieces of files go out. A head and a small file behind it share packets (MSG_MORE). */
typedef struct px_h1_files {
    bool sendfile;        /* not through user space, where the transport can */
    uint32_t chunk_bytes; /* most of one sendfile; 0: no limit */
    uint32_t read_count;  /* without sendfile: so many pieces */
    uint32_t read_bytes;  /* of so many bytes are read at a time */
} px_h1_files;

/* For requests to peers, which are spooled in files of our own. */
#define PX_H1_FILES_DEFAULT                                                                                  \
    {                                                                                                        \
        true, 2u << 20, 2, 32768                                                                             \
    }

/* What became of a file while it was sent. */
#define PX_H1_FILE_FINE 0
#define PX_H1_FILE_SHORT (-1) /* it ends before it should; other values: the errno of reading it */

typedef struct px_h1_output {
    px_block *text;     /* where text goes; NULL: none taken */
    uint32_t text_used; /* of its bytes */
    int file_error;     /* PX_H1_FILE_*, when px_h1_output_write gave ERROR: the socket itself is fine */
    bool reads_files;   /* sendfile does not work for what is queued */
    px_queue queue;
} px_h1_output;

/* Open while text is being written: nothing else may be queued until px_h1_text_end. */
typedef struct px_h1_text {
    uint8_t *at, *limit;
    uint8_t *start; /* from here to `at` is not queued yet */
    px_h1_output *output;
} px_h1_text;

static inline void px_h1_output_init(px_h1_output *output)
{
    output->text = NULL;
    output->text_used = 0;
    output->file_error = PX_H1_FILE_FINE;
    output->reads_files = false;
    px_queue_init(&output->queue);
}

/* Releases all that is queued. */
void px_h1_output_clear(px_h1_output *output);
/* Moves all that is queued behind what `to` has. */
void px_h1_output_move(px_h1_output *output, px_queue *to);

/* hint: bytes that will probably be enough. */
px_h1_text px_h1_text_begin(px_h1_output *output, size_t hint);
void px_h1_text_append_slow(px_h1_text *text, const void *bytes, size_t n);
/* Queues what was written. */
void px_h1_text_end(px_h1_text *text);

static inline void px_h1_text_append(px_h1_text *text, const void *bytes, size_t n)
{
    if (n > (size_t)(text->limit - text->at)) {
        px_h1_text_append_slow(text, bytes, n);
        return;
    }
    if (n > 0)
        memcpy(text->at, bytes, n);
    text->at += n;
}

static inline void px_h1_text_slice(px_h1_text *text, px_slice s)
{
    px_h1_text_append(text, s.data, s.len);
}

#define px_h1_text_literal(text, literal) px_h1_text_append(text, "" literal, sizeof(literal) - 1)

void px_h1_text_uint(px_h1_text *text, uint64_t value);
/* "Name: value" and the end of the line. */
void px_h1_text_header(px_h1_text *text, const px_header *header);

/* Queues pieces as they are; the references become the output's. Gives their bytes. */
size_t px_h1_output_pieces(px_h1_output *output, px_piece *pieces, uint32_t count);
/* Queues pieces as one chunk (nothing when they are empty) and, with last, the end of the chunked body. */
void px_h1_output_chunk(px_h1_output *output, px_piece *pieces, uint32_t count, bool last);

/* The end of a chunked body that has fields behind it. */
void px_h1_output_trailers(px_h1_output *output, const px_header *headers, uint32_t count);

/* Writes until the queue is empty, the kernel takes no more, or limit bytes have gone. *moved: bytes that
 * went (also beside an error). OK: look at queue.bytes for what is left. */
px_io px_h1_output_write(px_h1_output *output, px_transport *transport, const px_h1_files *files,
                         size_t limit, size_t *moved);

#endif
