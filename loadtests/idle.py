"""Many connections that have had one answer each and then stay open without a word."""

from __future__ import annotations

import selectors
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from loadtests.processes import LoadTestError

REQUEST = b"GET /small HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n"
ADDRESSES = 16  # source addresses 127.0.1.1 and up, so that no set of ports runs out
AT_ONCE = 128
IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: choose the port at connect(), when the destination is known


@contextmanager
def connections(port: int, count: int) -> Iterator[None]:
    """Hold `count` idle keep-alive connections to `port` while the block runs."""
    held: list[socket.socket] = []
    try:
        while len(held) < count:
            held.extend(_answered(port, len(held), min(AT_ONCE, count - len(held))))
        _check_open(held)
        yield
        _check_open(held)
    finally:
        for sock in held:
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # leave no TIME_WAIT
            sock.close()


def _answered(port: int, first: int, count: int) -> list[socket.socket]:
    batch = [_connect(port, number) for number in range(first, first + count)]
    for sock in batch:
        sock.sendall(REQUEST)
    for sock in batch:
        answer = sock.recv(4096)
        while b"}" not in answer:  # the end of the backend's small JSON answer
            more = sock.recv(4096)
            if not more:
                raise LoadTestError(f"an idle connection ended early: {answer!r}")
            answer += more
        if not answer.startswith(b"HTTP/1.1 200"):
            raise LoadTestError(f"no success on an idle connection: {answer!r}")
    return batch


def _connect(port: int, number: int) -> socket.socket:
    sock = socket.socket()
    sock.settimeout(10)
    sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((f"127.0.1.{1 + number % ADDRESSES}", 0))
    sock.connect(("127.0.0.1", port))
    return sock


def _check_open(held: list[socket.socket]) -> None:
    """An idle connection that the server has closed is readable."""
    with selectors.DefaultSelector() as selector:
        for sock in held:
            selector.register(sock, selectors.EVENT_READ)
        if ended := len(selector.select(0)):
            raise LoadTestError(f"{ended} of {len(held)} idle connections were closed by the server")
