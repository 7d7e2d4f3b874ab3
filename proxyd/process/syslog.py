"""The master's and the workers' own messages to a syslog server, in the form that the engine writes.

A key names a server and all that is to be known of it, so that it can travel as the keys of files do.
"""

from __future__ import annotations

import os
import socket
import time

import msgspec

from proxyd.config.address import UNIX
from proxyd.config.plan import Syslog

_PREFIX = "syslog:"
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6, UNIX: socket.AF_UNIX}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def key_of(syslog: Syslog) -> str:
    """The key of a server."""
    return _PREFIX + msgspec.msgpack.encode(syslog).hex()


def is_key(key: str) -> bool:
    """Whether this is the key of a syslog server, not of a file."""
    return key.startswith(_PREFIX)


class SyslogServer:
    """A server that messages are sent to, each from a socket of its own: they are rare."""

    def __init__(self, key: str) -> None:
        given = bytes.fromhex(key.removeprefix(_PREFIX))
        self._syslog = msgspec.msgpack.decode(given, type=Syslog)

    def send(self, severity: int, message: bytes) -> None:
        """Send one message without waiting; raises OSError."""
        given = self._syslog
        with socket.socket(_FAMILIES[given.family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as end:
            end.sendto(self._head(severity) + message, self._address())

    def _address(self) -> str | tuple[str, int]:
        given = self._syslog
        if given.family == UNIX:
            return os.fsdecode(given.address)
        return socket.inet_ntop(_FAMILIES[given.family], given.address), given.port

    def _head(self, severity: int) -> bytes:
        given, now = self._syslog, time.localtime()
        when = f"{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2} {time.strftime('%H:%M:%S', now)}"
        host = os.uname().nodename.lower() + " " if given.hostname else ""
        return f"<{given.facility * 8 + severity}>{when} {host}".encode() + given.tag + b": "
