"""What is counted for each server, each peer and each limit zone: u64 cells per slot of the peers Zone.

A slot belongs to one thing, named by the digest of its key; what its cells mean depends on the kind of thing.
Each worker writes the cells in its own Ledger, the master's Ledger has those of the dead; readers add up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# The upper bounds of the latency histograms' buckets; one more bucket is for all that took longer.
# Powers of two, so that a bucket is found with one instruction (px_latency_bucket).
LATENCY_BOUNDS_MS: Final = tuple(1 << power for power in range(17))
LATENCY_BUCKETS: Final = len(LATENCY_BOUNDS_MS) + 1

CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")


@dataclass(frozen=True)
class Cell:
    """One cell; ``count`` of them for a histogram. ``metric`` and ``label``: how Prometheus sees it."""

    name: str
    unit: str
    meaning: str
    metric: str
    label: tuple[str, str] | None = None
    count: int = 1


def _answers(metric: str, meaning: str) -> Iterable[Cell]:
    for name in CLASSES:
        yield Cell(f"responses_{name}", "responses", meaning, metric, ("class", name))


def _latency(metric: str, meaning: str) -> Iterable[Cell]:
    yield Cell("latency_sum_ms", "milliseconds", meaning, metric)
    yield Cell("latency", "requests", meaning, metric, count=LATENCY_BUCKETS)


SERVER_CELLS: Final = (
    *_answers(
        "server_responses_total", "Requests that ended, by server (its first name) and class of status."
    ),
    Cell("bytes_received", "bytes", "Read from clients, by server.", "server_received_bytes_total"),
    Cell("bytes_sent", "bytes", "Written to clients, by server.", "server_sent_bytes_total"),
    *_latency(
        "server_request_duration_seconds", "From the first byte of a request to the end of its answer."
    ),
)

_FAILURES: Final = "Tries that failed, by peer and cause."

PEER_CELLS: Final = (
    Cell("tries", "tries", "Requests handed to the peer.", "peer_tries_total"),
    *_answers("peer_responses_total", "Answers of the peer by class of status."),
    Cell("failures_connect", "tries", _FAILURES, "peer_failures_total", ("cause", "connect")),
    Cell("failures_timeout", "tries", _FAILURES, "peer_failures_total", ("cause", "timeout")),
    Cell("failures_closed", "tries", _FAILURES, "peer_failures_total", ("cause", "closed")),
    Cell("failures_invalid", "tries", _FAILURES, "peer_failures_total", ("cause", "invalid")),
    Cell("failures_status", "tries", _FAILURES, "peer_failures_total", ("cause", "status")),
    Cell("bytes_received", "bytes", "Read from the peer.", "peer_received_bytes_total"),
    Cell("bytes_sent", "bytes", "Written to the peer.", "peer_sent_bytes_total"),
    *_latency(
        "peer_response_duration_seconds", "From the beginning of a try to the end of the peer's answer."
    ),
)

_DECISIONS: Final = "What a limit decided, by zone."

ZONE_CELLS: Final = (
    Cell("passed", "requests", _DECISIONS, "limit_decisions_total", ("decision", "passed")),
    Cell("delayed", "requests", _DECISIONS, "limit_decisions_total", ("decision", "delayed")),
    Cell("rejected", "requests", _DECISIONS, "limit_decisions_total", ("decision", "rejected")),
    Cell("delayed_dry_run", "requests", _DECISIONS, "limit_decisions_total", ("decision", "delayed_dry_run")),
    Cell(
        "rejected_dry_run", "requests", _DECISIONS, "limit_decisions_total", ("decision", "rejected_dry_run")
    ),
    Cell("evictions", "keys", "Keys that gave their place to newer ones.", "limit_zone_evictions_total"),
    Cell("refusals", "keys", "Keys for which there was no place.", "limit_zone_refusals_total"),
)

KINDS: Final = {"server": SERVER_CELLS, "peer": PEER_CELLS, "zone": ZONE_CELLS}


def offsets(cells: Iterable[Cell]) -> dict[str, int]:
    """Where each cell is within its slot."""
    found: dict[str, int] = {}
    at = 0
    for cell in cells:
        found[cell.name] = at
        at += cell.count
    return found


def width(cells: Iterable[Cell]) -> int:
    """How many cells a slot of this kind needs."""
    return sum(cell.count for cell in cells)


# As many for each slot, whatever it is for.
SLOT_CELLS: Final = max(width(cells) for cells in KINDS.values())
