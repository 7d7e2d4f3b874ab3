/* What of one Request lies in a temporary file: the client's body, or the part of an answer that its client does
 * not take as fast as it comes. Written in the loop, by at most what one event brings: into the page cache. */
#ifndef PX_PROXY_SPOOL_H
#define PX_PROXY_SPOOL_H

#include "base/piece.h"
#include "generated/plan.h"

typedef struct px_request px_request;

/* How a Spool is made. */
typedef struct px_spool_kind {
    const char *told;       /* "a client request body is buffered to a temporary file" */
    const char *while_what; /* " while reading upstream", or "": the end of log lines */
    int level;              /* at which that is logged */
    bool named;             /* the file can be found, and stays */
    bool removed;           /* it is removed with the Request */
} px_spool_kind;

typedef struct px_spool {
    px_block *file; /* NULL: nothing was written yet */
    uint64_t bytes;
    const char *while_what;
    px_slice path; /* of the file; nobody finds it there unless it is named */
} px_spool;

/* Makes the file; the arena of r gives it up. False: it could not be, which is logged. */
bool px_spool_open(px_spool *spool, px_request *r, const px_plan_temp_path *place, const px_spool_kind *kind);
/* Appends pieces of memory, which stay the caller's. False: it failed, which is logged. */
bool px_spool_write(px_spool *spool, px_request *r, const px_piece *pieces, uint32_t count);

/* These bytes of it, with a reference of their own. */
static inline px_piece px_spool_piece(px_spool *spool, uint64_t offset, size_t len)
{
    return px_piece_of_file(px_block_ref(spool->file), (off_t)offset, len);
}

#endif
