/* What a crash of C code leaves: SIGSEGV, SIGBUS, SIGABRT and SIGFPE write a report to the error log (signal,
 * worker, generation, what was being worked on, stack) and then end the process as they would have anyhow.
 *
 * Everything here runs in a signal handler, in a process whose memory may be nonsense: it calls nothing but
 * functions that a handler may call, takes no memory and no lock, and each line leaves at once, so that a
 * second crash takes nothing but the lines behind it. Under AddressSanitizer, which reports better, nothing
 * is installed. */
#ifndef PX_BASE_CRASH_H
#define PX_BASE_CRASH_H

#include "base/log.h"

/* A line on its way; cut where it is full. */
typedef struct px_crash_line {
    char text[1024];
    size_t len;
} px_crash_line;

void px_crash_put(px_crash_line *line, const char *text);
/* At most `most` bytes, control bytes and quotes as \xHH. */
void px_crash_put_slice(px_crash_line *line, px_slice bytes, size_t most);
void px_crash_put_uint(px_crash_line *line, uint64_t value);

/* What is being worked on, for px_crash_describe: upper layers set it when they begin with something, and to
 * NULL when that ends; the loop forgets it before each callback. */
extern const void *px_crash_subject;
/* The upper layer's: adds to the line what the subject is. NULL: nobody knows. */
extern void (*px_crash_describe)(px_crash_line *line, const void *subject);
/* Shown in the report. */
extern uint64_t px_crash_generation;

/* Catches the signals of crashes. worker: its number in reports. Idempotent. */
void px_crash_install(int worker);
/* Handlers are again what they were. */
void px_crash_uninstall(void);
/* Reports go to these descriptors from now on. To be called whenever px_log_main changes, before a descriptor
 * of the old one is closed: its number may be a client's next. */
void px_crash_use_log(const px_log *log);

#endif
