/* Made by cextensions/generate.py from proxyd/config/variables.py. Do not edit. */
#ifndef PX_GENERATED_VARIABLES_H
#define PX_GENERATED_VARIABLES_H

enum px_variable {
    /* $args: The query string, without the question mark. */
    PX_VAR_ARGS = 0,
    /* $arg_...: One argument of the query string, as it was sent. */
    PX_VAR_ARG_PREFIX = 1,
    /* $binary_remote_addr: The client's address in binary: 4 bytes, or 16 for IPv6. */
    PX_VAR_BINARY_REMOTE_ADDR = 2,
    /* $body_bytes_sent: Bytes of the answer's body sent to the client. */
    PX_VAR_BODY_BYTES_SENT = 3,
    /* $bytes_sent: Bytes sent to the client, head and body. */
    PX_VAR_BYTES_SENT = 4,
    /* $connection: Number of the client's connection. */
    PX_VAR_CONNECTION = 5,
    /* $connection_requests: How many requests came over this connection so far, this one included. */
    PX_VAR_CONNECTION_REQUESTS = 6,
    /* $connection_time: Age of the connection in seconds, with milliseconds. */
    PX_VAR_CONNECTION_TIME = 7,
    /* $content_length: The Content-Length field of the request. */
    PX_VAR_CONTENT_LENGTH = 8,
    /* $content_type: The Content-Type field of the request. */
    PX_VAR_CONTENT_TYPE = 9,
    /* $cookie_...: One cookie of the request. */
    PX_VAR_COOKIE_PREFIX = 10,
    /* $date_gmt: The time in GMT: Monday, 23-Nov-2026 15:00:00 GMT. */
    PX_VAR_DATE_GMT = 11,
    /* $date_local: Local time in the same form. */
    PX_VAR_DATE_LOCAL = 12,
    /* $document_root: The directory of `root`, or what `alias` says, for the request. */
    PX_VAR_DOCUMENT_ROOT = 13,
    /* $document_uri: The same as $uri. */
    PX_VAR_DOCUMENT_URI = 14,
    /* $host: Host of the request line, else of the Host field, else the server's name. */
    PX_VAR_HOST = 15,
    /* $hostname: The name of this machine. */
    PX_VAR_HOSTNAME = 16,
    /* $http_...: One field of the request: lower case, dashes written as underscores. */
    PX_VAR_HTTP_PREFIX = 17,
    /* $https: "on" if the client came over TLS, otherwise empty. */
    PX_VAR_HTTPS = 18,
    /* $is_args: "?" if there is a query string, otherwise empty. */
    PX_VAR_IS_ARGS = 19,
    /* $is_request_port: ":" if the client named a port along with the host, otherwise empty. */
    PX_VAR_IS_REQUEST_PORT = 20,
    /* $limit_conn_status: What limit_conn said: PASSED, REJECTED or REJECTED_DRY_RUN. */
    PX_VAR_LIMIT_CONN_STATUS = 21,
    /* $limit_req_status: What limit_req said: PASSED, DELAYED, REJECTED, DELAYED_DRY_RUN or
     * REJECTED_DRY_RUN. */
    PX_VAR_LIMIT_REQ_STATUS = 22,
    /* $limit_rate: Bytes per second that this answer goes at, once that is known; 0: no limit. */
    PX_VAR_LIMIT_RATE = 23,
    /* $msec: The current time in seconds, with milliseconds. */
    PX_VAR_MSEC = 24,
    /* $nginx_version: The level of the language: the version of nginx that proxyd follows. */
    PX_VAR_NGINX_VERSION = 25,
    /* $pid: The process id of the worker. */
    PX_VAR_PID = 26,
    /* $pipe: "p" if the request was pipelined, otherwise ".". */
    PX_VAR_PIPE = 27,
    /* $proxy_protocol_addr: The client's address of the PROXY protocol, which is not spoken yet: none. */
    PX_VAR_PROXY_PROTOCOL_ADDR = 28,
    /* $proxy_protocol_port: The client's port of the PROXY protocol: none. */
    PX_VAR_PROXY_PROTOCOL_PORT = 29,
    /* $proxy_protocol_server_addr: The server's address of the PROXY protocol: none. */
    PX_VAR_PROXY_PROTOCOL_SERVER_ADDR = 30,
    /* $proxy_protocol_server_port: The server's port of the PROXY protocol: none. */
    PX_VAR_PROXY_PROTOCOL_SERVER_PORT = 31,
    /* $proxy_protocol_tlv_...: A value of the PROXY protocol: none. */
    PX_VAR_PROXY_PROTOCOL_TLV_PREFIX = 32,
    /* $query_string: The same as $args. */
    PX_VAR_QUERY_STRING = 33,
    /* $realpath_root: The same as $document_root, absolute and without symbolic links. */
    PX_VAR_REALPATH_ROOT = 34,
    /* $remote_addr: The client's address. */
    PX_VAR_REMOTE_ADDR = 35,
    /* $remote_port: The client's port. */
    PX_VAR_REMOTE_PORT = 36,
    /* $remote_user: The user name of Basic authentication. */
    PX_VAR_REMOTE_USER = 37,
    /* $request: The whole request line, as it was sent. */
    PX_VAR_REQUEST = 38,
    /* $request_body: The body of the request, where it was read whole and is in memory. */
    PX_VAR_REQUEST_BODY = 39,
    /* $request_body_file: The path of the temporary file that holds the request's body. */
    PX_VAR_REQUEST_BODY_FILE = 40,
    /* $request_completion: "OK" if the request was answered completely, otherwise empty. */
    PX_VAR_REQUEST_COMPLETION = 41,
    /* $request_filename: The name of the file that stands for the request: root or alias, and path. */
    PX_VAR_REQUEST_FILENAME = 42,
    /* $request_id: 32 hexadecimal digits, made at random for each request. */
    PX_VAR_REQUEST_ID = 43,
    /* $request_length: Bytes of the request: line, head and body. */
    PX_VAR_REQUEST_LENGTH = 44,
    /* $request_method: The method: GET, POST, ... */
    PX_VAR_REQUEST_METHOD = 45,
    /* $request_port: The port that the client named along with the host, otherwise empty. */
    PX_VAR_REQUEST_PORT = 46,
    /* $request_time: Seconds since the first byte of the request, with milliseconds. */
    PX_VAR_REQUEST_TIME = 47,
    /* $request_uri: The target of the request with its arguments, as it was sent. */
    PX_VAR_REQUEST_URI = 48,
    /* $scheme: "http" or "https". */
    PX_VAR_SCHEME = 49,
    /* $sent_http_...: One field of the answer that the client gets. */
    PX_VAR_SENT_HTTP_PREFIX = 50,
    /* $sent_trailer_...: One field that is sent behind the answer's body. */
    PX_VAR_SENT_TRAILER_PREFIX = 51,
    /* $server_addr: The address at which the connection arrived. */
    PX_VAR_SERVER_ADDR = 52,
    /* $server_name: The first server_name of the server that took the request. */
    PX_VAR_SERVER_NAME = 53,
    /* $server_port: The port at which the connection arrived. */
    PX_VAR_SERVER_PORT = 54,
    /* $server_protocol: "HTTP/1.0", "HTTP/1.1", ... */
    PX_VAR_SERVER_PROTOCOL = 55,
    /* $status: The status of the answer. */
    PX_VAR_STATUS = 56,
    /* $tcpinfo_rcv_space: Receive window of the client's connection, as the kernel has it. */
    PX_VAR_TCPINFO_RCV_SPACE = 57,
    /* $tcpinfo_rtt: Round trip time of the client's connection, in microseconds. */
    PX_VAR_TCPINFO_RTT = 58,
    /* $tcpinfo_rttvar: How much that varies. */
    PX_VAR_TCPINFO_RTTVAR = 59,
    /* $tcpinfo_snd_cwnd: Congestion window of the client's connection. */
    PX_VAR_TCPINFO_SND_CWND = 60,
    /* $time_iso8601: Local time in ISO 8601 format. */
    PX_VAR_TIME_ISO8601 = 61,
    /* $time_local: Local time in the common log format. */
    PX_VAR_TIME_LOCAL = 62,
    /* $uri: The path of the request: decoded, normalised, without arguments. */
    PX_VAR_URI = 63,
    /* $connections_active: Client connections open now, of all workers. */
    PX_VAR_CONNECTIONS_ACTIVE = 64,
    /* $connections_reading: Of these, those whose request's head is being read. */
    PX_VAR_CONNECTIONS_READING = 65,
    /* $connections_writing: Of these, those whose request is under way. */
    PX_VAR_CONNECTIONS_WRITING = 66,
    /* $connections_waiting: Of these, those that wait for a request. */
    PX_VAR_CONNECTIONS_WAITING = 67,
    /* $proxy_add_x_forwarded_for: X-Forwarded-For of the request, with $remote_addr appended. */
    PX_VAR_PROXY_ADD_X_FORWARDED_FOR = 68,
    /* $proxy_host: Host and port as proxy_pass names them. */
    PX_VAR_PROXY_HOST = 69,
    /* $proxy_port: The port of proxy_pass, or the protocol's usual one. */
    PX_VAR_PROXY_PORT = 70,
    /* $proxyd_reason: Why the request failed, a code of reasons.md such as connect_refused; "-": it did
     * not. */
    PX_VAR_PROXYD_REASON = 71,
    /* $upstream_addr: The peers that were tried. */
    PX_VAR_UPSTREAM_ADDR = 72,
    /* $upstream_bytes_received: Bytes received from the peers. */
    PX_VAR_UPSTREAM_BYTES_RECEIVED = 73,
    /* $upstream_bytes_sent: Bytes sent to the peers. */
    PX_VAR_UPSTREAM_BYTES_SENT = 74,
    /* $upstream_connect_time: Seconds until the connection to the peer stood. */
    PX_VAR_UPSTREAM_CONNECT_TIME = 75,
    /* $upstream_cookie_...: One cookie that the peer's answer sets. */
    PX_VAR_UPSTREAM_COOKIE_PREFIX = 76,
    /* $upstream_header_time: Seconds until the head of the peer's answer was there. */
    PX_VAR_UPSTREAM_HEADER_TIME = 77,
    /* $upstream_http_...: One field of the peer's answer. */
    PX_VAR_UPSTREAM_HTTP_PREFIX = 78,
    /* $upstream_queue_time: Seconds spent waiting for a peer: none waits, so a dash for each try. */
    PX_VAR_UPSTREAM_QUEUE_TIME = 79,
    /* $upstream_response_length: Bytes of the body of the peer's answer. */
    PX_VAR_UPSTREAM_RESPONSE_LENGTH = 80,
    /* $upstream_response_time: Seconds until the peer's answer was complete. */
    PX_VAR_UPSTREAM_RESPONSE_TIME = 81,
    /* $upstream_status: Status of the peers' answers. */
    PX_VAR_UPSTREAM_STATUS = 82,
    /* $upstream_trailer_...: One field behind the body of the peer's answer, where proxy_pass_trailers is
     * on. */
    PX_VAR_UPSTREAM_TRAILER_PREFIX = 83,
    PX_VARIABLES
};

