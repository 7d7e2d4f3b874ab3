"""What was counted, over all Ledgers: of the living, of the dead, of crews that drain beside another.

Each crew's own Ledger of the master's has what its workers cannot read in theirs: what the dead counted, what
the workers of other crews count, and the master's own facts. So a worker that adds up the Ledgers of its crew
has everything. While several crews live, that is as of the last time it was written.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxyd import _engine
from proxyd.process.crew import Crew
from proxyd.process.runtime import Runtime
from proxyd.shared.cells import SLOT_CELLS
from proxyd.shared.counters import COUNTERS, NUMBER
from proxyd.shared.segments import Ledger, PeersZone

Cells = dict[bytes, list[int]]


def facts(runtime: Runtime) -> dict[str, int]:
    """What the master itself counts."""
    tally = runtime.tally
    return {
        "reloads": tally.reloads,
        "reloads_failed": tally.reloads_failed,
        "worker_deaths": tally.worker_deaths,
        "helper_deaths": tally.helper_deaths,
        "log_bytes_saved": tally.log_bytes_saved,
        "generation": runtime.generation.number,
        "started_ms": int(runtime.started * 1000),
        "activated_ms": int(runtime.activated * 1000),
    }


def cells_of(ledgers: Iterable[Ledger], zone: PeersZone, into: Cells) -> Cells:
    """Add what these Ledgers have, by the keys of the zone's records."""
    every = list(ledgers)
    for state in zone.peers():
        for ledger in every:
            values = ledger.cells(state.slot)
            if any(values):
                total = into.setdefault(state.key, [0] * SLOT_CELLS)
                for number, value in enumerate(values):
                    total[number] += value
    return into


def living(crew: Crew) -> list[Ledger]:
    """The Ledgers of a crew's workers."""
    return [one.ledger for one in crew.workers.values()]


def elsewhere(runtime: Runtime, others: Iterable[Crew]) -> tuple[list[int], Cells]:
    """What the dead and these crews counted, and the master's facts."""
    counters = list(runtime.dead_counters)
    cells = {key: list(values) for key, values in runtime.dead_cells.items()}
    for crew in others:
        for ledger in living(crew):
            for number, value in enumerate(ledger.counters()):
                counters[number] += value
        cells_of(living(crew), crew.zone, cells)
    for name, value in facts(runtime).items():
        counters[NUMBER[name]] += value
    return counters, cells


def publish(runtime: Runtime, crews: list[Crew]) -> None:
    """Write into each crew's segment what its workers cannot read elsewhere."""
    for crew in crews:
        counters, cells = elsewhere(runtime, (other for other in crews if other is not crew))
        master = crew.ledgers.master
        with master.changing(_engine.fence):
            master.put_counters(counters)
            nothing = [0] * SLOT_CELLS
            for state in crew.zone.peers():
                master.put_cells(state.slot, cells.get(state.key, nothing))


def totals(runtime: Runtime, crews: list[Crew]) -> tuple[list[int], Cells]:
    """Everything that was counted."""
    counters, cells = elsewhere(runtime, crews)
    assert len(counters) == len(COUNTERS)
    return counters, cells
