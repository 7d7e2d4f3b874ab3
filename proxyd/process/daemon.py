"""Leaving the terminal: the command waits until the master is up, and its exit status tells the truth."""

from __future__ import annotations

import os
from contextlib import suppress


class Daemon:
    """The master's side of the pipe on which the command waits."""

    def __init__(self, write_fd: int) -> None:
        self._write_fd = write_fd

    def up(self, log_fd: int) -> None:
        """All is well: let the command go, and let go of its terminal."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, 0)
        os.dup2(null, 1)
        if log_fd != 2:
            os.dup2(log_fd, 2)  # what Python or a library says in despair belongs into the error log
        os.close(null)
        self._tell(b"\0")

    def _tell(self, status: bytes) -> None:
        with suppress(OSError):
            os.write(self._write_fd, status)
        os.close(self._write_fd)


def daemonize() -> Daemon:
    """Go on as a daemon. The calling process stays until ``up`` or the daemon's end, and never returns."""
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid:
        os.close(write_fd)
        _wait_and_exit(read_fd)
    os.close(read_fd)
    os.setsid()
    if os.fork():
        os._exit(0)
    return Daemon(write_fd)


def _wait_and_exit(read_fd: int) -> None:
    """0 once the daemon is up; 1 when it ended before (it has said why on stderr)."""
    status = 1
    with suppress(BaseException):
        status = os.read(read_fd, 1)[0]
    os._exit(status)
