/* Why a Request failed: the codes of generated/reasons.h (declared in proxyd/shared/reasons.py). Who decides
 * that a Request fails puts the code into r->reason before it logs: the lines of the error log have it, and
 * $proxyd_reason; px_request_end counts it. A try that failed and was repeated with success leaves none. */
#ifndef PX_PROXY_REASON_H
#define PX_PROXY_REASON_H

#include "generated/reasons.h"
#include "http/h1_client.h"
#include "http/h1_parse.h"
#include "http/stream.h"

/* "connect_refused"; "-" for PX_REASON_NONE. */
px_slice px_reason_name(px_reason reason);
/* Of a request head that is refused. */
px_reason px_reason_of_head(const px_parse_error *error);
/* Of a body that is refused, or did not come: on_body_error's status. */
px_reason px_reason_of_body(int status, bool gone);
px_reason px_reason_of_abort(px_abort_reason reason);
/* Of a try that failed. */
px_reason px_reason_of_failure(const px_h1_failure *failure);
/* Of a path that stands for no file: px_docs_name's status. */
px_reason px_reason_of_name(int status);
/* Of connect(), by errno. */
px_reason px_reason_of_connect(int error);

#endif
