/* The peers Zone: what all workers know of each upstream peer. A record per (upstream, peer); found or
 * made when a configuration is loaded, and read and written on the way of requests with atomics alone.
 * Only making a record takes the Zone's robust process-shared mutex. */
#ifndef PX_SHM_PEERS_H
#define PX_SHM_PEERS_H

#include <stdatomic.h>

#include "generated/shm_layout.h"
#include "shm/zone.h"

typedef struct px_peers_zone {
    px_zone zone;
    uint32_t capacity;
    uint32_t recoveries; /* times that the lock's holder had died: the caller adds them to its counter */
} px_peers_zone;

/* Fields as in generated/shm_layout.h; seconds are of CLOCK_MONOTONIC. */
typedef struct px_shm_peer_record px_peer_record;

/* fd: the segment; stays the caller's. Initialises the lock if nobody has. The reason why not is a static
 * text in *why. */
bool px_peers_open(px_peers_zone *peers, int fd, const char **why);
/* Idempotent. */
void px_peers_close(px_peers_zone *peers);
/* The record of this key (px_shm_digest of upstream, NUL, peer), made when new. Gives its slot, or -1:
 * there is no room, or the lock's holder does not give it up in 100 ms (the caller logs it and uses a
 * private record). */
int32_t px_peers_find(px_peers_zone *peers, const uint8_t key[16]);
/* slot: as px_peers_find gave it. */
px_peer_record *px_peers_record(px_peers_zone *peers, uint32_t slot);

#endif
