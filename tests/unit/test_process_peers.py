"""The peers Zone does not fill up: peers that no configuration has any more are forgotten, and no others."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxyd.process.fleet import Fleet
from proxyd.shared import layout
from proxyd.shared.cells import SLOT_CELLS
from proxyd.shared.counters import COUNTERS, NUMBER
from proxyd.shared.layout import LedgerShape
from proxyd.shared.segments import Ledger, Ledgers, PeersZone

CAPACITY = 64


class PartOfCrew(list[Ledger]):
    """Some Ledgers of a segment, and the master's."""

    def __init__(self, ledgers: list[Ledger], master: Ledger) -> None:
        super().__init__(ledgers)
        self.master = master


class World:
    """A zone, two Ledgers, and a fleet that has nothing else."""

    def __init__(self) -> None:
        self.zone = PeersZone(CAPACITY)
        self.segment = Ledgers(LedgerShape(CAPACITY, 4096), 2)
        self.ledgers = list(self.segment)
        self.workers = [SimpleNamespace(loading=False) for _ in range(2)]
        self.counters = [0] * len(COUNTERS)
        self.fleet = Fleet.__new__(Fleet)
        self.fleet.runtime = cast(
            Any, SimpleNamespace(dead_counters=self.counters, dead_cells={}, shares_segments=False)
        )
        self.fleet._others = []
        self.fleet.current = cast(Any, self.crew(self.ledgers, self.workers))

    def crew(self, ledgers: list[Ledger], workers: list[SimpleNamespace]) -> SimpleNamespace:
        """Part of a crew."""
        return SimpleNamespace(
            zone=self.zone, ledgers=PartOfCrew(ledgers, self.segment.master), workers=dict(enumerate(workers))
        )

    def fill(self, count: int) -> None:
        """Write keys into the first slots, as workers do."""
        for slot in range(count):
            at = layout.PEERS_HEADER.size + slot * layout.PEER_RECORD.size
            self.zone._memory[at : at + 16] = bytes([slot + 1] * 16)

    def hold(self, ledger: Ledger, slot: int) -> None:
        """Say that a loaded Upstream refers to the slot."""
        struct.pack_into("<I", ledger._memory, ledger._start + ledger.shape.held_offset + 4 * slot, 1)

    def known(self) -> list[int]:
        """The slots in use."""
        return [state.slot for state in self.zone.peers()]


@pytest.fixture
def world() -> Iterator[World]:
    """Shared memory, given back at the end."""
    made = World()
    yield made
    made.zone.close()
    made.segment.close()


def test_peers_that_no_worker_holds_are_forgotten_when_more_than_half_is_full(world: World) -> None:
    world.fill(40)
    world.hold(world.ledgers[0], 3)
    world.hold(world.ledgers[1], 39)
    world.ledgers[0].put_cells(3, range(SLOT_CELLS))
    world.ledgers[1].put_cells(4, range(SLOT_CELLS))
    assert world.fleet.free_peers() == 38
    assert sum(world.ledgers[0].cells(3)) and not any(world.ledgers[1].cells(4))  # nothing for the next one
    assert world.known() == [3, 39]
    assert world.counters[NUMBER["zone_evictions"]] == 38


def test_a_zone_with_room_keeps_what_it_knows(world: World) -> None:
    world.fill(32)
    assert world.fleet.free_peers() == 0
    assert len(world.known()) == 32


def test_nothing_is_forgotten_while_a_worker_may_be_taking_it(world: World) -> None:
    world.fill(40)
    world.workers[1].loading = True
    assert world.fleet.free_peers() == 0
    assert len(world.known()) == 40


def test_what_a_draining_crew_holds_is_kept(world: World) -> None:
    world.fill(40)
    world.hold(world.ledgers[1], 7)
    world.fleet.current = cast(Any, world.crew(world.ledgers[:1], []))
    world.fleet._others = [cast(Any, world.crew(world.ledgers[1:], []))]
    world.fleet.free_peers()
    assert world.known() == [7]


def test_nothing_is_forgotten_while_another_master_uses_the_zone(world: World) -> None:
    world.fill(40)
    world.fleet.runtime.shares_segments = True
    assert world.fleet.free_peers() == 0
    assert len(world.known()) == 40
