/* Access logs: lines are made in one pass at the end of a Request. Where they go is log_sink.h's, or
 * log_path.h's where the path has variables. */
#ifndef PX_PROXY_ACCESS_LOG_H
#define PX_PROXY_ACCESS_LOG_H

#include "proxy/conf.h"

/* One access_log of Settings. */
bool px_build_access_log(px_build *build, px_access_log *log, const px_plan_access_log *plan);

/* The Request's line in each of its logs. */
void px_access_log_write(px_request *r);

/* A value as a log line has it: "-" for none, unsafe bytes escaped (PX_ESCAPE_*). */
void px_access_log_escape(px_buffer *line, px_slice value, int64_t escape);

#endif
