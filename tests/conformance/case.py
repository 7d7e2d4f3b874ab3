"""Case files: their syntax and nothing else. README.md describes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

CASES = Path(__file__).parent / "cases"

_HEADING = re.compile(r"=== (.+)")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|\{(\d+)\*([^}]*)\}|([rnt0\\]))")
_SIMPLE = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
_BACKEND = re.compile(r"backend(\d+)(?: (unix|ipv6))?(?: connection (\d+))?")


class CaseError(Exception):
    """The case file does not follow the format."""


@dataclass(frozen=True)
class Step:
    """One step of a script: `send` carries bytes, every other word carries words."""

    word: str
    words: tuple[str, ...] = ()
    text: str = ""
    """of send: the bytes, as Latin-1, placeholders not yet filled in"""


@dataclass
class Backend:
    """What a backend does: a script for each connection, the last one repeats. None: a polite answer."""

    number: int
    where: str = "ipv4"
    scripts: list[list[Step]] = field(default_factory=list)


@dataclass
class Differs:
    """Where proxyd deliberately answers otherwise: hunks over nginx's transcript, and the reason's name."""

    reason: str
    hunks: list[list[str]]


@dataclass
class CaseFile:
    """A file, directory, link or fifo that is there before the server starts."""

    path: str  # below {dir}; a directory when it ends with "/"
    content: bytes = b""
    mode: int | None = None
    time: int = 1_000_000_000  # Sun, 09 Sep 2001 01:46:40 GMT
    link: str | None = None  # where a symbolic link points to
    fifo: bool = False
    filled: bool = False  # words in braces are filled in, as in a configuration


@dataclass
class Case:
    """One case file."""

    path: Path
    about: str
    config: str
    main: str = ""
    whole: bool = False
    """the config is all of it, without the frame"""
    files: list[CaseFile] = field(default_factory=list)
    client: list[Step] = field(default_factory=list)
    backends: dict[int, Backend] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    differs: list[Differs] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    """nginx's transcript"""

    @property
    def name(self) -> str:
        """theme/name"""
        return str(self.path.relative_to(CASES).with_suffix(""))

    def expected(self) -> list[str]:
        """What proxyd's transcript must be."""
        lines = self.recorded
        for differs in self.differs:
            lines = patched(lines, differs)
        return lines


def all_cases() -> list[Path]:
    """Every case file, by theme and name."""
    return sorted(CASES.glob("*/*.case"))


def load(path: Path) -> Case:
    """Read one case file."""
    try:
        return _Loader(path).load()
    except CaseError as error:
        raise CaseError(f"{path}: {error}") from None


def patched(lines: list[str], differs: Differs) -> list[str]:
    """`lines` after every hunk was applied, in order. A hunk that does not fit is an error in the case."""
    result, at = list(lines), 0
    for hunk in differs.hunks:
        old = [line[2:] for line in hunk if line[0] in " -"]
        new = [line[2:] for line in hunk if line[0] in " +"]
        while result[at : at + len(old)] != old:
            at += 1
            if at > len(result) - len(old):
                raise CaseError(f"difference {differs.reason!r}: nginx's transcript has no such lines: {old}")
        result[at : at + len(old)] = new
        at += len(new)
    return result


