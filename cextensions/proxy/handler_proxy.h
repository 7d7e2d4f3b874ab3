/* Proxying: a Request handed to a Peer, its answer handed back. What happens to a try:
 *
 *     handler_proxy.c           start, the client's body on its way to the peer, the end
 *     handler_proxy_request.c   the head that is sent to the peer, in one pass
 *     handler_proxy_response.c  the answer on its way to the client, upgrades
 *     handler_proxy_spill.c     an answer that its client does not take as fast as it comes
 *     handler_proxy_accel.c     what a peer asks of us in X-Accel-* fields
 *     handler_proxy_retry.c     picking a peer, failures, the next peer
 *     handler_proxy_connect.c   a connection to it, kept or new
 *     handler_proxy_try.c       what is written down of a try, and its end
 *     vars_upstream.c           $upstream_* */
#ifndef PX_PROXY_HANDLER_PROXY_H
#define PX_PROXY_HANDLER_PROXY_H

#include "http/tunnel.h"
#include "proxy/body.h"
#include "proxy/proxy_rules.h"
#include "proxy/request.h"
#include "proxy/upstream.h"

#define PX_TIME_UNKNOWN UINT64_MAX

/* One try: what $upstream_addr and its like tell of it. Times in ms since the try began. */
typedef struct px_try {
    px_slice addr; /* the peer's name; the upstream's when no peer was live */
    int status;    /* 0: none */
    uint64_t connect_ms, header_ms, response_ms;
    uint64_t bytes_sent, bytes_received, body_bytes;
} px_try;

typedef struct px_proxy {
    px_request *request;
    px_upstream *upstream;
    px_pick pick;
    px_h1_client *client; /* NULL: no connection in hand */
    px_tunnel *tunnel;
    px_list tunnel_link; /* in px_worker.tunnels */

    px_slice uri;        /* as the peer gets it: path and query */
    uint64_t hint_bytes; /* of early hints so far */
    px_slice host, port; /* $proxy_host, $proxy_port */
    px_slice method;
    px_slice set_body; /* of proxy_set_body */
    px_slice
        peer_name;     /* of the last peer asked, or the upstream's when none was live; data NULL: none yet */
    px_slice head;     /* as it is sent in each try */
    int64_t head_body; /* the body that head announces */

    px_body *body; /* the client's */
    bool chunked;  /* this try frames the body in chunks */

    uint8_t
        reason_before;  /* px_reason: what led here, when an error page is proxied; each try begins with it */
    bool leaves_body;   /* the client's body is not for the peer */
    bool asks_head;     /* the peer's answer has no body, as the method is HEAD */
    bool stale_retried; /* this try had its one new connection after a dead idle one */
    bool connected;
    bool exhausted;             /* this worker can have no more connections */
    bool counted;               /* the connection is in px_worker.upstreams */
    bool buffering;             /* proxy_buffering, or what the answer says */
    px_spool spool;             /* the part of the answer that memory has no room for */
    bool spool_failed;          /* no more of the answer goes there */
    px_rate rate;               /* proxy_limit_rate */
    px_timer rate_timer;        /* made with rate.bytes; runs while `slowed` */
    bool slowed;                /* the peer is not read: the rate */
    bool paused;                /* the peer is not read: the client is slow */
    bool upstream_done;         /* the peer's answer is complete */
    bool waiting_for_body;      /* nothing was tried yet: the body gathers first */
    uint64_t tunnel_head_bytes; /* of the answer's head, that the tunnel sends first */

    uint64_t started_ms; /* of the first try: proxy_next_upstream_timeout */
    uint64_t try_started_ms;
    struct px_proxy
        *before; /* of the location that was left by an internal redirect: its tries are told, too */
    px_try *tries;
    uint32_t try_count, try_capacity;
    px_try first_tries[2];
    px_header *headers; /* of the last answer, as it came: $upstream_http_* */
    uint32_t header_count;
    px_header *trailers; /* what came behind its body: $upstream_trailer_* */
    uint32_t trailer_count;
} px_proxy;

/* The name of the peer in hand (or of the upstream), and the uri that it is asked for: for log lines.
 * False: not yet known. */
bool px_proxy_target(const px_proxy *proxy, px_slice *name, px_slice *uri);
const px_header *px_proxy_headers(const px_proxy *proxy, uint32_t *count);

/* proxy_target.c: upstream, host, port and uri of a proxy_pass with variables. NEXT: found; else answered. */
px_step px_proxy_find_target(px_proxy *proxy);

/* proxy_ranges.c: proxy_force_ranges, before the head is sent. False: answered. */
bool px_proxy_cut_range(px_proxy *proxy);

