/* A Handler produces the answer to a Request: proxy, return, a file, an error page. One static
 * table of functions per kind; its state is in r->handler_state, in the Request's arena. */
#ifndef PX_PROXY_HANDLER_H
#define PX_PROXY_HANDLER_H

#include "http/stream.h"

typedef struct px_request px_request;

/* What a Step (and so a Handler's start) says. */
typedef enum px_step {
    PX_STEP_NEXT,    /* go on with the next step */
    PX_STEP_AGAIN,   /* go on with the step that r->step names now: px_request_redirect */
    PX_STEP_WAIT,    /* the Handler goes on by itself when something comes */
    PX_STEP_ANSWERED /* all of the answer was handed to the Stream */
} px_step;

/* All but start may be NULL. None is called before start or after end. */
typedef struct px_handler {
    const char *name;
    px_step (*start)(px_request *r);
    /* Turn-taking as in stream.h. */
    void (*on_body)(px_request *r, px_piece *pieces, uint32_t count, bool last);
    void (*on_writable)(px_request *r);
    void (*on_blocked)(px_request *r);
    /* The Request ends, for whatever reason: let go of what is not memory. Once. */
    void (*end)(px_request *r);
} px_handler;

extern const px_handler px_handler_proxy;

#endif
