"""Text in aligned columns: tables, and names with values.

Where a width is given (a terminal's) nothing is wider, if that can be helped: what a table can spare goes
column by column, and a line below says what is missing; then the text of its last column goes on in further
lines. None: as wide as it comes, one line a row, for files and other programs.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

_GAP = "  "
_NAME_WIDTH = 15
# Less than that is no column of text.
_LEAST_TEXT = 16


def pairs(rows: Iterable[tuple[str, object]], width: int | None = None) -> str:
    """Names and values, one below the other."""
    return "\n".join(_hanging(f"{name + ':':{_NAME_WIDTH}}", str(value), width) for name, value in rows)


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    width: int | None = None,
    spare: Sequence[str] = (),
) -> str:
    """A head and rows. ``spare``: which columns may go, the first one first."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    gone: list[str] = []
    while width is not None and _width(lines) > width and len(gone) < len(spare):
        gone.append(spare[len(gone)])
        at = lines[0].index(gone[-1])
        lines = [line[:at] + line[at + 1 :] for line in lines]
    text = _aligned(lines, width)
    if gone and width is not None:
        left_out = ", ".join(name for name in head if name in gone)
        text += "\n" + _hanging("", f"(no room for {left_out})", width)
    return text


def _aligned(lines: Sequence[Sequence[str]], width: int | None) -> str:
    widths = _widths(lines)
    numeric = [all(_is_number(cell) for cell in column[1:]) for column in zip(*lines, strict=True)]
    shown = []
    for line in lines:
        cells = [
            cell.rjust(room) if right else cell.ljust(room)
            for cell, room, right in zip(line, widths, numeric, strict=True)
        ]
        front = _GAP.join([*cells[:-1], ""])
        shown.append(_hanging(front, cells[-1].rstrip(), None if numeric[-1] else width))
    return "\n".join(shown)


def _hanging(front: str, text: str, width: int | None) -> str:
    """``text`` behind ``front``; its further lines begin where its first one does."""
    if width is None or len(front) + len(text) <= width or width - len(front) < _LEAST_TEXT:
        return (front + text).rstrip()
    room = width - len(front)
    first, *others = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return "\n".join([front + first, *(" " * len(front) + line for line in others)])


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _width(lines: Sequence[Sequence[str]]) -> int:
    widths = _widths(lines)
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _is_number(cell: str) -> bool:
    """Also with a unit, or a dash in place of one."""
    return (
        cell == "-"
        or cell.lstrip("->")[:1].isdigit()
        and cell.rstrip("kMGTms").replace(".", "").lstrip(">").isdigit()
    )
