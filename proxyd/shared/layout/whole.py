"""All records together, and the number that names this layout."""

from __future__ import annotations

import zlib
from typing import Final

from proxyd.shared.cells import SLOT_CELLS
from proxyd.shared.counters import COUNTERS
from proxyd.shared.layout.ledger import LEDGER_HEADER, LOG_REGION, LOG_REGIONS
from proxyd.shared.layout.limits import (
    LIMIT_BUCKET,
    LIMIT_CHUNK,
    LIMIT_HEADER,
    LIMIT_REACH,
    LIMIT_RECORD,
    LIMIT_SEAT,
    LIMIT_WAYS,
)
from proxyd.shared.layout.peers import PEER_RECORD, PEERS_HEADER

RECORDS = (
    *(LEDGER_HEADER, LOG_REGION, PEERS_HEADER, PEER_RECORD),
    *(LIMIT_HEADER, LIMIT_BUCKET, LIMIT_RECORD, LIMIT_SEAT, LIMIT_CHUNK),
)


def _facts() -> str:
    records = [(r.name, r.size, [(f.name, f.type, f.count) for f in r.fields]) for r in RECORDS]
    return repr(
        (records, LOG_REGIONS, LIMIT_WAYS, LIMIT_REACH, [(c.name, c.kind) for c in COUNTERS], SLOT_CELLS)
    )


LAYOUT: Final = zlib.crc32(_facts().encode())
