"""Files as answers: where they lie, their types, how long they are fresh; and pages for errors."""

from __future__ import annotations

from proxyd.config.plan.base import Piece, S


class TypeEntry(S):
    extension: bytes  # lower case, without the dot
    type: bytes


class Types(S):
    """A ``types`` block, after inheritance."""

    entries: list[TypeEntry]


# How much of a request's path is replaced by an alias, where that is no number of bytes.
ALIAS_NONE, ALIAS_WHOLE = -1, -2


class DocumentRoot(S):
    """``root`` or ``alias``: what stands in front of a request's path in the name of a file."""

    path: list[Piece]
    prefix: bytes  # stands in front of the path if that turns out to be relative; empty: it is absolute
    alias: int  # ALIAS_NONE: a root; ALIAS_WHOLE: path is all of the name; else the bytes that path replaces


SYMLINKS_FOLLOWED, SYMLINKS_REFUSED, SYMLINKS_OF_OWNER = 0, 1, 2


class DisableSymlinks(S):
    """``disable_symlinks``."""

    rule: int  # SYMLINKS_*
    start: list[Piece]  # from=: what of a name is taken as it is


class IndexFile(S):
    """A name of ``index``."""

    name: list[Piece]


class TryFile(S):
    name: list[Piece]
    directory: bool  # a directory is looked for


class TryFiles(S):
    """``try_files``: names, and what happens if none of them is there."""

    files: list[TryFile]
    fallback: list[Piece]  # a path or @name
    code: int  # or this status; -1: none


IF_MODIFIED_SINCE_OFF, IF_MODIFIED_SINCE_EXACT, IF_MODIFIED_SINCE_BEFORE = 0, 1, 2
EXPIRES_OFF, EXPIRES_ACCESS, EXPIRES_MODIFIED, EXPIRES_DAILY, EXPIRES_EPOCH, EXPIRES_MAX = 0, 1, 2, 3, 4, 5
EXPIRES_VARIABLE = 6


class Expires(S):
    """``expires``."""

    kind: int  # EXPIRES_*; EXPIRES_VARIABLE: value says so
    seconds: int  # may be negative
    modified: bool  # counted from the file's time
    value: list[Piece]


class ErrorPage(S):
    """``error_page``: what answers in place of these statuses."""

    statuses: list[int]
    overwrite: int  # the status of the answer; 0: the answer's own; -1: the error's
    uri: list[Piece]  # a path, @name, or a URL
