"""The configurations that ran: the last ten, each as the files it was read from.

A master writes one when a configuration begins to serve; `proxyd history` and `proxyd rollback` read them.
What the files name (keys, certificates, password files) is not copied.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from proxyd import __version__
from proxyd.config.errors import SourceFile
from proxyd.config.places import HISTORY, place
from proxyd.process.durable import sync_directory, write_new
from proxyd.process.options import Options

KEPT = 10

_NAME = re.compile(r"(\d+)\.entry")


class HistoryError(Exception):
    """The history cannot be read; the text says why."""


class KeptFile(msgspec.Struct, frozen=True):
    """One file of a configuration."""

    path: str  # absolute
    content: bytes


class Entry(msgspec.Struct, frozen=True):
    """One configuration that ran."""

    number: int  # counts up, over restarts too
    when: float  # it began to serve; seconds since 1970
    conf: str
    version: str  # of proxyd
    note: str  # why it is here: "start", "reload", "rollback to 3"
    files: list[KeptFile]


def folder_of(options: Options) -> str:
    """Where the history of a master with these options is."""
    return place(options.prefix, HISTORY)


def kept_files(sources: Iterable[SourceFile]) -> list[KeptFile]:
    """What was read, each file once and without the command line's part."""
    found = {source.path: source.content for source in sources if source.order >= 0}
    return [KeptFile(os.path.abspath(path), content) for path, content in found.items()]


def entries(folder: str) -> list[Entry]:
    """All of them, the newest first. Raises HistoryError."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HistoryError(f'"{folder}" cannot be read: {error.strerror}') from error
    numbers = [int(match[1]) for match in map(_NAME.fullmatch, names) if match]
    return [_read(folder, number) for number in sorted(numbers, reverse=True)]


def remember(folder: str, conf: str, files: list[KeptFile], note: str) -> None:
    """Add a configuration, unless the newest entry is the same. Raises HistoryError."""
    try:
        known = entries(folder)
        if known and known[0].files == files and known[0].conf == conf:
            return
        number = known[0].number + 1 if known else 1
        _write(folder, Entry(number, time.time(), conf, __version__, note, files))
        for old in known[KEPT - 1 :]:
            os.unlink(_path(folder, old.number))
    except OSError as error:
        raise HistoryError(f'"{folder}" cannot be written: {error.strerror}') from error


def _path(folder: str, number: int) -> str:
    return os.path.join(folder, f"{number}.entry")


def _read(folder: str, number: int) -> Entry:
    path = _path(folder, number)
    try:
        with open(path, "rb") as file:
            return msgspec.msgpack.decode(file.read(), type=Entry)
    except OSError as error:
        raise HistoryError(f'"{path}" cannot be read: {error.strerror}') from error
    except msgspec.DecodeError as error:
        raise HistoryError(f'"{path}" is broken: {error}; remove it') from error


def _write(folder: str, entry: Entry) -> None:
    with suppress(FileExistsError):
        os.makedirs(folder, 0o700)
    path = _path(folder, entry.number)
    os.close(write_new(path + ".new", msgspec.msgpack.encode(entry), 0o600))
    os.rename(path + ".new", path)
    sync_directory(folder)
