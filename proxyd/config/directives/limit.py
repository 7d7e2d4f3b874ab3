"""limit_req and limit_conn: how often, and how many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxyd.config.directive import EVERYWHERE, HTTP, Directive
from proxyd.config.levels import LEVELS
from proxyd.config.plan import LimitConn, LimitReq, Piece
from proxyd.config.shapes import Choice, Flag, Invalid, Number, Scope, Shape
from proxyd.config.units import parse_number, parse_size

LEAST_ZONE_BYTES = 8 * 4096
MOST_RATE = 1_000_000_000  # requests per second
MOST_BURST = 4_000_000  # what 32 bits of thousandths hold
NO_DELAY = (1 << 32) - 1
MOST_CONNECTIONS = 65535

_LOG_LEVELS = {name: LEVELS[name] for name in ("info", "notice", "warn", "error")}
_RATE_UNITS = {"r/s": 1, "r/m": 60}


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """A limit_req_zone or limit_conn_zone as written. ``rate``: thousandths per second; 0: connections."""

    name: str
    size: int
    text: str
    source: list[Piece]
    rate: int


@dataclass(frozen=True, slots=True)
class LimitSpec:
    """A limit_req or limit_conn as written. Zones may be declared behind it."""

    zone: str
    burst: int = 0
    delay: int = 0
    connections: int = 0


def _zone(text: str, place: int) -> tuple[str, int]:
    """Name and size of "zone=name:size"."""
    name, colon, size_text = text.removeprefix("zone=").partition(":")
    size = parse_size(size_text, giga=False) if colon else None
    if size is None:
        raise Invalid(f'invalid zone size "{text}"', "a name and a size: zone=name:10m", place)
    if size < LEAST_ZONE_BYTES:
        raise Invalid(f'zone "{text}" is too small', f"at least {LEAST_ZONE_BYTES // 1024}k", place)
    return name, size


def _rate(text: str, place: int) -> int:
    """Thousandths of a request per second, rounded down as nginx does."""
    number_text, scale = text.removeprefix("rate="), 1
    for unit, seconds in _RATE_UNITS.items():
        if number_text.endswith(unit):
            number_text, scale = number_text.removesuffix(unit), seconds
    number = parse_number(number_text)
    if not number or number > MOST_RATE:
        raise Invalid(f'invalid rate "{text}"', "such as rate=10r/s or rate=30r/m", place)
    return number * 1000 // scale


class ZoneShape(Shape):
    """A key and zone=name:size; for requests a rate."""

    def __init__(self, rate: bool) -> None:
        self.least = self.most = 3 if rate else 2
        self.hint = "a key and zone=name:size" + (" and rate=number" if rate else "")

    def read(self, args: Sequence[str], scope: Scope) -> ZoneSpec:
        name, size, rate = "", 0, 1000 if self.least == 3 else 0
        source = scope.template(args[0])
        for place, text in enumerate(args[1:], 1):
            if text.startswith("zone="):
                name, size = _zone(text, place)
            elif text.startswith("rate=") and self.least == 3:
                rate = _rate(text, place)
            else:
                raise Invalid(f'invalid parameter "{text}"', self.hint, place)
        if not name:
            raise Invalid(f'"{scope.name}" must have "zone" parameter', self.hint, -1)
        return ZoneSpec(name, size, args[0], source, rate)

    def describe(self) -> str:
        return "key zone=name:size" + (" rate=number(r/s|r/m)" if self.least == 3 else "")


class LimitReqShape(Shape):
    """zone=name, burst=number, and nodelay or delay=number."""

    least = 1
    most = 3
    type = list[LimitReq]
    hint = "zone=name, then burst=number, and nodelay or delay=number"

    def read(self, args: Sequence[str], scope: Scope) -> LimitSpec:
        zone, burst, delay = "", 0, 0
        for place, text in enumerate(args):
            if text.startswith("zone="):
                zone = text.removeprefix("zone=")
            elif text.startswith("burst="):
                burst = self._number(text, "burst", place)
            elif text.startswith("delay="):
                delay = self._number(text, "delay", place)
            elif text == "nodelay":
                delay = NO_DELAY
            else:
                raise Invalid(f'invalid parameter "{text}"', self.hint, place)
        if not zone:
            raise Invalid(f'"{scope.name}" must have "zone" parameter', self.hint, -1)
        return LimitSpec(zone, burst=burst, delay=delay)

    def _number(self, text: str, name: str, place: int) -> int:
        """Thousandths."""
        number = parse_number(text.partition("=")[2])
        if not number or number > MOST_BURST:
            raise Invalid(f'invalid {name} value "{text}"', f"a number from 1 to {MOST_BURST}", place)
        return number * 1000

    def describe(self) -> str:
        return "zone=name [burst=number] [nodelay | delay=number]"


class LimitConnShape(Shape):
    """The name of a zone and a number."""

    least = 2
    most = 2
    type = list[LimitConn]
    hint = f"the name of a zone and a number from 1 to {MOST_CONNECTIONS}"

    def read(self, args: Sequence[str], scope: Scope) -> LimitSpec:
        number = parse_number(args[1])
        if not number:
            raise Invalid(f'invalid number of connections "{args[1]}"', self.hint, 1)
        if number > MOST_CONNECTIONS:
            raise Invalid(f"connection limit must be less {MOST_CONNECTIONS + 1}", self.hint, 1)
        return LimitSpec(args[0], connections=number)

    def describe(self) -> str:
        return "zone number"


class RejectStatus(Number):
    """The status of an answer that says no."""

    def __init__(self) -> None:
        super().__init__(400, 599, "code")

    def value(self, text: str, scope: Scope) -> int:
        number = parse_number(text)
        if number is None:
            raise self.wrong(text, scope, "invalid number")
        if not 400 <= number <= 599:
            raise Invalid("value must be between 400 and 599", self.hint)
        return number


DIRECTIVES = (
    Directive(
        "limit_req_zone",
        HTTP,
        ZoneShape(rate=True),
        "A zone of shared memory for limit_req: what is counted apart (often $binary_remote_addr; requests "
        "for which it is empty are not counted), its size, and how many requests a second or minute one "
        "such key may make. A reload that changes no word of it but the rate keeps what it knows.",
        repeats=True,
    ),
    Directive(
        "limit_req",
        EVERYWHERE,
        LimitReqShape(),
        "Limits requests by the rate of a zone. Up to `burst` requests above the rate are let in: each when "
        "its time has come; with `nodelay` at once; with `delay` the first so many at once. Others get "
        "limit_req_status. Several are all kept. Those of an outer level apply only where a level has none.",
        setting=True,
        repeats=True,
    ),
    Directive(
        "limit_req_status",
        EVERYWHERE,
        RejectStatus(),
        "Status of answers to requests above the rate.",
        default="503",
        setting=True,
    ),
    Directive(
        "limit_req_log_level",
        EVERYWHERE,
        Choice(_LOG_LEVELS),
        "Level at which refused requests are logged; delayed ones one level lower.",
        default="error",
        setting=True,
    ),
    Directive(
        "limit_req_dry_run",
        EVERYWHERE,
        Flag(),
        "Whether requests are only counted and logged, not limited.",
        default="off",
        setting=True,
    ),
    Directive(
        "limit_conn_zone",
        HTTP,
        ZoneShape(rate=False),
        "A zone of shared memory for limit_conn: what is counted apart, and its size.",
        repeats=True,
    ),
    Directive(
        "limit_conn",
        EVERYWHERE,
        LimitConnShape(),
        "How many requests of one key, over all workers, may be under way at a time, tunnels included. "
        "Others get limit_conn_status, as do those for which the zone has no room. Several are all kept. "
        "Those of an outer level apply only where a level has none.",
        setting=True,
        repeats=True,
    ),
    Directive(
        "limit_conn_status",
        EVERYWHERE,
        RejectStatus(),
        "Status of answers to requests above the number.",
        default="503",
        setting=True,
    ),
    Directive(
        "limit_conn_log_level",
        EVERYWHERE,
        Choice(_LOG_LEVELS),
        "Level at which refused requests are logged.",
        default="error",
        setting=True,
    ),
    Directive(
        "limit_conn_dry_run",
        EVERYWHERE,
        Flag(),
        "Whether requests above the number are only logged, not refused.",
        default="off",
        setting=True,
    ),
)
