"""The layout of shared memory: each record once, with its offsets, for Python's readers and for C.

These segments exist. The **Ledgers** of a crew, one per worker and behind them the master's, ``stride`` bytes
each, in this order::

    ledger header | counters u64[PX_COUNTERS] | log regions | active u32[] | held u32[]
    | cells u64[][PX_SLOT_CELLS] | slab

A worker maps all and may write to its own alone; so whoever adds up reads the same cells as the master. The
cells ``active``, ``held`` and ``cells`` (cells.py) have the index of their slot in the peers Zone; only this
worker writes them. ``active``: connections to the peer that carry a Request or tunnel. ``held``: how many
loaded Upstreams and Servers of this worker refer to the slot; a slot that nobody holds may be evicted when
the Zone is full.

The **peers Zone**, one for all workers: ``peers header | peer records [capacity]``.

A **limit Zone**, one for each ``limit_req_zone`` and ``limit_conn_zone``::

    limit header | seats | buckets, each a bucket header and LIMIT_WAYS records | chunks of holds

Seats and chunks are there for limit_conn alone: a worker sits down when it opens the Zone, and what its
requests hold is written in holds that belong to its seat. cextensions/shm/limit_conn.h says how that
survives a death at any instruction.

Numbers are little-endian and naturally aligned. Segments hold offsets, never pointers. Whoever reads what
another process writes checks each offset and length first. ``LAYOUT`` is a digest of all of this: a segment
of another layout is refused.

C reads ``cextensions/generated/shm_layout.h``, which ``emit_c_header`` makes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Final

from proxyd.shared.cells import SLOT_CELLS
from proxyd.shared.counters import COUNTERS

LEDGER_MAGIC: Final = 0x4C585050  # "PPXL"
PEERS_MAGIC: Final = 0x50585050  # "PPXP"
LIMIT_MAGIC: Final = 0x54585050  # "PPXT"
LOG_REGIONS: Final = 64
PEERS_MAX: Final = 1 << 16  # no segment has more peer slots
DIGEST_BYTES: Final = 16
PAGE: Final = 4096

# Log region states.
REGION_FREE: Final = 0  # no log has it
REGION_OPEN: Final = 1  # lines gather in it; the first `used` bytes are whole lines
REGION_WRITING: Final = 2  # its `used` bytes are being written: they are in the file, partly, or not

# Kinds of limit Zones.
LIMIT_REQ: Final = 1
LIMIT_CONN: Final = 2
LIMIT_WAYS: Final = 8  # records of a bucket
LIMIT_SEATS: Final = 256  # workers, of all crews that live at a time, that can have a limit_conn_zone open
LIMIT_HOLDS: Final = 31  # holds of a chunk
LIMIT_HOLDS_PER_BUCKET: Final = 16
LIMIT_HOLDS_LEAST: Final = 1 << 16  # a small zone may have few keys with very many connections

# lock_state of the peers header is one of these, or the pid of who initialises the lock. When that process is
# dead, another takes its place by compare-and-swap.
LOCK_RAW: Final = 0
LOCK_READY: Final = 0xFFFFFFFF

_SIZES = {"u8": 1, "u32": 4, "u64": 8}
_C_TYPES = {"u8": "uint8_t", "u32": "uint32_t", "u64": "uint64_t"}


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


LEDGER_HEADER = Record(
    "ledger_header",
    128,
    "Start of a Ledger. The master writes it before the worker starts, except where said.",
    (
        Field("magic", "u32", "LEDGER_MAGIC"),
        Field("layout", "u32", "SHM_LAYOUT of the build that made it"),
        Field("instance", "u64", "random; names this segment in messages"),
        Field("worker", "u32", "the worker's index"),
        Field("counter_count", "u32", "PX_COUNTERS"),
        Field("peer_capacity", "u32", "number of peer cells; the same as the peers Zone's capacity"),
        Field("region_count", "u32", "LOG_REGIONS"),
        Field("counters_offset", "u32", "where the counters start"),
        Field("regions_offset", "u32", "where the log regions start"),
        Field("active_offset", "u32", "where the active cells start: u32[peer_capacity]"),
        Field("held_offset", "u32", "where the held cells start: u32[peer_capacity]"),
        Field("slab_offset", "u32", "where the slab starts, at a page"),
        Field("slab_bytes", "u32", "its size"),
        Field("pid", "u32", "the worker writes it when it maps the Ledger", atomic=True),
        Field("ledger_count", "u32", "Ledgers in the segment: one per worker, and the master's at the end"),
        Field("turns", "u64", "loop turns; the worker adds one per turn", atomic=True),
        Field("stride", "u64", "bytes from one Ledger to the next, whole pages"),
        Field("cells_offset", "u32", "where the cells start: u64[peer_capacity][PX_SLOT_CELLS]"),
        Field("slot_cells", "u32", "PX_SLOT_CELLS"),
        Field("changes", "u32", "the master's: odd while it moves what the dead counted", atomic=True),
        Field("pad", "u32", "zero"),
        Field("spare", "u64", "zero", count=4),
    ),
)

LOG_REGION = Record(
    "log_region",
    64,
    "A log's buffer in the slab. Writer: the worker. After its death the master writes the lines out.\n"
    "Claim: offset, size and path_digest first, then state OPEN (release).\n"
    "Add a line: its bytes first, then used (release).\n"
    "Write out: file_end and file_inode, then state WRITING (release), write(), used = 0, state OPEN.",
    (
        Field("path_digest", "u8", "px_shm_digest of the log's path", count=DIGEST_BYTES),
        Field("offset", "u32", "from the slab's start"),
        Field("size", "u32", "bytes of the slab that are this region's"),
        Field("used", "u32", "bytes of whole lines, from offset", atomic=True),
        Field("state", "u32", "REGION_*", atomic=True),
        Field("file_end", "u64", "size of the file before this write(); all ones: not a regular file"),
        Field("file_inode", "u64", "of that file, which may have been rotated away meanwhile"),
        Field("gzip", "u32", "level at which the lines are compressed when they are written; 0: not"),
        Field("pad", "u32", "zero"),
        Field("spare", "u64", "zero", count=1),
    ),
)

PEERS_HEADER = Record(
    "peers_header",
    128,
    "Start of the peers Zone. The master writes it, except the lock.",
    (
        Field("magic", "u32", "PEERS_MAGIC"),
        Field("layout", "u32", "SHM_LAYOUT of the build that made it"),
        Field("instance", "u64", "random; names this segment in messages"),
        Field("capacity", "u32", "number of records"),
        Field("records_offset", "u32", "where they start"),
        Field("lock_state", "u32", "LOCK_RAW, LOCK_READY, or the pid of who initialises it", atomic=True),
        Field("pad", "u32", "zero"),
        Field("spare", "u64", "zero", count=4),
        Field("lock", "u64", "a robust process-shared pthread_mutex_t", count=8),
    ),
)

PEER_RECORD = Record(
    "peer_record",
    64,
    "What all workers agree on about a peer. Changed under the lock; read by anyone.",
    (
        Field("key", "u8", "px_shm_digest of upstream name, NUL, peer name; zeros: free", count=DIGEST_BYTES),
        Field("fails", "u32", "failures within fail_timeout, as nginx counts them", atomic=True),
        Field("pad", "u32", "zero"),
        Field("accessed_s", "u64", "CLOCK_MONOTONIC seconds of the last failure", atomic=True),
        Field(
            "checked_s", "u64", "CLOCK_MONOTONIC seconds of the last failure, or try after it", atomic=True
        ),
        Field("claimed_s", "u64", "CLOCK_MONOTONIC seconds when an Upstream last took it", atomic=True),
        Field("spare", "u64", "zero", count=2),
    ),
)

LIMIT_HEADER = Record(
    "limit_header",
    256,
    "Start of a limit Zone. The master writes it, except the lock and what is atomic.",
    (
        Field("magic", "u32", "LIMIT_MAGIC"),
        Field("layout", "u32", "SHM_LAYOUT of the build that made it"),
        Field("instance", "u64", "random; names this segment in messages"),
        Field("kind", "u32", "LIMIT_REQ or LIMIT_CONN"),
        Field("buckets", "u32", "number of buckets"),
        Field("seats", "u32", "number of seats; 0 for LIMIT_REQ"),
        Field("chunks", "u32", "number of chunks; 0 for LIMIT_REQ"),
        Field("seats_offset", "u64", "where the seats start"),
        Field("buckets_offset", "u64", "where the buckets start"),
        Field("chunks_offset", "u64", "where the chunks start"),
        Field("secret", "u64", "random: what keys are hashed with", count=2),
        Field("lock_state", "u32", "as in the peers header", atomic=True),
        Field("seats_used", "u32", "no seat from this one on was ever taken", atomic=True),
        Field("spare", "u64", "zero", count=6),
        Field("lock", "u64", "a robust process-shared pthread_mutex_t: for seats and chunks", count=8),
        Field("used", "u64", "records that have a key; changed when one gets its first", atomic=True),
        Field("spare2", "u64", "zero", count=7),
    ),
)

LIMIT_BUCKET = Record(
    "limit_bucket",
    64,
    "Start of a bucket; its records follow. Everything in a bucket changes under its lock.\n"
    "intent: what the holder of the lock is about to do; who finds that the holder died completes it\n"
    "(LIMIT_REQ) or undoes it (LIMIT_CONN). intent[0] is stored last, and cleared when it is done.\n"
    "LIMIT_REQ: 1 + record, last_ms, value. LIMIT_CONN: 1 + record, 1 + hold, value without that hold.",
    (
        Field("lock", "u64", "a robust process-shared pthread_mutex_t", count=5),
        Field("intent", "u64", "see above", count=3, atomic=True),
    ),
)

LIMIT_RECORD = Record(
    "limit_record",
    32,
    "A key and its state. Free while first is zero; making one stores first last.",
    (
        Field("first", "u64", "keyed hash of the key, first half; 0: free", atomic=True),
        Field("second", "u64", "second half", atomic=True),
        Field("last_ms", "u64", "LIMIT_REQ: CLOCK_MONOTONIC milliseconds of the last request", atomic=True),
        Field("value", "u32", "LIMIT_REQ: excess in thousandths; LIMIT_CONN: connections", atomic=True),
        Field("used_ms", "u32", "low bits of the milliseconds when it was last asked for", atomic=True),
    ),
)

LIMIT_SEAT = Record(
    "limit_seat",
    64,
    "A worker that has the Zone open holds the lock as long as it lives: so everybody can find out whether\n"
    "it does. Who gets the lock of a seat in use gives back what its holds hold.",
    (
        Field("life", "u64", "a robust process-shared pthread_mutex_t", count=5),
        Field("in_use", "u32", "whether holds may belong to it", atomic=True),
        Field("pid", "u32", "of the worker, for people", atomic=True),
        Field("spare", "u64", "zero", count=2),
    ),
)

LIMIT_CHUNK = Record(
    "limit_chunk",
    128,
    "Holds that belong to one seat. A hold changes under the lock of its record's bucket.",
    (
        Field("owner", "u32", "1 + seat; 0: nobody's, and all its holds are 0", atomic=True),
        Field("holds", "u32", "1 + record that is held once; 0: none", count=LIMIT_HOLDS, atomic=True),
    ),
)

RECORDS = (
    *(LEDGER_HEADER, LOG_REGION, PEERS_HEADER, PEER_RECORD),
    *(LIMIT_HEADER, LIMIT_BUCKET, LIMIT_RECORD, LIMIT_SEAT, LIMIT_CHUNK),
)


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


@dataclass(frozen=True)
class LedgerShape:
    """Where things are in a Ledger of this many peer cells and slab bytes."""

    peer_capacity: int
    slab_bytes: int

    @property
    def counters_offset(self) -> int:
        return LEDGER_HEADER.size

    @property
    def regions_offset(self) -> int:
        return round_up(self.counters_offset + 8 * len(COUNTERS), 64)

    @property
    def active_offset(self) -> int:
        return self.regions_offset + LOG_REGIONS * LOG_REGION.size

    @property
    def held_offset(self) -> int:
        return self.active_offset + 4 * self.peer_capacity

    @property
    def cells_offset(self) -> int:
        return round_up(self.held_offset + 4 * self.peer_capacity, 64)

    @property
    def slab_offset(self) -> int:
        return round_up(self.cells_offset + 8 * SLOT_CELLS * self.peer_capacity, PAGE)

    @property
    def size(self) -> int:
        return round_up(self.slab_offset + self.slab_bytes, PAGE)


def peers_size(capacity: int) -> int:
    """Bytes of a peers Zone with this many records."""
    return round_up(PEERS_HEADER.size + capacity * PEER_RECORD.size, PAGE)


def peers_capacity(size: int) -> int:
    """The power of two that is the number of records in a peers Zone of this size; 0: none."""
    records = max(0, size - PEERS_HEADER.size) // PEER_RECORD.size
    return 1 << (records.bit_length() - 1) if records else 0


@dataclass(frozen=True)
class LimitShape:
    """Where things are in a limit Zone whose records may take so many bytes."""

    kind: int
    size: int

    @property
    def buckets(self) -> int:
        holds = LIMIT_HOLDS_PER_BUCKET * LIMIT_CHUNK.size // LIMIT_HOLDS if self.kind == LIMIT_CONN else 0
        return max(1, self.size // (LIMIT_BUCKET.size + LIMIT_WAYS * LIMIT_RECORD.size + holds))

    @property
    def seats(self) -> int:
        return LIMIT_SEATS if self.kind == LIMIT_CONN else 0

    @property
    def chunks(self) -> int:
        holds = max(LIMIT_HOLDS_LEAST, self.buckets * LIMIT_HOLDS_PER_BUCKET)
        return -(-holds // LIMIT_HOLDS) if self.kind == LIMIT_CONN else 0

    @property
    def seats_offset(self) -> int:
        return LIMIT_HEADER.size

    @property
    def buckets_offset(self) -> int:
        return self.seats_offset + self.seats * LIMIT_SEAT.size

    @property
    def chunks_offset(self) -> int:
        return self.buckets_offset + self.buckets * (LIMIT_BUCKET.size + LIMIT_WAYS * LIMIT_RECORD.size)

    @property
    def bytes(self) -> int:
        return round_up(self.chunks_offset + self.chunks * LIMIT_CHUNK.size, PAGE)


def _facts() -> str:
    records = [(r.name, r.size, [(f.name, f.type, f.count) for f in r.fields]) for r in RECORDS]
    return repr((records, LOG_REGIONS, LIMIT_WAYS, [(c.name, c.kind) for c in COUNTERS], SLOT_CELLS))


LAYOUT: Final = zlib.crc32(_facts().encode())


def _c_constants() -> list[str]:
    values = {
        "SHM_LAYOUT": LAYOUT,
        "LEDGER_MAGIC": LEDGER_MAGIC,
        "PEERS_MAGIC": PEERS_MAGIC,
        "LIMIT_MAGIC": LIMIT_MAGIC,
        "LIMIT_REQ": LIMIT_REQ,
        "LIMIT_CONN": LIMIT_CONN,
        "LIMIT_WAYS": LIMIT_WAYS,
        "LIMIT_SEATS": LIMIT_SEATS,
        "LIMIT_HOLDS": LIMIT_HOLDS,
        "LOG_REGIONS": LOG_REGIONS,
        "PEERS_MAX": PEERS_MAX,
        "SHM_DIGEST_BYTES": DIGEST_BYTES,
        "SHM_PAGE": PAGE,
        "REGION_FREE": REGION_FREE,
        "REGION_OPEN": REGION_OPEN,
        "REGION_WRITING": REGION_WRITING,
        "LOCK_RAW": LOCK_RAW,
        "LOCK_READY": LOCK_READY,
    }
    return [f"#define PX_{name} {value:#x}u" for name, value in values.items()]


def _c_record(record: Record) -> list[str]:
    struct = f"struct px_shm_{record.name}"
    lines = ["/* " + record.meaning.replace("\n", "\n * ") + " */", f"{struct} {{"]
    for member in record.fields:
        c_type = _C_TYPES[member.type]
        if member.atomic:
            c_type = f"_Atomic {c_type}"
        array = f"[{member.count}]" if member.count > 1 else ""
        lines.append(f"    {c_type} {member.name}{array}; /* {member.meaning} */")
    lines.append("};")
    lines.append(f'_Static_assert(sizeof({struct}) == {record.size}, "{record.name}: size");')
    for name, offset in record.offsets.items():
        lines.append(f'_Static_assert(offsetof({struct}, {name}) == {offset}, "{record.name}.{name}");')
    return [*lines, ""]


_C_DIGEST = """\
/* Names things in shared memory: FNV-1a of 64 bits, twice; digest() in layout.py. */
static inline void px_shm_digest(const void *bytes, size_t length, uint8_t out[PX_SHM_DIGEST_BYTES])
{
    const unsigned char *at = (const unsigned char *)bytes;
    uint64_t one = UINT64_C(0xcbf29ce484222325), two = UINT64_C(0x9ae16a3b2f90404f);

    for (size_t i = 0; i < length; i++) {
        one = (one ^ at[i]) * UINT64_C(0x100000001b3);
        two = (two ^ at[i]) * UINT64_C(0x100000001b3);
    }
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(one >> (8 * i));
        out[8 + i] = (uint8_t)(two >> (8 * i));
    }
}
"""


def emit_c_header() -> str:
    """The text of ``cextensions/generated/shm_layout.h``."""
    lines = [
        "/* Made by cextensions/generate.py from proxyd/shared/layout.py. Do not edit. */",
        "#ifndef PX_GENERATED_SHM_LAYOUT_H",
        "#define PX_GENERATED_SHM_LAYOUT_H",
        "",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        '#include "generated/counters.h"',
        "",
        "/* The Ledgers of a crew, one behind the other, the master's at the end. Each:",
        " * header | counters | log regions | active u32[] | held u32[] | cells u64[][PX_SLOT_CELLS] | slab.",
        " * The peers Zone: header | records.",
        " * A limit Zone: header | seats | buckets, each a header and its records | chunks. */",
        "",
        *_c_constants(),
        "",
        f'_Static_assert(PX_COUNTERS == {len(COUNTERS)}, "counters.h is of another build");',
        "",
    ]
    for record in RECORDS:
        lines += _c_record(record)
    lines += [_C_DIGEST, "#endif", ""]
    return "\n".join(lines)
