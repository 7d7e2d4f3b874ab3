"""Directories for temporary files of workers: made by the master, owned by the user that workers become."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from proxyd.config.plan import TempDirectory
from proxyd.process.privileges import Identity
from proxyd.process.sockets import OpenError


def make(directories: Sequence[TempDirectory], identity: Identity | None) -> list[str]:
    """Make what is not there; raises OpenError for one that the configuration names.

    Gives what did not work of those that it does not name: whoever never needs them should not care.
    """
    problems: list[str] = []
    for directory in directories:
        try:
            _make_one(directory.path, identity)
        except _Failed as failed:
            reason = (
                f'{failed.call}() "{directory.path}" failed ({failed.error.errno}: {failed.error.strerror})'
            )
            if directory.origin:
                raise OpenError(f"{reason} in {directory.origin}") from failed.error
            problems.append(f"{reason}; bodies that do not fit into memory will fail")
    return problems


def check(directories: Sequence[TempDirectory]) -> list[str]:
    """Those that the configuration names and that cannot be made, for want of the directory above."""
    return [
        f'mkdir() "{one.path}" failed ({errno.ENOENT}: {os.strerror(errno.ENOENT)}) in {one.origin}'
        for one in directories
        if one.origin and not os.path.isdir(os.path.dirname(one.path.rstrip("/")))
    ]


class _Failed(Exception):
    """A system call did not work."""

    def __init__(self, call: str, error: OSError) -> None:
        super().__init__(str(error))
        self.call = call
        self.error = error


@contextmanager
def _calling(call: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _Failed(call, error) from error


def _make_one(path: str, identity: Identity | None) -> None:
    with _calling("mkdir"), suppress(FileExistsError):
        os.mkdir(path, 0o700)
    with _calling("stat"):
        found = os.stat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise _Failed("mkdir", NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
    if identity is None:
        return  # no super-user: what there is must do
    if found.st_uid != identity.uid:
        with _calling("chown"):
            os.chown(path, identity.uid, -1)
    if found.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        with _calling("chmod"):
            os.chmod(path, stat.S_IMODE(found.st_mode) | stat.S_IRWXU)
