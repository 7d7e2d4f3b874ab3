"""proxy_*: what is sent to the upstream, how long it may take, what comes back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proxyd.config import plan
from proxyd.config.address import Address, BadAddress, parse_address
from proxyd.config.directive import EVERYWHERE, LOCATION, Directive
from proxyd.config.directives.headers import field_name, field_value
from proxyd.config.plan import Piece, SetHeader
from proxyd.config.shapes import (
    Bits,
    BufferCount,
    Choice,
    Duration,
    Flag,
    Invalid,
    Number,
    OneArgument,
    Scope,
    Shape,
    Size,
)

_NOT_IN_URI = re.compile(r"[\x00-\x20\x7f]")  # would end a request line, or be a part of its end

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

# Fields of an upstream's answer that clients do not get, unless proxy_pass_header says so.
HIDDEN = (
    *("Date", "Server", "X-Pad"),
    *("X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"),
)


@dataclass(frozen=True, slots=True)
class ProxyPassSpec:
    """A proxy_pass as written. Whether its host is an upstream is known only when all of those are."""

    url: str  # without "http://"
    address: Address
    variables: list[Piece] | None = None  # the whole URL, where it has any; then nothing else is known


class ProxyPassShape(OneArgument):
    """A URL: http://host[:port][/uri], http://name-of-an-upstream[/uri], http://unix:path[:/uri]."""

    hint = "http:// and a host, host:port, unix:path or the name of an upstream"

    def value(self, text: str, scope: Scope) -> ProxyPassSpec:
        if text[:8].lower() == "https://":
            raise Invalid("https protocol requires SSL support", "nginx has it, proxyd does not yet")
        known = text.partition("$")[0][:7].lower()
        if known != "http://"[: len(known)] or (len(known) < 7 and "$" not in text):
            hint = self.hint if "://" in text else f'write "http://{text}"'
            raise Invalid("invalid URL prefix", hint)
        if "$" in text:
            return ProxyPassSpec("", Address("", 0, 0, "", "", None), scope.template(text))
        url = text[7:]
        try:
            address = parse_address(url, 80, uri=True)
        except BadAddress as error:
            raise Invalid(f'{error} in upstream "{url}"', self.hint) from None
        if address.uri is not None and _NOT_IN_URI.search(address.uri):
            raise Invalid(
                f'invalid URI in upstream "{url}"', "write blanks and control characters as %20, %0A"
            )
        return ProxyPassSpec(url, address)

    def describe(self) -> str:
        return "URL"


class SetHeaderShape(Shape):
    """A name and a value."""

    least = 2
    most = 2
    type = list[SetHeader]
    hint = "a name and a value"

    def read(self, args: Sequence[str], scope: Scope) -> SetHeader:
        value = scope.template(field_value(args[1], scope, 1), 1)
        return SetHeader(name=field_name(args[0]), value=value)

    def describe(self) -> str:
        return "name value"


class FieldName(OneArgument):
    """The name of a header field."""

    type = list[bytes]

    def value(self, text: str, scope: Scope) -> bytes:
        return field_name(text)

    def describe(self) -> str:
        return "name"


DIRECTIVES = (
    Directive(
        "proxy_pass",
        LOCATION,
        ProxyPassShape(),
        "Hands requests of this location to an upstream. With a URI, that replaces the location's prefix; "
        "without one, the client's goes on unchanged.",
    ),
    Directive(
        "proxy_set_header",
        EVERYWHERE,
        SetHeaderShape(),
        "A field of the request to the upstream. Those of an outer level apply only where a level has none.",
        default_note="Host $proxy_host",
        setting=True,
        repeats=True,
    ),
    Directive(
        "proxy_hide_header",
        EVERYWHERE,
        FieldName(),
        "A field of the upstream's answer that clients do not get, besides those that they never get.",
        default_note=", ".join(HIDDEN),
        setting=True,
        repeats=True,
    ),
    Directive(
        "proxy_pass_header",
        EVERYWHERE,
        FieldName(),
        "A field that clients get although it is among the hidden ones.",
        setting=True,
        fields=(),  # the Plan has what is left of proxy_hide_header
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
        fields=(),
        nothing="What was read is sent at once, and more is read while proxy_buffers have room; so all of "
        "them may be busy. Sizes that contradict each other are refused, as nginx refuses them.",
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
