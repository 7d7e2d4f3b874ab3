"""What `proxyd status` shows, as plain values: processes, counters summed over workers, peers."""

from __future__ import annotations

import os
import time
from datetime import datetime

from proxyd import __version__
from proxyd.process import accounts
from proxyd.process.crew import Crew
from proxyd.process.fleet import Fleet
from proxyd.process.keeper import Keeper
from proxyd.process.runtime import Runtime
from proxyd.process.sockets import name_of
from proxyd.process.worker_handle import WorkerHandle
from proxyd.shared.counters import COUNTERS
from proxyd.shared.segments import peer_key

Row = dict[str, object]


def collect(runtime: Runtime, fleet: Fleet, keeper: Keeper) -> Row:
    """Everything, ready to be encoded."""
    generation, tally = runtime.generation, runtime.tally
    return {
        "version": __version__,
        "pid": os.getpid(),
        "configuration": runtime.options.conf,
        "started": _iso(runtime.started),
        "generation": generation.number,
        "activated": _iso(runtime.activated),
        "reloads": tally.reloads,
        "reloads_failed": tally.reloads_failed,
        "worker_deaths": tally.worker_deaths,
        "helper_deaths": tally.helper_deaths,
        "log_bytes_saved": tally.log_bytes_saved,
        "listen": [name_of(spec) for spec in generation.plan.sockets],
        "helper": {"pid": keeper.pid},
        "workers": [_worker(crew, one) for crew, one in fleet.workers()],
        "given_up": fleet.current.hopeless,
        "counters": _totals(runtime, fleet),
        "peers": _peers(fleet.current, generation.peers),
    }


def _iso(when: float) -> str:
    return datetime.fromtimestamp(when).astimezone().isoformat(timespec="seconds")


def _worker(crew: Crew, one: WorkerHandle) -> Row:
    state = "draining" if crew.leaving else "serving" if one.booted else "starting"
    return {
        "pid": one.pid,
        "index": one.index,
        "state": state,
        "generation": one.active,
        "seconds": round(time.monotonic() - one.started, 3),
        "turns": one.ledger.turns(),
        "counters": _named(one.ledger.counters()),
    }


def _named(values: list[int]) -> dict[str, int]:
    return {counter.name: value for counter, value in zip(COUNTERS, values, strict=True)}


def _totals(runtime: Runtime, fleet: Fleet) -> dict[str, int]:
    return _named(accounts.totals(runtime, fleet.crews)[0])


def _peers(crew: Crew, names: list[tuple[str, str]]) -> list[Row]:
    """The peers of the current configuration that a worker has used shared memory for."""
    states = {state.key: state for state in crew.zone.peers()}
    active = [sum(column) for column in zip(*(ledger.active() for ledger in crew.ledgers), strict=True)]
    rows: list[Row] = []
    for upstream, peer in names:
        row: Row = {"upstream": upstream, "peer": peer}
        state = states.get(peer_key(upstream.encode(), peer.encode()))
        if state is not None:
            row |= {"active": active[state.slot], "fails": state.fails}
        rows.append(row)
    return rows
