/* Access logs: lines are made in one pass at the end of a Request and gather in a buffer. The buffer of a
 * `buffer=` log lies in the Ledger, so that the master can write what a killed worker left; other logs
 * gather the lines of one loop turn. */
#ifndef PX_PROXY_ACCESS_LOG_H
#define PX_PROXY_ACCESS_LOG_H

#include "proxy/conf.h"
#include "proxy/files.h"

/* Where the lines of one LogFile Object go. */
struct px_log_sink {
    px_worker *worker;
    px_file *file;
    px_list link;         /* in file->sinks */
    uint64_t flush_ms;    /* 0: no limit */
    px_log_region region; /* ledger NULL: not buffered */
    px_timer flush;
    px_task turn_end;
    uint8_t *gathered; /* of this turn, when not buffered */
    size_t gathered_len;
    uint64_t complained_ms; /* when a failed write was last told of */
    bool started;           /* a line was written: the buffer is there if it can be had */
    uint32_t buffer_bytes;
};

bool px_build_log_file(px_build *build, px_plan_log_file *plan);
static inline int px_log_sink_fd(const px_log_sink *sink)
{
    return sink->file->fd;
}
void px_log_sink_add(px_log_sink *sink, px_slice line);
/* Writes out what waits. */
void px_log_sink_flush(px_log_sink *sink);

/* The Request's line in each of its logs. */
void px_access_log_write(px_request *r);

/* A value as a log line has it: "-" for none, unsafe bytes escaped (PX_ESCAPE_*). */
void px_access_log_escape(px_buffer *line, px_slice value, int64_t escape);

#endif
