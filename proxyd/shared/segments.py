"""Segments of shared memory: made by the master, mapped by it, passed on as descriptors.

A segment is made through posix_ipc, gets its pages at once (a sparse one on a small /dev/shm would die by
SIGBUS later) and loses its name at once, so that nothing stays behind whatever kills us.

Readers trust nothing that a worker could have written: sizes and offsets of the layout come from the shape
that the master keeps for itself, and what a log region claims is checked against the slab.
"""

from __future__ import annotations

import errno
import mmap
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import posix_ipc

from proxyd.shared import layout
from proxyd.shared.cells import SLOT_CELLS
from proxyd.shared.counters import COUNTERS

# The same everywhere: numbers of the layout, little-endian.
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_CELLS = struct.Struct(f"<{SLOT_CELLS}Q")
_MOST = 0xFFFFFFFFFFFFFFFF
_REGION = struct.Struct("<16sIIIIQQI12x")
_PEER = struct.Struct("<16sIIQQQ16x")


class SegmentError(Exception):
    """A segment could not be made; the text says why and what to do."""


def make(size: int) -> int:
    """A new segment of ``size`` zero bytes, all of them allocated; gives its descriptor (close-on-exec).

    Such a segment cannot be sealed (Linux refuses seals on what shm_open made): whoever has a descriptor for
    writing may shrink it, and a process that maps it would then die by SIGBUS. So a worker closes those of
    what the master maps, Ledgers and peers, once it has mapped them itself. Those of limit Zones it keeps for
    its next configuration; the master maps none of them.
    """
    name = f"/proxyd-{os.getpid()}-{secrets.token_hex(8)}"
    try:
        shared = posix_ipc.SharedMemory(name, posix_ipc.O_CREX, mode=0o600)
    except OSError as error:
        raise SegmentError(f"shared memory could not be made: {error.strerror}") from error
    except posix_ipc.Error as error:
        raise SegmentError(f"shared memory could not be made: {error}") from error
    fd: int = shared.fd
    try:
        os.set_inheritable(fd, False)
        posix_ipc.unlink_shared_memory(name)
        os.ftruncate(fd, size)
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        os.close(fd)
        hint = " (make /dev/shm larger)" if error.errno in (errno.ENOSPC, errno.ENOMEM) else ""
        raise SegmentError(f"{size} bytes of shared memory: {error.strerror}{hint}") from error
    return fd


def _map(fd: int, size: int) -> mmap.mmap:
    memory = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    memory.madvise(mmap.MADV_DONTFORK)  # a worker maps its own segments and no other's
    return memory


def _write(memory: mmap.mmap, start: int, record: layout.Record, **values: int) -> None:
    for name, value in values.items():
        kind = next(member.type for member in record.fields if member.name == name)
        (_U32 if kind == "u32" else _U64).pack_into(memory, start + record.offsets[name], value)


@dataclass(frozen=True)
class LogBlock:
    """Lines that a dead worker left in its Ledger. ``file_end``: None when it was not writing them."""

    path_digest: bytes
    lines: bytes
    gzip: int
    file_end: int | None
    file_inode: int


class Ledgers:
    """The Ledgers of a crew in their one segment: a sequence of the workers', and ``master``, our own.

    Every worker of the crew reads all of them, and writes to its own.
    """

    def __init__(self, shape: layout.LedgerShape, workers: int) -> None:
        self.shape = shape
        size = shape.size * (workers + 1)
        self.fd = make(size)
        self._memory = _map(self.fd, size)
        every = [Ledger(self._memory, shape, number, workers + 1) for number in range(workers + 1)]
        self._workers, self.master = every[:workers], every[workers]
        for ledger in every:
            ledger.reset()

    def __getitem__(self, worker: int) -> Ledger:
        return self._workers[worker]

    def __iter__(self) -> Iterator[Ledger]:
        return iter(self._workers)

    def __len__(self) -> int:
        return len(self._workers)

    def close(self) -> None:
        """Give the memory back (workers that map it keep theirs)."""
        self._memory.close()
        os.close(self.fd)


