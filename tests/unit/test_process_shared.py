"""Shared segments: what C and Python agree on, and readers that believe nothing."""

from __future__ import annotations

import mmap
import os
import struct

import pytest

from proxyd._engine import Engine
from proxyd.shared import layout, segments
from proxyd.shared.counters import COUNTERS, NUMBER
from proxyd.shared.segments import Ledger, Ledgers, PeersZone

SHAPE = layout.LedgerShape(peer_capacity=1024, slab_bytes=65536)


class WorkerSide:
    """A Ledger as a worker may write it: anything, anywhere."""

    def __init__(self, ledger: Ledger) -> None:
        self.memory = memoryview(ledger._memory)[ledger._start : ledger._start + SHAPE.size]

    def put(self, at: int, kind: str, value: int) -> None:
        struct.pack_into("<" + kind, self.memory, at, value)

    def region(self, number: int, **values: int) -> None:
        start = SHAPE.regions_offset + number * layout.LOG_REGION.size
        for name, value in values.items():
            kind = "Q" if name in ("file_end", "file_inode") else "I"
            self.put(start + layout.LOG_REGION.offsets[name], kind, value)

    def lines(self, offset: int, content: bytes) -> None:
        start = SHAPE.slab_offset + offset
        self.memory[start : start + len(content)] = content


@pytest.fixture
def ledger() -> Ledger:
    return Ledgers(SHAPE, 5)[3]


def test_a_segment_has_all_its_pages_and_no_name() -> None:
    fd = segments.make(1 << 20)
    ours = f"proxyd-{os.getpid()}-"  # other processes make some, too
    assert not [name for name in os.listdir("/dev/shm") if name.startswith(ours)]
    found = os.fstat(fd)
    assert found.st_size == 1 << 20 and found.st_blocks * 512 >= 1 << 20
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_memory_that_is_not_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(segments.SegmentError, match=r"make /dev/shm larger|File too large|Invalid argument"):
        segments.make(1 << 50)


def test_a_header_says_what_the_segment_is(ledger: Ledger) -> None:
    memory = WorkerSide(ledger).memory
    offsets = layout.LEDGER_HEADER.offsets
    words = {name: struct.unpack_from("<I", memory, at)[0] for name, at in offsets.items()}
    assert words["magic"] == layout.LEDGER_MAGIC and words["layout"] == layout.LAYOUT
    assert words["worker"] == 3 and words["counter_count"] == len(COUNTERS)
    assert words["ledger_count"] == 6 and words["stride"] == SHAPE.size
    assert words["slab_offset"] % 4096 == 0
    assert words["slab_offset"] + words["slab_bytes"] <= len(memory)


def test_parts_of_a_ledger_do_not_overlap() -> None:
    for capacity in (1, 1024, layout.PEERS_MAX):
        shape = layout.LedgerShape(capacity, 4096)
        ends = [
            (0, layout.LEDGER_HEADER.size),
            (shape.counters_offset, 8 * len(COUNTERS)),
            (shape.regions_offset, layout.LOG_REGIONS * layout.LOG_REGION.size),
            (shape.active_offset, 4 * capacity),
            (shape.held_offset, 4 * capacity),
            (shape.slab_offset, shape.slab_bytes),
            (shape.size, 0),
        ]
        for (start, length), (following, _) in zip(ends, ends[1:], strict=False):
            assert start + length <= following


def test_counters_are_read_by_number(ledger: Ledger) -> None:
    worker = WorkerSide(ledger)
    worker.put(SHAPE.counters_offset + 8 * NUMBER["requests"], "Q", 1 << 40)
    worker.put(SHAPE.active_offset + 4 * 7, "I", 5)
    assert ledger.counters()[NUMBER["requests"]] == 1 << 40
    assert ledger.active()[7] == 5 and sum(ledger.active()) == 5
    ledger.reset()
    assert not any(ledger.counters()) and not any(ledger.active())


def test_ledgers_of_a_crew_lie_one_behind_the_other_and_the_masters_is_the_last() -> None:
    ledgers = Ledgers(SHAPE, 3)
    assert len(ledgers) == 3 and os.fstat(ledgers.fd).st_size == 4 * SHAPE.size
    for number, ledger in enumerate((*ledgers, ledgers.master)):
        ledger.put_counters([number + 1] * len(COUNTERS))
    memory = mmap.mmap(ledgers.fd, 4 * SHAPE.size)
    for number in range(4):
        at = number * SHAPE.size + SHAPE.counters_offset
        assert struct.unpack_from("<2Q", memory, at) == (number + 1, number + 1)
    ledgers[1].reset()
    assert [ledger.counters()[0] for ledger in (*ledgers, ledgers.master)] == [1, 0, 3, 4]
    ledgers.close()


