"""Variables that the configuration makes: ``map`` and ``set``."""

from __future__ import annotations

from proxyd.config.plan.base import Piece, Regex, S


class MapEntry(S):
    key: bytes  # lower case; for wildcards without the "*": ".example.com", "www.example."
    value: list[Piece]


class MapRegex(S):
    regex: Regex
    value: list[Piece]


class Map(S):
    """A ``map`` block. Looked for: exactly, by longest leading, longest trailing wildcard, regex in order."""

    name: bytes
    source: list[Piece]
    default: list[Piece]
    hostnames: bool
    exact: list[MapEntry]
    heads: list[MapEntry]
    tails: list[MapEntry]
    regexes: list[MapRegex]
    volatile: bool
    slot: int  # what `set` gave the variable, if it did, counts instead; -1: no `set` has it


class SetVariable(S):
    """``set``: gives a variable its value, in the order of the file and before ``return``."""

    slot: int  # -1: it is a built-in one
    variable: int  # number of the built-in variable that is changed; -1: none
    value: list[Piece]
