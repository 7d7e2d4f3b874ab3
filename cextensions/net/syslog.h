/* Messages to a syslog server (RFC 3164), one datagram each, as nginx writes them:
 *     <PRI>Nov 23 18:00:00 host tag: message
 * Never waits: what the socket does not take is lost, and that is told in the error log now and then. */
#ifndef PX_NET_SYSLOG_H
#define PX_NET_SYSLOG_H

#include "base/log.h"
#include "net/address.h"

typedef struct px_syslog {
    px_address address;
    px_slice name; /* for messages; lives as long as this */
    px_slice head; /* " host tag: ": what follows the time */
    int facility, severity;
    int fd; /* -1: not connected */
    bool busy;
    time_t retry_at; /* not connected: not before */
    uint64_t complained_at;
    time_t second; /* that when is about */
    char when[16]; /* "Nov 23 18:00:00" */
} px_syslog;

/* Everything but the socket, which is made with the first message. Memory from arena. */
void px_syslog_init(px_syslog *syslog, const px_address *address, px_slice name, px_arena *arena);
/* hostname: this machine's name stands in each message. */
void px_syslog_shape(px_syslog *syslog, int facility, int severity, px_slice tag, bool hostname,
                     px_arena *arena);
void px_syslog_close(px_syslog *syslog);

/* severity -1: the one of its own. False: lost. */
bool px_syslog_send(px_syslog *syslog, int severity, px_slice message);
/* A px_log_send: a line of the error log, its level the severity. */
void px_syslog_send_line(void *syslog, int level, px_slice line);

#endif
