"""Files put in the place of others, and the way back.

Each file is replaced by one rename, so that a crash at any moment leaves it whole, old or new. What is
replaced or taken away is kept beside it under a hidden name, which no ``include *`` finds. A link stays a
link: what it leads to is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from proxyd.process.durable import sync_directory, write_new

_SAVED = "before-rollback"
_STAGED = "rollback-new"


def saved_path(path: str) -> str:
    """Where what was at a path is kept."""
    return _beside(path, _SAVED)


def _beside(path: str, suffix: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.{suffix}")


@dataclass
class Swap:
    """One exchange: ``make``, and ``undo`` if it shall not be. ``said``: what was done, line by line."""

    said: list[str] = field(default_factory=list)
    _staged: dict[str, str] = field(default_factory=dict)  # path: the new file, not yet in its place
    _saved: list[str] = field(default_factory=list)  # paths whose old file is kept
    _made: list[str] = field(default_factory=list)  # paths where nothing was

    def make(self, wanted: Mapping[str, bytes], unwanted: list[str]) -> None:
        """Write these contents, take those files away; raises OSError, then ``undo`` is due.

        All that may fail for want of room or rights comes first.
        """
        for path, content in wanted.items():
            real = os.path.realpath(path)
            if real not in self._staged and _read(real) != content:
                self._stage(real, content)
                self.said.append(f"restored     {path}")
        for path in self._staged:
            self._save(path)
        for path in unwanted:
            os.rename(path, saved_path(path))
            self._saved.append(path)
            self.said.append(f"moved away   {saved_path(path)}")
        for path in list(self._staged):
            os.rename(self._staged[path], path)
            del self._staged[path]
        self._sync()

    def undo(self) -> None:
        """As it was."""
        for path in self._staged.values():
            with suppress(OSError):
                os.unlink(path)
        for path in self._made:
            with suppress(OSError):
                os.unlink(path)
        for path in reversed(self._saved):
            with suppress(OSError):
                os.rename(saved_path(path), path)
                os.unlink(saved_path(path))  # a rename of one file to its own second name does nothing
        with suppress(OSError):
            self._sync()

    def _stage(self, path: str, content: bytes) -> None:
        """Write the new file beside its place, with mode and owner of the old one."""
        staged = self._staged[path] = _beside(path, _STAGED)
        _write_like(path, staged, content)

    def _save(self, path: str) -> None:
        """Keep the old file under its second name, while it stays under its first."""
        content = _read(path)
        if content is None:
            self._made.append(path)
            return
        saved = saved_path(path)
        with suppress(FileNotFoundError):
            os.unlink(saved)
        try:
            os.link(path, saved)
        except OSError:  # a file system without links, or somebody else's file
            _write_like(path, saved, content)
        self._saved.append(path)

    def _sync(self) -> None:
        for directory in {os.path.dirname(path) for path in (*self._saved, *self._made)}:
            sync_directory(directory)


def _write_like(model: str, path: str, content: bytes) -> None:
    """Write a new file with the mode and the owner that another one has, if it is there."""
    mode, owner, group = 0o644, -1, -1
    with suppress(FileNotFoundError):
        facts = os.stat(model)
        mode, owner, group = facts.st_mode & 0o777, facts.st_uid, facts.st_gid
    fd = write_new(path, content, mode & 0o600)
    try:
        with suppress(PermissionError):
            os.fchown(fd, owner, group)
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _read(path: str) -> bytes | None:
    """What is there; None: nothing. Raises OSError for what cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
