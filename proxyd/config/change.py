"""One difference between two configurations, as compare.py finds it and `proxyd reload` tells it."""

from __future__ import annotations

import msgspec


class Change(msgspec.Struct, frozen=True):
    """One thing that is not what it was."""

    what: str  # "added", "removed", "changed"
    kind: str  # "server", "upstream", "map", "zone", "listen"
    name: str
    details: list[str] = []  # what inside of it: "location /api/ added"
