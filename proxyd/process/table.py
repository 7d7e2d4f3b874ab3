"""`proxyd status` for people: the values of status.py as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from proxyd.shared.counters import COUNTERS

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
# A worker's row shows these of its counters.
_WORKER_COUNTERS = ("connections_active", "requests_active", "requests")


def render(status: dict[str, Any]) -> str:
    """The whole page."""
    parts = [
        _pairs(_master(status)),
        _table(
            ["worker", "pid", "state", "generation", "age", "connections", "active requests", "requests"],
            [_worker(row) for row in status["workers"]],
        ),
    ]
    if status["peers"]:
        names = ("upstream", "peer", "active", "fails")
        rows = [[row.get(name, "-") for name in names] for row in status["peers"]]
        parts.append(_table(names, rows))
    parts.append(_table(["counter", "value", "unit"], _counters(status["counters"])))
    return "\n\n".join(parts)


def _master(status: dict[str, Any]) -> Iterable[tuple[str, object]]:
    yield "proxyd", f"{status['version']}, process {status['pid']}, since {status['started']}"
    yield "configuration", status["configuration"]
    yield "generation", f"{status['generation']}, since {status['activated']}"
    yield "listening on", ", ".join(status["listen"])
    yield "reloads", f"{status['reloads']} done, {status['reloads_failed']} failed"
    yield "helper", f"process {status['helper']['pid']}, died {status['helper_deaths']} times"
    yield "workers died", status["worker_deaths"]
    if status["given_up"]:
        yield "given up", "workers " + ", ".join(map(str, status["given_up"])) + "; see the error log"


def _worker(row: dict[str, Any]) -> list[object]:
    counters = [row["counters"][name] for name in _WORKER_COUNTERS]
    return [row["index"], row["pid"], row["state"], row["generation"], _age(row["seconds"]), *counters]


def _age(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "0s"


def _counters(values: dict[str, int]) -> list[list[object]]:
    """Those that are not zero: what never happened would hide what did."""
    shown = [counter for counter in COUNTERS if values[counter.name]]
    return [[counter.name, values[counter.name], counter.unit] for counter in shown]


def _pairs(pairs: Iterable[tuple[str, object]]) -> str:
    return "\n".join(f"{name + ':':15}{value}" for name, value in pairs)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numeric = [all(str(row[column]).lstrip("-").isdigit() for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )
