/* A carrier in memory: a Stream without sockets or HTTP on the wire. The test hands in what a client would
 * send and reads what the Request answered, call by call. It keeps the rules of http/stream.h as strictly as
 * it can (calls back only from its own task, gives pieces up exactly once, complains of calls that may not
 * be made), so that what works here depends on nothing that only HTTP/1 happens to do. */
#ifndef PX_TESTS_MEMORY_STREAM_H
#define PX_TESTS_MEMORY_STREAM_H

#include "http/stream.h"

#define MEMORY_BYTES (1u << 20)

typedef struct memory_stream {
    px_stream stream;
    px_client client;
    px_task task;

    /* What the client sends. */
    px_block *head_block;
    uint8_t *body;
    size_t body_len, body_read;
    bool body_ended; /* what is in body is all */
    size_t wanted;   /* read_body's max_bytes */

    /* What the client takes: bytes of body that are taken by themselves. SIZE_MAX: all. */
    size_t window;

    /* What the Request did. Calls in order, each as a line: "inform 103", "head 200 length 5 close", "body 5
     * last", "read 4096", "truncate", "reset", "done", "abort 1". Headers follow a head, one line each with
     * two blanks in front. */
    char *calls;
    size_t calls_len;
    uint8_t *answer; /* bytes of body that were taken */
    size_t answer_len;
    int status;
    uint32_t errors; /* calls against the rules; each is told on stderr */

    px_queue queue; /* sent and not taken */
    bool head_sent, last_sent, truncated, over, writable_owed, aborting;
    px_abort_reason abort_reason;
} memory_stream;

/* listener may be NULL. */
memory_stream *memory_stream_open(px_loop *loop, const px_stream_user *user, px_listener *listener);
/* Complains when the Request has not ended. Everything is freed. */
void memory_stream_close(memory_stream **stream);

/* Delivers a request: head is the text of an HTTP/1.1 head (lines may end in LF). body_ended: there is no
 * more body than what memory_stream_body already gave. False: no valid head. */
bool memory_stream_request(memory_stream *stream, const char *head);
/* The client sends some of its body. */
void memory_stream_body(memory_stream *stream, const void *bytes, size_t len, bool last);
/* The client takes so many more bytes. */
void memory_stream_take(memory_stream *stream, size_t bytes);
/* The client is gone: on_abort follows from the task. */
void memory_stream_abort(memory_stream *stream, px_abort_reason reason);
/* True when the call was made: text is a whole line of calls. */
bool memory_stream_called(const memory_stream *stream, const char *line);
static inline px_slice memory_stream_answer(const memory_stream *stream)
{
    return px_slice_from(stream->answer, stream->answer_len);
}

#endif
