"""What the master keeps of a compiled configuration to give names to what shared memory has by digest."""

from __future__ import annotations

import msgspec


class KnownPeer(msgspec.Struct, frozen=True):
    """A peer of an upstream, and what decides whether it is asked."""

    upstream: str
    peer: str
    max_fails: int
    fail_timeout_ms: int
    down: bool
    backup: bool