class Ledger:
    """The master's side of one Ledger of a crew's."""

    def __init__(self, memory: mmap.mmap, shape: layout.LedgerShape, index: int, count: int) -> None:
        self.shape = shape
        self._memory = memory
        self._start = index * shape.size
        self._index = index
        self._count = count

    def reset(self) -> None:
        """Make it empty and new. Who it belongs to may not be using it; others may read it.

        Who starts now learns from the first header how the others lie: it stays true all the while.
        """
        shape = self.shape
        head, used = (
            layout.LEDGER_HEADER.size,
            shape.slab_offset,
        )  # regions name what a slab holds
        self._memory[self._start + head : self._start + used] = bytes(used - head)
        _write(
            self._memory,
            self._start,
            layout.LEDGER_HEADER,
            pid=0,
            turns=0,
            changes=0,
            magic=layout.LEDGER_MAGIC,
            layout=layout.LAYOUT,
            instance=secrets.randbits(64),
            worker=self._index,
            ledger_count=self._count,
            stride=shape.size,
            counter_count=len(COUNTERS),
            peer_capacity=shape.peer_capacity,
            region_count=layout.LOG_REGIONS,
            counters_offset=shape.counters_offset,
            regions_offset=shape.regions_offset,
            active_offset=shape.active_offset,
            held_offset=shape.held_offset,
            cells_offset=shape.cells_offset,
            slot_cells=SLOT_CELLS,
            slab_offset=shape.slab_offset,
            slab_bytes=shape.slab_bytes,
        )

    def counters(self) -> list[int]:
        """The values of all counters, in the order of COUNTERS."""
        return self._numbers("Q", self.shape.counters_offset, len(COUNTERS))

    def turns(self) -> int:
        """How often the worker's loop has turned."""
        return self._numbers("Q", layout.LEDGER_HEADER.offsets["turns"], 1)[0]

    def active(self) -> list[int]:
        """Connections in use by slot of the peers Zone."""
        return self._numbers("I", self.shape.active_offset, self.shape.peer_capacity)

    def held(self) -> list[int]:
        """How many loaded Upstreams refer to each slot of the peers Zone."""
        return self._numbers("I", self.shape.held_offset, self.shape.peer_capacity)

    def log_blocks(self) -> Iterator[LogBlock]:
        """The log lines in it. A region that points outside of the slab is skipped."""
        for number in range(layout.LOG_REGIONS):
            at = self._start + self.shape.regions_offset + number * layout.LOG_REGION.size
            path_digest, offset, size, used, state, end, inode, gzip = _REGION.unpack_from(self._memory, at)
            if state not in (layout.REGION_OPEN, layout.REGION_WRITING) or not used:
                continue
            if used > size or offset + size > self.shape.slab_bytes:
                continue
            start = self._start + self.shape.slab_offset + offset
            lines = self._memory[start : start + used]
            if state == layout.REGION_WRITING:
                yield LogBlock(path_digest, lines, gzip, end, inode)
            else:
                yield LogBlock(path_digest, lines, gzip, None, 0)

    def cells(self, slot: int) -> tuple[int, ...]:
        """What was counted for what has this slot of the peers Zone."""
        return _CELLS.unpack_from(self._memory, self._cells_at(slot))

    def put_cells(self, slot: int, values: Sequence[int]) -> None:
        """Say what was counted: in the master's own, or zeros when the slot goes to another."""
        _CELLS.pack_into(self._memory, self._cells_at(slot), *(value & _MOST for value in values))

    def put_counters(self, values: Sequence[int]) -> None:
        """Say what was counted, in the order of COUNTERS: in the master's own."""
        for number, value in enumerate(values):
            _U64.pack_into(self._memory, self._start + self.shape.counters_offset + 8 * number, value & _MOST)

    @contextmanager
    def changing(self, fence: Callable[[], None]) -> Iterator[None]:
        """While counts move from Ledgers of the dead to the master's own: readers then read again.

        ``fence``: the engine's. Python's own stores are plain ones, which arm64 may show to others in another
        order: the counts before the odd number, or the even one before the counts.
        """
        at = self._start + layout.LEDGER_HEADER.offsets["changes"]
        before: int = _U32.unpack_from(self._memory, at)[0]
        _U32.pack_into(self._memory, at, (before | 1) & 0xFFFFFFFF)
        fence()
        try:
            yield
        finally:
            fence()
            _U32.pack_into(self._memory, at, ((before | 1) + 1) & 0xFFFFFFFF)

    def _cells_at(self, slot: int) -> int:
        return self._start + self.shape.cells_offset + 8 * SLOT_CELLS * slot

    def _numbers(self, kind: str, offset: int, count: int) -> list[int]:
        # struct copies each number at once (native size and order), so that no half-written one is seen.
        return list(struct.unpack_from(f"<{count}{kind}", self._memory, self._start + offset))


