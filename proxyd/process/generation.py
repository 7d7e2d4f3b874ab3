"""A Generation as the master sees it: a plan with its number, ready to be offered to workers."""

from __future__ import annotations

import os
from dataclasses import dataclass

import msgspec

from proxyd.config.plan import Plan
from proxyd.process.channel import sealed_memfd
from proxyd.process.compiling import CompileResult
from proxyd.process.known import KnownPeer
from proxyd.process.privileges import Identity
from proxyd.shared.layout import PAGE, PEERS_MAX, LedgerShape, round_up

_SLAB_BYTES_LEAST = 256 * 1024
_PEERS_LEAST = 1024


@dataclass(frozen=True)
class Generation:
    """``plan.engine`` is empty here: its bytes are in the memfd, which workers get."""

    number: int
    plan: Plan
    plan_fd: int
    peers: list[KnownPeer]
    servers: list[tuple[str, str]]
    error_logs: list[tuple[str, int]]
    identity: Identity | None

    @classmethod
    def make(cls, number: int, result: CompileResult, identity: Identity | None) -> Generation:
        """From what the compiler gave; it has a plan."""
        plan = result.plan
        assert plan is not None
        plan_fd = sealed_memfd(f"proxyd-plan-{number}", plan.engine)
        return cls(
            number,
            msgspec.structs.replace(plan, engine=b""),
            plan_fd,
            result.peers,
            result.servers,
            result.error_logs,
            identity,
        )

    def close(self) -> None:
        """It will not be offered any more."""
        os.close(self.plan_fd)

    @property
    def keys(self) -> set[str]:
        """The keys of the descriptors that it needs."""
        plan = self.plan
        keys = {spec.key for spec in plan.sockets} | {file.key for file in plan.files}
        return keys | {zone.key for zone in plan.zones}

    @property
    def log_bytes(self) -> int:
        """What its logs may take of a Ledger's slab: those without a buffer take nothing."""
        return self.plan.process.log_buffer_bytes

    def ledger_shape(self, peer_capacity: int | None = None) -> LedgerShape:
        """A Ledger with room for this generation, and beside it for the next one while both live.

        ``peer_capacity``: that of the peers Zone, where there is one already.
        """
        slab = max(_SLAB_BYTES_LEAST, 3 * self.log_bytes)
        return LedgerShape(peer_capacity or self.peer_capacity(), round_up(slab, PAGE))

    def peer_capacity(self) -> int:
        """Records for its peers, and for those of the next reloads; a power of two."""
        wanted = max(_PEERS_LEAST, 2 * self.plan.process.peers)
        return min(PEERS_MAX, 1 << (wanted - 1).bit_length())

    def needs_new_processes(self, before: Generation, shape: LedgerShape) -> str | None:
        """Why living workers with Ledgers of this shape cannot become this generation; None: they can."""
        old, new = before.plan.process, self.plan.process
        if self.identity != before.identity:
            return "user"
        if new.worker_processes != old.worker_processes:
            return "worker_processes"
        if new.worker_rlimit_nofile != old.worker_rlimit_nofile:
            return "worker_rlimit_nofile"
        for name in ("cpu_affinity", "priority", "rlimit_core", "working_directory", "env"):
            if getattr(new, name) != getattr(old, name):
                return name if name in ("working_directory", "env") else f"worker_{name}"
        if new.transparent != old.transparent:
            return "proxy_bind transparent"
        if self.log_bytes + before.log_bytes > shape.slab_bytes:
            return "access_log buffers"
        if old.peers + new.peers > shape.peer_capacity and shape.peer_capacity < PEERS_MAX:
            return "number of upstream servers"
        if new.worker_processes > 1 and (self._reuseport() - before._reuseport()) & before.keys:
            return "reuseport"
        return None

    def _reuseport(self) -> set[str]:
        return {spec.key for spec in self.plan.sockets if spec.reuseport}
