"""The peers Zone: what all workers agree on about each peer."""

from __future__ import annotations

from typing import Final

from proxyd.shared.layout.record import DIGEST_BYTES, PAGE, Field, Record, round_up

PEERS_MAGIC: Final = 0x50585050  # "PPXP"
PEERS_MAX: Final = 1 << 16  # no segment has more peer slots

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


def peers_size(capacity: int) -> int:
    """Bytes of a peers Zone with this many records."""
    return round_up(PEERS_HEADER.size + capacity * PEER_RECORD.size, PAGE)


def peers_capacity(size: int) -> int:
    """The power of two that is the number of records in a peers Zone of this size; 0: none."""
    records = max(0, size - PEERS_HEADER.size) // PEER_RECORD.size
    return 1 << (records.bit_length() - 1) if records else 0
