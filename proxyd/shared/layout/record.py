"""What the segments are made of: fixed-size records, their fields and offsets, pages, names by digest."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from typing import Final

DIGEST_BYTES: Final = 16
# Segments, and parts of them that are protected apart, are whole pages of this machine: 4 KB on x86-64; on
# arm64 the kernel chooses among 4, 16 and 64 KB.
PAGE: Final = mmap.PAGESIZE

# A pthread_mutex_t has 40 bytes on x86-64, 48 on arm64.
LOCK_WORDS: Final = 6

# lock_state of a Zone's header is one of these, or the pid of who initialises the lock. When that process is
# dead, another takes its place by compare-and-swap.
LOCK_RAW: Final = 0
LOCK_READY: Final = 0xFFFFFFFF

_SIZES = {"u8": 1, "u32": 4, "u64": 8}


@dataclass(frozen=True)
class Field:
    """One field. ``atomic``: another process reads or writes it while it changes."""

    name: str
    type: str
    meaning: str
    count: int = 1
    atomic: bool = False


@dataclass(frozen=True)
class Record:
    """A fixed-size record; ``size`` is declared and checked against the fields."""

    name: str
    size: int
    meaning: str
    fields: tuple[Field, ...]
    offsets: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        offsets: dict[str, int] = {}
        at = 0
        for member in self.fields:
            width = _SIZES[member.type]
            if at % width:
                raise ValueError(f"{self.name}.{member.name} is not aligned")
            offsets[member.name] = at
            at += width * member.count
        if at != self.size:
            raise ValueError(f"{self.name} has {at} bytes, declared are {self.size}")
        object.__setattr__(self, "offsets", offsets)


def digest(data: bytes) -> bytes:
    """Names things in shared memory: FNV-1a of 64 bits, twice. C has the same as ``px_shm_digest``.

    Chosen because it is three lines in either language. It need not resist an attacker: the names come from
    the configuration.
    """
    one, two = 0xCBF29CE484222325, 0x9AE16A3B2F90404F
    for byte in data:
        one = ((one ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        two = ((two ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return one.to_bytes(8, "little") + two.to_bytes(8, "little")


def round_up(value: int, unit: int) -> int:
    """``value``, or the next multiple of ``unit`` above it."""
    return -(-value // unit) * unit
