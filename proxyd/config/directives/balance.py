"""How an upstream picks a peer for each request, and its zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxyd.config.directive import UPSTREAM, Directive
from proxyd.config.plan import (
    BALANCE_HASH,
    BALANCE_HASH_CONSISTENT,
    BALANCE_IP_HASH,
    BALANCE_LEAST_CONN,
    BALANCE_RANDOM,
    BALANCE_RANDOM_TWO,
    Piece,
)
from proxyd.config.shapes import Invalid, Scope, Shape
from proxyd.config.units import parse_size

ZONE_LEAST_BYTES = 8 * 4096


@dataclass(frozen=True, slots=True)
class Balance:
    """A balancing method, BALANCE_*, and what it hashes."""

    method: int
    key: list[Piece]


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """The name and size that an upstream gives to its state."""

    name: str
    size: int | None


class Method(Shape):
    """A method without arguments."""

    def __init__(self, method: int) -> None:
        self.method = method

    def read(self, args: Sequence[str], scope: Scope) -> Balance:
        return Balance(self.method, [])


class HashMethod(Shape):
    """What to hash, and how."""

    least = 1
    most = 2
    hint = "a key such as $request_uri, then consistent or nothing"

    def read(self, args: Sequence[str], scope: Scope) -> Balance:
        key = scope.template(args[0])
        if len(args) == 2 and args[1] != "consistent":
            raise Invalid(f'invalid parameter "{args[1]}"', 'only "consistent" may follow the key', 1)
        return Balance(BALANCE_HASH if len(args) == 1 else BALANCE_HASH_CONSISTENT, key)

    def describe(self) -> str:
        return "key [consistent]"


class RandomMethod(Shape):
    """One at random, or the better one of two."""

    least = 0
    most = 2
    hint = "nothing, two, or two least_conn"

    def read(self, args: Sequence[str], scope: Scope) -> Balance:
        if not args:
            return Balance(BALANCE_RANDOM, [])
        if args[0] != "two":
            raise Invalid(f'invalid parameter "{args[0]}"', self.hint)
        if len(args) == 2 and args[1] != "least_conn":
            commercial = args[1] in ("least_time=header", "least_time=last_byte")
            hint = "nginx has it, proxyd does not yet" if commercial else 'only "least_conn" may follow "two"'
            raise Invalid(f'invalid parameter "{args[1]}"', hint, 1)
        return Balance(BALANCE_RANDOM_TWO, [])

    def describe(self) -> str:
        return "[two [least_conn]]"


class UpstreamZone(Shape):
    """A name and a size."""

    least = 1
    most = 2
    hint = "a name and a size such as 64k"

    def read(self, args: Sequence[str], scope: Scope) -> ZoneSpec:
        name = args[0]
        if not name:
            raise Invalid(f'invalid zone name "{name}"', self.hint)
        if len(args) == 1:
            return ZoneSpec(name, None)
        size = parse_size(args[1], False)
        if size is None:
            raise Invalid(f'invalid zone size "{args[1]}"', "a size such as 64k, 1m", 1)
        if size < ZONE_LEAST_BYTES:
            raise Invalid(f'zone "{name}" is too small', f"at least {ZONE_LEAST_BYTES // 1024}k", 1)
        return ZoneSpec(name, size)

    def describe(self) -> str:
        return "name [size]"


DIRECTIVES = (
    Directive(
        "least_conn",
        UPSTREAM,
        Method(BALANCE_LEAST_CONN),
        "Each request goes to the peer with the fewest connections in use, those of all workers together, "
        "for its weight. Where several have as few, they take turns.",
        repeats=True,
    ),
    Directive(
        "ip_hash",
        UPSTREAM,
        Method(BALANCE_IP_HASH),
        "A client stays with one peer: the first three bytes of an IPv4 address, or a whole IPv6 address, "
        "decide. A peer that is `down` keeps its place, so that the other clients keep theirs.",
        repeats=True,
    ),
    Directive(
        "hash",
        UPSTREAM,
        HashMethod(),
        "Requests of the same key go to the same peer. `consistent`: when peers come and go, few keys move "
        "(ketama, 160 points for each unit of weight, the same as nginx and Cache::Memcached::Fast). A "
        "request for which the key's peers are not available goes round, as without `hash`.",
        repeats=True,
    ),
    Directive(
        "random",
        UPSTREAM,
        RandomMethod(),
        "Each request goes to a peer at random, by weight. `two`: two are drawn, and the one with fewer "
        "connections in use for its weight is taken (`least_conn`, the only way).",
        repeats=True,
    ),
    Directive(
        "zone",
        UPSTREAM,
        UpstreamZone(),
        "Gives the state of an upstream a name and a size. Both are checked as nginx does.",
        repeats=True,
        nothing="the state of every upstream is shared by all workers, with or without a zone.",
    ),
)
