"""What a directive declares about itself. One declaration gives checks, messages, inheritance, Plan field
and docs.

The declarations live in directives/, by theme. This file knows none of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from proxyd.config.shapes import Shape


class Context(enum.IntFlag):
    """Blocks in which a directive may stand."""

    MAIN = 1
    EVENTS = 2
    HTTP = 4
    SERVER = 8
    LOCATION = 16
    UPSTREAM = 32
    LIMIT_EXCEPT = 64

    def words(self) -> str:
        """As documentation shows it: "http, server"."""
        return ", ".join(part.name.lower() for part in Context if part in self and part.name)


MAIN, EVENTS, HTTP, SERVER, LOCATION, UPSTREAM, LIMIT_EXCEPT = Context
EVERYWHERE = HTTP | SERVER | LOCATION  # of http


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive in one family of contexts ("keepalive_timeout" of http and of upstream are two)."""

    name: str
    contexts: Context
    shape: Shape
    doc: str
    default: str | None = None  # as one would write it; read by the shape
    default_note: str = ""  # where the default is computed: what the docs say about it
    setting: bool = False  # its value is inherited by http, server and location, and is part of Settings
    fields: tuple[tuple[str, Any], ...] | None = None  # its Settings fields, where not (name, shape.type)
    repeats: bool = False  # may be given several times in one block; values form a list
    block: bool = False  # has { }
    group: str = ""  # with others of this name: one list, in the order of the file, inherited together
    nothing: str = ""  # accepted without effect, and why

    def settings_fields(self) -> tuple[tuple[str, Any], ...]:
        """Name and type of each field that this directive adds to Settings."""
        if not self.setting:
            return ()
        return ((self.name, self.shape.type),) if self.fields is None else self.fields
