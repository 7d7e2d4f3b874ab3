"""Leaving the terminal: the command waits until the master is up, and its exit status tells the truth."""

from __future__ import annotations

import os
from contextlib import suppress


class Daemon:
    """The master's side of the pipe on which the command waits."""

    def __init__(self, write_fd: int) -> None:
        self._write_fd = write_fd

    def detach(self, log_fd: int) -> int:
        """Let go of the terminal before children inherit it; gives a private descriptor of its stderr."""
        terminal_fd = os.dup(2)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(log_fd if log_fd >= 0 else null, 2)  # where Python or a library cries out
        os.close(null)
        return terminal_fd

    def up(self) -> None:
        """All is well: let the command go."""
        with suppress(OSError):
            os.write(self._write_fd, b"\0")
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
