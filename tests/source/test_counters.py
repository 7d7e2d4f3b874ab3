"""Each counter is counted somewhere: one that stands still for ever would say that all is well."""

from __future__ import annotations

import re
from pathlib import Path

from proxyd.shared.counters import COUNTERS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *(path for path in (ROOT / "cextensions").rglob("*.c") if path.parent.name != "generated"),
    *(path for path in (ROOT / "proxyd/process").rglob("*.py")),
]
# Several in a row, of which the first is named and a number is added.
_FAMILIES = ("reason_", "responses_")


def test_each_counter_is_counted() -> None:
    text = "\n".join(path.read_text() for path in SOURCES)
    counted = {name.lower() for name in re.findall(r"PX_COUNTER_(\w+)", text)}
    counted |= set(re.findall(r'"(\w+)"', text))
    alone = {counter.name for counter in COUNTERS if not counter.name.startswith(_FAMILIES)}
    assert not alone - counted
    assert "responses_1xx" in counted
