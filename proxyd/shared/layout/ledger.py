"""The Ledger of one worker: its header, its log regions, and where its parts begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxyd.shared.cells import SLOT_CELLS
from proxyd.shared.counters import COUNTERS
from proxyd.shared.layout.record import DIGEST_BYTES, PAGE, Field, Record, round_up

LEDGER_MAGIC: Final = 0x4C585050  # "PPXL"
LOG_REGIONS: Final = 64

# Log region states.
REGION_FREE: Final = 0  # no log has it
REGION_OPEN: Final = 1  # lines gather in it; the first `used` bytes are whole lines
REGION_WRITING: Final = 2  # its `used` bytes are being written: they are in the file, partly, or not

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
