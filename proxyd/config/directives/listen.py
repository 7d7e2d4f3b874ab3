"""listen: the addresses of a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from proxyd.config.address import IPV4, IPV6, UNIX, BadAddress, literal_ip, parse_address, show
from proxyd.config.directive import SERVER, Directive
from proxyd.config.shapes import Invalid, Scope, Shape

DEFAULT_BACKLOG = 511
# Options that nginx has and proxyd does not yet, by their name before "=".
_NOT_YET = {
    *("setfib", "fastopen", "rcvbuf", "sndbuf", "accept_filter", "deferred", "so_keepalive", "multipath"),
    *("proxy_protocol", "quic"),
}
_ANY = {IPV4: bytes(4), IPV6: bytes(16)}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address that is listened on."""

    family: int
    packed: bytes  # IP, or unix path
    port: int

    @property
    def wildcard(self) -> bool:
        """Whether it stands for all addresses of this machine."""
        return _ANY.get(self.family) == self.packed

    def __str__(self) -> str:
        return show(self.family, self.packed, self.port)


@dataclass(frozen=True, slots=True)
class Options:
    """How a socket is to be made. Given once for an address, by whichever server."""

    backlog: int = DEFAULT_BACKLOG
    reuseport: bool = False
    ipv6only: bool = True


@dataclass(frozen=True, slots=True)
class ListenSpec:
    """One ``listen``: its addresses, and what it says about them."""

    endpoints: tuple[Endpoint, ...]
    default_server: bool = False
    options: Options | None = None  # None: it says nothing about the socket


@dataclass(slots=True)
class _Parameters:
    """What the words after the address say."""

    default_server: bool = False
    own_socket: bool = False  # any option of sockets was given
    values: dict[str, Any] = field(default_factory=dict)


class ListenShape(Shape):
    """An address and options."""

    least = 1
    most = None
    hint = "an address, a port, or address:port, then options"

    def read(self, args: Sequence[str], scope: Scope) -> ListenSpec:
        endpoints = self._endpoints(args[0], scope)
        parameters = _Parameters()
        for place, text in enumerate(args[1:], 1):
            self._parameter(text, place, parameters)
        if parameters.values.get("reuseport") and endpoints[0].family == UNIX:
            raise Invalid('invalid parameter "reuseport"', "unix sockets cannot be shared that way", 0)
        options = Options(**parameters.values) if parameters.own_socket else None
        return ListenSpec(endpoints, parameters.default_server, options)

    def _endpoints(self, text: str, scope: Scope) -> tuple[Endpoint, ...]:
        def wrong(what: str, hint: str = "") -> Invalid:
            return Invalid(f'{what} in "{text}" of the "listen" directive', hint or self.hint)

        try:
            address = parse_address(text, 80, listen=True, ranges=True)
            if address.unix:
                path = address.unix.encode("utf-8", "surrogateescape")
                return (Endpoint(UNIX, path, 0),)
            if address.host in ("", "*"):
                found = [(IPV4, _ANY[IPV4])]
            else:
                ip = literal_ip(address.host)
                found = [ip] if ip else scope.resolve(address.host, address.port)
        except BadAddress as error:
            raise wrong(str(error)) from None
        if not found:
            raise wrong("host not found", "an IP address needs no look-up")
        ports = range(address.port, address.last_port + 1)
        return tuple(Endpoint(family, packed, port) for family, packed in found for port in ports)

    def _parameter(self, text: str, place: int, into: _Parameters) -> None:
        key, equals, value = text.partition("=")
        if text in ("default_server", "default"):
            into.default_server = True
        elif text == "bind":
            into.own_socket = True
        elif text == "reuseport":
            into.own_socket = into.values["reuseport"] = True
        elif equals and key == "backlog":
            if not (value.isascii() and value.isdigit()) or not 0 < int(value[:10]) < 2**31:
                raise Invalid(f'invalid backlog "{value}"', "a number of connections, from 1", place)
            into.values["backlog"] = int(value)
            into.own_socket = True
        elif equals and key == "ipv6only":
            if value not in ("on", "off"):
                raise Invalid(f'invalid ipv6only flags "{value}"', "on or off", place)
            into.values["ipv6only"] = value == "on"
            into.own_socket = True
        elif text in ("ssl", "http2", "spdy"):
            module = {"ssl": "ngx_http_ssl_module", "http2": "ngx_http_v2_module"}.get(text, "SPDY")
            raise Invalid(
                f'the "{text}" parameter requires {module}', "nginx has it, proxyd does not yet", place
            )
        elif key in _NOT_YET:
            raise Invalid(f'invalid parameter "{text}"', "nginx has it, proxyd does not yet", place)
        else:
            raise Invalid(
                f'invalid parameter "{text}"',
                "default_server, bind, backlog=NUMBER, reuseport or ipv6only=on|off",
                place,
            )

    def describe(self) -> str:
        return (
            "address[:port] | port | unix:path [default_server] [bind] [backlog=number] [reuseport] "
            "[ipv6only=on|off]"
        )


DIRECTIVES = (
    Directive(
        "listen",
        SERVER,
        ListenShape(),
        "An address that the server is reached at. `default_server`: the server for names that no other "
        "server of this address has. `backlog`, `reuseport`, `ipv6only`: how the socket is made; given "
        "once per address.",
        default_note="*:80, or *:8000 without super-user privileges",
        repeats=True,
    ),
)
