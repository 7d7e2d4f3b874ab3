"""All that came out of one compile: for the engine an encoded graph of objects, for the master the rest."""

from __future__ import annotations

import msgspec

from proxyd.config.plan.base import S
from proxyd.config.plan.process import ListenSocket, OpenFile, Process, SharedZone, TempDirectory


class PlanObject(S):
    kind: str  # the Struct's name
    digest: bytes
    body: bytes  # msgpack of the Struct


class EnginePlan(S):
    """What travels to a worker. ``layout`` is the digest of all declarations: another layout is refused."""

    layout: int
    objects: list[PlanObject]


class Plan(msgspec.Struct, frozen=True):
    """All that came out of one compile."""

    process: Process
    sockets: list[ListenSocket]
    files: list[OpenFile]
    zones: list[SharedZone]
    engine: bytes  # msgpack of EnginePlan
    directories: list[TempDirectory] = []
