"""The error log, as the Python side writes it: nginx's line format, one write per line.

Knows nothing of where the descriptor comes from; the C engine writes its own lines to the same file.
"""

from __future__ import annotations

import os
import select
import stat
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from proxyd.config.levels import LEVELS, NAMES
from proxyd.process.syslog import SyslogServer, is_key

EMERG: Final = LEVELS["emerg"]
ALERT: Final = LEVELS["alert"]
CRIT: Final = LEVELS["crit"]
ERROR: Final = LEVELS["error"]
WARN: Final = LEVELS["warn"]
NOTICE: Final = LEVELS["notice"]
INFO: Final = LEVELS["info"]
DEBUG: Final = LEVELS["debug"]


def format_line(level: int, message: str) -> bytes:
    """One line as it stands in the file."""
    now = time.strftime("%Y/%m/%d %H:%M:%S")
    text = message.replace("\n", " ")
    line = f"{now} [{NAMES[level - 1]}] {os.getpid()}#{threading.get_native_id()}: {text}\n"
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


@dataclass(frozen=True)
class Sink:
    """One ``error_log``: where lines of at most this level go, a descriptor or a syslog server."""

    fd: int
    level: int
    server: SyslogServer | None = None

    def write(self, level: int, line: bytes) -> None:
        """Write a line; what cannot be written at once is dropped."""
        with suppress(OSError):
            if self.server is not None:
                self.server.send(max(level - 1, 0), line.rstrip(b"\n"))
            elif is_writable(self.fd):
                os.write(self.fd, line)


def make_sinks(error_logs: Sequence[tuple[str, int]], fds: Mapping[str, int]) -> list[Sink]:
    """The Sinks of these keys and levels; a key without a descriptor is left out."""
    made: list[Sink] = []
    for key, level in error_logs:
        if is_key(key):
            made.append(Sink(-1, level, SyslogServer(key)))
        elif key in fds:
            made.append(Sink(fds[key], level))
    return made


class ErrorLog:
    """Writes lines to all error logs of the main context; a line that cannot be written is dropped.

    ``terminal_fd``: where a starting master shows problems as well, to whoever typed the command; or -1.
    ``owns_stderr``: we are a daemon, and standard error leads to the first error log.
    """

    def __init__(
        self, sinks: Sequence[Sink] = (), *, terminal_fd: int = -1, owns_stderr: bool = False
    ) -> None:
        self.sinks = list(sinks)
        self.terminal_fd = terminal_fd
        self.owns_stderr = owns_stderr

    def use(self, sinks: Sequence[Sink]) -> None:
        """Write there from now on. The old files must not be kept open, by standard error either."""
        self.sinks = list(sinks)
        if self.owns_stderr and self.fds:
            os.dup2(self.fds[0], 2)

    @property
    def fds(self) -> list[int]:
        """The descriptors that a child needs to write here."""
        return [sink.fd for sink in self.sinks if sink.fd >= 0]

    def log(self, level: int, message: str) -> None:
        """Write one line."""
        if level <= WARN and self.terminal_fd >= 0:
            show(level, message, self.terminal_fd)
        for sink in self.sinks:
            if level <= sink.level:
                sink.write(level, format_line(level, message))

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


def shown_head(level: int) -> str:
    """What stands in front of a message that `show` says."""
    return f"proxyd: [{NAMES[level - 1]}] "


def show(level: int, message: str, fd: int = 2) -> None:
    """Say it to the person who typed the command, in the form that nginx's users know."""
    with suppress(OSError):
        os.write(fd, f"{shown_head(level)}{message}\n".encode("utf-8", "surrogateescape"))
