/* The error log: levels and lines in nginx's form, to one or several targets: descriptors, to which a line
 * leaves in one write(), or what takes lines otherwise (syslog). */
#ifndef PX_BASE_LOG_H
#define PX_BASE_LOG_H

#include "base/slice.h"
#include "generated/log_levels.h"

/* A line without its line feed. It may not fail: there is nobody to tell. */
typedef void px_log_send(void *to, int level, px_slice line);

typedef struct px_log_target {
    int fd;
    int level;         /* lines up to this level are written */
    px_log_send *send; /* instead of write() to fd; or NULL */
    void *to;
} px_log_target;

typedef struct px_log {
    const px_log_target *targets;
    uint32_t count;
    int level; /* highest of the targets': ask before formatting */
} px_log;

/* The process's own log, until a configuration gives another: stderr at warn. */
extern px_log px_log_main;

/* "2026/11/23 15:00:00 [error] 123#123: *7 " + the message, cut at 2048 bytes as nginx does. connection 0:
 * no "*7 ". Control bytes in the message are escaped \xHH. Leaves errno as it was. */
void px_log_write(const px_log *log, int level, uint64_t connection, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether anybody has ever asked for debug lines: the one thing to look at before all else. */
extern bool px_log_debugging;

/* The same at the debug level. everywhere: to each target, whatever its level (debug_connection). */
void px_log_debug(const px_log *log, bool everywhere, uint64_t connection, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define px_log_at(log, lvl, connection, ...)                                                                 \
    do {                                                                                                     \
        if ((log)->level >= (lvl))                                                                           \
            px_log_write(log, lvl, connection, __VA_ARGS__);                                                 \
    } while (0)

/* "111: Connection refused", for messages like "connect() failed (%s)". In a static buffer, valid until the
 * next call. */
const char *px_log_errno(int error_number);

#endif
