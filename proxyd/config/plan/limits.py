"""Who may have an answer: ``limit_req``, ``limit_conn``, ``allow`` and ``deny``."""

from __future__ import annotations

from proxyd.config.plan.base import LimitZoneRef, Piece, S


class LimitZone(S):
    """A ``limit_req_zone`` or ``limit_conn_zone``, made by the master; its descriptor comes as ``key``."""

    key: bytes
    name: bytes
    source: list[Piece]
    source_text: bytes  # as written, for messages
    rate: int  # thousandths of a request per second; 0: of connections


class LimitReq(S):
    zone: LimitZoneRef
    burst: int  # thousandths of a request
    delay: int  # the same: above it requests are delayed


class LimitConn(S):
    zone: LimitZoneRef
    connections: int


SATISFY_ALL, SATISFY_ANY = 0, 1


class AccessRule(S):
    """``allow`` or ``deny``. The first one that fits decides."""

    deny: bool
    family: int  # 4, 6 or 1 for unix; 0: all
    network: bytes  # packed; the bits behind the prefix are 0
    prefix: int
