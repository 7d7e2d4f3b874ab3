"""What the parts of the master share: where things are open, what is served now, what the dead counted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from proxyd.process import history
from proxyd.process.errorlog import ErrorLog
from proxyd.process.generation import Generation
from proxyd.process.handover import Predecessor, Segment
from proxyd.process.history import KeptFile
from proxyd.process.openings import Openings
from proxyd.process.options import Options
from proxyd.process.poller import Poller
from proxyd.process.program import Program, this_program
from proxyd.shared.counters import COUNTERS
from proxyd.shared.segments import Ledger, PeersZone

# How long a worker may take to answer: to prepare, to activate, to boot. Tests say it in a file, which they
# change: a second is too little for all that must answer, and too much to wait for one that will not.
ANSWER_SECONDS = 10.0


@dataclass
class Tally:
    """What happened to processes since the master started."""

    worker_deaths: int = 0  # not asked for
    helper_deaths: int = 0
    reloads: int = 0
    reloads_failed: int = 0
    log_bytes_saved: int = 0  # written from the Ledgers of the dead


@dataclass
class Runtime:
    """The master's state. One instance, handed to all its parts."""

    options: Options
    log: ErrorLog
    poller: Poller
    openings: Openings
    generation: Generation  # the one that serves
    program: Program = field(default_factory=this_program)  # what an upgrade runs
    tally: Tally = field(default_factory=Tally)
    dead_counters: list[int] = field(default_factory=lambda: [0] * len(COUNTERS))
    dead_cells: dict[bytes, list[int]] = field(default_factory=dict)  # by key of the record in the peers Zone
    started: float = field(default_factory=time.time)
    activated: float = field(default_factory=time.time)

    predecessor: Predecessor | None = None  # the master that handed over to us
    segments: dict[str, Segment] = field(default_factory=dict)  # by key: what a new master may take over
    shares_segments: bool = False  # with another master

    sources: list[KeptFile] = field(default_factory=list)  # of the generation, until the history has them
    publish: Callable[[], None] = lambda: None  # the fleet's: what the master counts has changed
    numbers: int = 1  # the last number given to a generation

    @property
    def answer_seconds(self) -> float:
        """How long a worker may take to answer from now on."""
        try:
            return float(Path(os.environ["PROXYD_ANSWER_SECONDS"]).read_text())
        except (KeyError, OSError, ValueError):
            return ANSWER_SECONDS

    def next_number(self) -> int:
        """A number for a new generation."""
        self.numbers += 1
        return self.numbers

    def serve(self, generation: Generation) -> None:
        """Record what is served from now on; its sockets and logs are open."""
        self.generation = generation
        self.activated = time.time()
        self.use_log()
        self.publish()

    def remember(self, note: str) -> None:
        """Add what serves now to the history. Where that cannot be written, the log says so."""
        sources, self.sources = self.sources, []
        try:
            history.remember(history.folder_of(self.options), self.options.conf, sources, note)
        except history.HistoryError as error:
            self.log.warn(f"this configuration is not in the history: {error}")

    def use_log(self) -> None:
        """Write our own messages where the configuration says (again: the file may have been reopened)."""
        self.log.use(self.openings.sinks(self.generation.error_logs))

    def environment(self) -> dict[str, str]:
        """What the configuration adds to the environment of workers and of a new master."""
        given = (entry.partition("=") for entry in self.generation.plan.process.env)
        return {name: value for name, equals, value in given if equals}

    def bury(self, ledger: Ledger, zone: PeersZone) -> None:
        """Keep what a dead worker counted. Gauges died with it."""
        counters = ledger.counters()
        for number, counter in enumerate(COUNTERS):
            if counter.kind == "counter":
                self.dead_counters[number] += counters[number]
        for state in zone.peers():
            values = ledger.cells(state.slot)
            if any(values):
                kept = self.dead_cells.setdefault(state.key, [0] * len(values))
                for number, value in enumerate(values):
                    kept[number] += value
