"""Process titles: what ``ps`` shows.

The kernel shows the memory where the arguments of the program lie. Titles are written over it, and on
into the environment that follows, after the environment was copied elsewhere (as setproctitle(3) does).
Where that cannot be done, the process keeps the title it has: a title is never worth an error.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

NAME = b"proxyd"  # what the kernel calls each process that has a title

_PR_SET_NAME = 15


class _Area:
    """The memory that may be written over."""

    def __init__(self) -> None:
        self.start = 0
        self.size = 0
        self.kept: object = None  # the copy of the environment

    def find(self, libc: ctypes.CDLL) -> None:
        """Learn the place from /proc, and move the environment out of the way."""
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        arg_start, arg_end, env_start, env_end = (int(field) for field in fields[45:49])
        if not arg_start or arg_end <= arg_start:
            return
        self.start, self.size = arg_start, arg_end - arg_start
        if env_start == arg_end and env_end > env_start:
            self._move_environment(libc)
            self.size = env_end - arg_start

    def _move_environment(self, libc: ctypes.CDLL) -> None:
        entries = [key + b"=" + value for key, value in os.environb.items()]
        copy = (ctypes.c_char_p * (len(entries) + 1))(*entries, None)
        self.kept = (copy, entries)
        ctypes.c_void_p.in_dll(libc, "environ").value = ctypes.addressof(copy)

    def write(self, title: bytes) -> None:
        """Put the title there; the rest becomes zero bytes."""
        shown = title[: self.size - 1]
        ctypes.memmove(self.start, shown + bytes(self.size - len(shown)), self.size)


_area: _Area | None = None


def set_title(title: str) -> None:
    """Make ``ps`` show ``title`` for this process."""
    global _area
    with suppress(OSError, ValueError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NAME, NAME, 0, 0, 0)
        if _area is None:
            _area = _Area()
            _area.find(libc)
        if _area.size:
            _area.write(os.fsencode(title))
