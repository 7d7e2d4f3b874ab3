"""Writing files so that whoever looks, also after a crash, finds the old one or the new one, whole."""

from __future__ import annotations

import os
from contextlib import suppress


def write_new(path: str, content: bytes, mode: int) -> int:
    """Write a file to the disk, in the place of what a crash left of one; gives its descriptor."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    except OSError:
        os.close(fd)
        os.unlink(path)  # part of a file is no use, and a full disk has other use for the room
        raise
    return fd


def sync_directory(path: str) -> None:
    """Let the names in a directory be on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
