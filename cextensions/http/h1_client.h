/* HTTP/1 towards a peer: one connection, one exchange at a time, then idle or closed. Turn-taking as in
 * stream.h: no function calls back before it returns. */
#ifndef PX_HTTP_H1_CLIENT_H
#define PX_HTTP_H1_CLIENT_H

#include "base/piece.h"
#include "http/h1_parse.h"
#include "net/transport.h"

typedef struct px_h1_client px_h1_client;

typedef enum px_h1_failure_kind {
    PX_FAIL_CONNECT, /* error_number */
    PX_FAIL_CONNECT_TIMEOUT,
    PX_FAIL_SEND, /* error_number, while sending the request */
    PX_FAIL_SEND_TIMEOUT,
    PX_FAIL_READ, /* error_number, while reading the answer */
    PX_FAIL_READ_TIMEOUT,
    PX_FAIL_CLOSED,         /* FIN before the answer's head was complete */
    PX_FAIL_CLOSED_IN_BODY, /* FIN before the declared end of the body */
    PX_FAIL_INVALID,        /* no HTTP, or ambiguous framing: text */
    PX_FAIL_HEAD_TOO_LARGE
} px_h1_failure_kind;

typedef struct px_h1_failure {
    px_h1_failure_kind kind;
    int error_number;
    const char *text;    /* static: for PX_FAIL_INVALID what is wrong, in nginx's words */
    px_slice where;      /* the bytes that text is about, as in px_parse_error; until the callback returns */
    bool in_head;        /* while reading the response header (else body) */
    bool bytes_received; /* any byte of an answer came */
    /* The connection had served before and no byte of an answer came: it may have been closed while idle, and
     * a retry on a new connection is safe as far as this exchange goes (for idempotent requests, or when
     * !bytes_sent). */
    bool reused;
    bool bytes_sent; /* any byte of the request left */
} px_h1_failure;

typedef struct px_h1_client_user {
    void (*on_connected)(px_h1_client *client); /* of a new connection, before anything else; may be NULL */
    void (*on_informational)(px_h1_client *client,
                             const px_response_head_in *head); /* 1xx, not 101; may be NULL */
    /* Final head; its slices and the array are good until the callback returns: copy the array, hold
     * head_block, in which the slices live. body_follows: false: this is also the end, on_body will not come.
     * 101 (only after px_h1_client_expect_upgrade): nothing more is read; take_transport or close follows,
     * now or later. */
    void (*on_head)(px_h1_client *client, const px_response_head_in *head, px_block *head_block,
                    bool body_follows);
    /* Pieces become the callee's. */
    void (*on_body)(px_h1_client *client, px_piece *pieces, uint32_t count, bool last);
    /* All of the request handed over so far is with the kernel. Not after its last. */
    void (*on_writable)(px_h1_client *client);
    /* The connection is closed already; the client object is freed after the callback. */
    void (*on_failure)(px_h1_client *client, const px_h1_failure *failure);
} px_h1_client_user;

typedef struct px_h1_client_limits {
    uint64_t connect_timeout, send_timeout, read_timeout; /* ms */
    uint32_t head_bytes; /* proxy_buffer_size: a larger head is PX_FAIL_HEAD_TOO_LARGE */
    uint32_t read_bytes; /* how much one read of the body may take */
} px_h1_client_limits;

/* fd: from px_connect. NULL: could not be watched (errno), fd is still the caller's. */
px_h1_client *px_h1_client_new(px_loop *loop, int fd, bool pending);
/* Starts an exchange on a new or an idle client. owner: px_h1_client_owner gives it back. no_body: the answer
 * has no body (HEAD). */
void px_h1_client_start(px_h1_client *client, const px_h1_client_user *user, void *owner,
                        const px_h1_client_limits *limits, bool no_body);
/* After start: the request asks for an upgrade. A 101 that nobody asked for is PX_FAIL_INVALID. */
void px_h1_client_expect_upgrade(px_h1_client *client);
/* After start: the fields behind a chunked body are wanted. */
void px_h1_client_want_trailers(px_h1_client *client);
/* Their lines, each with its end, once the last of the body was delivered; good until the client is started
 * again, parked or closed. */
px_slice px_h1_client_trailers(const px_h1_client *client);
void *px_h1_client_owner(const px_h1_client *client);

/* Bytes of the request, head first. chunked: each call's bytes are framed as a chunk, last adds the final
 * chunk; raw otherwise. Written by a task at the end of the turn. After the request's or the answer's end, and
 * after a failed write, they are released unsent. */
void px_h1_client_send(px_h1_client *client, px_piece *pieces, uint32_t count, bool chunked, bool last);
size_t px_h1_client_unsent(const px_h1_client *client);

/* From now on one read of the body takes no more than this. */
void px_h1_client_read_at_most(px_h1_client *client, uint32_t bytes);
/* The body may come as pieces of a pipe, where it is not in chunks and much of it is to come. Between spliced pieces
 * the caller pauses the client, so that one pipe is filled and emptied in turn; false stops it. */
void px_h1_client_splice(px_h1_client *client, bool on);
/* Back-pressure: between them nothing is read and read_timeout does not run. */
void px_h1_client_pause(px_h1_client *client);
void px_h1_client_resume(px_h1_client *client);

/* Once the answer is delivered: whether bytes came with it that belong to none. */
bool px_h1_client_has_excess(const px_h1_client *client);
/* After the end of an exchange (last was delivered): may it be kept? True only when the request was sent
 * whole, the answer ended by its framing, nothing is left over, and the peer allows it. */
bool px_h1_client_reusable(const px_h1_client *client);
/* Idle from now on; no buffer is held. on_gone: the peer closed it, or timeout_ms is over, or bytes came; it
 * is closed and freed after the callback. */
void px_h1_client_park(px_h1_client *client, uint64_t timeout_ms, void (*on_gone)(px_h1_client *client),
                       void *owner);

/* What a connection is told apart by from others to the same peer: where it was made from. 0 at first. */
void px_h1_client_set_mark(px_h1_client *client, uint64_t mark);
uint64_t px_h1_client_mark(const px_h1_client *client);
uint64_t px_h1_client_exchanges(const px_h1_client *client); /* served so far */
uint64_t px_h1_client_opened_ms(const px_h1_client *client);
/* Bytes that went to the peer and came from it in this exchange, framing included. Still there in
 * on_failure. */
uint64_t px_h1_client_sent(const px_h1_client *client);
uint64_t px_h1_client_received(const px_h1_client *client);
int px_h1_client_fd(const px_h1_client *client);

/* Closes and frees (later, when a callback of it is running). *client becomes NULL. No callback follows. */
void px_h1_client_close(px_h1_client **client);
/* After on_head of a 101: the socket becomes the caller's; unsent gets what was queued, early what came behind
 * the head. The client is freed and *client becomes NULL. False: there is no tunnel to be had (a write has
 * failed); the client is as it was. */
bool px_h1_client_take_transport(px_h1_client **client, px_transport *transport,
                                 void (*on_ready)(px_transport *), px_queue *unsent, px_queue *early);
uint64_t px_h1_client_live(void);

#endif
