"""Logs: where lines go, and what stands in them."""

from __future__ import annotations

from proxyd.config.plan.base import LogFileRef, Piece, S


class Syslog(S):
    """A syslog server and how its lines begin."""

    address: bytes  # 4 or 16 bytes of IP, or a unix path
    family: int  # 4, 6, or 1 for unix
    port: int
    facility: int
    severity: int  # of lines that have no level of their own
    tag: bytes
    hostname: bool  # the name of this machine stands in each line


class LogFile(S):
    """A file that log lines go to. The master opens it; its descriptor arrives under ``log:<path>``."""

    path: bytes
    buffer: int  # bytes gathered before a write; 0: written at the end of the loop turn
    flush: int  # longest time that a line stays in the buffer; 0: no limit
    gzip: int  # level at which each buffer is compressed; 0: not
    syslog: Syslog | None  # then there is no file, and no descriptor arrives


class LogCache(S):
    """``open_log_file_cache``: descriptors of logs whose path has variables, kept open by each worker."""

    most: int
    inactive: int
    valid: int  # how long a descriptor is used before its path is looked at again
    min_uses: int


ESCAPE_DEFAULT, ESCAPE_JSON, ESCAPE_NONE = 0, 1, 2


class AccessLog(S):
    file: LogFileRef | None  # None: path says which, for each request
    path: list[Piece]
    tests_root: bool  # with a path: no line unless the root (or alias) of the request is a directory
    format: list[Piece]
    escape: int  # ESCAPE_*
    condition: list[Piece] | None  # ``if=``: no line when this is empty or "0"


class ErrorLog(S):
    file: LogFileRef
    level: int  # 1 emerg, 2 alert, 3 crit, 4 error, 5 warn, 6 notice, 7 info, 8 debug
