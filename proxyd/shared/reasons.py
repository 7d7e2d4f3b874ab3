"""Why a request failed: one table of code, where the cause lies, meaning, and what to do about it.

From it come the C enum (``generated/reasons.h``), one counter per code, ``$proxyd_reason``, the word behind
", reason: " in lines of the error log, and docs/reference/reasons.md. Each answer of 400 and above that
proxyd makes itself, each answer that it had to cut off and each request that ended without one has such a
code; an error that a peer answered with is the peer's own and has none.

New ones go to the end of their group. A code, once published, keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Side = Literal["client", "peer", "proxyd", "configuration"]


@dataclass(frozen=True)
class Reason:
    """One code. ``status``: what the log shows for it, as far as it is proxyd's to choose."""

    name: str
    side: Side
    status: str
    meaning: str
    remedy: str


def _of(side: Side) -> Callable[[str, str, str, str], Reason]:
    def declare(name: str, status: str, meaning: str, remedy: str) -> Reason:
        return Reason(name, side, status, meaning, remedy)

    return declare


_client = _of("client")
_peer = _of("peer")
_proxyd = _of("proxyd")
_configuration = _of("configuration")

# Code 0 is "-": nothing went wrong.
REASONS: tuple[Reason, ...] = (
    # Peers.
    _peer(
        "connect_refused",
        "502",
        "The peer refused the connection.",
        "Is the backend running, and does it listen on this address and port?",
    ),
    _peer(
        "connect_timeout",
        "504",
        "The peer did not accept a connection within `proxy_connect_timeout`.",
        "Look for a firewall that drops packets, or a backend whose queue of connections is full.",
    ),
    _peer(
        "connect_failed",
        "502",
        "connect() failed for another reason; the line in the error log has the system's.",
        "Check the address, routes, and the permissions of a unix socket.",
    ),
    _peer(
        "send_failed",
        "502",
        "The peer closed or reset the connection while the request was being sent.",
        "The backend's log says why it did; it may refuse large bodies by closing.",
    ),
    _peer(
        "send_timeout",
        "504",
        "The peer took no byte of the request for `proxy_send_timeout`.",
        "The backend is stuck or overloaded. A longer timeout helps only a slow one.",
    ),
    _peer(
        "read_failed",
        "502",
        "The peer reset the connection while its answer was awaited or read.",
        "The backend may have crashed, or been restarted while it worked.",
    ),
    _peer(
        "read_timeout",
        "504",
        "The peer sent no byte for `proxy_read_timeout`.",
        "Find out what the backend does so long; if that is right, raise the timeout in that location.",
    ),
    _peer(
        "premature_close",
        "502",
        "The peer closed the connection before its answer was complete.",
        "The backend may have crashed, been restarted, or keep idle connections for a shorter time than we.",
    ),
    _peer(
        "head_too_large",
        "502",
        "The head of the peer's answer is larger than `proxy_buffer_size`.",
        "Raise proxy_buffer_size; look for large cookies.",
    ),
    _peer(
        "invalid_response",
        "502",
        "What the peer sent is not HTTP, or can be read in two ways.",
        "Does the port speak HTTP (and not HTTPS)? The error log says what is wrong.",
    ),
    _peer(
        "no_live_upstream",
        "502",
        "All peers of the upstream are down, or failed `max_fails` times within `fail_timeout`.",
        "Earlier lines tell why each failed. One backend for all: max_fails=0 never gives it up.",
    ),
    # Clients.
    _client(
        "client_closed",
        "499 or 400",
        "The client closed the connection before its request or its answer was complete.",
        "Normal for impatient users. Many at once: the answer takes longer than clients wait.",
    ),
    _client(
        "client_timeout",
        "408",
        "Nothing was sent or taken for `client_header_timeout`, `client_body_timeout` or `send_timeout`.",
        "Normal for bad networks; raise the timeout when clients upload slowly with long pauses.",
    ),
    _client(
        "malformed_request",
        "400",
        "The request is not HTTP, or can be read in two ways.",
        "The error log says what is wrong. Often a scanner, or TLS spoken to a plain port.",
    ),
    _client(
        "malformed_body",
        "400",
        "The chunks of the request's body are broken.",
        "A fault of the client or of a proxy in front.",
    ),
    _client(
        "no_host",
        "400",
        "An HTTP/1.1 request without Host.",
        "A fault of the client; health checkers often have a setting for it.",
    ),
    _client("invalid_host", "400", "Host is not a name or address.", "A fault of the client."),
    _client(
        "uri_too_long",
        "414",
        "The request line is longer than one buffer of `large_client_header_buffers`.",
        "Raise the size of large_client_header_buffers when such long addresses are right.",
    ),
    _client(
        "request_head_too_large",
        "400",
        "A field is longer than one of `large_client_header_buffers`, or all are longer than these together.",
        "Look for large cookies; raise large_client_header_buffers.",
    ),
    _client(
        "body_too_large",
        "413",
        "The request's body is larger than `client_max_body_size`.",
        "Raise client_max_body_size in this location when such uploads are wanted.",
    ),
    _client(
        "unsupported_version", "505", "A version of HTTP that does not exist here.", "A fault of the client."
    ),
    _client(
        "unsupported_encoding",
        "501",
        "A Transfer-Encoding other than chunked.",
        "A fault of the client.",
    ),
    _client(
        "method_not_allowed",
        "405",
        "This method means nothing here: a static file cannot be posted to.",
        "Does the request go to the location that was meant?",
    ),
    _client(
        "precondition_failed",
        "412",
        "If-Match or If-Unmodified-Since does not hold.",
        "Normal: the client asked for it.",
    ),
    _client(
        "range_not_satisfiable",
        "416",
        "The range lies behind the end of the file.",
        "Normal: the client asked for it.",
    ),
    _client(
        "not_found",
        "404",
        "There is no such file, or no location for the path.",
        "Check `root` and the path.",
    ),
    # What the configuration forbids or says.
    _configuration(
        "returned",
        "any",
        "`return`, or `=code` of try_files or error_page, says so.",
        "Nothing went wrong.",
    ),
    _configuration(
        "denied", "403", "`deny` or `limit_except` forbids it.", "Check the rules of the location."
    ),
    _configuration(
        "limited_requests",
        "503",
        "More requests than `limit_req` admits.",
        "Compare rate and burst with what is normal for one key; `limit_req_dry_run` tries a limit out.",
    ),
    _configuration(
        "limited_connections",
        "503",
        "More at the same time than `limit_conn` admits.",
        "Compare the number with what is normal for one key.",
    ),
    _configuration(
        "internal_only",
        "404",
        "A location that is `internal` was asked for by a client.",
        "Nothing went wrong.",
    ),
    _configuration(
        "redirect_cycle",
        "500",
        "More than 10 internal redirects: error_page, index, try_files or rewrite lead in a circle.",
        "The error log has the last address; follow it through the locations.",
    ),
    _configuration(
        "forbidden",
        "403",
        "The file or directory may not be read, or a directory has no index.",
        "Check permissions for the user of the workers; a directory needs `index`.",
    ),
    _configuration(
        "invalid_upstream",
        "500",
        "What the variables of `proxy_pass` made is not an address.",
        "The error log shows it.",
    ),
    _configuration(
        "resolver_missing",
        "502",
        "A name that only variables of `proxy_pass` make known cannot be looked up.",
        "Name it in an `upstream` block, which may have the same name.",
    ),
    # proxyd and its machine.
    _proxyd(
        "resources",
        "500",
        "No connection, descriptor or memory was left in this worker.",
        "Raise `worker_connections` and `worker_rlimit_nofile`; the error log says which one it was.",
    ),
    _proxyd(
        "temp_file_failed",
        "500",
        "A request's body could not be written to a temporary file. An answer that could not be is not cut "
        "off: its upstream waits for the client.",
        "Is the disk of `client_body_temp_path` full, may the workers write there? The log names the file.",
    ),
    _proxyd(
        "file_failed",
        "500",
        "A file could not be read; the line in the error log has the system's reason.",
        "Look at the disk. A file that became shorter while it was sent cuts its answer off.",
    ),
    _proxyd(
        "zone_full",
        "503",
        "The shared memory of a limit has no room for another key.",
        "Make the zone larger.",
    ),
    _proxyd(
        "shutting_down",
        "444 or 499",
        "`worker_shutdown_timeout` was over before the request was.",
        "Raise it, or leave it out, when requests may take so long.",
    ),
    _proxyd(
        "internal_error",
        "500",
        "What should not happen did.",
        "The error log has more; please report it.",
    ),
)

NUMBER: dict[str, int] = {reason.name: number for number, reason in enumerate(REASONS, 1)}
