/* Which server, by local address and Host; which location, by nginx's rules: exact, longest prefix, "^~",
 * regular expressions in order, nested locations inside out. */
#ifndef PX_PROXY_ROUTE_H
#define PX_PROXY_ROUTE_H

#include "proxy/request.h"

typedef enum px_found {
    PX_FOUND_NOT,      /* no location */
    PX_FOUND_PREFIX,   /* a prefix; regular expressions of the level above still come before it */
    PX_FOUND_EXACT,    /* nothing else is looked at */
    PX_FOUND_REDIRECT, /* the name without its final "/": answer 301 */
    PX_FOUND_FAILED    /* a regular expression reached its limit */
} px_found;

/* names' server for host (lower case, no port; empty: none). May set captures of request. */
const px_server *px_route_server(const px_names *names, px_slice host, px_request *request);
/* The location for uri below level; *location stays as it is when there is none. */
px_found px_route_location(const px_level *level, px_slice uri, px_request *request,
                           const px_location **location);
/* "@name"; NULL: there is none. */
const px_location *px_route_named(const px_server *server, px_slice name);
/* The names that serve this local address. */
const px_names *px_route_names(const px_listen *listen, int fd);

#endif
