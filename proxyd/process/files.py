"""Files that the master opens: logs, the pid file."""

from __future__ import annotations

import os
import re
from contextlib import suppress

from proxyd.config.plan import OpenFile
from proxyd.process.sockets import OpenError
from proxyd.process.title import NAME

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


def read_pid_text(path: str) -> str:
    """What stands in a pid file; raises OSError."""
    with open(path, "rb") as file:
        return file.read(32).decode("ascii", "replace").strip()


def is_pid(text: str) -> bool:
    """Whether it can be the number of a process."""
    return text.isdigit() and int(text) > 0


def is_another_program(pid: int) -> bool:
    """Whether a process is certainly no master of ours: a pid file outlives a machine's power failure."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as name:
            return name.read().strip() != NAME
    except OSError:
        return False  # gone, or not to be seen


class PidFile:
    """The pid file: made when the place is known to be good, filled when there is a master to be found."""

    def __init__(self, path: str, *, beside: bool = False) -> None:
        """Make it, empty; raises OpenError. ``beside``: under another name until it is written, because
        scripts take a pid file that is there for a master that serves.
        """
        self.path = path
        self._made = f"{path}.new" if beside else path
        try:
            self._fd = os.open(self._made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise OpenError(f'open() "{path}" failed ({error.errno}: {error.strerror})') from error
        self._inode = os.fstat(self._fd).st_ino

    def write(self) -> None:
        """Write our pid."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)
        if self._made != self.path:
            os.rename(self._made, self.path)
            self._made = self.path

    def move(self, path: str) -> None:
        """Give it another name; raises OSError."""
        os.rename(self.path, path)
        self.path = self._made = path

    def remove(self) -> None:
        """Remove it, if it is still the file that we made."""
        os.close(self._fd)
        with suppress(OSError):
            if os.stat(self._made).st_ino == self._inode:
                os.unlink(self._made)
