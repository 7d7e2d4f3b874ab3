"""Directories for temporary files of workers: made by the master, owned by the user that workers become."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

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
        except OSError as error:
            reason = f'{_call_of(error)} "{directory.path}" failed ({error.errno}: {error.strerror})'
            if directory.origin:
                raise OpenError(f"{reason} in {directory.origin}") from error
            problems.append(f"{reason}; bodies that do not fit into memory will fail")
    return problems


def _make_one(path: str, identity: Identity | None) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        error.filename2 = "mkdir()"
        raise
    found = os.stat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(20, "Not a directory", path)
    if identity is not None and found.st_uid != identity.uid:
        os.chown(path, identity.uid, -1)
    if found.st_mode & stat.S_IRWXU != stat.S_IRWXU and (
        identity is not None or found.st_uid == os.geteuid()
    ):
        os.chmod(path, stat.S_IMODE(found.st_mode) | stat.S_IRWXU)


def _call_of(error: OSError) -> str:
    return "mkdir()" if error.filename2 else "stat()"
