"""All crews: the one that serves, those that drain, and one that a reload is starting."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress

from proxyd.process import accounts
from proxyd.process.crew import Crew
from proxyd.process.generation import Generation
from proxyd.process.handover import Segment
from proxyd.process.runtime import Runtime
from proxyd.process.worker_handle import WorkerHandle
from proxyd.shared import layout
from proxyd.shared.cells import SLOT_CELLS
from proxyd.shared.counters import NUMBER
from proxyd.shared.segments import PeersZone

# A worker that was told when to be gone gets this much longer.
_GRACE_SECONDS = 5.0
_NOTHING = [0] * SLOT_CELLS
# While a crew drains beside the one that serves, what each counts is shown to the other so often.
_PUBLISH_SECONDS = 1.0
# Where others go on serving: how long the clients of leaving workers have to ask once more, and so to learn
# that their connection ends. Closing it at once would cross requests that are on their way.
IDLE_MS = 1000


class Fleet:
    """The crews. ``current`` serves. ``on_change(worker)``: a worker of any crew answered or died."""

    def __init__(self, runtime: Runtime, on_change: Callable[[WorkerHandle], None]) -> None:
        self.runtime = runtime
        self.on_change = on_change
        self.current = Crew(runtime, runtime.generation, on_change, self._inherit_zone())
        self.current.owns_zone = True
        self._others: list[Crew] = []
        self._publishing = False  # again in a while
        runtime.publish = self.publish
        self.publish()

    def publish(self) -> None:
        """Write for each crew what its workers cannot see; again and again while there are several crews."""
        accounts.publish(self.runtime, self.crews)
        if self._others and not self._publishing:
            self._publishing = True
            self.runtime.poller.after(_PUBLISH_SECONDS, self._publish_again)

    def _publish_again(self) -> None:
        self._publishing = False
        self.publish()

    def _inherit_zone(self) -> PeersZone | None:
        """The peers as the master before us knew them."""
        before = self.runtime.predecessor
        if before is None:
            return None
        capacity = layout.peers_capacity(before.segment_size("peers", layout.LAYOUT))
        if capacity < self.runtime.generation.peer_capacity():
            return None
        fd = before.take_segment("peers", layout.peers_size(capacity), layout.LAYOUT)
        return PeersZone(capacity, fd) if fd is not None else None

    def segments(self) -> list[Segment]:
        """The shared memory that a new master may take over."""
        zone = self.current.zone
        peers = Segment("peers", zone.fd, layout.peers_size(zone.capacity), layout.LAYOUT)
        return [peers, *self.runtime.openings.zones.values(), *self.runtime.segments.values()]

    def revive(self) -> None:
        """Workers again, of the generation that serves, where all were told to leave."""
        if not self.current.leaving:
            return
        self._others.append(self.current)
        self.current = Crew(self.runtime, self.runtime.generation, self.on_change, self.current.zone)
        self.current.start()
        self._collect()

    def recruit(self, target: Generation) -> Crew:
        """Start a crew that prepares this generation, and waits."""
        same_size = target.peer_capacity() <= self.current.zone.capacity
        crew = Crew(self.runtime, target, self.on_change, self.current.zone if same_size else None)
        crew.held = True
        self._others.append(crew)
        self.publish()
        crew.start()
        return crew

    def free_peers(self) -> int:
        """Make room in a peers Zone that is filling up: forget the peers that no configuration has any more.

        Each worker's Ledger says what its loaded configurations hold. Nobody may be loading one meanwhile,
        who could have found a record and not yet said that he holds it. Gives how many were forgotten.
        """
        zone = self.current.zone
        if self.runtime.shares_segments:
            return 0  # what another master's workers hold is not known here
        crews = [crew for crew in self.crews if crew.zone is zone]
        if any(one.loading for crew in crews for one in crew.workers.values()):
            return 0
        known = [state.slot for state in zone.peers()]
        if len(known) <= zone.capacity // 2:
            return 0
        held = [
            sum(column)
            for column in zip(*(one.held() for crew in crews for one in crew.ledgers), strict=True)
        ]
        unused = [slot for slot in known if not held[slot]]
        keys = {state.slot: state.key for state in zone.peers()}
        for slot in unused:
            for ledger in (every for crew in crews for every in (*crew.ledgers, crew.ledgers.master)):
                ledger.put_cells(slot, _NOTHING)
            self.runtime.dead_cells.pop(keys[slot], None)
            zone.free(slot)
        self.runtime.dead_counters[NUMBER["zone_evictions"]] += len(unused)
        return len(unused)

    def promote(self, crew: Crew) -> Crew:
        """From now on this crew serves; gives the one before."""
        before, self.current = self.current, crew
        self._others.remove(crew)
        self._others.append(before)
        return before

    def retire(self, crew: Crew, timeout_ms: int, idle_ms: int = IDLE_MS) -> None:
        """Let a crew finish and leave; with a timeout those that stay longer are killed."""
        crew.drain(timeout_ms, idle_ms)
        if timeout_ms:
            self.runtime.poller.after(timeout_ms / 1000 + _GRACE_SECONDS, lambda: crew.kill(signal.SIGKILL))
        self._collect()

    def dismiss(self, crew: Crew) -> None:
        """A recruited crew is not wanted after all."""
        crew.kill(signal.SIGKILL)
        self._collect()

    def on_death(self, pid: int, status: int) -> bool:
        """A child has ended. False: it was no worker."""
        if not any(crew.on_death(pid, status) for crew in (self.current, *self._others)):
            return False
        self._collect()
        self.publish()
        return True

    def _collect(self) -> None:
        """Give back what crews without workers held."""
        gone = [crew for crew in self._others if crew.leaving and crew.gone]
        for crew in gone:
            self._others.remove(crew)
            self._keep_zone(crew)
            crew.close()
        if gone and not self._others:
            self.runtime.openings.shrink(self.current.size)

    def _keep_zone(self, leaving: Crew) -> None:
        """A peers Zone that other crews use belongs to one of them now."""
        for crew in (self.current, *self._others):
            if leaving.owns_zone and crew.zone is leaving.zone:
                leaving.owns_zone, crew.owns_zone = False, True

    @property
    def crews(self) -> list[Crew]:
        """All of them, the serving one first."""
        return [self.current, *self._others]

    @property
    def gone(self) -> bool:
        """Whether no worker of any crew is left."""
        return all(crew.gone for crew in self.crews)

    def workers(self) -> Iterator[tuple[Crew, WorkerHandle]]:
        """All living workers."""
        for crew in self.crews:
            for one in crew.workers.values():
                yield crew, one

    def kill(self, number: int) -> None:
        """Send a signal to every worker; none is replaced any more."""
        for crew in self.crews:
            crew.kill(number)

    def drain(self, timeout_ms: int, idle_ms: int = 0) -> None:
        """Let every worker finish and leave."""
        for crew in self.crews:
            self.retire(crew, timeout_ms, idle_ms)

    def close(self) -> None:
        """Everybody is gone."""
        with suppress(OSError):
            for crew in self.crews:
                crew.close()