@dataclass(frozen=True)
class PeerState:
    """A record of the peers Zone. Times are CLOCK_MONOTONIC seconds."""

    slot: int
    key: bytes
    fails: int
    accessed_s: int
    checked_s: int


class PeersZone:
    """The master's side of the peers Zone. ``fd``: of one that another master made, of this layout."""

    def __init__(self, capacity: int, fd: int | None = None) -> None:
        self.capacity = capacity
        size = layout.peers_size(capacity)
        self.fd = make(size) if fd is None else fd
        self._memory = _map(self.fd, size)
        if fd is not None:
            return
        _write(
            self._memory,
            0,
            layout.PEERS_HEADER,
            magic=layout.PEERS_MAGIC,
            layout=layout.LAYOUT,
            instance=secrets.randbits(64),
            capacity=capacity,
            records_offset=layout.PEERS_HEADER.size,
        )

    def peers(self) -> Iterator[PeerState]:
        """All records in use.

        A worker may be making one just now; its key is there when both halves of it are.
        """
        for slot in range(self.capacity):
            at = layout.PEERS_HEADER.size + slot * layout.PEER_RECORD.size
            key, fails, _, accessed, checked, _ = _PEER.unpack_from(self._memory, at)
            if any(key[:8]) and any(key[8:]):
                yield PeerState(slot, key, fails, accessed, checked)

    def free(self, slot: int) -> None:
        """Forget a record. No worker may be loading a configuration: it could be about to take it."""
        at = layout.PEERS_HEADER.size + slot * layout.PEER_RECORD.size
        self._memory[at : at + layout.PEER_RECORD.size] = bytes(layout.PEER_RECORD.size)

    def close(self) -> None:
        """Give the memory back (workers that map it keep theirs)."""
        self._memory.close()
        os.close(self.fd)


def zone_fill(fd: int) -> dict[str, int]:
    """How many keys a limit Zone knows, and for how many it has room: as workers have written it."""
    record = layout.LIMIT_HEADER
    head = os.pread(fd, record.size, 0).ljust(record.size, b"\0")  # shorter: a worker has shrunk it
    buckets: int = _U32.unpack_from(head, record.offsets["buckets"])[0]
    used: int = _U64.unpack_from(head, record.offsets["used"])[0]
    return {"keys": used, "capacity": buckets * layout.LIMIT_WAYS}


def make_limit_zone(shape: layout.LimitShape) -> int:
    """A new, empty limit Zone; gives its descriptor. Of it the master only ever reads how full it is."""
    fd = make(shape.bytes)
    memory = _map(fd, shape.bytes)
    record = layout.LIMIT_HEADER
    _write(
        memory,
        0,
        record,
        magic=layout.LIMIT_MAGIC,
        layout=layout.LAYOUT,
        instance=secrets.randbits(64),
        kind=shape.kind,
        buckets=shape.buckets,
        homes=shape.homes,
        seats=shape.seats,
        chunks=shape.chunks,
        seats_offset=shape.seats_offset,
        buckets_offset=shape.buckets_offset,
        chunks_offset=shape.chunks_offset,
    )
    at = record.offsets["secret"]
    memory[at : at + 16] = secrets.token_bytes(16)
    memory.close()
    return fd


def peer_key(upstream: bytes, peer: bytes) -> bytes:
    """The key of a peer's record."""
    return layout.digest(upstream + b"\0" + peer)


def slot_key(kind: str, name: bytes) -> bytes:
    """The key of the record that only keeps a slot for what is counted: of a "server", of a "zone"."""
    return layout.digest(b"\0" + kind.encode() + b"\0" + name)


def server_key(name: str, listen: str) -> bytes:
    """The key of a server: its name alone may stand at several addresses."""
    return slot_key("server", name.encode() + b"\0" + listen.encode())
