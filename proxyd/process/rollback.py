"""`proxyd history` and `proxyd rollback`: the configurations that ran, and the way back to one.

A rollback puts the files of an entry where they were and reloads. What it replaces is kept beside it, as
.FILE.before-rollback; when the reload fails everything is put back as it was (swap.py).
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from fnmatch import fnmatchcase

from proxyd.config.compile import compile_file
from proxyd.config.parser import FileSystem
from proxyd.process import commands, history
from proxyd.process.compiling import cpus, resolve
from proxyd.process.errorlog import EMERG, show
from proxyd.process.history import Entry, KeptFile
from proxyd.process.options import Options
from proxyd.process.swap import Swap


def show_history(options: Options, *, as_json: bool = False) -> int:
    """List what ran, the newest first."""
    try:
        found = _entries(options)
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


def _entries(options: Options) -> list[Entry]:
    """Those of this configuration file. Servers that share a prefix share the folder."""
    every = history.entries(history.folder_of(options))
    return [entry for entry in every if entry.conf == options.conf]


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
        entry = _choose(_entries(options), number)
    except history.HistoryError as error:
        return commands.fail(error)
    kept = _Kept(entry.files)
    errors = _check(options, kept)
    if errors:
        for text in errors:
            show(EMERG, text)
        return commands.fail(
            ValueError(f"configuration {entry.number} is not valid any more; nothing has changed")
        )
    wanted = {file.path: file.content for file in entry.files}
    swap = Swap()
    try:
        swap.make(wanted, sorted(kept.late))
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
        self.late: set[str] = (
            set()
        )  # what patterns find on disk and the entry lacks: the rollback's obstacles

    def read(self, path: str) -> bytes:
        """One that the entry lacks is read from disk."""
        found = self._contents.get(os.path.abspath(path))
        return super().read(path) if found is None else found

    def expand(self, pattern: str) -> list[str]:
        """Only what the entry has: files that came later do not count."""
        self.late.update({os.path.abspath(path) for path in super().expand(pattern)} - self._contents.keys())
        parts = os.path.abspath(pattern).split(os.sep)
        return sorted(path for path in self._contents if _matches(path.split(os.sep), parts))


def _matches(path: list[str], pattern: list[str]) -> bool:
    """As glob does it: part by part, and what begins with a dot is found by nothing but a dot."""
    return len(path) == len(pattern) and all(
        fnmatchcase(name, wanted) and (name[:1] != "." or wanted[:1] == ".")
        for name, wanted in zip(path, pattern, strict=True)
    )


def _check(options: Options, kept: _Kept) -> list[str]:
    compiled = compile_file(
        options.conf,
        prefix=options.prefix,
        overrides=" ".join(options.directives),
        resolve=resolve,
        cpus=cpus(),
        error_log=options.error_log or "",
        files=kept,
    )
    return [str(found) for found in compiled.diagnostics if found.level == "emerg"]