/* X(constant, name) for each, in the order of the numbers. */
#define PX_VARIABLE_LIST(X) \
    X(PX_VAR_ARGS, "args") \
    X(PX_VAR_ARG_PREFIX, "arg_") \
    X(PX_VAR_BINARY_REMOTE_ADDR, "binary_remote_addr") \
    X(PX_VAR_BODY_BYTES_SENT, "body_bytes_sent") \
    X(PX_VAR_BYTES_SENT, "bytes_sent") \
    X(PX_VAR_CONNECTION, "connection") \
    X(PX_VAR_CONNECTION_REQUESTS, "connection_requests") \
    X(PX_VAR_CONNECTION_TIME, "connection_time") \
    X(PX_VAR_CONTENT_LENGTH, "content_length") \
    X(PX_VAR_CONTENT_TYPE, "content_type") \
    X(PX_VAR_COOKIE_PREFIX, "cookie_") \
    X(PX_VAR_DATE_GMT, "date_gmt") \
    X(PX_VAR_DATE_LOCAL, "date_local") \
    X(PX_VAR_DOCUMENT_ROOT, "document_root") \
    X(PX_VAR_DOCUMENT_URI, "document_uri") \
    X(PX_VAR_HOST, "host") \
    X(PX_VAR_HOSTNAME, "hostname") \
    X(PX_VAR_HTTP_PREFIX, "http_") \
    X(PX_VAR_HTTPS, "https") \
    X(PX_VAR_IS_ARGS, "is_args") \
    X(PX_VAR_IS_REQUEST_PORT, "is_request_port") \
    X(PX_VAR_LIMIT_CONN_STATUS, "limit_conn_status") \
    X(PX_VAR_LIMIT_REQ_STATUS, "limit_req_status") \
    X(PX_VAR_LIMIT_RATE, "limit_rate") \
    X(PX_VAR_MSEC, "msec") \
    X(PX_VAR_NGINX_VERSION, "nginx_version") \
    X(PX_VAR_PID, "pid") \
    X(PX_VAR_PIPE, "pipe") \
    X(PX_VAR_PROXY_PROTOCOL_ADDR, "proxy_protocol_addr") \
    X(PX_VAR_PROXY_PROTOCOL_PORT, "proxy_protocol_port") \
    X(PX_VAR_PROXY_PROTOCOL_SERVER_ADDR, "proxy_protocol_server_addr") \
    X(PX_VAR_PROXY_PROTOCOL_SERVER_PORT, "proxy_protocol_server_port") \
    X(PX_VAR_PROXY_PROTOCOL_TLV_PREFIX, "proxy_protocol_tlv_") \
    X(PX_VAR_QUERY_STRING, "query_string") \
    X(PX_VAR_REALPATH_ROOT, "realpath_root") \
    X(PX_VAR_REMOTE_ADDR, "remote_addr") \
    X(PX_VAR_REMOTE_PORT, "remote_port") \
    X(PX_VAR_REMOTE_USER, "remote_user") \
    X(PX_VAR_REQUEST, "request") \
    X(PX_VAR_REQUEST_BODY, "request_body") \
    X(PX_VAR_REQUEST_BODY_FILE, "request_body_file") \
    X(PX_VAR_REQUEST_COMPLETION, "request_completion") \
    X(PX_VAR_REQUEST_FILENAME, "request_filename") \
    X(PX_VAR_REQUEST_ID, "request_id") \
    X(PX_VAR_REQUEST_LENGTH, "request_length") \
    X(PX_VAR_REQUEST_METHOD, "request_method") \
    X(PX_VAR_REQUEST_PORT, "request_port") \
    X(PX_VAR_REQUEST_TIME, "request_time") \
    X(PX_VAR_REQUEST_URI, "request_uri") \
    X(PX_VAR_SCHEME, "scheme") \
    X(PX_VAR_SENT_HTTP_PREFIX, "sent_http_") \
    X(PX_VAR_SENT_TRAILER_PREFIX, "sent_trailer_") \
    X(PX_VAR_SERVER_ADDR, "server_addr") \
    X(PX_VAR_SERVER_NAME, "server_name") \
    X(PX_VAR_SERVER_PORT, "server_port") \
    X(PX_VAR_SERVER_PROTOCOL, "server_protocol") \
    X(PX_VAR_STATUS, "status") \
    X(PX_VAR_TCPINFO_RCV_SPACE, "tcpinfo_rcv_space") \
    X(PX_VAR_TCPINFO_RTT, "tcpinfo_rtt") \
    X(PX_VAR_TCPINFO_RTTVAR, "tcpinfo_rttvar") \
    X(PX_VAR_TCPINFO_SND_CWND, "tcpinfo_snd_cwnd") \
    X(PX_VAR_TIME_ISO8601, "time_iso8601") \
    X(PX_VAR_TIME_LOCAL, "time_local") \
    X(PX_VAR_URI, "uri") \
    X(PX_VAR_CONNECTIONS_ACTIVE, "connections_active") \
    X(PX_VAR_CONNECTIONS_READING, "connections_reading") \
    X(PX_VAR_CONNECTIONS_WRITING, "connections_writing") \
    X(PX_VAR_CONNECTIONS_WAITING, "connections_waiting") \
    X(PX_VAR_PROXY_ADD_X_FORWARDED_FOR, "proxy_add_x_forwarded_for") \
    X(PX_VAR_PROXY_HOST, "proxy_host") \
    X(PX_VAR_PROXY_PORT, "proxy_port") \
    X(PX_VAR_PROXYD_REASON, "proxyd_reason") \
    X(PX_VAR_UPSTREAM_ADDR, "upstream_addr") \
    X(PX_VAR_UPSTREAM_BYTES_RECEIVED, "upstream_bytes_received") \
    X(PX_VAR_UPSTREAM_BYTES_SENT, "upstream_bytes_sent") \
    X(PX_VAR_UPSTREAM_CONNECT_TIME, "upstream_connect_time") \
    X(PX_VAR_UPSTREAM_COOKIE_PREFIX, "upstream_cookie_") \
    X(PX_VAR_UPSTREAM_HEADER_TIME, "upstream_header_time") \
    X(PX_VAR_UPSTREAM_HTTP_PREFIX, "upstream_http_") \
    X(PX_VAR_UPSTREAM_QUEUE_TIME, "upstream_queue_time") \
    X(PX_VAR_UPSTREAM_RESPONSE_LENGTH, "upstream_response_length") \
    X(PX_VAR_UPSTREAM_RESPONSE_TIME, "upstream_response_time") \
    X(PX_VAR_UPSTREAM_STATUS, "upstream_status") \
    X(PX_VAR_UPSTREAM_TRAILER_PREFIX, "upstream_trailer_")

#endif
