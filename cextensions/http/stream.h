/* A Stream: one request/response exchange with a client. HTTP/1, later HTTP/2, and the test carrier in memory
 * offer it ("carrier"); the Request (proxy/) uses it and knows nothing of what carries it.
 *
 * Turn-taking, for both directions:
 * - No function of px_stream_ops calls back into the Request before it returns. What follows is called from
 *   the carrier's own events or tasks.
 * - Request body: the Request asks with read_body; one on_body comes for each ask (with all that is there,
 *   bounded by max bytes), the last one has last set.
 * - Answer: send_head once, then send_body any number of times, the last with last set. Pieces handed over
 *   are the carrier's. stream->unsent tells how many bytes wait; a Request that wants to be kind stops when
 *   that is above its limit; on_writable comes when all that was sent before has gone to the kernel. Where the
 *   kernel (or the rate) takes no more before that, on_blocked says so, once until on_writable.
 * - After send_body(last): on_done comes exactly once, when everything is with the kernel; the Request ends
 *   there.
 * - Instead of on_done, on_abort comes exactly once when the client is gone or broke the rules; when it
 *   returns the Request must not touch the stream any more. reset is the Request's side of the same:
 *   afterwards no callback comes.
 * - Bytes that are not owned by a block must live until on_done/on_abort: the Request's arena does. */
#ifndef PX_HTTP_STREAM_H
#define PX_HTTP_STREAM_H

#include "base/log.h"
#include "base/piece.h"
#include "http/h1_parse.h"
#include "http/rate.h"
#include "net/listener.h"
#include "net/transport.h"

typedef struct px_stream px_stream;

/* What is known of the connection below. Lives as long as the stream; the Request copies what it needs
 * longer. */
typedef struct px_client {
    uint64_t number;     /* $connection */
    uint64_t requests;   /* $connection_requests: this one included */
    uint64_t started_ms; /* monotonic: $connection_time */
    px_endpoint address;
    px_slice address_text; /* $remote_addr */
    int fd;                /* for getsockname */
    px_listener *listener;
} px_client;

typedef struct px_response_head {
    int status;
    px_slice reason; /* empty: the standard one */
    /* In order, without framing: no Content-Length, Transfer-Encoding, Connection, Keep-Alive. */
    const px_header *headers;
    uint32_t header_count;
    int64_t content_length; /* -1: not known: chunked for HTTP/1.1, until close for 1.0 */
    bool close;             /* close the connection after this answer */
    bool upgrade;           /* 101: the carrier adds Connection: upgrade */
} px_response_head;

typedef enum px_abort_reason {
    PX_ABORT_CLOSED, /* the client closed: 499 */
    PX_ABORT_RESET,
    PX_ABORT_TIMEOUT, /* send_timeout (answer under way) */
    PX_ABORT_DRAIN,   /* worker_shutdown_timeout is over */
    PX_ABORT_FILE     /* a file that is part of the answer could not be sent to its end: stream->file_error */
} px_abort_reason;

typedef struct px_stream_ops {
    /* 1xx: status and headers, any number of times before send_head. */
    void (*send_informational)(px_stream *stream, const px_response_head *head);
    void (*send_head)(px_stream *stream, const px_response_head *head);
    /* Before send_body with last: fields behind the body, which live until the stream is over. Lost where the
     * framing has no room for them: only a chunked answer has. */
    void (*send_trailers)(px_stream *stream, const px_header *headers, uint32_t count);
    void (*send_body)(px_stream *stream, px_piece *pieces, uint32_t count, bool last);
    /* Asks for one on_body of at most max_bytes. Sends 100 Continue when the client waits for it. */
    void (*read_body)(px_stream *stream, size_t max_bytes);
    /* Ends the exchange at once: closes (HTTP/1) or resets. What is unsent is lost. */
    void (*reset)(px_stream *stream);
    /* Instead of send_body(last), for an answer whose rest will never come: what was handed over is still
     * sent, then the exchange ends so that the client can tell (no last chunk, the connection closes).
     * on_done or on_abort follows. */
    void (*truncate)(px_stream *stream);
    /* After send_head of a 101: the socket becomes the caller's: *transport is moved to, *unsent gets what is
     * not written yet, *early what the client sent already. The stream is over: no callback follows; NULL op:
     * the carrier cannot. */
    bool (*take_transport)(px_stream *stream, px_transport *transport, void (*on_ready)(px_transport *),
                           px_queue *unsent, px_queue *early);
} px_stream_ops;

/* The upper layer's side: declared here, filled by proxy/. */
typedef struct px_stream_user {
    /* The head is complete. head and its slices live in head_block (and in static memory of the parser for
     * headers): copy the array, hold the block. Sets stream->request, or answers at once with ops. body:
     * stream->body. */
    void (*on_request)(px_stream *stream, const px_request_head *head, px_block *head_block);
    /* The client sent what is no request: answer error->status and close. There will be no on_request.
     * stream->request is set by the callee as in on_request. request_line: as far as it came, in block;
     * error->where too. error->status is nginx's inner one: 494 stands for the 400 page "Request Header Or
     * Cookie Too Large". stream->gone: too slow (408) or closed within its head (400): this is for the log;
     * nothing that is answered will be sent, on_abort follows. */
    void (*on_bad_request)(px_stream *stream, const px_parse_error *error, px_slice request_line,
                           px_block *block);
    void (*on_body)(px_stream *stream, px_piece *pieces, uint32_t count, bool last);
    /* The body is broken: bad chunk (400): the Request answers status. stream->gone: too slow (408) or the
     * client closed within it (400): as nginx, which does not answer these either, status is for the log;
     * on_abort follows. */
    void (*on_body_error)(px_stream *stream, int status, const char *text);
    void (*on_writable)(px_stream *stream);
    void (*on_done)(px_stream *stream);
    void (*on_abort)(px_stream *stream, px_abort_reason reason);
    void (*on_blocked)(px_stream *stream); /* may be NULL */
} px_stream_user;

struct px_stream {
    const px_stream_ops *ops;
    const px_stream_user *user;
    void *request; /* the upper layer's */
    const px_client *client;
    px_loop *loop;
    uint64_t started_ms; /* monotonic: when the first byte of the request was there */
    int64_t body;        /* declared length, PX_BODY_CHUNKED, 0 */
    uint64_t received;   /* $request_length: bytes of head and body so far */
    uint64_t sent;       /* $bytes_sent: bytes that went to the kernel, framing included */
    uint64_t head_bytes; /* of those, the heads: $body_bytes_sent = sent - head_bytes when all is sent */
    size_t unsent;
    /* Timeouts and keep-alive rules that the carrier follows until the stream ends: its listener's at first;
     * the Request may put its location's there, which must live until on_done/on_abort. */
    const struct px_h1_settings *settings;
    /* The Request may set it: a chunk with which a body would get longer is not waited for, on_body_error(413)
     * comes instead. 0: no limit. */
    uint64_t body_max;
    px_rate rate;      /* of the answer; the Request may set it until send_head */
    int file_error;    /* of PX_ABORT_FILE: an errno; -1: the file has become shorter */
    bool client_ended; /* FIN seen */
    bool splices;      /* pieces of pipes can be sent */
    bool blocked;      /* on_blocked was called, and on_writable not yet */
    bool goes_on;      /* set by the Request: that the client has ended is no reason to give up */
    bool keepalive;    /* after this answer, as far as known */
    bool pipelined;    /* this request was there before the answer to the one before it had gone: $pipe */
    bool gone;         /* nothing can be sent any more; on_abort is about to come */
};

#endif
