"""The error log, as the Python side writes it: nginx's line format, one write per line.

Knows nothing of where the descriptor comes from; the C engine writes its own lines to the same file.
"""

from __future__ import annotations

import os
import select
import stat
import threading
import time
from contextlib import suppress
from typing import Final

EMERG: Final = 1
ALERT: Final = 2
CRIT: Final = 3
ERROR: Final = 4
WARN: Final = 5
NOTICE: Final = 6
INFO: Final = 7
DEBUG: Final = 8
LEVELS: Final = ("stderr", "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")


def format_line(level: int, message: str) -> bytes:
    """One line as it stands in the file."""
    now = time.strftime("%Y/%m/%d %H:%M:%S")
    text = message.replace("\n", " ")
    line = f"{now} [{LEVELS[level]}] {os.getpid()}#{threading.get_native_id()}: {text}\n"
    return line.encode("utf-8", "surrogateescape")


def is_writable(fd: int) -> bool:
    """Whether a write to fd can be tried without waiting for a reader that may never come (a full pipe)."""
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return True
        poller = select.poll()
        poller.register(fd, select.POLLOUT)
        return any(event & select.POLLOUT for _, event in poller.poll(0))
    except OSError:
        return False


class ErrorLog:
    """Writes lines of at most ``level`` to a descriptor; a line that cannot be written is dropped.

    ``terminal_fd``: where a starting master shows problems as well, to whoever typed the command; or -1.
    """

    def __init__(self, fd: int, level: int, *, terminal_fd: int = -1) -> None:
        self.fd = fd  # -1: not open yet
        self.level = level
        self.terminal_fd = terminal_fd

    def log(self, level: int, message: str) -> None:
        """Write one line."""
        if level <= WARN and self.terminal_fd >= 0:
            show(level, message, self.terminal_fd)
        if level <= self.level and self.fd >= 0 and is_writable(self.fd):
            with suppress(OSError):
                os.write(self.fd, format_line(level, message))

    def emerg(self, message: str) -> None:
        """What stops proxyd, or a reload."""
        self.log(EMERG, message)

    def alert(self, message: str) -> None:
        """What should never happen: a process died."""
        self.log(ALERT, message)

    def error(self, message: str) -> None:
        """What failed."""
        self.log(ERROR, message)

    def warn(self, message: str) -> None:
        """What works, but not as asked for."""
        self.log(WARN, message)

    def notice(self, message: str) -> None:
        """What happened."""
        self.log(NOTICE, message)


def show(level: int, message: str, fd: int = 2) -> None:
    """Say it to the person who typed the command, in the form that nginx's users know."""
    with suppress(OSError):
        os.write(fd, f"proxyd: [{LEVELS[level]}] {message}\n".encode("utf-8", "surrogateescape"))
