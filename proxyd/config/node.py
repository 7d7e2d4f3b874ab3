"""A level of http as it is seen from inside: its own values and those that it inherits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxyd.config.parser import Statement


@dataclass(eq=False, slots=True)
class Node:
    """The values that one level sees, by directive; and where each was set."""

    values: dict[str, Any]
    where: dict[str, list[Statement]]
    digest: bytes | None = None  # of its Settings, when finished

    def first_of(self, *names: str) -> Statement | None:
        """Where the first of these directives that is set was set."""
        return next((self.where[name][0] for name in names if name in self.where), None)
