"""A client that sends exactly the given bytes and reads strictly."""

from __future__ import annotations

import os
import socket
import struct

from tests.support import jitter
from tests.support.messages import Ended, Message, Reading, Reset, Wire, start_response
from tests.support.peer import as_bytes
from tests.support.waiting import LIMIT

Address = int | tuple[str, int] | str | os.PathLike[str]


class Client:
    """One connection. The address is a port of 127.0.0.1, (host, port), or the path of a unix socket."""

    def __init__(
        self, address: Address, *, limit: float = LIMIT, receive_buffer: int | None = None, source: str = ""
    ) -> None:
        self._sock = _connected(address, limit, receive_buffer, source)
        self.wire = Wire(self._sock, limit)
        self.interim: list[Message] = []
        """1xx responses that read_response passed over"""

    @property
    def local_port(self) -> int:
        """Our own port, as a server logs it."""
        port: int = self._sock.getsockname()[1]
        return port

    def fileno(self) -> int:
        """For select and poll."""
        return self._sock.fileno()

    def widen(self) -> None:
        """No longer hold back what the server sends: the end of a small receive buffer."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    # Writing

    def send(self, data: str | bytes) -> None:
        """Send all of it."""
        jitter.pause()
        try:
            self._sock.sendall(as_bytes(data))
        except OSError as error:
            raise Reset(str(error)) from None

    def dribble(self, data: str | bytes, size: int = 1) -> None:
        """Send it in pieces of `size` bytes, each in a packet of its own as far as the kernel lets us."""
        whole = as_bytes(data)
        for at in range(0, len(whole), size):
            self.send(whole[at : at + size])

    def request(
        self, target: str = "/", *, method: str = "GET", headers: str | bytes = b"", body: str | bytes = b""
    ) -> None:
        """Send a well-formed HTTP/1.1 request; `headers` are whole lines, each with its CRLF."""
        content = as_bytes(body)
        length = b"Content-Length: %d\r\n" % len(content) if content else b""
        host = b"" if b"host:" in as_bytes(headers).lower() else b"Host: localhost\r\n"
        line = as_bytes(f"{method} {target} HTTP/1.1\r\n")
        self.send(line + host + as_bytes(headers) + length + b"\r\n" + content)

    # Reading

    def read_response(self, to: str = "GET") -> Message:
        """The next final response, strictly framed; interim ones gather in `interim`."""
        return self.start_response(to).finish()

    def start_response(self, to: str = "GET") -> Reading:
        """The head of the next final response; read the body with `piece`, `exactly` and `finish`."""
        while True:
            reading = start_response(self.wire, to.encode())
            if reading.message.status >= 200 or reading.message.status == 101:
                return reading
            self.interim.append(reading.message)

    def read_any_response(self, to: str = "GET") -> Message:
        """The next response, interim or final."""
        return start_response(self.wire, to.encode()).finish()

    def get(
        self, target: str = "/", *, method: str = "GET", headers: str = "", body: str | bytes = b""
    ) -> Message:
        """Send a request and read its response."""
        self.request(target, method=method, headers=headers, body=body)
        return self.read_response(method)

    def read_bytes(self, count: int) -> bytes:
        """Exactly `count` bytes."""
        return self.wire.exactly(count)

    def read_to_end(self) -> bytes:
        """Everything until the server closes; raises Reset when it resets instead."""
        return self.wire.rest()

    def ending(self) -> str:
        """Wait for the end of the connection: "eof" or "reset". Bytes that come before it stay in `wire`."""
        try:
            while self.wire.fill():
                pass
        except Reset:
            return "reset"
        return "eof"

    # Ends

    def half_close(self) -> None:
        """Send FIN; reading goes on."""
        jitter.pause()
        self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close so that the server gets a reset."""
        jitter.pause()
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def close(self) -> None:
        """Close."""
        jitter.pause()
        self._sock.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def fetch(
    address: Address, target: str = "/", *, method: str = "GET", headers: str = "", body: str | bytes = b""
) -> Message:
    """One request on a connection of its own."""
    with Client(address) as client:
        return client.get(target, method=method, headers=headers, body=body)


def _connected(address: Address, limit: float, receive_buffer: int | None, source: str) -> socket.socket:
    if isinstance(address, int):
        address = ("127.0.0.1", address)
    if isinstance(address, tuple):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    else:
        family, address = socket.AF_UNIX, os.fspath(address)
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(limit)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        if source:
            sock.bind((source, 0))
        jitter.pause()
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    if family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


__all__ = ["Address", "Client", "Ended", "Reset", "fetch"]
