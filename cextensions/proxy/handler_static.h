/* Answers from files: the content step, and what its files share.
 *
 *     docs.c            names of files: root, alias
 *     step_content.c    which Handler, index, and the end of what nobody has
 *     handler_static.c  one file
 *     conditions.c      If-Match and its like
 *     range.c           Range */
#ifndef PX_PROXY_HANDLER_STATIC_H
#define PX_PROXY_HANDLER_STATIC_H

#include "proxy/docs.h"
#include "proxy/request.h"

extern const px_handler px_handler_static;

/* ---- conditions.c ---- */

typedef enum px_condition {
    PX_CONDITION_GO_ON,
    PX_CONDITION_NOT_MODIFIED, /* 304 */
    PX_CONDITION_FAILED        /* 412 */
} px_condition;

/* What the request's If- fields mean for something of this time (PX_DATE_NONE: unknown) and etag (data NULL: it has
 * none). */
px_condition px_conditions_test(const px_request *r, int64_t modified, px_slice etag);
/* If-Range: whether the whole is to be sent. */
bool px_conditions_forbid_range(const px_request *r, int64_t modified, px_slice etag);
/* Whether a list of entity tags has this one. weak: W/ in front of either is passed over. Exported for tests. */
bool px_etag_listed(px_slice list, px_slice etag, bool weak);

/* Whether the path of a file is not there at all. */
bool px_file_is_missing(int error);

#endif
