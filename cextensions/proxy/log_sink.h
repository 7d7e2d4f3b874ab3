/* Where the lines of one LogFile Object go: a file, or a syslog server. The buffer of a `buffer=` log lies in
 * the Ledger, so that the master can write what a killed worker left; other logs gather the lines of one
 * loop turn. A message to syslog leaves at once. */
#ifndef PX_PROXY_LOG_SINK_H
#define PX_PROXY_LOG_SINK_H

#include "net/syslog.h"
#include "proxy/conf.h"
#include "proxy/files.h"

struct px_log_sink {
    px_worker *worker;
    px_syslog *syslog;    /* NULL: file is there */
    px_file *file;        /* NULL: syslog is there */
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
    int gzip; /* level; 0: not compressed */
};

bool px_build_log_file(px_build *build, px_plan_log_file *plan);
/* For an error log, at lines up to this level. */
px_log_target px_log_sink_target(const px_log_sink *sink, int level);
/* line ends in a line feed, which a message to syslog has not. */
void px_log_sink_add(px_log_sink *sink, px_slice line);
/* Writes out what waits. */
void px_log_sink_flush(px_log_sink *sink);

#endif
