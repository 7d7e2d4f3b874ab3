/* What the files of h1_server share. One connection (px_h1_conn) lives from accept to close; an exchange
 * (px_h1_exchange) holds what only a running request needs and goes back to a free list with it, so that an
 * idle connection stays small.
 *
 *     state   what it waits for                      timer                    bytes in block
 *     IDLE    the first byte of a request            client_header/keepalive  none
 *     HEAD    the rest of a head                     client_header            the partial head
 *     BUSY    the Request; or the kernel to take     client_body while it     the rest of the body and the
 *             the answer                             waits for body           requests behind it
 *     DRAIN   the rest of a body nobody wants, to    lingering                as BUSY
 *             go on with the connection afterwards
 *     LINGER  the client's FIN, after ours           lingering                none
 *     CLOSED  the end of the turn, when it is freed  -                        none
 *
 *     h1_server.c           accept, states, the end of a connection, drain
 *     h1_server_exchange.c  where exchanges come from and go to
 *     h1_server_head.c      bytes to requests
 *     h1_server_room.c      which heads are too large
 *     h1_server_body.c      bytes to bodies
 *     h1_server_output.c    the px_stream_ops that send
 *     h1_server_flush.c     what was sent goes to the kernel
 *     h1_server_close.c     what becomes of a connection after an answer: idle, drain, linger */
#ifndef PX_HTTP_H1_SERVER_PRIVATE_H
#define PX_HTTP_H1_SERVER_PRIVATE_H

#include <stdlib.h>

#include "http/chunked.h"
#include "http/h1_input.h"
#include "http/h1_output.h"
#include "http/h1_server.h"

#define PX_H1_CONN_MAGIC 0x43314831u /* "1H1C" */
#define PX_H1_EXCHANGE_MAGIC 0x58314831u

#ifdef PX_DEBUG
#define PX_CHECK_MAGIC(object, value)                                                                        \
    do {                                                                                                     \
        if ((object)->magic != (value))                                                                      \
            abort();                                                                                         \
    } while (0)
#else
#define PX_CHECK_MAGIC(object, value) ((void)0)
#endif

/* One read for a head: more than most heads have, and a block that is taken and given back all the time. */
#define PX_H1_HEAD_READ_BYTES 4096u
/* Requests that were all there already and are answered in one turn, before other connections have theirs. */
#define PX_H1_BURST 16

typedef enum { PX_H1_IDLE, PX_H1_HEAD, PX_H1_BUSY, PX_H1_DRAIN, PX_H1_LINGER, PX_H1_CLOSED } px_h1_state;

typedef struct px_h1_exchange px_h1_exchange;

typedef struct px_h1_conn {
    uint32_t magic;
    uint8_t state; /* px_h1_state */
    uint8_t burst; /* requests since the last event */
    bool closing;  /* no further request after this one */
    px_transport transport;
    px_timer timer;
    px_list link; /* idle or busy list */
    px_task task; /* asked-for bodies, flush, next pipelined request */
    const px_h1_server_conf *conf;
    px_client client;
    px_h1_exchange *exchange; /* BUSY, DRAIN */
    px_h1_input input;        /* received and not consumed; no block while IDLE */
    union {
        struct {              /* IDLE, HEAD: all relative to input.pos */
            size_t scanned;   /* px_h1_find_end's */
            uint32_t line;    /* the line that begins here is not complete */
            uint32_t room;    /* what nginx's current header buffer would have left */
            uint32_t buffers; /* how many of nginx's large buffers would be used */
            uint64_t head_ms; /* HEAD: when its first byte was there; IDLE: kept until then */
        };
        struct {                   /* DRAIN, LINGER */
            uint64_t linger_until; /* monotonic ms */
            uint64_t linger_pause; /* the longest silence */
            uint64_t keepalive;    /* the timeout of the IDLE that follows DRAIN */
            uint64_t keepalive_min;
        };
    };
    char address_text[INET6_ADDRSTRLEN];
} px_h1_conn;

struct px_h1_exchange {
    uint32_t magic;
    bool expect_continue : 1; /* 100 Continue may still have to be sent */
    bool http10 : 1;
    bool no_body : 1;       /* the answer has none: HEAD, 204, 304 */
    bool chunked : 1;       /* the answer is */
    bool head_sent : 1;     /* send_head was called */
    bool last : 1;          /* all of the answer was handed over */
    bool writable_owed : 1; /* on_writable is due when the queue is empty */
    bool bad : 1;           /* the input makes no sense from here on */
    bool body_done : 1;     /* of the request */
    bool over : 1;          /* on_done or on_abort was called */
    bool delayed : 1;       /* nothing is written until send_timer is over: the rate */
    bool resting : 1;       /* it was tried to let go of the input's block since the last read */
    bool waiting : 1;       /* for body, under the connection's timer */
    px_stream stream;
    px_h1_conn *conn; /* NULL: in the free list */
    px_h1_exchange *next;
    size_t wanted;       /* read_body's max_bytes; 0: nobody asked */
    uint64_t body_left;  /* of the request, when it has a length */
    uint64_t body_taken; /* of the request, when it is chunked */
    px_chunked decoder;
    uint64_t answer_left; /* of the answer's declared length; UINT64_MAX: none declared */
    const px_header *trailers;
    uint32_t trailer_count;
    uint64_t turn; /* px_loop_turns when turn_bytes were moved */
    size_t turn_bytes;
    px_timer send_timer;
    px_h1_output output; /* last: not zeroed */
};

