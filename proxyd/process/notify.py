"""Telling systemd (sd_notify(3)): that we serve, reload, stop, who the main process is, that we are alive.

Silent where NOTIFY_SOCKET is not set. The environment stays as it is: a new master inherits it.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

from proxyd.process.poller import Poller


class Notifier:
    """Writes datagrams to the service manager."""

    def __init__(self, poller: Poller) -> None:
        path = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._poller = poller
        self._main = True

    def ready(self, generation: int) -> None:
        """We serve (again, after a reload)."""
        self._main = True
        self._send("READY=1", f"MAINPID={os.getpid()}", f"STATUS=serving, generation {generation}")

    def reloading(self) -> None:
        """A reload begins; READY=1 ends it."""
        now = f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"
        self._send("RELOADING=1", now, "STATUS=reading the configuration")

    def stopping(self) -> None:
        """We stop."""
        self._send("STOPPING=1", "STATUS=finishing the requests that run")

    def ended(self) -> None:
        """What was said last shall not stand behind a service that is no more."""
        self._send("STATUS=")

    def main_process(self, pid: int) -> None:
        """Another process is the main one from now on: the new master after an upgrade.

        Whether that one hangs is not for us to say any more, however long our last requests take.
        """
        self._main = False
        self._send(f"MAINPID={pid}")

    def watch(self) -> None:
        """Say twice per WATCHDOG_USEC that the loop turns, if that is asked for."""
        try:
            seconds = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
        except ValueError:
            return
        if seconds > 0 and self._address:
            self._alive(seconds)

    def _alive(self, seconds: float) -> None:
        if self._main:
            self._send("WATCHDOG=1")
        self._poller.after(seconds, lambda: self._alive(seconds))

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.setblocking(False)
            end.sendto("\n".join(lines).encode(), self._address)
