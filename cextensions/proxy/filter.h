/* A Filter: one link that changes an answer on its way out. A chain of them leads from the Handler to the
 * Stream; the last link is px_filter_writer. Head first, once; then body pieces, the last call with last
 * set. A link hands on what it does not change by px_filter_head and px_filter_body. A Filter with a state
 * embeds px_filter as its first member, in the Request's arena. Pieces are the callee's, as everywhere. */
#ifndef PX_PROXY_FILTER_H
#define PX_PROXY_FILTER_H

#include "base/piece.h"

typedef struct px_request px_request;
typedef struct px_filter px_filter;

struct px_filter {
    void (*head)(px_filter *self, px_request *r); /* may change r->answer */
    void (*body)(px_filter *self, px_request *r, px_piece *pieces, uint32_t count, bool last);
    px_filter *next;
};

extern px_filter px_filter_headers; /* Server, Date, add_header; its next is the writer */
extern px_filter px_filter_writer;

static inline void px_filter_head(px_filter *filter, px_request *r)
{
    filter->head(filter, r);
}

static inline void px_filter_body(px_filter *filter, px_request *r, px_piece *pieces, uint32_t count,
                                  bool last)
{
    filter->body(filter, r, pieces, count, last);
}

#endif
