/* Two transports joined (WebSocket): bytes both ways, each direction with its own buffer and back-pressure:
 * what cannot be written is not read. A half-close is passed on; the tunnel ends when both directions ended,
 * on an error, or when nothing moved for timeout_ms (either direction counts; 10 s at most once one of them has
 * ended). An idle tunnel holds no buffer. */
#ifndef PX_HTTP_TUNNEL_H
#define PX_HTTP_TUNNEL_H

#include "base/piece.h"
#include "net/transport.h"

typedef struct px_tunnel px_tunnel;

typedef struct px_tunnel_result {
    uint64_t to_client, to_peer; /* bytes */
    bool timed_out;
    int error_number; /* 0: ended in order */
    bool client_side; /* whose error it was */
} px_tunnel_result;

px_tunnel *px_tunnel_new(px_loop *loop, uint64_t timeout_ms,
                         void (*on_end)(px_tunnel *tunnel, const px_tunnel_result *result), void *owner);
void *px_tunnel_owner(const px_tunnel *tunnel);
/* Where take_transport moves to, and the queues to hand in: first the stream's take_transport (unsent:
 * to_client, early: to_peer), then the peer's (unsent: to_peer, early: to_client), so that the 101 goes
 * before what the peer said behind it. */
px_transport *px_tunnel_client_side(px_tunnel *tunnel);
px_transport *px_tunnel_peer_side(px_tunnel *tunnel);
px_queue *px_tunnel_to_client(px_tunnel *tunnel);
px_queue *px_tunnel_to_peer(px_tunnel *tunnel);
/* The on_ready to give to take_transport. */
void px_tunnel_on_ready(px_transport *transport);
/* Both sides are there: go. In on_end both are closed already; the tunnel is freed when the turn is over. */
void px_tunnel_start(px_tunnel *tunnel);
/* Ends it now, with on_end (called before this returns). Idempotent until the turn is over; also before
 * px_tunnel_start. */
void px_tunnel_close(px_tunnel *tunnel);
uint64_t px_tunnel_live(void);

#endif
