"""The scripted peer: a backend that does what a test says, and remembers all it saw.

    def dies_midway(connection):
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        connection.reset()

    with Peer(dies_midway) as peer:
        ...
        peer.wait_for_requests(1)
        assert peer.requests[0].target == b"/"

A script is a function that runs on a thread of its own for each connection. It ends when it returns (the
connection is then closed), or quietly when the other side goes away. Whatever else it raises fails the test
in `Peer.close`. Without a script the peer answers each request politely (`answering`). Everything the peer
reads is read strictly; what is malformed is kept in `Connection.malformed` and fails the test too, unless
the peer was made with `tolerant=True`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from tests.support import jitter
from tests.support.messages import Ended, Malformed, Message, Reading, Reset, Wire, start_request
from tests.support.waiting import LIMIT, NeverHappened, wait_until

T = TypeVar("T")
Script = Callable[["Connection"], None]

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Gone(Exception):
    """The other side ended the connection where a script would have gone on. Ends the script quietly."""


def as_bytes(text: str | bytes) -> bytes:
    """Bytes stay as they are; text becomes Latin-1, byte for byte."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def response(
    body: str | bytes = b"",
    status: str = "200 OK",
    headers: Iterable[tuple[str, str]] = (),
    *,
    chunked: bool = False,
    head_only: bool = False,
) -> bytes:
    """The bytes of a well-framed response."""
    content = as_bytes(body)
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if content else b"0\r\n\r\n"
    elif status[:3] not in ("204", "304"):
        lines.append(f"Content-Length: {len(content)}")
    head = as_bytes("\r\n".join(lines) + "\r\n\r\n")
    return head if head_only else head + content