def test_what_changes_is_fenced_in_by_its_odd_number(ledger: Ledger) -> None:
    at = ledger._start + layout.LEDGER_HEADER.offsets["changes"]
    seen: list[int | str] = []

    def fence() -> None:
        seen.append(struct.unpack_from("<I", ledger._memory, at)[0])

    for _ in range(2):
        with ledger.changing(fence):
            seen.append("the counts")
    assert seen == [1, "the counts", 1, 3, "the counts", 3]
    assert struct.unpack_from("<I", ledger._memory, at)[0] == 4


@pytest.mark.parametrize("page", [4096, 16384, 65536])
def test_what_is_protected_apart_is_whole_pages_of_the_machine(
    page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.sysconf("SC_PAGESIZE") == layout.PAGE
    monkeypatch.setattr("proxyd.shared.layout.ledger.PAGE", page)
    monkeypatch.setattr("proxyd.shared.layout.peers.PAGE", page)
    shape = layout.LedgerShape(peer_capacity=1024, slab_bytes=5000)
    assert shape.size % page == shape.slab_offset % page == 0
    assert layout.peers_size(1024) % page == 0
    ledgers, zone = Ledgers(shape, 2), PeersZone(1024)
    engine = Engine(1, ledgers.fd, zone.fd)
    engine.close()
    for segment in (ledgers, zone):
        segment.close()


def test_a_peer_whose_record_is_being_made_is_not_there_yet() -> None:
    zone = PeersZone(1024)
    key = segments.peer_key(b"backend", b"127.0.0.1:80")
    at = layout.PEERS_HEADER.size + 5 * layout.PEER_RECORD.size
    for half in (key[:8] + bytes(8), bytes(8) + key[8:]):
        zone._memory[at : at + 16] = half
        assert not list(zone.peers())
    zone._memory[at : at + 16] = key
    assert [state.slot for state in zone.peers()] == [5]
    zone.close()


def test_log_blocks_are_found(ledger: Ledger) -> None:
    worker = WorkerSide(ledger)
    worker.lines(100, b"one\ntwo\n")
    worker.region(0, offset=100, size=50, used=8, state=layout.REGION_OPEN)
    worker.lines(65535, b"\n")
    worker.region(63, offset=65535, size=1, used=1, state=layout.REGION_WRITING, file_end=42)
    first, second = ledger.log_blocks()
    assert (first.lines, first.file_end) == (b"one\ntwo\n", None)
    assert (second.lines, second.file_end) == (b"\n", 42)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"state": layout.REGION_FREE},
        {"state": 99},
        {"used": 0},
        {"used": 51},
        {"used": 0xFFFFFFFF, "size": 0xFFFFFFFF},
        {"offset": 65536 - 49},
        {"offset": 0xFFFFFFFF},
        {"offset": 0xFFFFFFFF, "size": 0xFFFFFFFF, "used": 1},
        {"size": 65537},
    ],
)
def test_a_region_that_makes_no_sense_is_skipped(ledger: Ledger, nonsense: dict[str, int]) -> None:
    sound = {"offset": 0, "size": 50, "used": 8, "state": layout.REGION_OPEN}
    worker = WorkerSide(ledger)
    worker.region(5, **sound)
    assert len(list(ledger.log_blocks())) == 1
    worker.region(5, **(sound | nonsense))
    assert list(ledger.log_blocks()) == []


def test_a_worker_that_scribbles_over_everything_is_survived(ledger: Ledger) -> None:
    worker = WorkerSide(ledger)
    for byte in (b"\xff", b"\x01", b"\x7f"):
        worker.memory[:] = byte * SHAPE.size
        for block in ledger.log_blocks():
            assert len(block.lines) <= SHAPE.slab_bytes
        assert len(ledger.counters()) == len(COUNTERS)
        assert len(ledger.active()) == SHAPE.peer_capacity


