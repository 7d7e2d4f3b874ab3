/* The peers Zone: what all workers know of each upstream peer. A record per (upstream, peer); found or made when a configuration is
 * loaded, under the Zone's robust process-shared mutex; read and written on the way of requests with atomics alone. */
#ifndef PX_SHM_PEERS_H
#define PX_SHM_PEERS_H

#include <stdatomic.h>

#include "generated/shm_layout.h"
#include "shm/zone.h"

typedef struct px_peers_zone {
    px_zone zone;
    uint32_t capacity;
} px_peers_zone;

/* Fields as in generated/shm_layout.h; seconds are of CLOCK_MONOTONIC. */
typedef struct px_peer_record px_peer_record;

bool px_peers_open(px_peers_zone *peers, int fd, const char **why);
void px_peers_close(px_peers_zone *peers);
/* The record of this key, made when new. Gives its slot, or -1: the Zone is full (the caller logs it and uses a private record). */
int32_t px_peers_find(px_peers_zone *peers, const uint8_t key[16]);
px_peer_record *px_peers_record(px_peers_zone *peers, uint32_t slot);

#endif
