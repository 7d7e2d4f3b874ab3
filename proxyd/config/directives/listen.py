"""listen: the addresses of a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxyd.config.address import IPV4, IPV6, UNIX, BadAddress, literal_ip, parse_address, show
from proxyd.config.directive import SERVER, Directive
from proxyd.config.plan import Keepalive
from proxyd.config.shapes import Invalid, Scope, Shape, read_each
from proxyd.config.units import parse_number, parse_size, parse_time

DEFAULT_BACKLOG = 511
# Options that nginx has and proxyd does not yet.
_NOT_YET = {"proxy_protocol", "quic"}
_FREEBSD = {"setfib", "accept_filter"}
_ALONE = {"reuseport", "deferred", "multipath"}  # a word says all
_KNOWN = (
    "default_server, bind, backlog=, rcvbuf=, sndbuf=, fastopen=, so_keepalive=, ipv6only=on|off, deferred, "
    "reuseport or multipath"
)
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
    rcvbuf: int | None = None
    sndbuf: int | None = None
    fastopen: int | None = None
    deferred: bool = False
    multipath: bool = False
    keepalive: Keepalive | None = None


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


@dataclass(frozen=True, slots=True)
class _Value:
    """An option with a value: the field that it sets, and how it is read."""

    field: str
    read: Callable[[str, int], Any]


def _backlog(text: str, place: int) -> int:
    number = parse_number(text)
    if not number or number >= 2**31:
        raise Invalid(f'invalid backlog "{text}"', "a number of connections, from 1", place)
    return number


def _fastopen(text: str, place: int) -> int:
    number = parse_number(text)
    if number is None or number >= 2**31:
        raise Invalid(f'invalid fastopen "fastopen={text}"', "a number of connections; 0: off", place)
    return number


def _buffer(name: str) -> Callable[[str, int], int]:
    def read(text: str, place: int) -> int:
        size = parse_size(text, giga=False)
        if size is None or size >= 2**31:
            raise Invalid(f'invalid {name} "{name}={text}"', "a size such as 64k", place)
        return size

    return read


def _ipv6only(text: str, place: int) -> bool:
    if text not in ("on", "off"):
        raise Invalid(f'invalid ipv6only flags "{text}"', "on or off", place)
    return text == "on"


def _keepalive(text: str, place: int) -> Keepalive:
    if text in ("on", "off"):
        return Keepalive(on=text == "on")
    parts = [*text.split(":"), "", ""]
    idle = parse_time(parts[0], seconds=True) if parts[0] else 0
    interval = parse_time(parts[1], seconds=True) if parts[1] else 0
    count = parse_number(parts[2]) if parts[2] else 0
    times = (idle, interval, count)
    if len(parts) > 5 or None in times or not any(times):
        raise Invalid(f'invalid so_keepalive value: "{text}"', "on, off or such as 30m:1m:10", place)
    return Keepalive(on=True, idle=(idle or 0) // 1000, interval=(interval or 0) // 1000, count=count or 0)


_VALUES = {
    "backlog": _Value("backlog", _backlog),
    "rcvbuf": _Value("rcvbuf", _buffer("rcvbuf")),
    "sndbuf": _Value("sndbuf", _buffer("sndbuf")),
    "fastopen": _Value("fastopen", _fastopen),
    "ipv6only": _Value("ipv6only", _ipv6only),
    "so_keepalive": _Value("keepalive", _keepalive),
}


def _refusal(text: str, key: str, place: int) -> Invalid:
    """Why an option is not taken."""
    if text in ("ssl", "http2", "spdy"):
        module = {"ssl": "ngx_http_ssl_module", "http2": "ngx_http_v2_module"}.get(text, "SPDY")
        return Invalid(
            f'the "{text}" parameter requires {module}', "nginx has it, proxyd does not yet", place
        )
    if key in _FREEBSD:
        return Invalid(f'invalid parameter "{text}"', "only FreeBSD has it", place)
    hint = "nginx has it, proxyd does not yet" if key in _NOT_YET else _KNOWN
    return Invalid(f'invalid parameter "{text}"', hint, place)


class ListenShape(Shape):
    """An address and options."""

    least = 1
    most = None
    hint = "an address, a port, or address:port, then options"

    def read(self, args: Sequence[str], scope: Scope) -> ListenSpec:
        endpoints = self._endpoints(args[0], scope)
        parameters = _Parameters()
        read_each(enumerate(args[1:], 1), lambda text, place: self._parameter(text, place, parameters))
        if parameters.values.get("reuseport") and endpoints[0].family == UNIX:
            raise Invalid('invalid parameter "reuseport"', "unix sockets cannot be shared that way", 0)
        if parameters.values.get("multipath") and endpoints[0].family == UNIX:
            raise Invalid('invalid parameter "multipath"', "a unix socket has one path", 0)
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
            bare = text.count(":") > 1 and "[" not in text
            hint = "an IPv6 address stands in brackets: [::1]:80" if bare else ""
            raise wrong(str(error), hint) from None
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
        elif text in _ALONE:
            into.own_socket = into.values[text] = True
        elif equals and key in _VALUES:
            into.values[_VALUES[key].field] = _VALUES[key].read(value, place)
            into.own_socket = True
        else:
            raise _refusal(text, key, place)

    def describe(self) -> str:
        return (
            "address[:port[-port]] | port | unix:path [default_server] [bind] [backlog=number] [rcvbuf=size] "
            "[sndbuf=size] [fastopen=number] [so_keepalive=on|off|[idle]:[interval]:[count]] "
            "[ipv6only=on|off] [deferred] [reuseport] [multipath]"
        )


DIRECTIVES = (
    Directive(
        "listen",
        SERVER,
        ListenShape(),
        "An address that the server is reached at. `default_server`: the server for names that no other "
        "server of this address has. The others say how the socket is made, and are given once per address: "
        "`bind` (a socket of its own beside a wildcard), `backlog` (connections that wait), `rcvbuf` and "
        "`sndbuf` (buffers of connections), `fastopen` (TCP Fast Open with so long a queue), "
        "`so_keepalive` (probes on silent connections), `ipv6only`, `deferred` (connections are taken when "
        "their first bytes are there), `reuseport` (a socket for each worker), `multipath` (MPTCP). A reload "
        "changes them on an open socket, but for `ipv6only` and `multipath`, which need a restart.",
        default_note="*:80, or *:8000 without super-user privileges",
        repeats=True,
    ),
)
