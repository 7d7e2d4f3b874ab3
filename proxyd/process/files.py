"""Files that the master opens: logs, the pid file."""

from __future__ import annotations

import os
import re
from contextlib import suppress

from proxyd.config.plan import OpenFile
from proxyd.process.sockets import OpenError

# Names of our own descriptors. Opening them anew fails where they are sockets (containers) or belong to
# somebody else, and would not share the place in the file; so they are duplicated.
_OWN = re.compile(r"/dev/(?:(?P<name>stdout|stderr)|fd/(?P<fd>[12]))|/proc/self/fd/(?P<proc>[12])")
_FD_OF = {"stdout": 1, "stderr": 2}


def open_log(file: OpenFile) -> int:
    """Open a log for appending; raises OpenError."""
    own = own_descriptor(file.path)
    try:
        if own is not None:
            return os.dup(own)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(file.path, flags, 0o644)
    except OSError as error:
        reason = f'open() "{file.path}" failed ({error.errno}: {error.strerror})'
        raise OpenError(f"{reason} in {file.origin}" if file.origin else reason) from error


def own_descriptor(path: str) -> int | None:
    """1 or 2 when path is another name of our standard output or error."""
    if path == "stderr":
        return 2
    match = _OWN.fullmatch(path)
    if match is None:
        return None
    return _FD_OF[match["name"]] if match["name"] else int(match["fd"] or match["proc"])


def write_pid(path: str, pid: int) -> None:
    """Write the pid file anew; raises OpenError."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, b"%d\n" % pid)
        finally:
            os.close(fd)
    except OSError as error:
        raise OpenError(f'open() "{path}" failed ({error.errno}: {error.strerror})') from error


def read_pid(path: str) -> int | None:
    """The number in a pid file; None when there is no such file or no number in it."""
    try:
        with open(path, "rb") as file:
            return int(file.read(32))
    except (OSError, ValueError):
        return None


def remove_pid(path: str, pid: int) -> None:
    """Remove the pid file if it is still ours."""
    if read_pid(path) == pid:
        with suppress(OSError):
            os.unlink(path)
