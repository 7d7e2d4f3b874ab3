"""upstream: a named group of peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proxyd.config.address import UNIX, BadAddress, literal_ip, parse_address, show
from proxyd.config.directive import HTTP, UPSTREAM, Directive
from proxyd.config.plan import Peer
from proxyd.config.shapes import Duration, Invalid, Number, Scope, Shape, Text, encode, read_each
from proxyd.config.units import parse_number, parse_time

_NOT_YET = {"slow_start", "route", "resolve", "service", "drain", "id", "sid"}


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """What a ``server`` line says about its peers."""

    weight: int = 1
    max_conns: int = 0
    max_fails: int = 1
    fail_timeout: int = 10_000
    backup: bool = False
    down: bool = False


def make_peers(text: str, scope: Scope, options: PeerOptions, shown: str = "") -> list[Peer]:
    """The peers of one address: as many as its host has addresses. ``shown``: what the operator wrote."""

    def wrong(what: str, hint: str = "") -> Invalid:
        return Invalid(f'{what} in upstream "{shown or text}"', hint)

    try:
        address = parse_address(text, 80)
        if address.unix:
            found = [(UNIX, encode(address.unix))]
        else:
            ip = literal_ip(address.host)
            found = [ip] if ip else scope.resolve(address.host, address.port)
    except BadAddress as error:
        raise wrong(str(error), "host, host:port, [IPv6]:port or unix:path") from None
    if not found:
        raise wrong("host not found", "is the name right, and does the resolver know it?")
    return [
        Peer(
            name=encode(show(family, packed, address.port)),
            server=encode(text),
            address=packed,
            family=family,
            port=address.port,
            weight=options.weight,
            max_conns=options.max_conns,
            max_fails=options.max_fails,
            fail_timeout=options.fail_timeout,
            backup=options.backup,
            down=options.down,
        )
        for family, packed in found
    ]


class PeerShape(Shape):
    """An address and options."""

    least = 1
    most = None
    hint = "an address, then weight=, max_conns=, max_fails=, fail_timeout=, backup, down"

    def read(self, args: Sequence[str], scope: Scope) -> list[Peer]:
        values: dict[str, Any] = {}
        read_each(enumerate(args[1:], 1), lambda text, place: values.update([self._option(text, place)]))
        return make_peers(args[0], scope, PeerOptions(**values))

    def _option(self, text: str, place: int) -> tuple[str, int | bool]:
        key, equals, value = text.partition("=")
        if text in ("backup", "down"):
            return text, True
        number: int | None = None
        if equals and key == "weight":
            number = parse_number(value) or None
        elif equals and key in ("max_conns", "max_fails"):
            number = parse_number(value)
        elif equals and key == "fail_timeout":
            number = parse_time(value, seconds=True)
        elif key in _NOT_YET:
            raise Invalid(f'invalid parameter "{text}"', "nginx has it, proxyd does not yet", place)
        if number is None or (key != "fail_timeout" and number >= 2**31):
            hints = {
                "weight": "a number from 1",
                "max_conns": "a number",
                "max_fails": "a number",
                "fail_timeout": "a time such as 30s",
            }
            raise Invalid(
                f'invalid parameter "{text}"',
                hints.get(key, "weight=, max_conns=, max_fails=, fail_timeout=, backup or down"),
                place,
            )
        return key, number

    def describe(self) -> str:
        options = "[weight=number] [max_conns=number] [max_fails=number] [fail_timeout=time] [backup] [down]"
        return f"address {options}"


class Keepalive(Shape):
    """A number of connections."""

    least = 1
    most = 2
    hint = "a number of connections per worker; 0: none are kept"

    def read(self, args: Sequence[str], scope: Scope) -> int:
        number = parse_number(args[0])
        if number is None or number >= 2**31:
            raise Invalid(f'invalid value "{args[0]}" in "keepalive" directive', self.hint)
        if len(args) == 2 and args[1] != "local":
            raise Invalid(f'invalid parameter "{args[1]}"', 'only "local" may follow the number', 1)
        return number

    def describe(self) -> str:
        return "connections [local]"


class UpstreamName(Text):
    """The name that proxy_pass uses."""


DIRECTIVES = (
    Directive(
        "upstream",
        HTTP,
        UpstreamName("name"),
        "A named group of peers, for proxy_pass. Requests go round by weight; a peer that failed is left "
        "alone for a while.",
        block=True,
        repeats=True,
    ),
    Directive(
        "server",
        UPSTREAM,
        PeerShape(),
        "A peer: host:port or unix:path; a name with several addresses is several peers. `weight`: its "
        "share of the requests. At most `max_conns` connections to it are in use at a time, those of all "
        "workers together; idle ones do not count. After `max_fails` failures within `fail_timeout` it is "
        "left alone for `fail_timeout`. `backup`: used when no other is left; `down`: not used.",
        repeats=True,
    ),
    Directive(
        "keepalive",
        UPSTREAM,
        Keepalive(),
        "Idle connections to the group that each worker keeps; 0: none. `local` changes nothing here: "
        "connections belong to the group, and whoever proxies to it may use them.",
        default="32",
    ),
    Directive(
        "keepalive_requests",
        UPSTREAM,
        Number(),
        "Requests that one connection to a peer may carry.",
        default="1000",
    ),
    Directive(
        "keepalive_time",
        UPSTREAM,
        Duration(),
        "Age at which a connection to a peer is closed after the request in hand.",
        default="1h",
    ),
    Directive(
        "keepalive_timeout",
        UPSTREAM,
        Duration(),
        "How long an idle connection to a peer stays open.",
        default="60s",
    ),
)
