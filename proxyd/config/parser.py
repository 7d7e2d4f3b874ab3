"""Tokens to statements, with all files that the configuration includes. Knows no directive except
``include``.

A statement that is broken is reported and the parser goes on behind it, so that one run finds all that is
wrong. The statements of a file that is included a thousand times are parsed once and shared: nobody may
change a Statement.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable

from proxyd.config.errors import Report, SourceFile
from proxyd.config.lexer import (
    AFTER_QUOTE,
    DOUBLE,
    OPEN_QUOTE,
    PUNCTUATION,
    SINGLE,
    TOKEN,
    WORD,
    unescape,
)

MOST_NESTING = 64  # of blocks, and of includes: beyond it something goes in circles


class Statement:
    """One directive as it stands in a file: name, arguments, and the statements of its block."""

    __slots__ = ("name", "args", "offsets", "source", "block")

    def __init__(self, words: list[str], offsets: list[int], source: SourceFile) -> None:
        self.name = words[0]
        self.args = words[1:]
        self.offsets = offsets  # of the name and of each argument
        self.source = source
        self.block: list[Statement] | None = None

    def offset(self, argument: int = -1) -> int:
        """Where an argument begins, from 0; -1: the name."""
        at = argument + 1
        return self.offsets[at] if at < len(self.offsets) else self.offsets[0]

    def origin(self) -> str:
        """ "site.conf:3", for messages of others."""
        return f"{self.source.path}:{self.source.locate(self.offsets[0])[0]}"


class FileSystem:
    """How files are found and read. Tests put another in its place."""

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises OSError or ValueError."""
        with open(path, "rb") as file:
            return file.read()

    def expand(self, pattern: str) -> list[str]:
        """The files that a pattern names, in the order of their names."""
        return sorted(glob.glob(pattern))


class Loader:
    """Reads a file and what it includes."""

    def __init__(self, directory: str, report: Report, files: FileSystem) -> None:
        self.directory = directory  # what relative names start from
        self.report = report
        self.files = files
        self.sources: list[SourceFile] = []
        self._parsed: dict[str, list[Statement]] = {}
        self._open: list[str] = []  # files being parsed: those that a further include is inside of

    def load(self, path: str, origin: Statement | None = None) -> list[Statement]:
        """The statements of a file. One that cannot be read is reported, at what included it."""
        if path in self._parsed:
            return self._parsed[path]
        try:
            content = self.files.read(path)
        except (OSError, ValueError) as error:
            self._cannot_open(path, error, origin)
            return []
        statements = self.parse(SourceFile(path, content, len(self.sources)))
        self._parsed[path] = statements
        return statements

    def parse(self, source: SourceFile) -> list[Statement]:
        """The statements of a text."""
        self.sources.append(source)
        self._open.append(source.path)
        statements = _Parser(source, self.report, self.include).run()
        self._open.pop()
        return statements

    def include(self, statement: Statement) -> list[Statement]:
        """The statements that stand in place of an ``include``."""

        def wrong(message: str, hint: str = "", argument: int = -1) -> list[Statement]:
            self.report.at(statement, "emerg", message, hint, argument)
            return []

        if len(statement.args) != 1:
            return wrong('invalid number of arguments in "include" directive', "one file or pattern")
        name = os.path.join(self.directory, statement.args[0])
        if not any(char in name for char in "*?["):
            paths = [name]
        else:
            paths = self.files.expand(name)
        found: list[Statement] = []
        for path in paths:
            if path in self._open:
                return wrong(f'"{path}" includes itself', "take this include out", 0)
            if len(self._open) >= MOST_NESTING:
                return wrong("includes are nested too deeply", f"at most {MOST_NESTING}", 0)
            found += self.load(path, statement)
        return found

    def _cannot_open(self, path: str, error: Exception, origin: Statement | None) -> None:
        if isinstance(error, OSError):
            message = f'open() "{path}" failed ({error.errno}: {error.strerror})'
        else:
            message = f'open() "{path}" failed'
        self.report.at(origin, "emerg", message, argument=0)


