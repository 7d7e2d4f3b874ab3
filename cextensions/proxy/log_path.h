/* Access logs whose path has variables: the file is known with the Request. This worker opens it, as the
 * user that it is, writes the line and closes it, unless an open_log_file_cache keeps it. */
#ifndef PX_PROXY_LOG_PATH_H
#define PX_PROXY_LOG_PATH_H

#include "proxy/conf.h"

/* The runtime of a LogCache Object: open files by path, the least recently used one first. */
bool px_build_log_cache(px_build *build, px_plan_log_cache *plan);
/* Closes all files of all caches: the logs are being reopened. */
void px_log_caches_clear(px_worker *worker);

/* line ends in a line feed. What cannot be opened or written is told in the error log. */
void px_log_path_add(px_request *r, const px_access_log *log, px_slice line);

#endif
