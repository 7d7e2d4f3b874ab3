/* The client's body as far as a Request keeps it: pieces in memory up to client_body_buffer_size, or a temporary
 * file. It belongs to the Request and not to a Handler: what was read is there for the next peer, for the location
 * of an internal redirect, and for $request_body in the log line. */
#ifndef PX_PROXY_BODY_H
#define PX_PROXY_BODY_H

#include "proxy/spool.h"

typedef struct px_body {
    px_piece *held;
    uint32_t held_count, held_capacity;
    size_t held_bytes;
    px_block *gather; /* small pieces are copied here; the last of held points into it */
    uint32_t gather_used;
    px_spool spool; /* all that is not held, from the first byte on */
    uint64_t bytes; /* that came so far */
    bool whole;     /* all of it came */
    bool lost;      /* some of it is neither held nor in the file: it cannot be sent again */
    bool asked;     /* read_body's answer is due */
} px_body;

/* r's body; made when it is asked for first. A request that has none has one that is whole and empty. */
px_body *px_body_of(px_request *r);
/* What was read of it and what still comes is nobody's: whoever answers from here on, an error page's backend too,
 * finds an empty one. */
void px_body_leave(px_request *r);
/* Asks for more, unless that was done or all is there. */
void px_body_ask(px_request *r);
/* on_body: counts; false: larger than client_max_body_size, and 413 was answered. The pieces stay the caller's. */
bool px_body_came(px_request *r, const px_piece *pieces, uint32_t count, bool last);

/* on_body while nobody is there to take it (a step lets the Request wait on its way to another Handler): keeps
 * references as px_body_remember does; without room for them the body is left. */
void px_body_set_aside(px_request *r, const px_piece *pieces, uint32_t count, bool last);

/* Keeps pieces: in memory while they fit, in the file when they do not, or when client_body_in_file_only says so.
 * The references become the body's. False: the file failed, and 500 was answered. */
bool px_body_keep(px_request *r, px_piece *pieces, uint32_t count);
/* Keeps references of pieces that are being passed on, as long as all fits into memory. */
void px_body_remember(px_request *r, const px_piece *pieces, uint32_t count);
/* A body without bytes goes into a file too. False: as above. */
bool px_body_keep_nothing(px_request *r);

/* The next pieces of what is kept, from *at (0 at first) on, with references of their own: at most max; 0: that was
 * all. */
uint32_t px_body_pieces(px_body *body, uint32_t *at, px_piece *pieces, uint32_t max);
/* Whether there are more from at on. */
static inline bool px_body_has(const px_body *body, uint32_t at)
{
    return body->spool.file != NULL ? at == 0 && body->spool.bytes > 0 : at < body->held_count;
}

#endif
