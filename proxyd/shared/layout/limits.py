"""A limit Zone: buckets of records, and for limit_conn seats and holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxyd.shared.layout.record import LOCK_WORDS, PAGE, Field, Record, round_up

LIMIT_MAGIC: Final = 0x54585050  # "PPXT"

# Kinds of limit Zones.
LIMIT_REQ: Final = 1
LIMIT_CONN: Final = 2
LIMIT_WAYS: Final = 8  # records of a bucket
LIMIT_REACH: Final = 64  # so many buckets behind a full one take its keys: LIMIT_CONN
LIMIT_SEATS: Final = 256  # workers, of all crews that live at a time, that can have a limit_conn_zone open
LIMIT_HOLDS: Final = 31  # holds of a chunk
LIMIT_HOLDS_PER_BUCKET: Final = 16
LIMIT_HOLDS_LEAST: Final = 1 << 16  # a small zone may have few keys with very many connections

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
        Field("homes", "u32", "keys are at home in the first so many; LIMIT_REQ: in all"),
        Field("seats", "u32", "number of seats; 0 for LIMIT_REQ"),
        Field("chunks", "u32", "number of chunks; 0 for LIMIT_REQ"),
        Field("pad", "u32", "zero"),
        Field("seats_offset", "u64", "where the seats start"),
        Field("buckets_offset", "u64", "where the buckets start"),
        Field("chunks_offset", "u64", "where the chunks start"),
        Field("secret", "u64", "random: what keys are hashed with", count=2),
        Field("lock_state", "u32", "as in the peers header", atomic=True),
        Field("seats_used", "u32", "no seat from this one on was ever taken", atomic=True),
        Field("spare", "u64", "zero", count=5),
        Field("lock", "u64", "a robust process-shared pthread_mutex_t: for seats and chunks", count=8),
        Field("used", "u64", "records that have a key; changed when one gets its first", atomic=True),
        Field("spare2", "u64", "zero", count=7),
    ),
)

LIMIT_BUCKET = Record(
    "limit_bucket",
    64,
    "Start of a bucket; its records follow. Everything in a bucket changes under its lock.\n"
    "intent, meant, more: what the holder of the lock is about to do; who finds that the holder died\n"
    "completes it (LIMIT_REQ) or undoes it (LIMIT_CONN). intent is stored last, and cleared when done.\n"
    "more: LIMIT_REQ: the halves of last_ms, the low one first. LIMIT_CONN: 1 + hold; and at any time the\n"
    "reach: no key at home here is farther behind.",
    (
        Field("lock", "u64", "a robust process-shared pthread_mutex_t", count=LOCK_WORDS),
        Field("intent", "u32", "1 + record; 0: nothing is meant", atomic=True),
        Field("meant", "u32", "its value; LIMIT_CONN: without the hold", atomic=True),
        Field("more", "u32", "see above", count=2, atomic=True),
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
        Field("life", "u64", "a robust process-shared pthread_mutex_t", count=LOCK_WORDS),
        Field("in_use", "u32", "whether holds may belong to it", atomic=True),
        Field("pid", "u32", "of the worker, for people", atomic=True),
        Field("spare", "u64", "zero", count=1),
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


@dataclass(frozen=True)
class LimitShape:
    """Where things are in a limit Zone whose records may take so many bytes."""

    kind: int
    size: int

    @property
    def homes(self) -> int:
        """Buckets in which keys are at home."""
        holds = LIMIT_HOLDS_PER_BUCKET * LIMIT_CHUNK.size // LIMIT_HOLDS if self.kind == LIMIT_CONN else 0
        return max(1, self.size // (LIMIT_BUCKET.size + LIMIT_WAYS * LIMIT_RECORD.size + holds))

    @property
    def buckets(self) -> int:
        """All, with those behind the homes that take keys of the last ones."""
        return self.homes + (LIMIT_REACH if self.kind == LIMIT_CONN else 0)

    @property
    def seats(self) -> int:
        return LIMIT_SEATS if self.kind == LIMIT_CONN else 0

    @property
    def chunks(self) -> int:
        holds = max(LIMIT_HOLDS_LEAST, self.homes * LIMIT_HOLDS_PER_BUCKET)
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