extern const px_stream_ops px_h1_stream_ops;

/* h1_server_exchange.c */
/* Makes conn->exchange, whose Stream has no Request yet. Never NULL. */
px_h1_exchange *px_h1_exchange_new(px_h1_conn *conn);
/* Forgets the exchange, if there is one: what is queued is released. conn->exchange becomes NULL. */
void px_h1_exchange_end(px_h1_conn *conn);

/* h1_server.c */
/* Ends the connection: no callback. Freed when the turn is over; state is CLOSED until then. */
void px_h1_conn_close(px_h1_conn *conn, bool reset);
/* on_abort, then close. */
void px_h1_conn_abort(px_h1_conn *conn, px_abort_reason reason);
/* Moves it between the lists of idle and busy connections. */
void px_h1_conn_set_idle(px_h1_conn *conn, bool idle);
/* DRAIN and LINGER wait, too. */
void px_h1_count_waiting(int change);
static inline const px_h1_settings *px_h1_conn_settings(const px_h1_conn *conn)
{
    return conn->conf->settings(conn->client.listener);
}
static inline bool px_h1_conn_may_go_on(const px_h1_conn *conn)
{
    return !conn->closing && !conn->client.listener->closing;
}

/* Counts bytes that were moved for the exchange in this turn; whether its share is used up. */
static inline bool px_h1_spend(px_h1_exchange *exchange, size_t moved)
{
    uint64_t turn = px_loop_turns(exchange->stream.loop);
    if (exchange->turn != turn) {
        exchange->turn = turn;
        exchange->turn_bytes = 0;
    }
    exchange->turn_bytes += moved;
    return exchange->turn_bytes >= PX_EVENT_BUDGET_BYTES;
}

/* nginx's words for clients that leave or fall silent. */
#define PX_H1_CLOSED_TEXT "client prematurely closed connection"
#define PX_H1_RESET_TEXT "recv() failed (104: Connection reset by peer)"
#define PX_H1_TIMEOUT_TEXT "client timed out (110: Connection timed out)"

/* What the error log says that was going on. */
#define PX_H1_READING_LINE "reading client request line"
#define PX_H1_READING_HEADERS "reading client request headers"

/* h1_server_room.c: for a head that one of nginx's buffers might not hold. */
bool px_h1_lines_fit(px_h1_conn *conn, px_slice bytes, px_parse_error *error);
/* bytes: the head, or what there is of it. False: too large, *error says how, with slices of bytes. */
static inline bool px_h1_head_fits(px_h1_conn *conn, px_slice bytes, px_parse_error *error)
{
    const px_h1_settings *settings = px_h1_conn_settings(conn);
    return bytes.len <= settings->header_buffer_bytes ||
           (settings->large_buffer_count > 0 && bytes.len <= settings->large_buffer_bytes) ||
           px_h1_lines_fit(conn, bytes, error);
}

/* h1_server_head.c */
/* IDLE, HEAD: looks for a request in what there is, reads, starts an exchange or waits. */
void px_h1_next_head(px_h1_conn *conn);
void px_h1_head_timed_out(px_h1_conn *conn);
/* Says in the log what became of a client before its first request. */
void px_h1_log_waiting(const px_h1_conn *conn, const char *what);

/* h1_server_body.c */
/* BUSY: gives the Request the body it asked for, if there is any. The connection may be closed afterwards. */
void px_h1_deliver_body(px_h1_conn *conn);
void px_h1_body_timed_out(px_h1_conn *conn);
/* After the answer was handed over: reads on and throws away, until the body's end or until nothing is there.
 * The connection may be closed afterwards. */
void px_h1_discard_body(px_h1_conn *conn);
void px_h1_stream_read_body(px_stream *stream, size_t max_bytes);

/* h1_server_output.c */
void px_h1_send_continue(px_h1_conn *conn);
/* What the Request sees of the queue. */
static inline void px_h1_set_unsent(px_h1_exchange *exchange)
{
    exchange->stream.unsent = exchange->output.queue.bytes;
}

/* h1_server_flush.c */
/* Writes what is queued; on_writable, on_done. The connection may be closed or serve the next request
 * afterwards. */
void px_h1_flush(px_h1_conn *conn);

/* h1_server_close.c */
typedef struct px_h1_waits {
    uint64_t keepalive, keepalive_min, lingering_time, lingering_timeout; /* ms */
    uint8_t lingering_close;
} px_h1_waits;
/* The answer is with the kernel and the Request is gone. waits: of the settings that it had. */
void px_h1_after_answer(px_h1_conn *conn, const px_h1_waits *waits);
/* DRAIN, LINGER: something came or ended. */
void px_h1_linger_event(px_h1_conn *conn);

static inline px_h1_conn *px_h1_stream_conn(px_stream *stream)
{
    px_h1_exchange *exchange = PX_CONTAINER(stream, px_h1_exchange, stream);
    PX_CHECK_MAGIC(exchange, PX_H1_EXCHANGE_MAGIC);
    PX_CHECK_MAGIC(exchange->conn, PX_H1_CONN_MAGIC);
    return exchange->conn;
}

#endif
