/* A non-blocking connect. */
#ifndef PX_NET_CONNECT_H
#define PX_NET_CONNECT_H

#include "net/address.h"

/* A connected or connecting socket (TCP_NODELAY; SO_KEEPALIVE when keepalive), or -1 with errno. *pending:
 * still under way: it becomes writable or fails; then px_connect_error tells. */
int px_connect(const px_address *address, bool keepalive, bool *pending);
/* SO_ERROR of the socket: 0 when connected. */
int px_connect_error(int fd);

#endif
