/* The built-in variables: one function each, found by number (generated/variables.h). The functions live in
 * vars_*.c by theme. */
#ifndef PX_PROXY_VARS_H
#define PX_PROXY_VARS_H

#include "generated/variables.h"
#include "proxy/template.h"

typedef struct px_variable_entry {
    px_variable_get get;
    void (*prepare)(px_op *op, px_arena *arena); /* of families: looks at op->text once; may be NULL */
} px_variable_entry;

extern const px_variable_entry px_variable_table[PX_VARIABLES];

/* Everything that vars_*.c offer, so that the table can be in one place. */
#define PX_VARIABLE_FUNCTIONS(X)                                                                             \
    X(args)                                                                                                  \
    X(arg)                                                                                                   \
    X(binary_remote_addr)                                                                                    \
    X(body_bytes_sent)                                                                                       \
    X(bytes_sent) X(connection) X(connection_requests) X(connection_time) X(content_length) X(content_type)  \
        X(cookie) X(uri) X(host) X(hostname) X(http) X(https) X(is_args) X(msec) X(nginx_version) X(pid)     \
            X(pipe) X(remote_addr) X(remote_port) X(remote_user) X(request) X(request_completion)            \
                X(request_id) X(request_length) X(request_method) X(request_time) X(request_uri) X(scheme)   \
                    X(sent_http) X(server_addr) X(server_name) X(server_port) X(server_protocol) X(status)   \
                        X(time_iso8601) X(time_local) X(proxy_add_x_forwarded_for) X(proxy_host)             \
                            X(proxy_port) X(upstream_addr) X(upstream_bytes_received) X(upstream_bytes_sent) \
                                X(upstream_connect_time) X(upstream_header_time) X(upstream_http)            \
                                    X(upstream_response_length) X(upstream_response_time) X(upstream_status)

#define PX_VARIABLE_DECLARE(name) px_slice px_var_##name(px_request *request, const px_op *op);
PX_VARIABLE_FUNCTIONS(PX_VARIABLE_DECLARE)
#undef PX_VARIABLE_DECLARE

/* prepare of http_, sent_http_, upstream_http_: op->number becomes the header's id (0: compare names),
 * op->text has dashes. */
void px_var_prepare_header(px_op *op, px_arena *arena);

/* Values made of numbers; bytes in the request's arena. */
px_slice px_var_uint(px_request *request, uint64_t value);
/* Milliseconds as seconds with three digits: "1.234". */
px_slice px_var_seconds(px_request *request, uint64_t ms);
/* Room for px_put_seconds: 20 digits, dot, 3 digits. */
#define PX_SECONDS_BYTES 24
size_t px_put_seconds(uint8_t *into, uint64_t ms);

#define PX_NO_VALUE ((px_slice){NULL, 0})

#endif
