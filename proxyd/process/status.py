"""What `proxyd status` shows, as plain values: processes, counters summed over workers, servers, peers."""

from __future__ import annotations

import os
import time
from datetime import datetime

from proxyd import __version__
from proxyd.process import accounts, tallies
from proxyd.process.crew import Crew
from proxyd.process.fleet import Fleet
from proxyd.process.keeper import Keeper
from proxyd.process.runtime import Runtime
from proxyd.process.sockets import name_of
from proxyd.process.worker_handle import WorkerHandle
from proxyd.shared.counters import COUNTERS

Row = dict[str, object]


def collect(runtime: Runtime, fleet: Fleet, keeper: Keeper) -> Row:
    """Everything, ready to be encoded."""
    generation, tally = runtime.generation, runtime.tally
    counters, cells = accounts.totals(runtime, fleet.crews)
    totals = _named(counters)
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
        "connections": _connections(totals),
        "counters": totals,
        "servers": tallies.servers(generation.servers, cells),
        "peers": tallies.peers(fleet.crews, generation, cells),
        "zones": tallies.zones(runtime.openings.zones.values(), cells),
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


def _connections(values: dict[str, int]) -> Row:
    """As stub_status has them."""
    active = values["connections_active"] + values["tunnels_active"]
    writing, waiting = values["requests_active"], values["connections_idle"]
    reading = max(0, active - writing - waiting)
    return {
        "active": active,
        "reading": reading,
        "writing": writing,
        "waiting": waiting,
        "accepted": values["connections_accepted"],
        "handled": values["connections_handled"],
        "requests": values["requests"] + reading,
    }
