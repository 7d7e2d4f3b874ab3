"""`proxyd status` for people: the values of status.py as text, columns aligned, as wide as a terminal allows.

Of many servers or peers the busiest are shown, and how many more there are; --all shows every one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from proxyd.process.columns import pairs, table
from proxyd.shared.counters import COUNTERS
from proxyd.shared.reasons import REASONS

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
# A worker's row shows these of its counters.
_WORKER_COUNTERS = ("connections_active", "requests_active", "requests")
_MOST_ROWS = 20
_NO_NAME = '""'
_SIZES = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "k"))

Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """Things that have rows of their own: the columns, which of them may go first, a row, and its weight."""

    head: Sequence[str]
    spare: Sequence[str]
    shown: Callable[[Row], list[object]]
    weight: Callable[[Row], int]


def render(status: Row, *, everything: bool = False, width: int | None = None) -> str:
    """The whole page. ``width``: of the terminal; None: there is none."""
    parts = [
        pairs(_master(status), width),
        table(_WORKER, [_worker(row) for row in status["workers"]], width, ("age", "generation", "pid")),
        _connections(status["connections"], width),
    ]
    for kind, rows in (
        (SERVERS, _told_apart(status["servers"])),
        (PEERS, status["peers"]),
        (ZONES, status["zones"]),
    ):
        parts += section(kind, rows, everything, width)
    if reasons := _reasons(status["counters"]):
        parts.append(table(["failed because of", "requests", "which means"], reasons, width))
    parts.append(table(["counter", "value", "unit"], _counters(status["counters"]), width))
    return "\n\n".join(parts)


def _master(status: Row) -> Iterable[tuple[str, object]]:
    yield "proxyd", f"{status['version']}, process {status['pid']}, since {status['started']}"
    yield "configuration", status["configuration"]
    yield "generation", f"{status['generation']}, since {status['activated']}"
    yield "listening on", ", ".join(status["listen"])
    yield "reloads", f"{status['reloads']} done, {status['reloads_failed']} failed"
    yield "helper", f"process {status['helper']['pid']}, died {status['helper_deaths']} times"
    yield "workers died", status["worker_deaths"]
    if status["given_up"]:
        yield "given up", "workers " + ", ".join(map(str, status["given_up"])) + "; see the error log"


_WORKER = ("worker", "pid", "state", "generation", "age", "connections", "active requests", "requests")


def _worker(row: Row) -> list[object]:
    counters = [row["counters"][name] for name in _WORKER_COUNTERS]
    return [row["index"], row["pid"], row["state"], row["generation"], _age(row["seconds"]), *counters]


def _connections(values: Row, width: int | None) -> str:
    names = ("active", "reading", "writing", "waiting", "accepted", "handled", "requests")
    row = [values[name] for name in names]
    return table(["connections", *names[1:]], [row], width, ("handled", "accepted", "requests"))


def _told_apart(rows: Sequence[Row]) -> list[Row]:
    """Servers that share a name are shown with their addresses."""
    times = Counter(row["server"] for row in rows)
    return [row | {"server": _with_address(row)} if times[row["server"]] > 1 else row for row in rows]


def _with_address(row: Row) -> str:
    return f"{row['server'] or _NO_NAME} ({row['listen']})"


def _server(row: Row) -> list[object]:
    classes = row["responses"]
    return [
        row["server"] or _NO_NAME,
        sum(classes.values()),
        *(classes[name] for name in ("2xx", "3xx", "4xx", "5xx")),
        _bytes(row["bytes_received"]),
        _bytes(row["bytes_sent"]),
        *_percentiles(row["latency_ms"]),
    ]


def _server_weight(row: Row) -> int:
    return sum(row["responses"].values())


SERVERS = Kind(
    ("server", "requests", "2xx", "3xx", "4xx", "5xx", "in", "out", "p50", "p90", "p99"),
    ("p50", "in", "out", "3xx", "p90", "2xx", "4xx", "p99"),
    _server,
    _server_weight,
)


def _peer(row: Row) -> list[object]:
    failed = sum(value for name, value in row.items() if name.startswith("failures_"))
    return [
        row["upstream"],
        row["peer"],
        row["state"] + (", backup" if row.get("backup") else ""),
        row.get("active", "-"),
        row.get("fails", "-"),
        row["tries"],
        failed,
        row["responses"]["4xx"],
        row["responses"]["5xx"],
        *_percentiles(row["latency_ms"]),
    ]


def _peer_weight(row: Row) -> int:
    unwell = 0 if row["state"] == "up" else 1 << 62  # these are what one looks for
    return unwell + int(row["tries"])


PEERS = Kind(
    ("upstream", "peer", "state", "active", "fails", "tries", "failed", "4xx", "5xx", "p50", "p90", "p99"),
    ("p50", "fails", "p90", "4xx", "active", "5xx", "p99", "tries"),
    _peer,
    _peer_weight,
)

_ZONE = ("zone", "keys", "capacity", "passed", "delayed", "rejected", "evictions", "refusals")


def _zone(row: Row) -> list[object]:
    return [row[name] for name in _ZONE]


def _zone_weight(row: Row) -> int:
    return int(row["passed"]) + int(row["rejected"])


ZONES = Kind(_ZONE, ("capacity", "refusals", "evictions", "delayed", "keys"), _zone, _zone_weight)


def section(kind: Kind, rows: Sequence[Row], everything: bool = False, width: int | None = None) -> list[str]:
    """A table of rows, or of the weightiest of many, in the order of the configuration."""
    if not rows:
        return []
    chosen = list(rows)
    if not everything and len(rows) > _MOST_ROWS:
        heavy = sorted(range(len(rows)), key=lambda number: -kind.weight(rows[number]))[:_MOST_ROWS]
        chosen = [rows[number] for number in sorted(heavy)]
    text = table(kind.head, [kind.shown(row) for row in chosen], width, kind.spare)
    more = len(rows) - len(chosen)
    return [text + (f"\n... and {more} more, less busy: --all shows them" if more else "")]


def _reasons(values: dict[str, int]) -> list[list[object]]:
    rows: list[list[object]] = [
        [reason.name, values[f"reason_{reason.name}"], reason.meaning] for reason in REASONS
    ]
    return [row for row in rows if row[1]]


def _percentiles(latency: Row) -> list[str]:
    values = [latency[name] for name in ("p50", "p90", "p99")]
    beyond = any(latency["buckets"].values())
    return [_milliseconds(value, beyond) for value in values]


def _milliseconds(value: int | None, measured: bool) -> str:
    if value is None:
        return ">65s" if measured else "-"
    return f"{value}ms" if value < 1000 else f"{value / 1000:.1f}s"


def _bytes(value: int) -> str:
    for size, unit in _SIZES:
        if value >= size:
            return f"{value / size:.1f}{unit}"
    return str(value)


def _age(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "0s"


# What other rows show already.
_ELSEWHERE = ("started_ms", "activated_ms", "generation")


def _counters(values: dict[str, int]) -> list[list[object]]:
    """Those that are not zero: what never happened would hide what did."""
    shown = [
        counter
        for counter in COUNTERS
        if values[counter.name] and counter.name not in _ELSEWHERE and not counter.name.startswith("reason_")
    ]
    return [[counter.name, values[counter.name], counter.unit] for counter in shown]
