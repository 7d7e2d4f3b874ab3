"""Ports from the kernel that nobody else can take between the choice and the use.

A reserved port is held by a socket that is bound but does not listen. On Linux another socket with
SO_REUSEADDR may then bind and listen on the same port (servers set it), while the kernel hands the port to
nobody who asks for any port, and connections to it are refused until somebody listens.
"""

from __future__ import annotations

import socket

ANY_IPV4 = "0.0.0.0"


def _bound(family: socket.AddressFamily, host: str) -> socket.socket:
    holder = socket.socket(family, socket.SOCK_STREAM)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        holder.bind((host, 0))
    except OSError:
        holder.close()
        raise
    return holder


class ReservedPort:
    """One TCP port, on every address of this machine, ours until `release`."""

    def __init__(self) -> None:
        try:
            self._holder = _bound(socket.AF_INET6, "::")
        except OSError:  # a machine without IPv6
            self._holder = _bound(socket.AF_INET, ANY_IPV4)
        self.number: int = self._holder.getsockname()[1]

    def release(self) -> None:
        """Give the port back to the kernel."""
        self._holder.close()

    def __enter__(self) -> ReservedPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class UnansweringPort:
    """A port to which nobody can connect: its accept queue is full, so the kernel drops each SYN."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.number: int = self._listener.getsockname()[1]
        self._fillers: list[socket.socket] = []
        self._fill()

    def _fill(self) -> None:
        # A queue of length 0 holds one connection; the one that gets no answer shows that it is full.
        while len(self._fillers) < 8:
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.settimeout(0.2)
            self._fillers.append(filler)
            try:
                filler.connect(("127.0.0.1", self.number))
            except TimeoutError:
                return
        raise AssertionError("the kernel accepted 8 connections into an accept queue of length 0")

    def release(self) -> None:
        """Close the listener and what filled its queue."""
        for filler in self._fillers:
            filler.close()
        self._listener.close()

    def __enter__(self) -> UnansweringPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
