/* What the files of h1_client share.
 *
 *     state       what goes on                                    timer
 *     CONNECTING  the socket connects; the request gathers        connect_timeout
 *     ACTIVE      an exchange                                     read_timeout, while `reading` is set
 *     DONE        the answer was delivered: park, start or close  -
 *     PARKED      idle in the upper layer's pool                  park's
 *     CLOSED      until the end of the turn, when it is freed     -
 *
 * The answer of an ACTIVE client is in phase HEAD, BODY or UPGRADED. The request goes out beside it, with a
 * timer of its own: a peer may answer before it has read everything.
 *
 *     h1_client.c         life, events, timers
 *     h1_client_park.c    between exchanges
 *     h1_client_head.c    the answer's heads, and its trailers
 *     h1_client_input.c   reading, and the answer's body
 *     h1_client_output.c  the request */
#ifndef PX_HTTP_H1_CLIENT_PRIVATE_H
#define PX_HTTP_H1_CLIENT_PRIVATE_H

#include <assert.h>

#include "http/chunked.h"
#include "http/h1_client.h"
#include "http/h1_input.h"
#include "http/h1_output.h"

#define PX_H1_CLIENT_MAGIC 0x4c314831u

/* One read for a head, which is often the whole answer. */
#define PX_H1_ANSWER_READ_BYTES 16384u

typedef enum {
    PX_CLIENT_CONNECTING,
    PX_CLIENT_ACTIVE,
    PX_CLIENT_DONE,
    PX_CLIENT_PARKED,
    PX_CLIENT_CLOSED
} px_client_state;

typedef enum { PX_ANSWER_HEAD, PX_ANSWER_BODY, PX_ANSWER_UPGRADED } px_answer_phase;

struct px_h1_client {
    uint32_t magic;
    uint8_t state;           /* px_client_state */
    uint8_t phase;           /* px_answer_phase */
    bool connected_owed : 1; /* on_connected is due */
    bool no_body : 1;        /* to a HEAD request */
    bool upgrade : 1;        /* a 101 may come */
    bool paused : 1;
    bool resting : 1;       /* it was tried to let go of the input's block since the last read */
    bool reading : 1;       /* the timer is read_timeout's */
    bool request_done : 1;  /* all of it was handed over */
    bool writable_owed : 1; /* on_writable is due when the queue is empty */
    bool bytes_sent : 1;
    bool bytes_received : 1;
    bool keepalive : 1; /* the answer allows another */
    bool trailers_wanted : 1;
    bool send_failed : 1;   /* with send_error; what the peer said before is still being read */
    uint16_t informational; /* heads of 1xx in this exchange */
    int send_error;
    px_transport transport;
    px_timer timer, send_timer;
    px_task task;
    const px_h1_client_user *user;
    void *owner;
    void (*on_gone)(px_h1_client *client);
    px_h1_client_limits limits;
    uint64_t exchanges, opened_ms;
    uint64_t mark;           /* px_h1_client_set_mark */
    uint64_t sent, received; /* bytes of this exchange */
    px_slice bad;            /* failure.where of a head that cannot be understood */
    px_h1_input input;       /* received and not delivered */
    size_t scanned;          /* px_h1_find_end's, relative to input.pos */
    int64_t body;            /* framing of the answer's body */
    uint64_t body_left;
    px_chunked decoder;
    px_block *trailers; /* the decoder writes into it */
    px_block *pipe;     /* through which the body comes; NULL: it is read */
    uint64_t turn;      /* px_loop_turns when turn_bytes were moved */
    size_t turn_bytes;
    px_h1_output output;
};

static inline void px_h1_client_check(const px_h1_client *client)
{
    assert(client->magic == PX_H1_CLIENT_MAGIC);
    (void)client;
}

/* Counts bytes that were moved in this turn; whether the client's share of it is used up. */
bool px_h1_client_spend(px_h1_client *client, size_t moved);
/* Closes, on_failure. The client is CLOSED afterwards. */
void px_h1_client_fail(px_h1_client *client, px_h1_failure_kind kind, int error_number, const char *text);
/* Starts read_timeout anew. */
void px_h1_client_await(px_h1_client *client);

/* h1_client_input.c */
/* Reads and delivers what there is. The client may be CLOSED, or anything else, afterwards. */
void px_h1_client_receive(px_h1_client *client);
/* The answer is complete; the callback that says so may park, restart or close the client. */
void px_h1_client_finish(px_h1_client *client);

/* h1_client_head.c */
/* Reads for a head, with room for all that head_bytes allows. */
px_io px_h1_client_fill_head(px_h1_client *client, size_t *moved);
/* Delivers a head that is complete, or fails. The client may be CLOSED, or anything else, afterwards. False:
 * more bytes are needed. */
bool px_h1_client_look_for_head(px_h1_client *client);

/* h1_client_output.c: writes what is queued. The client may be CLOSED afterwards. */
void px_h1_client_flush(px_h1_client *client);

#endif
