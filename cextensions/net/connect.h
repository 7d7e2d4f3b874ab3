/* A non-blocking connect. */
#ifndef PX_NET_CONNECT_H
#define PX_NET_CONNECT_H

#include "net/address.h"

typedef struct px_connect_options {
    bool keepalive;                /* SO_KEEPALIVE */
    int receive_bytes, send_bytes; /* SO_RCVBUF, SO_SNDBUF; 0: what the system gives */
    const px_address *local;       /* from here; NULL: from anywhere. Port 0: any */
    bool transparent;              /* which may be another machine's: IP_TRANSPARENT */
} px_connect_options;

/* A connected or connecting socket (TCP_NODELAY), or -1 with errno. *pending: still under way: it becomes
 * writable or fails; then px_connect_error tells. */
int px_connect(const px_address *address, const px_connect_options *options, bool *pending);
/* Of the last px_connect that failed: it could not be bound to options->local. */
bool px_connect_bind_failed(void);
/* SO_ERROR of the socket: 0 when connected. */
int px_connect_error(int fd);

#endif
