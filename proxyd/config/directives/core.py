"""What every http server has: timeouts, buffers, limits on clients."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from proxyd import __version__
from proxyd.config.directive import EVERYWHERE, HTTP, SERVER, Directive
from proxyd.config.directives.headers import field_value
from proxyd.config.plan import Buffers, Piece
from proxyd.config.shapes import (
    BufferCount,
    Duration,
    Invalid,
    Number,
    Scope,
    Shape,
    Size,
    TemplateText,
    Text,
)
from proxyd.config.template import literal
from proxyd.config.units import parse_time

LEAST_HEADER_BUFFER = 512  # nginx's connection_pool_size

_NAME_AND_VERSION = f"proxyd/{__version__}"
SERVER_TOKENS = {"on": _NAME_AND_VERSION, "off": "proxyd", "build": _NAME_AND_VERSION}


class ServerTokens(TemplateText):
    """One of three words, or what is to be said instead."""

    hint = "on, off, build, or a text"

    def value(self, text: str, scope: Scope) -> list[Piece]:
        if text in SERVER_TOKENS:
            return literal(SERVER_TOKENS[text])
        if close := difflib.get_close_matches(text, SERVER_TOKENS, 1, 0.75):
            raise Invalid(f'invalid value "{text}"', f'did you mean "{close[0]}"?')
        return scope.template(field_value(text, scope, 0))

    def describe(self) -> str:
        return "on | off | build | text"


class KeepaliveTimeout(Shape):
    """A time, and optionally another one that clients are told, in whole seconds."""

    least = 1
    most = 2
    hint = "a time such as 75s, or two of them"

    def read(self, args: Sequence[str], scope: Scope) -> tuple[int, int]:
        """Both in milliseconds; 0 for a second one that is absent."""
        times = [parse_time(text, seconds=bool(place)) for place, text in enumerate(args)]
        for place, time in enumerate(times):
            if time is None:
                raise Invalid(f'"{scope.name}" directive invalid value "{args[place]}"', self.hint, place)
        return times[0] or 0, (times[1] or 0) if len(times) > 1 else 0

    def describe(self) -> str:
        return "time [time]"


class HeaderBuffers(BufferCount):
    """A number of buffers and a size that has a lower bound."""

    def read(self, args: Sequence[str], scope: Scope) -> Buffers:
        buffers = super().read(args, scope)
        if buffers.size < LEAST_HEADER_BUFFER:
            raise Invalid(
                'the "large_client_header_buffers" size must be equal to or greater than '
                '"connection_pool_size"',
                f"at least {LEAST_HEADER_BUFFER} bytes",
                1,
            )
        return buffers


DIRECTIVES = (
    Directive(
        "server_tokens",
        EVERYWHERE,
        ServerTokens(),
        "What the Server field and error pages say: name and version, the name alone, or a text with "
        "variables; an empty one leaves both out.",
        default="on",
        setting=True,
    ),
    Directive(
        "default_type",
        EVERYWHERE,
        Text("mime-type"),
        "Content-Type of answers made here, where `types` has nothing for the path.",
        default="text/plain",
        setting=True,
    ),
    Directive(
        "keepalive_timeout",
        EVERYWHERE,
        KeepaliveTimeout(),
        "How long an idle connection of a client stays open; 0 closes after each request. The second value, "
        "if given, is told to clients in a Keep-Alive field.",
        default="75s",
        setting=True,
        fields=(("keepalive_timeout", int), ("keepalive_timeout_header", int)),
    ),
    Directive(
        "keepalive_requests",
        EVERYWHERE,
        Number(),
        "Requests that one connection may carry.",
        default="1000",
        setting=True,
    ),
    Directive(
        "keepalive_time",
        EVERYWHERE,
        Duration(),
        "Age at which a connection is closed after the request in hand.",
        default="1h",
        setting=True,
    ),
    Directive(
        "client_header_timeout",
        HTTP | SERVER,
        Duration(),
        "How long a client may take for the head of a request (408).",
        default="60s",
        setting=True,
    ),
    Directive(
        "client_body_timeout",
        EVERYWHERE,
        Duration(),
        "Longest silence between two reads of a request's body (408).",
        default="60s",
        setting=True,
    ),
    Directive(
        "send_timeout",
        EVERYWHERE,
        Duration(),
        "Longest wait between two writes of an answer; then the connection is closed.",
        default="60s",
        setting=True,
    ),
    Directive(
        "client_header_buffer_size",
        HTTP | SERVER,
        Size(least=1),
        "First buffer for the head of a request.",
        default="1k",
        setting=True,
    ),
    Directive(
        "large_client_header_buffers",
        HTTP | SERVER,
        HeaderBuffers(),
        "How many larger buffers a head may take, and their size. A request line or field that fits into "
        "none is refused (414, 400).",
        default="4 8k",
        setting=True,
    ),
    Directive(
        "client_max_body_size",
        EVERYWHERE,
        Size(giga=True),
        "Largest body of a request (413); 0: no limit.",
        default="1m",
        setting=True,
    ),
    Directive(
        "client_body_buffer_size",
        EVERYWHERE,
        Size(least=1),
        "How much of a request's body is held in memory.",
        default="8k",
        setting=True,
    ),
)
