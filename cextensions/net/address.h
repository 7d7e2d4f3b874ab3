/* Socket addresses: made from a Plan's parts, shown as nginx shows them. */
#ifndef PX_NET_ADDRESS_H
#define PX_NET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/arena.h"

typedef struct px_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
    socklen_t len;
} px_address;

/* An IP address and port alone: a fifth of a px_address, for what there are very many of. */
typedef struct px_endpoint {
    uint8_t ip[16];
    uint8_t ip_len; /* 4 or 16; 0: a unix socket, which has neither */
    uint16_t port;
} px_endpoint;

px_endpoint px_address_endpoint(const px_address *address);

/* Families as in the Plan. */
enum { PX_FAMILY_LOCAL = 1, PX_FAMILY_V4 = 4, PX_FAMILY_V6 = 6 };

/* bytes: the IP or the unix path. False when they do not fit together. */
bool px_address_make(px_address *address, int family, px_slice bytes, int port);
/* "127.0.0.1", "127.0.0.1:80", "::1", "[::1]", "[::1]:80", "unix:/path": no names. port: when there is none.
 * False: it is none of these. */
bool px_address_parse(px_address *address, px_slice text, int port);
/* "127.0.0.1", "::1", "unix:"; without the port. Bytes in arena. */
px_slice px_address_host(const px_address *address, px_arena *arena);
/* 0 for unix. */
uint16_t px_address_port(const px_address *address);

#endif