class _Parser:
    """Parses one text."""

    def __init__(
        self, source: SourceFile, report: Report, include: Callable[[Statement], list[Statement]]
    ) -> None:
        self.source = source
        self.report = report
        self.include = include
        self.outer: list[tuple[Statement | None, list[Statement]]] = []  # blocks around; None: has no name

    def wrong(self, offset: int, message: str, hint: str = "") -> None:
        self.report.add("emerg", message, hint, self.source, offset)

    def run(self) -> list[Statement]:
        """All statements of the text. The loop is long because it runs a hundred thousand times."""
        source, text = self.source, self.source.text
        escapes = "\\" in text
        statements: list[Statement] = []
        words: list[str] = []
        offsets: list[int] = []
        for match in TOKEN.finditer(text):
            kind = match.lastindex
            if kind == WORD:
                word = match[WORD]
                words.append(unescape(word) if escapes and "\\" in word else word)
                offsets.append(match.start(WORD))
            elif kind == PUNCTUATION:
                mark = match[PUNCTUATION]
                if mark == "}":
                    if words:
                        self.unfinished(match.start(PUNCTUATION), words)
                        statements.append(Statement(words, offsets, source))
                        words, offsets = [], []
                    statements = self.close(match.start(PUNCTUATION), statements)
                elif not words:
                    self.wrong(
                        match.start(PUNCTUATION), f'unexpected "{mark}"', f'nothing stands before "{mark}"'
                    )
                    if mark == "{":
                        statements = self.open(None, statements)
                else:
                    statement = Statement(words, offsets, source)
                    words, offsets = [], []
                    if mark == "{":
                        statements.append(statement)
                        statements = self.open(statement, statements)
                    elif statement.name == "include":
                        statements += self.include(statement)
                    else:
                        statements.append(statement)
            elif kind in (DOUBLE, SINGLE):
                words.append(unescape(match[kind]))
                offsets.append(match.start(kind) - 1)
                end = match.end()
                if end < len(text) and text[end] not in AFTER_QUOTE:
                    self.wrong(end, f'unexpected "{text[end]}"', "a space belongs after the closing quote")
            elif kind == OPEN_QUOTE:
                self.unclosed_quote(match.start(OPEN_QUOTE))
                return self.unwind(statements)
        if words or self.outer:
            self.end_of_file(offsets[0] if words else len(text), words)
        return self.unwind(statements)

    def open(self, owner: Statement | None, statements: list[Statement]) -> list[Statement]:
        """A block begins: its list of statements."""
        if owner is not None and len(self.outer) >= MOST_NESTING:
            if len(self.outer) == MOST_NESTING:
                self.wrong(owner.offset(), "blocks are nested too deeply", f"at most {MOST_NESTING}")
            statements.pop()
            owner = None
        if owner is not None and owner.name == "include":
            self.wrong(owner.offset(), 'directive "include" is not terminated by ";"')
            statements.pop()
            owner = None
        self.outer.append((owner, statements))
        inner: list[Statement] = []
        if owner is not None:
            owner.block = inner
        return inner

    def close(self, offset: int, statements: list[Statement]) -> list[Statement]:
        """A block ends: the list of statements around it."""
        if not self.outer:
            self.wrong(offset, 'unexpected "}"', "no block is open here")
            return statements
        return self.outer.pop()[1]

    def unwind(self, statements: list[Statement]) -> list[Statement]:
        """The list of the outermost level."""
        return self.outer[0][1] if self.outer else statements

    def unfinished(self, offset: int, words: list[str]) -> None:
        self.wrong(offset, 'unexpected "}"', f'";" is missing after "{words[-1]}"')

    def unclosed_quote(self, offset: int) -> None:
        line, _ = self.source.locate(offset)
        quote = self.source.text[offset]
        self.wrong(
            offset,
            'unexpected end of file, expecting ";" or "}"',
            f"the quote {quote} that opens here in line {line} is never closed",
        )

    def end_of_file(self, offset: int, words: list[str]) -> None:
        if words:
            said = 'unexpected end of file, expecting ";" or "}"'
            if self.source.order < 0:
                said = 'unexpected end of parameter, expecting ";"'
            self.wrong(offset, said, f'";" is missing after "{words[-1]}"')
            return
        owner = self.outer[-1][0]
        hint = ""
        if owner is not None:
            hint = (
                f'the block of "{owner.name}" in line {self.source.locate(owner.offset())[0]} is not closed'
            )
        self.wrong(offset, 'unexpected end of file, expecting "}"', hint)
