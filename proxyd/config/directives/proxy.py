"""proxy_*: what is sent to the upstream, how long it may take, what comes back."""

from __future__ import annotations

from proxyd.config import plan
from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import SetHeader
from proxyd.config.shapes import Bits, BufferCount, Choice, Duration, Flag, Number, Size, Text

HTTP_VERSIONS = {"1.0": 10, "1.1": 11}

NEXT = {
    "error": plan.NEXT_ERROR,
    "timeout": plan.NEXT_TIMEOUT,
    "invalid_header": plan.NEXT_INVALID_HEADER,
    "non_idempotent": plan.NEXT_NON_IDEMPOTENT,
    "http_500": plan.NEXT_500,
    "http_502": plan.NEXT_502,
    "http_503": plan.NEXT_503,
    "http_504": plan.NEXT_504,
    "http_403": plan.NEXT_403,
    "http_404": plan.NEXT_404,
    "http_429": plan.NEXT_429,
    "off": 0,
}

DIRECTIVES = (
    Directive(
        "proxy_set_header",
        EVERYWHERE,
        Text(),
        "A field of the request to the upstream. Those of an outer level apply only where a level has none.",
        default_note="Host $proxy_host",
        setting=True,
        fields=(("proxy_set_header", list[SetHeader]),),
        repeats=True,
    ),
    Directive(
        "proxy_hide_header",
        EVERYWHERE,
        Text("field"),
        "A field of the upstream's answer that clients do not get.",
        default_note="Date, Server, X-Pad, X-Accel-...",
        setting=True,
        fields=(("proxy_hide_header", list[bytes]),),
        repeats=True,
    ),
    Directive(
        "proxy_http_version",
        EVERYWHERE,
        Choice(HTTP_VERSIONS),
        "Version of HTTP spoken to the upstream.",
        default="1.1",
        setting=True,
    ),
    Directive(
        "proxy_connect_timeout",
        EVERYWHERE,
        Duration(),
        "How long a connection to a peer may take to be made.",
        default="60s",
        setting=True,
    ),
    Directive(
        "proxy_send_timeout",
        EVERYWHERE,
        Duration(),
        "Longest wait between two writes to the upstream.",
        default="60s",
        setting=True,
    ),
    Directive(
        "proxy_read_timeout",
        EVERYWHERE,
        Duration(),
        "Longest silence allowed between two reads from the upstream.",
        default="60s",
        setting=True,
    ),
    Directive(
        "proxy_buffering",
        EVERYWHERE,
        Flag(),
        "Whether the answer of the upstream is gathered in buffers; off: each piece goes on at once.",
        default="on",
        setting=True,
    ),
    Directive(
        "proxy_buffer_size",
        EVERYWHERE,
        Size(least=1),
        "Buffer for the head of the upstream's answer.",
        default="4k",
        setting=True,
    ),
    Directive(
        "proxy_buffers",
        EVERYWHERE,
        BufferCount(),
        "Number and size of the buffers for the body of one answer.",
        default="8 4k",
        setting=True,
    ),
    Directive(
        "proxy_busy_buffers_size",
        EVERYWHERE,
        Size(),
        "How much of these may be busy with sending to the client while more is read.",
        default_note="twice the larger of proxy_buffer_size and one of proxy_buffers",
        setting=True,
    ),
    Directive(
        "proxy_request_buffering",
        EVERYWHERE,
        Flag(),
        "Whether a request's body is read whole before the upstream is asked.",
        default="on",
        setting=True,
    ),
    Directive(
        "proxy_next_upstream",
        EVERYWHERE,
        Bits(NEXT),
        "On what the request goes to the next peer.",
        default="error timeout",
        setting=True,
    ),
    Directive(
        "proxy_next_upstream_tries",
        EVERYWHERE,
        Number(),
        "Peers that one request may try; 0: all.",
        default="0",
        setting=True,
    ),
    Directive(
        "proxy_next_upstream_timeout",
        EVERYWHERE,
        Duration(),
        "Time within which a request may go to the next peer; 0: no limit.",
        default="0",
        setting=True,
    ),
    Directive(
        "proxy_socket_keepalive",
        EVERYWHERE,
        Flag(),
        "Whether connections to peers have SO_KEEPALIVE.",
        default="off",
        setting=True,
    ),
)
