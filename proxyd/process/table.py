"""`proxyd status` for people: the values of status.py as text, columns aligned.

Of many servers or peers the busiest are shown, and how many more there are; --all shows every one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from proxyd.shared.counters import COUNTERS
from proxyd.shared.reasons import REASONS

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
# A worker's row shows these of its counters.
_WORKER_COUNTERS = ("connections_active", "requests_active", "requests")
_MOST_ROWS = 20
_NO_NAME = '""'
_SIZES = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "k"))

Row = dict[str, Any]


def render(status: Row, *, everything: bool = False) -> str:
    """The whole page."""
    parts = [
        _pairs(_master(status)),
        _table(
            ["worker", "pid", "state", "generation", "age", "connections", "active requests", "requests"],
            [_worker(row) for row in status["workers"]],
        ),
        _connections(status["connections"]),
    ]
    parts += _section(_SERVER, _server, _told_apart(status["servers"]), _server_weight, everything)
    parts += _section(_PEER, _peer, status["peers"], _peer_weight, everything)
    parts += _section(_ZONE, _zone, status["zones"], _zone_weight, everything)
    reasons = [
        [reason.name, status["counters"][f"reason_{reason.name}"], reason.meaning] for reason in REASONS
    ]
    shown = [row for row in reasons if row[1]]
    if shown:
        parts.append(_table(["failed because of", "requests", "which means"], shown))
    parts.append(_table(["counter", "value", "unit"], _counters(status["counters"])))
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


def _worker(row: Row) -> list[object]:
    counters = [row["counters"][name] for name in _WORKER_COUNTERS]
    return [row["index"], row["pid"], row["state"], row["generation"], _age(row["seconds"]), *counters]


def _connections(values: Row) -> str:
    names = ("active", "reading", "writing", "waiting", "accepted", "handled", "requests")
    return _table(["connections", *names[1:]], [[values[name] for name in names]])


# What has rows of its own.

_SERVER = ("server", "requests", "2xx", "3xx", "4xx", "5xx", "in", "out", "p50", "p90", "p99")
_PEER = ("upstream", "peer", "state", "active", "fails", "tries", "failed", "4xx", "5xx", "p50", "p90", "p99")
_ZONE = ("zone", "keys", "capacity", "passed", "delayed", "rejected", "evictions", "refusals")


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


def _zone(row: Row) -> list[object]:
    return [row[name] for name in _ZONE]


def _zone_weight(row: Row) -> int:
    return int(row["passed"]) + int(row["rejected"])


def _section(
    head: Sequence[str],
    shown: Callable[[Row], list[object]],
    rows: Sequence[Row],
    weight: Callable[[Row], int],
    everything: bool,
) -> list[str]:
    """A table of rows, or of the weightiest of many, in the order of the configuration."""
    if not rows:
        return []
    chosen = list(rows)
    if not everything and len(rows) > _MOST_ROWS:
        heavy = sorted(range(len(rows)), key=lambda number: -weight(rows[number]))[:_MOST_ROWS]
        chosen = [rows[number] for number in sorted(heavy)]
    text = _table(head, [shown(row) for row in chosen])
    more = len(rows) - len(chosen)
    return [text + (f"\n... and {more} more, less busy: --all shows them" if more else "")]


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


def _pairs(pairs: Iterable[tuple[str, object]]) -> str:
    return "\n".join(f"{name + ':':15}{value}" for name, value in pairs)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numeric = [all(_is_number(str(row[column])) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_number(cell: str) -> bool:
    """Also with a unit, or a dash in place of one."""
    return (
        cell == "-"
        or cell.lstrip("->")[:1].isdigit()
        and cell.rstrip("kMGTms").replace(".", "").lstrip(">").isdigit()
    )
