"""`proxyd history` and `proxyd rollback`: the configurations that ran, and the way back to one.

A rollback puts the files of an entry where they were and reloads. What it replaces is kept beside it, as
FILE.before-rollback; when the reload fails everything is put back as it was.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath

from proxyd.config.compile import compile_file
from proxyd.config.parser import KEPT_BY_ROLLBACK, FileSystem
from proxyd.process import commands, history
from proxyd.process.compiling import compile_fully, cpus, resolve
from proxyd.process.errorlog import EMERG, show
from proxyd.process.history import Entry, KeptFile
from proxyd.process.options import Options


def show_history(options: Options, *, as_json: bool = False) -> int:
    """List what ran, the newest first."""
    try:
        found = history.entries(history.folder_of(options))
    except history.HistoryError as error:
        return commands.fail(error)
    rows = [
        _row(entry, found[place + 1] if place + 1 < len(found) else None) for place, entry in enumerate(found)
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        print(f"nothing has run yet that {history.folder_of(options)} knows of")
    else:
        for row in rows:
            print(f"{row['number']:>4}  {row['when']}  {row['note']:<16} {row['summary']}")
    return 0


def _row(entry: Entry, before: Entry | None) -> dict[str, object]:
    return {
        "number": entry.number,
        "when": datetime.fromtimestamp(entry.when).astimezone().isoformat(timespec="seconds"),
        "note": entry.note,
        "version": entry.version,
        "configuration": entry.conf,
        "files": [file.path for file in entry.files],
        "summary": _difference(entry, before),
    }


def _difference(entry: Entry, before: Entry | None) -> str:
    """Which files are others than those of the entry before."""
    if before is None:
        return f"{len(entry.files)} files"
    old = {file.path: file.content for file in before.files}
    new = {file.path: file.content for file in entry.files}
    words = [f"{_short(path)} changed" for path in new if path in old and old[path] != new[path]]
    words += [f"{_short(path)} added" for path in new if path not in old]
    words += [f"{_short(path)} removed" for path in old if path not in new]
    return ", ".join(words) or "the same files"


def _short(path: str) -> str:
    return os.path.basename(path)


def rollback(options: Options, number: int | None) -> int:
    """Return to entry ``number``, or to the one before the newest. Gives the exit status."""
    try:
        entry = _choose(history.entries(history.folder_of(options)), number)
    except history.HistoryError as error:
        return commands.fail(error)
    errors = _check(options, entry)
    if errors:
        for text in errors:
            show(EMERG, text)
        return commands.fail(
            ValueError(f"configuration {entry.number} is not valid any more; nothing has changed")
        )
    swap = _Swap()
    try:
        swap.make(entry, _files_now(options))
        status = commands.reload(options, note=f"rollback to {entry.number}")
    except (OSError, commands.NotRunning) as error:
        swap.undo()
        commands.fail(error)
        return commands.fail(ValueError("nothing has changed"))
    if status:
        swap.undo()
        return commands.fail(ValueError("the reload failed; the files are as they were"))
    for line in swap.said:
        sys.stdout.write(line + "\n")
    print(f"configuration {entry.number} serves again")
    return 0


def _choose(found: list[Entry], number: int | None) -> Entry:
    if number is None:
        if len(found) < 2:
            raise history.HistoryError("there is no earlier configuration to return to")
        return found[1]
    for entry in found:
        if entry.number == number:
            return entry
    known = ", ".join(str(entry.number) for entry in found) or "none"
    raise history.HistoryError(f"there is no configuration {number}; there are: {known}")


class _Kept(FileSystem):
    """Files of an entry in the place of those on disk."""

    def __init__(self, files: list[KeptFile]) -> None:
        self._contents = {file.path: file.content for file in files}

    def read(self, path: str) -> bytes:
        """One that the entry lacks is read from disk."""
        found = self._contents.get(os.path.abspath(path))
        return super().read(path) if found is None else found

    def expand(self, pattern: str) -> list[str]:
        """Only what the entry has: files that came later do not count."""
        return sorted(path for path in self._contents if PurePath(path).match(os.path.abspath(pattern)))


def _check(options: Options, entry: Entry) -> list[str]:
    compiled = compile_file(
        options.conf,
        prefix=options.prefix,
        overrides=" ".join(options.directives),
        resolve=resolve,
        cpus=cpus(),
        error_log=options.error_log or "",
        files=_Kept(entry.files),
    )
    return [str(found) for found in compiled.diagnostics if found.level == "emerg"]


def _files_now(options: Options) -> list[KeptFile]:
    """What a reload would read now, as far as it can be read."""
    _, sources = compile_fully(options)
    return history.kept_files(sources)


@dataclass
class _Swap:
    """Files put in the place of others, and the way back."""

    said: list[str] = field(default_factory=list)
    _moved: list[tuple[str, str]] = field(default_factory=list)  # from, to: undone in reverse
    _made: list[str] = field(default_factory=list)

    def make(self, entry: Entry, now: list[KeptFile]) -> None:
        """Put the entry's files into their places; move away what it did not have."""
        wanted = {file.path: file.content for file in entry.files}
        current = {file.path: file.content for file in now}
        for path in current:
            if path not in wanted:
                self._move_away(path)
                self.said.append(f"moved away   {path}{KEPT_BY_ROLLBACK}")
        for path, content in wanted.items():
            if current.get(path, _read(path)) != content:
                self._replace(path, content)
                self.said.append(f"restored     {path}")

    def undo(self) -> None:
        """As it was."""
        for path in self._made:
            with suppress(OSError):
                os.unlink(path)
        for old, new in reversed(self._moved):
            with suppress(OSError):
                os.rename(new, old)

    def _move_away(self, path: str) -> None:
        os.rename(path, path + KEPT_BY_ROLLBACK)
        self._moved.append((path, path + KEPT_BY_ROLLBACK))

    def _replace(self, path: str, content: bytes) -> None:
        mode, owner, group = 0o644, -1, -1
        with suppress(FileNotFoundError):
            facts = os.stat(path)
            mode, owner, group = facts.st_mode & 0o777, facts.st_uid, facts.st_gid
            self._move_away(path)
        self._made.append(path)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            os.fchmod(fd, mode)
            with suppress(PermissionError):
                os.fchown(fd, owner, group)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