/* handler_proxy_request.c */
px_slice px_proxy_make_uri(px_request *r);
/* As it is, but for what would end a request line, or a part of it: that is escaped. */
void px_proxy_put_visible(px_buffer *buffer, px_slice text);
/* The head, whole: for a body of this length, or PX_BODY_CHUNKED. */
px_slice px_proxy_make_head(px_proxy *proxy, int64_t body);

/* handler_proxy.c: head and what is held of the body, to the connection in hand. */
void px_proxy_send_request(px_proxy *proxy);
/* That is with the kernel: the client is asked for more. */
void px_proxy_on_sent(px_h1_client *client);

/* handler_proxy_response.c */
/* Whether a Connection field names this one: then it is for one hop only. */
bool px_proxy_hides(const px_request *r, const px_response_head_in *head, const px_header *header);
bool px_is_connection_option(const px_header *headers, uint32_t count, px_slice name);
void px_proxy_on_head(px_h1_client *client, const px_response_head_in *head, px_block *head_block,
                      bool body_follows);
void px_proxy_on_body(px_h1_client *client, px_piece *pieces, uint32_t count, bool last);
/* handler_proxy_redirect.c: X-Accel-Redirect and proxy_intercept_errors. True: something else answers; the proxy is
 * let go of, and the Request may be gone. */
bool px_proxy_lead_elsewhere(px_proxy *proxy, const px_response_head_in *head);
/* The client takes more. */
void px_proxy_on_writable(px_request *r);
/* The client takes no more: what comes from here on goes to the file. */
void px_proxy_on_blocked(px_request *r);

/* handler_proxy_spill.c */
/* Puts a file's piece in the place of pieces of the answer for which memory has no room. Where that fails, which is
 * logged, they stay, and from there on the peer waits for the client. */
void px_proxy_spill(px_proxy *proxy, px_piece *pieces, uint32_t *count);
/* Whether so much waits for the client that the peer must. */
bool px_proxy_must_wait(const px_proxy *proxy);
/* The body goes from socket to socket from now on where that pays and nobody wants its bytes. */
void px_proxy_splice(px_proxy *proxy);
/* proxy_limit_rate: the answer's body begins; bytes of it came, and are counted in the try; no more come. */
void px_proxy_rate_begin(px_proxy *proxy);
void px_proxy_rate_count(px_proxy *proxy, size_t bytes);
void px_proxy_rate_end(px_proxy *proxy);

/* handler_proxy_accel.c */
void px_proxy_obey_accel(px_proxy *proxy, const px_header *header);
static inline bool px_is_accel(const px_header *header)
{
    return ((PX_HEADER_BIT(X_ACCEL_BUFFERING) | PX_HEADER_BIT(X_ACCEL_LIMIT_RATE)) >> header->id) & 1;
}

/* handler_proxy_try.c: what is written down of a try; name: of the peer, or of the upstream. */
void px_proxy_begin_try(px_proxy *proxy, px_slice name);
/* The peer in hand has failed, in the way that the cell counts. */
void px_proxy_count_failure(px_proxy *proxy, int cell);
/* Writes down what the connection in hand has moved. */
void px_proxy_count_bytes(px_proxy *proxy);
/* The connection has closed itself: its count is given back, the peer is still in hand. */
void px_proxy_lose_connection(px_proxy *proxy);
/* Gives back peer and connection as they are. keep: the exchange is complete. */
void px_proxy_let_go(px_proxy *proxy, px_try_end end, bool keep);
/* What the connection in hand is doing: "while ..." of log lines. */
const char *px_proxy_activity(const px_proxy *proxy);

/* handler_proxy_connect.c: whether worker_connections leave room for a connection to the peer in hand, kept or new; for
 * a new one. False: it is logged, and `exhausted`. */
bool px_proxy_has_room(px_proxy *proxy);
bool px_proxy_may_connect(px_proxy *proxy);
/* Gets a connection to the peer in hand, a new one if fresh, and sends the request over it. False: there is none, which
 * is logged; `exhausted`: and that is nobody's fault but ours. */
bool px_proxy_ask_peer(px_proxy *proxy, bool fresh);

/* handler_proxy_retry.c */
/* Picks a peer and asks it. Answers when there is none. The Request may be gone afterwards (never within
 * start). */
void px_proxy_try(px_proxy *proxy);
void px_proxy_on_failure(px_h1_client *client, const px_h1_failure *failure);
/* Whether this status of an answer sends the Request to another peer. Then that has happened. */
bool px_proxy_next_for_status(px_proxy *proxy, int status);

/* In a callback of the client: whose it is. */
static inline px_proxy *px_proxy_of(const px_h1_client *client)
{
    px_proxy *proxy = px_h1_client_owner(client);
    px_crash_subject = proxy->request;
    return proxy;
}

static inline px_try *px_proxy_current_try(px_proxy *proxy)
{
    return &proxy->tries[proxy->try_count - 1];
}

#endif
