/* expires: how long clients may keep an answer. */
#ifndef PX_PROXY_EXPIRES_H
#define PX_PROXY_EXPIRES_H

#include "base/slice.h"

typedef struct px_request px_request;

/* Puts Expires and Cache-Control into the answer, as r->settings say; its own go. The caller has looked at the
 * status. */
void px_expires_set(px_request *r);
/* What the value of a variable says: PX_EXPIRES_*, and seconds. False: nothing that makes sense. */
bool px_expires_read(px_slice text, bool modified, int64_t *kind, int64_t *seconds);

#endif