class _Loader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Case:
        about, *sections = _sections(self.path.read_text())
        case = Case(self.path, "\n".join(line.lstrip("# ") for line in about[1]).strip(), config="")
        for heading, lines in sections:
            self._take(case, heading, lines)
        if not case.about or not case.config or not case.client:
            raise CaseError("a case needs a comment, a config and a client")
        return case

    def _take(self, case: Case, heading: str, lines: list[str]) -> None:
        kind, _, rest = heading.partition(" ")
        if kind == "config":
            case.config = "\n".join(lines)
        elif kind == "whole":
            case.config, case.whole = "\n".join(lines), True
        elif kind == "file":
            case.files.append(_file(rest, lines))
        elif kind == "main":
            case.main = "\n".join(lines)
        elif kind == "client":
            case.client = steps_of(lines)
        elif kind == "options":
            case.options = dict(line.split(None, 1) for line in lines if line.strip())
        elif kind == "differs":
            case.differs.append(Differs(rest, _hunks(lines)))
        elif kind == "nginx":
            case.recorded = [line for line in lines if line.strip()]
        elif match := _BACKEND.fullmatch(heading):
            self._take_backend(case, match, lines)
        else:
            raise CaseError(f"unknown section {heading!r}")

    def _take_backend(self, case: Case, match: re.Match[str], lines: list[str]) -> None:
        number = int(match[1])
        backend = case.backends.setdefault(number, Backend(number))
        if match[2]:
            backend.where = match[2]
        if match[3] and int(match[3]) != len(backend.scripts) + 1:
            raise CaseError("the connections of a backend stand in order, from 1")
        if any(line.strip() for line in lines):
            backend.scripts.append(steps_of(lines))


def _sections(text: str) -> list[tuple[str, list[str]]]:
    sections: list[tuple[str, list[str]]] = [("", [])]
    for line in text.split("\n"):
        heading = _HEADING.fullmatch(line)
        if heading:
            sections.append((heading[1], []))
        else:
            sections[-1][1].append(line)
    return sections


def _file(heading: str, lines: list[str]) -> CaseFile:
    """=== file PATH [mode=0640] [time=SECONDS] [size=BYTES] [link=TARGET] [fifo] [filled]"""
    path, *options = heading.split()
    made = CaseFile(
        path, "".join(_unescaped(line[2:]) for line in lines if line.startswith(">")).encode("latin-1")
    )
    for option in options:
        name, _, value = option.partition("=")
        match name:
            case "mode":
                made.mode = int(value, 8)
            case "time":
                made.time = int(value)
            case "size":
                made.content = (b"0123456789abcdef" * (int(value) // 16 + 1))[: int(value)]
            case "link":
                made.link = value
            case "fifo":
                made.fifo = True
            case "filled":
                made.filled = True
            case _:
                raise CaseError(f"unknown word {option!r} of a file")
    return made


def _hunks(lines: Iterable[str]) -> list[list[str]]:
    hunks: list[list[str]] = [[]]
    for line in lines:
        if not line.strip():
            hunks.append([])
        elif line[:2] in ("  ", "- ", "+ "):
            hunks[-1].append(line)
        else:
            raise CaseError(f"a line of a difference starts with '- ', '+ ' or two blanks: {line!r}")
    return [hunk for hunk in hunks if hunk]


def steps_of(lines: Iterable[str]) -> list[Step]:
    """The steps of a script, unfolded. Neighbouring lines with ">" are sent at once."""
    steps: list[Step] = []
    block: tuple[int, int] | None = None  # where a repeat started, and how often
    sending = False
    for line in lines:
        if line.startswith(">"):
            text = _unescaped(line[2:])
            if sending:
                steps[-1] = Step("send", text=steps[-1].text + text)
            else:
                steps.append(Step("send", text=text))
            sending = True
            continue
        sending = False
        word, *words = line.split() or [""]
        if word == "repeat":
            block = (len(steps), int(words[0]))
        elif word == "end":
            if block is None:
                raise CaseError("end without repeat")
            steps += steps[block[0] :] * (block[1] - 1)
        elif word == "get":
            steps += _get(*words)
        elif word and not word.startswith("#"):
            steps.append(Step(word, tuple(words)))
    return steps


def _get(target: str, host: str = "a") -> list[Step]:
    """What `get` is short for."""
    head = _unescaped(f"GET {target} HTTP/1.1") + _unescaped(f"Host: {host}") + "\r\n"
    return [Step("send", text=head), Step("response")]


def _unescaped(line: str) -> str:
    def replacement(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        if match[2]:
            return match[3] * int(match[2])
        return _SIMPLE[match[4]]

    joined = line.endswith("\\") and not line.endswith("\\\\")
    text = _ESCAPE.sub(replacement, line.removesuffix("\\") if joined else line)
    return text if joined else text + "\r\n"
