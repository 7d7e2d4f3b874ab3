/* If-Match and its like: whether a client wants an answer at all. As nginx understands them. */
#ifndef PX_PROXY_CONDITIONS_H
#define PX_PROXY_CONDITIONS_H

#include "proxy/request.h"

/* For an answer that was begun and of which nothing was sent: 304 or 412, where its status is 200 and the request's
 * fields say so about something of this time (PX_DATE_NONE: unknown) and etag (data NULL: it has none). NEXT: the
 * answer is wanted. */
px_step px_conditions_answer(px_request *r, int64_t modified, px_slice etag);
/* If-Range: whether the whole is to be sent. What add_header puts in the place of Last-Modified or ETag counts. */
bool px_conditions_forbid_range(px_request *r, int64_t modified, px_slice etag);
/* Whether a list of entity tags has this one. weak: W/ in front of either is passed over. Exported for tests. */
bool px_etag_listed(px_slice list, px_slice etag, bool weak);

#endif
