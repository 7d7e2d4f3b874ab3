"""Ports from the kernel that nobody else can take between the choice and the use.

A reserved port is held by a socket that is bound but does not listen. On Linux another socket with
SO_REUSEADDR may then bind and listen on the same port (servers set it), while the kernel hands the port to
nobody who asks for any port, and connections to it are refused until somebody listens.
"""

from __future__ import annotations

import socket
import struct

from tests.support.waiting import wait_until

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
        # A queue of length 0 holds one connection.
        self._filler = socket.create_connection(("127.0.0.1", self.number))
        wait_until(self._is_full, "a full accept queue")

    def _is_full(self) -> bool:
        info = self._listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        waiting, most = struct.unpack_from("II", info, 24)  # tcpi_unacked and tcpi_sacked, of a listener
        return bool(waiting > most)

    def release(self) -> None:
        """Close the listener and what filled its queue."""
        self._filler.close()
        self._listener.close()

    def __enter__(self) -> UnansweringPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
