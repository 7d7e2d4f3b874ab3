/* HTTP/1 towards clients: one connection carries Streams one after the other. Owns the connection's memory:
 * about 340 bytes while idle (no receive buffer, no stream). Keep-alive, pipelining, Expect, timeouts,
 * lingering close, draining of unread bodies live here. */
#ifndef PX_HTTP_H1_SERVER_H
#define PX_HTTP_H1_SERVER_H

#include <stdatomic.h>

#include "http/h1_output.h"
#include "http/stream.h"

/* Whether a connection that ends is read for a while. */
typedef enum px_lingering { PX_LINGERING_OFF, PX_LINGERING_ON, PX_LINGERING_ALWAYS } px_lingering;

/* What the configuration says to a connection; asked anew for each request, so that a reload reaches open
 * connections. Times in ms. */
typedef struct px_h1_settings {
    uint64_t client_header_timeout, client_body_timeout, send_timeout, keepalive_timeout, lingering_time,
        lingering_timeout;
    uint64_t keepalive_header; /* seconds announced in "Keep-Alive: timeout=", 0: none */
    uint64_t keepalive_requests, keepalive_time;
    uint32_t header_buffer_bytes, large_buffer_count, large_buffer_bytes;
    px_h1_files files;
    uint64_t keepalive_min; /* an idle connection is not closed for others' sake before that */
    uint32_t max_headers;
    uint8_t lingering_close; /* px_lingering */
    bool ignore_invalid_headers, underscores_in_headers, merge_slashes;
    bool reset_timedout; /* RST for connections that timed out */
    bool chunked;        /* answers of unknown length are sent in chunks */
    const px_log *log;
} px_h1_settings;

typedef struct px_h1_server_conf {
    const px_stream_user *user;
    const px_h1_settings *(*settings)(px_listener *listener);
    /* Counts: +1 accepted, -1 closed; for worker_connections and counters. */
    void (*on_open)(px_listener *listener);
    void (*on_close)(px_listener *listener);
} px_h1_server_conf;

/* fd: accepted. Takes a reference of listener. conf is static. */
void px_h1_server_accept(px_loop *loop, px_listener *listener, int fd, const px_address *peer,
                         const px_h1_server_conf *conf, uint64_t number);

/* Draining: closes all idle connections; busy ones close after their answer. now: also busy ones, with
 * on_abort(PX_ABORT_DRAIN). listener NULL: all. */
void px_h1_server_drain(px_loop *loop, px_listener *listener, bool now);
/* Closes the connections longest idle, at most count, for want of connections or descriptors; gives how many.
 * A client whose next request waits to be read is not idle. */
uint32_t px_h1_server_close_idle(px_loop *loop, uint32_t count);
/* Live connections, and of those the idle ones. */
uint64_t px_h1_server_live(void);
uint64_t px_h1_server_idle(void);
/* Keeps there, for other processes, how many wait: the idle ones, and those that only wait for the client's end.
 * NULL: nowhere any more. */
void px_h1_server_show_waiting(_Atomic uint64_t *cell);
/* Frees what is kept for reuse (at exit). */
void px_h1_server_pool_clear(void);

#endif
