"""What the compiler says about a configuration: texts with file, line and column.

Knows nothing of the language. The words are nginx's where nginx has words for it, because operators search
for them; the hint behind them says what would be right.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import Literal, Protocol

Level = Literal["emerg", "warn"]

_LINE_END = re.compile("\n")
MOST_DIAGNOSTICS = 200  # of a file that is no configuration at all, nobody reads more


class SourceFile:
    """One file that was read, and where its lines begin."""

    def __init__(self, path: str, content: bytes, order: int) -> None:
        self.path = path
        self.content = content
        self.text = content.decode("utf-8", "surrogateescape")
        self.order = order  # in which the files were opened; negative: it is no file, but a parameter (-g)
        self._lines: list[int] | None = None

    def locate(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a place in the text."""
        if self._lines is None:
            self._lines = [0, *(match.end() for match in _LINE_END.finditer(self.text))]
        line = bisect.bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to tell the operator."""

    level: Level
    message: str  # nginx's words where it has them
    hint: str = ""  # what would be right; one that ends in "?" is a suggestion
    file: str = ""  # "" when no place is to blame
    line: int = 0
    column: int = 0

    def place(self) -> str:
        """ "site.conf:4:5", or "" ."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        text = self.message
        if self.hint:
            text += f", {self.hint}" if self.hint.endswith("?") else f" ({self.hint})"
        where = self.place()
        return f"proxyd: [{self.level}] {text}" + (f" in {where}" if where else "")


class Place(Protocol):
    """What can be pointed at: a statement of a file."""

    @property
    def source(self) -> SourceFile:
        """The file."""

    def offset(self, argument: int = -1) -> int:
        """Where an argument begins, from 0; -1: the whole."""


class Report:
    """Collects diagnostics. The same thing about the same place is said once."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, tuple[int, int, int]] = {}
        self.failed = False

    def add(
        self, level: Level, message: str, hint: str = "", source: SourceFile | None = None, offset: int = 0
    ) -> None:
        """Note one thing about a place."""
        self.failed = self.failed or level == "emerg"
        if len(self._found) >= MOST_DIAGNOSTICS:
            return
        message, hint = _one_line(message), _one_line(hint)
        if source is None:
            self._found.setdefault(Diagnostic(level, message, hint), (2**31, 0, len(self._found)))
            return
        line, column = source.locate(offset)
        found = Diagnostic(level, message, hint, source.path, line, column)
        self._found.setdefault(found, (source.order, offset, len(self._found)))

    def at(self, place: Place | None, level: Level, message: str, hint: str = "", argument: int = -1) -> None:
        """Note one thing about a statement, or about one of its arguments. None: no place is to blame."""
        if place is None:
            self.add(level, message, hint)
        else:
            self.add(level, message, hint, place.source, place.offset(argument))

    def diagnostics(self) -> list[Diagnostic]:
        """All, in the order of the text; those without a place come last."""
        return sorted(self._found, key=lambda found: self._found[found])

    def __len__(self) -> int:
        return len(self._found)


def _one_line(text: str) -> str:
    """A message is one line, whatever the operator wrote into the configuration."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code & 0xFF:02x}" if code < 0xA0 or 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
