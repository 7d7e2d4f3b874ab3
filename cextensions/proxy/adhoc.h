/* Upstreams that no configuration names: the addresses that variables of proxy_pass make. Each Generation
 * keeps the ones asked last, with their idle connections; who uses one holds it, so that a tunnel may outlive
 * the Generation. */
#ifndef PX_PROXY_ADHOC_H
#define PX_PROXY_ADHOC_H

#include "proxy/upstream.h"

/* Kept without being in use: what clients can make proxyd hold. */
#define PX_ADHOC_MOST 64

typedef struct px_adhoc px_adhoc;
typedef struct px_adhoc_cache px_adhoc_cache;

/* The upstream of this one address, found or made. name: as $upstream_addr shows it. One reference is the
 * caller's. */
px_adhoc *px_adhoc_take(px_generation *generation, px_slice name, const px_address *address);
px_upstream *px_adhoc_upstream(const px_adhoc *adhoc);
void px_adhoc_release(px_adhoc **adhoc);
/* All that the Generation keeps. NULL is fine. */
void px_adhoc_clear(px_adhoc_cache **cache);

#endif
