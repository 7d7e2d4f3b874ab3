"""Every built-in $variable: name, where it may be used, what it says. Its number is its place in VARIABLES.

A name that ends in "_" with ``prefix`` set stands for a family ($http_user_agent); the rest of the name is
an argument. Numbers go to C as PX_VAR_<NAME> (PX_VAR_HTTP_PREFIX for a family).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One built-in variable, or one family of them."""

    name: str
    doc: str
    prefix: bool = False
    settable: bool = False  # `set` may change it

    @property
    def constant(self) -> str:
        """The name in C, after PX_VAR_."""
        return self.name.upper() + ("PREFIX" if self.prefix else "")


VARIABLES: tuple[Variable, ...] = (
    # The request.
    Variable("args", "The query string, without the question mark.", settable=True),
    Variable("arg_", "One argument of the query string, as it was sent.", prefix=True),
    Variable("binary_remote_addr", "The client's address in binary: 4 bytes, or 16 for IPv6."),
    Variable("body_bytes_sent", "Bytes of the answer's body sent to the client."),
    Variable("bytes_sent", "Bytes sent to the client, head and body."),
    Variable("connection", "Number of the client's connection."),
    Variable("connection_requests", "How many requests came over this connection so far, this one included."),
    Variable("connection_time", "Age of the connection in seconds, with milliseconds."),
    Variable("content_length", "The Content-Length field of the request."),
    Variable("content_type", "The Content-Type field of the request."),
    Variable("cookie_", "One cookie of the request.", prefix=True),
    Variable("date_gmt", "The time in GMT: Monday, 23-Nov-2026 15:00:00 GMT."),
    Variable("date_local", "Local time in the same form."),
    Variable("document_root", "The directory of `root`, or what `alias` says, for the request."),
    Variable("document_uri", "The same as $uri."),
    Variable("host", "Host of the request line, else of the Host field, else the server's name."),
    Variable("hostname", "The name of this machine."),
    Variable("http_", "One field of the request: lower case, dashes written as underscores.", prefix=True),
    Variable("https", '"on" if the client came over TLS, otherwise empty.'),
    Variable("is_args", '"?" if there is a query string, otherwise empty.'),
    Variable("is_request_port", '":" if the client named a port along with the host, otherwise empty.'),
    Variable("limit_conn_status", "What limit_conn said: PASSED, REJECTED or REJECTED_DRY_RUN."),
    Variable(
        "limit_req_status",
        "What limit_req said: PASSED, DELAYED, REJECTED, DELAYED_DRY_RUN or REJECTED_DRY_RUN.",
    ),
    Variable(
        "limit_rate",
        "Bytes per second that this answer goes at, once that is known; 0: no limit.",
        settable=True,
    ),
    Variable("msec", "The current time in seconds, with milliseconds."),
    Variable("nginx_version", "The level of the language: the version of nginx that proxyd follows."),
    Variable("pid", "The process id of the worker."),
    Variable("pipe", '"p" if the request was pipelined, otherwise ".".'),
    Variable(
        "proxy_protocol_addr", "The client's address of the PROXY protocol, which is not spoken yet: none."
    ),
    Variable("proxy_protocol_port", "The client's port of the PROXY protocol: none."),
    Variable("proxy_protocol_server_addr", "The server's address of the PROXY protocol: none."),
    Variable("proxy_protocol_server_port", "The server's port of the PROXY protocol: none."),
    Variable("proxy_protocol_tlv_", "A value of the PROXY protocol: none.", prefix=True),
    Variable("query_string", "The same as $args."),
    Variable("realpath_root", "The same as $document_root, absolute and without symbolic links."),
    Variable("remote_addr", "The client's address."),
    Variable("remote_port", "The client's port."),
    Variable("remote_user", "The user name of Basic authentication."),
    Variable("request", "The whole request line, as it was sent."),
    Variable("request_body", "The body of the request, where it was read whole and is in memory."),
    Variable("request_body_file", "The path of the temporary file that holds the request's body."),
    Variable("request_completion", '"OK" if the request was answered completely, otherwise empty.'),
    Variable(
        "request_filename", "The name of the file that stands for the request: root or alias, and path."
    ),
    Variable("request_id", "32 hexadecimal digits, made at random for each request."),
    Variable("request_length", "Bytes of the request: line, head and body."),
    Variable("request_method", "The method: GET, POST, ..."),
    Variable("request_port", "The port that the client named along with the host, otherwise empty."),
    Variable("request_time", "Seconds since the first byte of the request, with milliseconds."),
    Variable("request_uri", "The target of the request with its arguments, as it was sent."),
    Variable("scheme", '"http" or "https".'),
    Variable("sent_http_", "One field of the answer that the client gets.", prefix=True),
    Variable("sent_trailer_", "One field that is sent behind the answer's body.", prefix=True),
    Variable("server_addr", "The address at which the connection arrived."),
    Variable("server_name", "The first server_name of the server that took the request."),
    Variable("server_port", "The port at which the connection arrived."),
    Variable("server_protocol", '"HTTP/1.0", "HTTP/1.1", ...'),
    Variable("status", "The status of the answer."),
    Variable("tcpinfo_rcv_space", "Receive window of the client's connection, as the kernel has it."),
    Variable("tcpinfo_rtt", "Round trip time of the client's connection, in microseconds."),
    Variable("tcpinfo_rttvar", "How much that varies."),
    Variable("tcpinfo_snd_cwnd", "Congestion window of the client's connection."),
    Variable("time_iso8601", "Local time in ISO 8601 format."),
    Variable("time_local", "Local time in the common log format."),
    Variable("uri", "The path of the request: decoded, normalised, without arguments."),
    # The numbers of stub_status.
    Variable("connections_active", "Client connections open now, of all workers."),
    Variable("connections_reading", "Of these, those whose request's head is being read."),
    Variable("connections_writing", "Of these, those whose request is under way."),
    Variable("connections_waiting", "Of these, those that wait for a request."),
    # Proxying.
    Variable("proxy_add_x_forwarded_for", "X-Forwarded-For of the request, with $remote_addr appended."),
    Variable("proxy_host", "Host and port as proxy_pass names them."),
    Variable("proxy_port", "The port of proxy_pass, or the protocol's usual one."),
    Variable(
        "proxyd_reason",
        'Why the request failed, a code of reasons.md such as connect_refused; "-": it did not.',
    ),
    Variable("upstream_addr", "The peers that were tried."),
    Variable("upstream_bytes_received", "Bytes received from the peers."),
    Variable("upstream_bytes_sent", "Bytes sent to the peers."),
    Variable("upstream_connect_time", "Seconds until the connection to the peer stood."),
    Variable("upstream_cookie_", "One cookie that the peer's answer sets.", prefix=True),
    Variable("upstream_header_time", "Seconds until the head of the peer's answer was there."),
    Variable("upstream_http_", "One field of the peer's answer.", prefix=True),
    Variable("upstream_queue_time", "Seconds spent waiting for a peer: none waits, so a dash for each try."),
    Variable("upstream_response_length", "Bytes of the body of the peer's answer."),
    Variable("upstream_response_time", "Seconds until the peer's answer was complete."),
    Variable("upstream_status", "Status of the peers' answers."),
    Variable(
        "upstream_trailer_",
        "One field behind the body of the peer's answer, where proxy_pass_trailers is on.",
        prefix=True,
    ),
)

NUMBER: dict[str, int] = {variable.name: number for number, variable in enumerate(VARIABLES)}
PREFIXES: tuple[str, ...] = tuple(variable.name for variable in VARIABLES if variable.prefix)

# What nginx 1.31 has besides: for the hint of an error.
_NGINX_NAMES = frozenset(
    """ancient_browser modern_browser msie_version connections_active connections_reading
    connections_waiting connections_writing fastcgi_path_info fastcgi_script_name
    gzip_ratio http2 http3 invalid_referer memcached_key
    ocsp_status proxy_internal_body_length proxy_internal_chunked realip_remote_addr
    realip_remote_port secure_link secure_link_expires slice_range
    uid_got uid_reset uid_set upstream_cache_last_modified upstream_cache_etag upstream_cache_key
    upstream_cache_status upstream_last_server_name ssl_ geoip_
    date_ jwt_
    """.split()
)


def is_known_to_nginx(name: str) -> bool:
    """Whether nginx has a variable of this name."""
    return name in _NGINX_NAMES or any(
        name.startswith(family) for family in _NGINX_NAMES if family.endswith("_")
    )
