"""A crowd of clients that cost patience: idle ones, and ones that send and read drop by drop.

It lives in a process of its own, with the backend of its large answers, so that it takes no time from whoever
measures beside it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import socket
from multiprocessing.connection import Connection as Pipe
from types import TracebackType

from tests.support.peer import Connection, Peer
from tests.support.waiting import LIMIT

TICK_SECONDS = 0.2
LARGE = b"x" * 4_000_000
SMALL_BUFFER = 8192

CONFIG = """
    keepalive_requests 1000000; client_max_body_size 10m;
    client_header_timeout 1h; client_body_timeout 1h; send_timeout 1h; keepalive_timeout 1h;
    server {
        listen 127.0.0.1:{port0} backlog=4096;
        location / { return 200 here; }
        location /small { proxy_pass http://{backend0}; }
        location /large { proxy_pass http://{backend1}; }
        location /post { proxy_pass http://{backend0}; }
    }
"""
EVENTS = "worker_connections 8192;"
MAIN = "worker_rlimit_nofile 8192;"


def allow_descriptors(count: int) -> None:
    """Let this process, and what it starts, have so many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard) if hard > 0 else count, hard))


class Crowd:
    """`with Crowd(idle, slow) as crowd: crowd.come(port)`; its backend is up before the server is."""

    def __init__(self, idle: int, slow: int) -> None:
        self._ours, theirs = multiprocessing.get_context("fork").Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_live, args=(theirs, idle, slow), daemon=True
        )

    def __enter__(self) -> Crowd:
        self._process.start()
        self.backend = str(self._hear())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._ours.send("leave")
        self._process.join(30)
        if self._process.is_alive():
            self._process.kill()

    def come(self, port: int) -> None:
        """Connect; returns when all of them are there."""
        self._ours.send(port)
        assert self._hear() == "there"

    def leave(self) -> dict[str, int]:
        """Go; gives what became of them: idle ones that still were answered, drops that slow ones moved."""
        self._ours.send("leave")
        found = self._hear()
        assert isinstance(found, dict)
        return found

    def _hear(self) -> object:
        assert self._ours.poll(120), "the crowd says nothing"
        return self._ours.recv()


def _large(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
    connection.receive_to_end()


def _live(pipe: Pipe, idle: int, slow: int) -> None:
    with Peer(_large, tolerant=True) as peer:
        pipe.send(peer.address)
        port = pipe.recv()
        sitting = [_greeted(port) for _ in range(idle)]
        heads = [_begun(port, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ") for _ in range(slow // 3)]
        bodies = [
            _begun(port, b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 20_000)
            for _ in range(slow // 3)
        ]
        readers = [
            _begun(port, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(slow - 2 * (slow // 3))
        ]
        pipe.send("there")
        moved = {"sent": 0, "read": 0}
        while not pipe.poll(TICK_SECONDS):
            _drop(heads + bodies, readers, moved)
        pipe.recv()
        answered = sum(_ask(one) for one in sitting[:: max(1, idle // 200)])
        pipe.send({**moved, "answered": answered, "asked": len(sitting[:: max(1, idle // 200)])})
        for one in (*sitting, *heads, *bodies, *readers):
            one.close()


def _drop(senders: list[socket.socket], readers: list[socket.socket], moved: dict[str, int]) -> None:
    for one in senders:
        with contextlib.suppress(OSError):
            moved["sent"] += one.send(b"y")
    for one in readers:
        with contextlib.suppress(OSError):
            moved["read"] += len(one.recv(1000))


def _connected(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    sock.settimeout(LIMIT)
    sock.connect(("127.0.0.1", port))
    return sock


def _ask(sock: socket.socket) -> bool:
    try:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return sock.recv(1000).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _greeted(port: int) -> socket.socket:
    sock = _connected(port)
    assert _ask(sock)
    return sock


def _begun(port: int, what: bytes) -> socket.socket:
    sock = _connected(port)
    sock.sendall(what)
    sock.setblocking(False)
    return sock
