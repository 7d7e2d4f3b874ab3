"""What a run measured: rows with a verdict, as a table or as JSON."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Row:
    """One measured value. ``wanted``: "= 0", "< 500" or empty where nothing is asked."""

    run: str
    what: str
    value: float
    unit: str = ""
    wanted: str = ""
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is as wanted."""
        if not self.wanted:
            return True
        relation, _, number = self.wanted.partition(" ")
        return _COMPARE[relation](self.value, float(number))


def as_json(rows: Sequence[Row]) -> str:
    """For programs."""
    return json.dumps([{**asdict(row), "ok": row.ok} for row in rows], indent=2)


def as_table(rows: Sequence[Row]) -> str:
    """For people."""
    lines = [["run", "measured", "value", "unit", "wanted", "", "note"]]
    for row in rows:
        value = f"{row.value:.0f}" if float(row.value).is_integer() else f"{row.value:.2f}"
        verdict = "" if not row.wanted else "yes" if row.ok else "NO"
        lines.append([row.run, row.what, value, row.unit, row.wanted, verdict, row.note])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column == 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def waits(counts: dict[str, int]) -> str:
    """The histogram of a load's waits, in one line: upper ends in milliseconds and how many."""
    ends = sorted((float(end) if end != "more" else float("inf"), count) for end, count in counts.items())
    return ", ".join(f"<={end:g} ms: {count}" for end, count in ends)
