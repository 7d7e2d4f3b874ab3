"""proxy_*: how a request to an upstream differs from the client's, and from where it is sent."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from contextlib import suppress

from proxyd.config import plan
from proxyd.config.address import BadAddress, literal_ip, parse_address
from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import Piece, ProxyBind
from proxyd.config.shapes import Bits, Flag, Invalid, OneArgument, Scope, Shape, Size, TemplateText

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}\Z")  # token of RFC 9110; the engine's longest

IGNORED = {
    "X-Accel-Redirect": plan.IGNORE_X_ACCEL_REDIRECT,
    "X-Accel-Expires": plan.IGNORE_X_ACCEL_EXPIRES,
    "X-Accel-Limit-Rate": plan.IGNORE_X_ACCEL_LIMIT_RATE,
    "X-Accel-Buffering": plan.IGNORE_X_ACCEL_BUFFERING,
    "X-Accel-Charset": plan.IGNORE_X_ACCEL_CHARSET,
    "Expires": plan.IGNORE_EXPIRES,
    "Cache-Control": plan.IGNORE_CACHE_CONTROL,
    "Set-Cookie": plan.IGNORE_SET_COOKIE,
    "Vary": plan.IGNORE_VARY,
}


class MethodShape(OneArgument):
    """A method, perhaps made of variables."""

    type = list[Piece] | None
    hint = "a method such as POST, at most 32 characters"

    def value(self, text: str, scope: Scope) -> list[Piece]:
        if "$" not in text and not _METHOD.match(text):
            raise self.wrong(text, scope)
        return scope.template(text)

    def describe(self) -> str:
        return "method"


class BodyShape(TemplateText):
    """Text that may be absent."""

    type = list[Piece] | None


class BindShape(Shape):
    """An address, perhaps with a port, perhaps of variables, perhaps transparent; or off."""

    least = 1
    most = 2
    type = ProxyBind | None
    hint = "an address, with a port or without, and perhaps transparent; or off"

    def read(self, args: Sequence[str], scope: Scope) -> ProxyBind | None:
        if list(args) == ["off"]:
            return None
        if "$" not in args[0] and not _is_local_address(args[0]):
            raise Invalid(f'invalid address "{args[0]}"', self.hint)
        if len(args) == 2 and args[1] != "transparent":
            raise Invalid(f'invalid parameter "{args[1]}"', self.hint, 1)
        return ProxyBind(address=scope.template(args[0]), transparent=len(args) == 2)

    def describe(self) -> str:
        return "address [transparent] | off"


def _is_local_address(text: str) -> bool:
    with suppress(OSError):
        socket.inet_pton(socket.AF_INET6, text)  # nginx knows such a one without brackets alone
        return True
    try:
        address = parse_address(text, 0)
        return address.unix != "" or literal_ip(address.host) is not None
    except BadAddress:
        return False


DIRECTIVES = (
    Directive(
        "proxy_method",
        EVERYWHERE,
        MethodShape(),
        "The method of requests to the upstream, in the place of the client's.",
        default_note="the client's",
        setting=True,
    ),
    Directive(
        "proxy_set_body",
        EVERYWHERE,
        BodyShape(),
        "The body of requests to the upstream, in the place of the client's, which is read and left.",
        default_note="the client's",
        setting=True,
    ),
    Directive(
        "proxy_pass_request_headers",
        EVERYWHERE,
        Flag(),
        "Whether the client's header fields are sent to the upstream.",
        default="on",
        setting=True,
    ),
    Directive(
        "proxy_pass_request_body",
        EVERYWHERE,
        Flag(),
        "Whether the client's body is sent to the upstream; if not, it is read and left.",
        default="on",
        setting=True,
    ),
    Directive(
        "proxy_ignore_headers",
        EVERYWHERE,
        Bits(IGNORED),
        "Fields of an upstream's answer that are not obeyed. X-Accel-Expires, Expires, Cache-Control, "
        "Set-Cookie and Vary speak to a cache, X-Accel-Charset to a filter that does not exist here: nothing "
        "obeys them, so that there is nothing to ignore.",
        default_note="none",
        setting=True,
    ),
    Directive(
        "proxy_bind",
        EVERYWHERE,
        BindShape(),
        "The local address, and perhaps port, from which connections to the upstream are made. A kept "
        "connection serves only requests that would be sent from the same address. `transparent`: it may be "
        "any address, such as the client's ($remote_addr). The workers keep the capability CAP_NET_RAW for "
        "that; what is sent to the address must be routed to this machine.",
        default="off",
        setting=True,
    ),
    Directive(
        "proxy_force_ranges",
        EVERYWHERE,
        Flag(),
        "Whether one range of an answer of known length is cut out here, whatever the upstream says of them.",
        default="off",
        setting=True,
    ),
    Directive(
        "proxy_socket_rcvbuf",
        EVERYWHERE,
        Size(),
        "SO_RCVBUF of connections to peers; 0: what the system gives.",
        default="0",
        setting=True,
    ),
    Directive(
        "proxy_socket_sndbuf",
        EVERYWHERE,
        Size(),
        "SO_SNDBUF of connections to peers; 0: what the system gives.",
        default="0",
        setting=True,
    ),
)
