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
#define PX_VARIABLE_FUNCTION(name) px_slice px_var_##name(px_request *request, const px_op *op)
PX_VARIABLE_FUNCTION(args);
PX_VARIABLE_FUNCTION(arg);
PX_VARIABLE_FUNCTION(binary_remote_addr);
PX_VARIABLE_FUNCTION(body_bytes_sent);
PX_VARIABLE_FUNCTION(bytes_sent);
PX_VARIABLE_FUNCTION(connection);
PX_VARIABLE_FUNCTION(connection_requests);
PX_VARIABLE_FUNCTION(connection_time);
PX_VARIABLE_FUNCTION(content_length);
PX_VARIABLE_FUNCTION(content_type);
PX_VARIABLE_FUNCTION(cookie);
PX_VARIABLE_FUNCTION(document_root);
PX_VARIABLE_FUNCTION(realpath_root);
PX_VARIABLE_FUNCTION(request_filename);
PX_VARIABLE_FUNCTION(uri);
PX_VARIABLE_FUNCTION(host);
PX_VARIABLE_FUNCTION(hostname);
PX_VARIABLE_FUNCTION(http);
PX_VARIABLE_FUNCTION(https);
PX_VARIABLE_FUNCTION(is_args);
PX_VARIABLE_FUNCTION(limit_conn_status);
PX_VARIABLE_FUNCTION(limit_req_status);
PX_VARIABLE_FUNCTION(limit_rate);
PX_VARIABLE_FUNCTION(msec);
PX_VARIABLE_FUNCTION(nginx_version);
PX_VARIABLE_FUNCTION(pid);
PX_VARIABLE_FUNCTION(pipe);
PX_VARIABLE_FUNCTION(remote_addr);
PX_VARIABLE_FUNCTION(remote_port);
PX_VARIABLE_FUNCTION(remote_user);
PX_VARIABLE_FUNCTION(request);
PX_VARIABLE_FUNCTION(request_body);
PX_VARIABLE_FUNCTION(request_body_file);
PX_VARIABLE_FUNCTION(request_completion);
PX_VARIABLE_FUNCTION(request_id);
PX_VARIABLE_FUNCTION(request_length);
PX_VARIABLE_FUNCTION(request_method);
PX_VARIABLE_FUNCTION(request_time);
PX_VARIABLE_FUNCTION(request_uri);
PX_VARIABLE_FUNCTION(scheme);
PX_VARIABLE_FUNCTION(sent_http);
PX_VARIABLE_FUNCTION(server_addr);
PX_VARIABLE_FUNCTION(server_name);
PX_VARIABLE_FUNCTION(server_port);
PX_VARIABLE_FUNCTION(server_protocol);
PX_VARIABLE_FUNCTION(status);
PX_VARIABLE_FUNCTION(time_iso8601);
PX_VARIABLE_FUNCTION(time_local);
PX_VARIABLE_FUNCTION(proxy_add_x_forwarded_for);
PX_VARIABLE_FUNCTION(proxy_host);
PX_VARIABLE_FUNCTION(proxy_port);
PX_VARIABLE_FUNCTION(connections_active);
PX_VARIABLE_FUNCTION(connections_reading);
PX_VARIABLE_FUNCTION(connections_writing);
PX_VARIABLE_FUNCTION(connections_waiting);
PX_VARIABLE_FUNCTION(proxyd_reason);
PX_VARIABLE_FUNCTION(upstream_addr);
PX_VARIABLE_FUNCTION(upstream_bytes_received);
PX_VARIABLE_FUNCTION(upstream_bytes_sent);
PX_VARIABLE_FUNCTION(upstream_connect_time);
PX_VARIABLE_FUNCTION(upstream_header_time);
PX_VARIABLE_FUNCTION(upstream_http);
PX_VARIABLE_FUNCTION(upstream_response_length);
PX_VARIABLE_FUNCTION(upstream_response_time);
PX_VARIABLE_FUNCTION(upstream_status);
PX_VARIABLE_FUNCTION(sent_trailer);
PX_VARIABLE_FUNCTION(upstream_trailer);
PX_VARIABLE_FUNCTION(date_gmt);
PX_VARIABLE_FUNCTION(date_local);
PX_VARIABLE_FUNCTION(is_request_port);
PX_VARIABLE_FUNCTION(request_port);
PX_VARIABLE_FUNCTION(none);
PX_VARIABLE_FUNCTION(tcpinfo_rcv_space);
PX_VARIABLE_FUNCTION(tcpinfo_rtt);
PX_VARIABLE_FUNCTION(tcpinfo_rttvar);
PX_VARIABLE_FUNCTION(tcpinfo_snd_cwnd);
PX_VARIABLE_FUNCTION(upstream_cookie);
PX_VARIABLE_FUNCTION(upstream_queue_time);

/* prepare of http_, sent_http_, upstream_http_: op->number becomes the header's id (0: compare names),
 * op->text has dashes. */
void px_var_prepare_header(px_op *op, px_arena *arena);

/* Values made of numbers; bytes in the request's arena. */
px_slice px_var_uint(px_request *request, uint64_t value);
/* Room for px_put_seconds: 20 digits, dot, 3 digits. */
#define PX_SECONDS_BYTES 24
size_t px_put_seconds(uint8_t *into, uint64_t ms);

#define PX_NO_VALUE ((px_slice){NULL, 0})

#endif