class Connection:
    """One connection that the peer accepted."""

    def __init__(self, peer: Peer, sock: socket.socket, number: int) -> None:
        self.peer = peer
        self.number = number
        """1 for the first connection of this peer"""
        self.requests: list[Message] = []
        """requests whose head has been read; `whole` tells whether the body has"""
        self.malformed: str | None = None
        self.raw_reads: list[bytes] = []
        """what receive_bytes and receive_to_end returned"""
        self.script_over = False
        self.we_closed = False
        self._sock = sock
        self._reading: Reading | None = None
        self._wire = Wire(sock, limit=None)
        self._wire.on_received = peer.something_happened
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) if sock.family != socket.AF_UNIX else None

    # What was seen

    @property
    def received(self) -> bytes:
        """Every byte that this connection brought and that somebody has read."""
        return bytes(self._wire.received)

    @property
    def ended(self) -> str | None:
        """How the other side ended: "eof", "reset", or None as long as it has not, as far as read."""
        if self._wire.was_reset:
            return "reset"
        return "eof" if self._wire.at_end else None

    # Reading

    def receive(self) -> Message:
        """One whole request."""
        self.receive_head()
        return self.receive_body()

    def receive_head(self) -> Message:
        """The head of the next request; its body stays unread."""
        reading = self._strictly(lambda: start_request(self._wire))
        if reading is None:
            raise Gone
        self._reading = reading
        self.requests.append(reading.message)
        self.peer.requests.append(reading.message)
        self.peer.something_happened()
        return reading.message

    def receive_body(self) -> Message:
        """The rest of the request whose head was read last."""
        reading = self._reading
        assert reading is not None, "receive_body without receive_head"
        message = self._strictly(reading.finish)
        self.peer.something_happened()
        return message

    def receive_piece(self, count: int) -> bytes:
        """The next `count` bytes of the body, decoded, of the request whose head was read last."""
        reading = self._reading
        assert reading is not None, "receive_piece without receive_head"
        return self._strictly(lambda: reading.exactly(count))

    def stream_body(self) -> Iterator[bytes]:
        """The rest of the body whose head was read last, in pieces of which nothing is kept."""
        reading = self._reading
        assert reading is not None, "stream_body without receive_head"
        pieces = reading.stream()
        while piece := self._strictly(lambda: next(pieces, b"")):
            yield piece

    def receive_bytes(self, count: int) -> bytes:
        """Exactly `count` bytes, whatever they are: for tunnels."""
        self.raw_reads.append(self._strictly(lambda: self._wire.exactly(count)))
        return self.raw_reads[-1]

    def receive_some(self, most: int = 65536) -> bytes:
        """What has come, whatever it is: at least one byte, empty at the end. Nothing of it is remembered."""
        taken = self._strictly(lambda: self._wire.some(most))
        self._wire.forget()
        return taken

    def receive_to_end(self) -> bytes:
        """All bytes until the other side closes."""
        self.raw_reads.append(self._strictly(self._wire.rest))
        self.peer.something_happened()
        return self.raw_reads[-1]

    def _strictly(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (Ended, Reset):
            raise Gone from None
        except Malformed as error:
            self.malformed = str(error)
            raise Gone from None

    # Writing

    def send(self, data: str | bytes) -> None:
        """Send all of it."""
        jitter.pause()
        try:
            self._sock.sendall(as_bytes(data))
        except OSError:
            self._wire.was_reset = True
            raise Gone from None

    def dribble(self, data: str | bytes, size: int = 1) -> None:
        """Send it in pieces of `size` bytes, each in a packet of its own as far as the kernel lets us."""
        whole = as_bytes(data)
        for at in range(0, len(whole), size):
            self.send(whole[at : at + size])

    def respond(
        self,
        body: str | bytes = b"",
        status: str = "200 OK",
        headers: Iterable[tuple[str, str]] = (),
        *,
        chunked: bool = False,
    ) -> None:
        """Answer the request that was received last, well framed, also when it was HEAD."""
        to_head = bool(self.requests) and self.requests[-1].method == b"HEAD"
        self.send(response(body, status, headers, chunked=chunked, head_only=to_head))

    # Turns of the dialogue

    def tell(self, label: str) -> None:
        """Let everybody who waits for `label` go on."""
        self.peer.tell(label)

    def wait_for(self, label: str) -> None:
        """Go on only when somebody has told `label`."""
        self.peer.wait_for_label(label)

    def stall(self) -> None:
        """Do nothing, reading nothing, until the test closes the peer or tells "go on"."""
        self.peer.wait_for_label("go on", limit=None)

    # Ends

    def half_close(self) -> None:
        """Send FIN; reading goes on."""
        jitter.pause()
        self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close as a program that ends does."""
        jitter.pause()
        self.we_closed = True
        self._sock.close()

    def reset(self) -> None:
        """Close so that the other side gets a reset."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.close()

    def abandon(self) -> None:
        """Wake whatever the script waits for on this socket; used when the peer is closed."""
        with contextlib.suppress(OSError):  # it was closed already
            self._sock.shutdown(socket.SHUT_RDWR)


def answering(
    body: str | bytes | Callable[[Message], str | bytes] = b"hello\n",
    status: str = "200 OK",
    headers: Sequence[tuple[str, str]] = (("Content-Type", "text/plain"),),
) -> Script:
    """A script: answer each request the same way, keeping the connection as HTTP/1 says."""

    def script(connection: Connection) -> None:
        while True:
            request = connection.receive()
            ends = [("Connection", "close")] if request.says_close else []
            content = body(request) if callable(body) else body
            connection.respond(content, status, [*headers, *ends])
            if request.says_close:
                return

    return script


def echo() -> Script:
    """A script: answer each request with the very bytes of the request."""
    return answering(lambda request: request.raw)


class Peer:
    """A listening backend. Give one script for all connections, or one for each (the last one repeats)."""

    def __init__(
        self,
        *scripts: Script,
        host: str = "127.0.0.1",
        path: str | os.PathLike[str] | None = None,
        tolerant: bool = False,
    ) -> None:
        self.connections: list[Connection] = []
        self.requests: list[Message] = []
        """requests of all connections, in the order in which their heads were read"""
        self.tolerant = tolerant
        self._scripts = scripts or (answering(),)
        self._changed = threading.Condition()
        self._labels: set[str] = set()
        self._closing = False
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(1)
        self._path = os.fspath(path) if path is not None else None
        self._host = host
        self._holder = None if self._path else self._bind()
        self.port: int = self._holder.getsockname()[1] if self._holder else 0
        self._listener: socket.socket | None = None
        self.listen()

    # Addresses

    @property
    def address(self) -> str:
        """As it is written in a configuration: host:port, [host]:port or unix:path."""
        if self._path:
            return f"unix:{self._path}"
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    def _bind(self, port: int = 0) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((self._host, port))
        return bound

    def listen(self) -> None:
        """Accept connections (again, after `stop_listening`), on the same address."""
        if self._path:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(self._path)
            os.chmod(self._path, 0o777)
        else:
            listener = self._bind(self.port)
        listener.listen(4096)
        self._listener = listener
        self._start(self._accept, listener)

    def stop_listening(self) -> None:
        """Refuse new connections from now on; the port stays ours."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        listener.close()
        if self._path:
            os.unlink(self._path)

    def crash(self) -> None:
        """End as a killed process does: nobody listens any more, every connection is closed by the kernel."""
        self.stop_listening()
        for connection in list(self.connections):
            connection.abandon()

    # What was seen

    @property
    def malformed(self) -> list[str]:
        """What strict reading refused."""
        return [connection.malformed for connection in list(self.connections) if connection.malformed]

    def wait_until(self, question: Callable[[], T | None], what: str, limit: float | None = LIMIT) -> T:
        """Wait until something that this peer sees makes `question` true."""
        with self._changed:
            end = None if limit is None else time.monotonic() + limit
            while True:
                answer = question()
                if answer:
                    return answer
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise NeverHappened(
                        f"waited {limit} s in vain for {what} at {self.address}; {self._seen()}"
                    )
                self._changed.wait(left)

    def wait_for_requests(self, count: int) -> list[Message]:
        """Wait until `count` whole requests have come; returns all of them."""
        self.wait_until(lambda: sum(r.whole for r in self.requests) >= count, f"{count} requests")
        return self.requests

    def wait_for_connections(self, count: int) -> list[Connection]:
        """Wait until `count` connections have come; returns all of them."""
        self.wait_until(lambda: len(self.connections) >= count, f"{count} connections")
        return list(self.connections)

    def wait_for_end(self, number: int) -> str:
        """Wait until the other side ends connection `number`, while its script reads: "eof" or "reset"."""
        self.wait_for_connections(number)
        return self.wait_until(lambda: self.connections[number - 1].ended, f"the end of connection {number}")

    def _seen(self) -> str:
        lines = [f"{c.number}: {[r.start_line for r in c.requests]} {c.malformed}" for c in self.connections]
        return f"seen so far: {lines}"

    # Turns of the dialogue

    def tell(self, label: str) -> None:
        """Let everybody who waits for `label` go on."""
        with self._changed:
            self._labels.add(label)
            self._changed.notify_all()

    def go_on(self) -> None:
        """End every stall."""
        self.tell("go on")

    def wait_for_label(self, label: str, limit: float | None = LIMIT) -> None:
        """Go on only when somebody has told `label`. Ends a script quietly when the peer is closed."""
        self.wait_until(lambda: label in self._labels or self._closing, f"the label {label!r}", limit)
        if self._closing and label not in self._labels:
            raise Gone

    def something_happened(self) -> None:
        """Called by connections."""
        with self._changed:
            self._changed.notify_all()

    # Threads

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # stop_listening
            jitter.pause()
            connection = Connection(self, sock, next(self._numbers))
            with self._changed:
                self.connections.append(connection)
                self._changed.notify_all()
                late = self._closing
            if late:
                connection.abandon()
            self._start(self._follow, connection)

    def _accept_the_rest(self) -> None:
        """Wait until nobody stands in the queue; shutting the listener down would turn them away."""
        if listener := self._listener:
            wait_until(lambda: not select.select([listener], [], [], 0)[0], f"{self.address} to accept")

    def _follow(self, connection: Connection) -> None:
        jitter.pause()
        script = self._scripts[min(connection.number, len(self._scripts)) - 1]
        try:
            script(connection)
        except Gone:
            pass
        except BaseException as error:
            self._failures.append(error)
        if not connection.we_closed:
            connection.close()
        connection.script_over = True
        self.something_happened()

    def close(self) -> None:
        """End everything; raises what a script raised, and complains about what was malformed.

        What has come is still seen: connections that wait to be accepted, bytes that wait to be read.
        """
        self._accept_the_rest()
        self.stop_listening()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for connection in list(self.connections):
            connection.abandon()
        for thread in self._threads:
            thread.join(LIMIT)
            assert not thread.is_alive(), f"a script of {self.address} does not end"
        if self._holder:
            self._holder.close()
        if self._failures:
            raise self._failures[0]
        if self.malformed and not self.tolerant:
            raise AssertionError(f"the peer received malformed requests: {self.malformed}")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
