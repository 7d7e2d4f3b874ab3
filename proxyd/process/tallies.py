"""Rows of `proxyd status` for what has cells: servers, and peers with their state."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from proxyd.process.accounts import Cells
from proxyd.process.crew import Crew
from proxyd.process.generation import Generation
from proxyd.process.handover import Segment
from proxyd.process.known import KnownPeer
from proxyd.shared.cells import CLASSES, KINDS, LATENCY_BOUNDS_MS, LATENCY_BUCKETS, SLOT_CELLS, offsets
from proxyd.shared.segments import PeerState, peer_key, server_key, slot_key, zone_fill

Row = dict[str, object]

_NOTHING: Sequence[int] = (0,) * SLOT_CELLS
_PERCENTILES = (50, 90, 99)


def percentile_ms(buckets: Sequence[int], percent: int) -> int | None:
    """The upper bound of the bucket in which this percentile lies; None: nothing measured, or beyond all."""
    wanted = sum(buckets) * percent / 100
    seen = 0
    for count, bound in zip(buckets, LATENCY_BOUNDS_MS, strict=False):
        seen += count
        if seen and seen >= wanted:
            return bound
    return None


def _named(kind: str, values: Sequence[int]) -> Row:
    """Cells by name; the classes of answers and the histogram as what they are."""
    row: Row = {}
    for name, at in offsets(KINDS[kind]).items():
        if name == "latency":
            row["latency_ms"] = _latency(values[at : at + LATENCY_BUCKETS])
        elif not name.startswith("responses_"):
            row[name] = values[at]
    first = offsets(KINDS[kind]).get("responses_1xx")
    if first is not None:
        row["responses"] = dict(zip(CLASSES, values[first : first + len(CLASSES)], strict=True))
    return row


def _latency(buckets: Sequence[int]) -> Row:
    bounds = [str(bound) for bound in LATENCY_BOUNDS_MS]
    return {
        **{f"p{percent}": percentile_ms(buckets, percent) for percent in _PERCENTILES},
        "buckets": dict(zip((*bounds, "inf"), buckets, strict=True)),
    }


def servers(names: Iterable[tuple[str, str]], cells: Cells) -> list[Row]:
    """One row for each name of a server and its first address."""
    return [
        {"server": name, "listen": listen, **_named("server", cells.get(server_key(name, listen), _NOTHING))}
        for name, listen in names
    ]


def _state(known: KnownPeer, record: PeerState | None, now_s: float) -> str:
    if known.down:
        return "down"
    if record is None or not known.max_fails or record.fails < known.max_fails:
        return "up"
    return "failed" if int(now_s) - record.checked_s <= known.fail_timeout_ms // 1000 else "up"


def peers(crews: Sequence[Crew], generation: Generation, cells: Cells) -> list[Row]:
    """One row for each peer of the configuration that serves."""
    zone = crews[0].zone
    records = {state.key: state for state in zone.peers()}
    ledgers = [ledger for crew in crews if crew.zone is zone for ledger in crew.ledgers]
    active = [sum(column) for column in zip(*(ledger.active() for ledger in ledgers), strict=True)]
    now_s = time.monotonic()
    rows: list[Row] = []
    for known in generation.peers:
        key = peer_key(known.upstream.encode(), known.peer.encode())
        record = records.get(key)
        row: Row = {"upstream": known.upstream, "peer": known.peer, "state": _state(known, record, now_s)}
        if known.backup:
            row["backup"] = True
        if record is not None:
            row |= {"active": active[record.slot], "fails": record.fails}
        rows.append(row | _named("peer", cells.get(key, _NOTHING)))
    return rows


def zones(segments: Iterable[Segment], cells: Cells) -> list[Row]:
    """One row for each limit zone."""
    rows: list[Row] = []
    for segment in segments:
        name = segment.key.split(":")[1]
        row: Row = {"zone": name, **zone_fill(segment.fd)}
        rows.append(row | _named("zone", cells.get(slot_key("zone", name.encode()), _NOTHING)))
    return rows