def test_peers_are_read_by_key() -> None:
    zone = PeersZone(16)
    memory = mmap.mmap(zone.fd, layout.peers_size(16))
    at = layout.PEERS_HEADER.size + 3 * layout.PEER_RECORD.size
    key = segments.peer_key(b"backend", b"10.0.0.1:80")
    memory[at : at + 16] = key
    struct.pack_into("<I", memory, at + layout.PEER_RECORD.offsets["fails"], 2)
    struct.pack_into("<Q", memory, at + layout.PEER_RECORD.offsets["checked_s"], 77)
    (state,) = zone.peers()
    assert (state.slot, state.key, state.fails, state.checked_s) == (3, key, 2, 77)
    zone.close()


def test_digests_differ_where_names_do() -> None:
    names = [b"", b"a", b"b", b"ab", b"ba", b"/var/log/a", b"/var/log/b", b"a\0b", b"\0"]
    assert len({layout.digest(name) for name in names}) == len(names)
    assert all(len(layout.digest(name)) == layout.DIGEST_BYTES for name in names)


def test_counters_are_declared_well() -> None:
    assert len(NUMBER) == len(COUNTERS)
    for counter in COUNTERS:
        assert counter.name.replace("_", "").isalnum() and counter.name.islower()
        assert counter.meaning.endswith(".") and counter.unit


@pytest.mark.parametrize("kind", [layout.LIMIT_REQ, layout.LIMIT_CONN])
@pytest.mark.parametrize("size", [32 << 10, 1 << 20, 10 << 20, 1 << 30])
def test_the_parts_of_a_limit_zone_lie_behind_each_other(kind: int, size: int) -> None:
    shape = layout.LimitShape(kind, size)
    bucket = layout.LIMIT_BUCKET.size + layout.LIMIT_WAYS * layout.LIMIT_RECORD.size
    assert shape.seats_offset == layout.LIMIT_HEADER.size
    assert shape.buckets_offset >= shape.seats_offset + shape.seats * layout.LIMIT_SEAT.size
    assert shape.chunks_offset >= shape.buckets_offset + shape.buckets * bucket
    assert shape.bytes >= shape.chunks_offset + shape.chunks * layout.LIMIT_CHUNK.size
    assert all(offset % 64 == 0 for offset in (shape.seats_offset, shape.buckets_offset, shape.chunks_offset))
    assert shape.homes * bucket <= size < shape.bytes + size // 4
    assert shape.buckets - shape.homes == (layout.LIMIT_REACH if kind == layout.LIMIT_CONN else 0)
    assert shape.chunks == 0 or shape.chunks * layout.LIMIT_HOLDS >= 1 << 16


def test_a_limit_zone_that_somebody_has_shrunk_is_empty() -> None:
    fd = segments.make_limit_zone(layout.LimitShape(layout.LIMIT_REQ, 32 << 10))
    try:
        assert segments.zone_fill(fd)["capacity"] > 0
        os.ftruncate(fd, 3)
        assert segments.zone_fill(fd) == {"keys": 0, "capacity": 0}
    finally:
        os.close(fd)


def test_a_limit_zone_is_made_with_a_secret_of_its_own() -> None:
    secrets = set()
    for _ in range(2):
        fd = segments.make_limit_zone(layout.LimitShape(layout.LIMIT_REQ, 32 << 10))
        header = os.pread(fd, layout.LIMIT_HEADER.size, 0)
        os.close(fd)
        at = layout.LIMIT_HEADER.offsets["secret"]
        secrets.add(header[at : at + 16])
        assert struct.unpack_from("<II", header) == (layout.LIMIT_MAGIC, layout.LAYOUT)
    assert len(secrets) == 2 and bytes(16) not in secrets


def test_a_ledger_that_is_made_new_never_looks_like_none(ledger: Ledger) -> None:
    """Another worker may start at that moment, who learns from the header how the segment is divided."""
    offsets = layout.LEDGER_HEADER.offsets
    fixed = {name: offset for name, offset in offsets.items() if name not in ("instance", "pid", "turns")}

    class Watched(bytearray):
        def __setitem__(self, at: object, value: object) -> None:
            super().__setitem__(at, value)  # type: ignore[call-overload]
            start = ledger._start
            seen = {name: bytes(self[start + offset : start + offset + 4]) for name, offset in fixed.items()}
            assert seen == before

    memory = WorkerSide(ledger).memory
    before = {name: bytes(memory[offset : offset + 4]) for name, offset in fixed.items()}
    memory.release()
    ledger._memory = Watched(ledger._memory)  # type: ignore[assignment]
    ledger.reset()
