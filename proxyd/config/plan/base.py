"""The parts that all of a Plan is made of: references, texts with variables, patterns."""

from __future__ import annotations

from typing import Annotated

import msgspec

DIGEST_BYTES = 16


class RefTo(msgspec.Struct, frozen=True):
    """Annotation: these 16 bytes are the digest of an object of the named kind."""

    kind: str


class S(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Base of everything that the engine reads: positional."""


SettingsRef = Annotated[bytes, RefTo("Settings")]
ServerRef = Annotated[bytes, RefTo("Server")]
ListenRef = Annotated[bytes, RefTo("Listen")]
UpstreamRef = Annotated[bytes, RefTo("Upstream")]
MapRef = Annotated[bytes, RefTo("Map")]
TypesRef = Annotated[bytes, RefTo("Types")]
LogFileRef = Annotated[bytes, RefTo("LogFile")]
LogCacheRef = Annotated[bytes, RefTo("LogCache")]
LimitZoneRef = Annotated[bytes, RefTo("LimitZone")]


class Piece(S):
    """One part of a template: literal text, a built-in variable, a map's result, or a slot."""

    # The literal; the argument of a prefix variable: "x_forwarded_for" of $http_x_forwarded_for; or the name
    # of a variable that `set` makes.
    text: bytes = b""
    variable: int = -1  # number of the built-in variable (variables.py); -1: not one
    map: MapRef | None = None  # the result of this map
    slot: int = -1  # a value kept per request, by number: named captures and `set`; -1: not one
    capture: int = -1  # $1..$9 of the last regular expression that matched; -1: not one


Template = list[Piece]


class Words(S):
    """One text of several."""

    value: list[Piece]


class Regex(S):
    """A PCRE2 pattern; named groups are copied to slots after a match."""

    pattern: bytes
    caseless: bool
    groups: list[RegexGroup]


class RegexGroup(S):
    number: int  # of the capture group in the pattern
    slot: int


class Buffers(S):
    """A number of buffers and the bytes of each."""

    number: int
    size: int
