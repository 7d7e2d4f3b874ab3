"""Strict reading of HTTP/1 messages from a socket (RFC 9112), for the scripted peer and the raw client.

Strict means: one framing or `Malformed`, never a repair, never a guess. Both sides of a test read with this,
so that a proxy which forwards an ambiguous message is caught by its own backend. Written for clarity; it
shares no code with what it judges.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support import jitter
from tests.support.waiting import LIMIT, NeverHappened

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\xff]+) HTTP/(1\.[01])")
_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?")
_FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?")

Headers = tuple[tuple[bytes, bytes], ...]


class Malformed(Exception):
    """The bytes are not exactly one HTTP/1 message. `bytes_seen` holds what was read so far."""


class Ended(Exception):
    """The other side closed (or reset, see `Reset`) in the middle of a message."""


class Reset(Ended):
    """The other side reset the connection."""


class Wire:
    """A socket with everything that ever came out of it; reading moves `position` through `received`."""

    def __init__(self, sock: socket.socket, limit: float | None = LIMIT) -> None:
        self.sock = sock
        self.received = bytearray()
        self.position = 0
        self.at_end = False
        self.was_reset = False
        self.on_received: Callable[[], None] = lambda: None
        sock.settimeout(limit)
        self._limit = limit

    def fill(self) -> bool:
        """Wait for more bytes. False: the other side has closed. Raises Reset, NeverHappened."""
        if self.was_reset:
            raise Reset(self._so_far())
        if self.at_end:
            return False
        jitter.pause()
        try:
            piece = self.sock.recv(262144)
        except TimeoutError:
            raise NeverHappened(f"no byte came within {self._limit} s; {self._so_far()}") from None
        except OSError as error:  # ECONNRESET and its relatives
            self.was_reset = True
            self.on_received()
            raise Reset(f"{error}; {self._so_far()}") from None
        if not piece:
            self.at_end = True
            self.on_received()
            return False
        self.received += piece
        self.on_received()
        return True

    def unread(self) -> bytes:
        """What has arrived and not been consumed."""
        return bytes(self.received[self.position :])

    def line(self) -> bytes:
        """One line without its CRLF. A bare CR or LF, or a NUL, is malformed."""
        while True:
            end = self.received.find(b"\n", self.position)
            if end >= 0:
                break
            if not self.fill():
                raise Ended(f"closed within a line; {self._so_far()}")
        whole = bytes(self.received[self.position : end + 1])
        self.position = end + 1
        if not whole.endswith(b"\r\n"):
            raise Malformed(f"a line that ends in LF alone: {whole!r}")
        if b"\r" in whole[:-2] or b"\0" in whole:
            raise Malformed(f"CR or NUL within a line: {whole!r}")
        return whole[:-2]

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        while len(self.received) - self.position < count:
            if not self.fill():
                raise Ended(f"closed before {count} bytes had come; {self._so_far()}")
        taken = bytes(self.received[self.position : self.position + count])
        self.position += count
        return taken

    def some(self, most: int) -> bytes:
        """At least one and at most `most` bytes; empty at the end."""
        while self.position == len(self.received):
            if not self.fill():
                return b""
        taken = bytes(self.received[self.position : self.position + most])
        self.position += len(taken)
        return taken

    def rest(self) -> bytes:
        """Everything until the other side closes."""
        while self.fill():
            pass
        taken = self.unread()
        self.position = len(self.received)
        return taken

    def forget(self) -> None:
        """Drop what was consumed, where much comes and nobody looks at it again."""
        del self.received[: self.position]
        self.position = 0

    def wait_for_byte(self) -> bool:
        """True when at least one unread byte is there, False at a clean end."""
        return self.position < len(self.received) or self.fill()

    def _so_far(self) -> str:
        return f"unread so far: {self.unread()[:200]!r}"


@dataclass
class Message:
    """One request or response as it stood on the wire."""

    start_line: bytes
    headers: Headers
    framing: str = "none"
    """none, length, chunked or close"""
    trailers: Headers = ()
    raw: bytes = b""
    """exactly the bytes of the message, once it is whole; before, those of its head"""
    whole: bool = False
    """the end of the body has been read"""
    content: bytearray = field(default_factory=bytearray, repr=False)
    """the body, as it grows"""

    @property
    def body(self) -> bytes:
        """The body as far as it has been read, decoded."""
        return bytes(self.content)

    def values(self, name: bytes | str) -> list[bytes]:
        """All values of a header, in the order of the wire."""
        wanted = name.lower().encode() if isinstance(name, str) else name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def header(self, name: bytes | str) -> bytes | None:
        """The only value of a header; None when absent. Two of them fail the test."""
        values = self.values(name)
        assert len(values) < 2, f"{name!r} stands {len(values)} times: {self.headers}"
        return values[0] if values else None

    def lists(self, name: str, element: bytes) -> bool:
        """Whether a comma-separated header names `element`."""
        return element in [part.strip().lower() for value in self.values(name) for part in value.split(b",")]

    @property
    def version(self) -> bytes:
        """b"1.0" or b"1.1"."""
        at = self.start_line.index(b"HTTP/") + 5
        return self.start_line[at : at + 3]

    @property
    def method(self) -> bytes:
        """Of a request."""
        return self.start_line.split(b" ")[0]

    @property
    def target(self) -> bytes:
        """Of a request, as it stood on the wire."""
        return self.start_line.split(b" ")[1]

    @property
    def status(self) -> int:
        """Of a response."""
        return int(self.start_line.split(b" ")[1])

    @property
    def reason(self) -> bytes:
        """Of a response."""
        return b" ".join(self.start_line.split(b" ")[2:])

    @property
    def says_close(self) -> bool:
        """Whether the sender said that the connection ends after this message."""
        if self.framing == "close" or self.lists("Connection", b"close"):
            return True
        return self.version == b"1.0" and not self.lists("Connection", b"keep-alive")


@dataclass
class Reading:
    """A message whose body is still being read: `message.body` grows, `message.whole` tells the end."""

    wire: Wire
    message: Message
    _started_at: int
    _left: int = 0
    """bytes left of a body with a length, or of the current chunk"""
    _first_chunk: bool = field(default=True)

    def piece(self, most: int = 1 << 30) -> bytes:
        """Some more of the body, decoded; empty at the end."""
        if self.message.whole:
            return b""
        read = {
            "none": self._nothing,
            "length": self._of_length,
            "chunked": self._of_chunks,
            "close": self._to_end,
        }
        taken = read[self.message.framing](most)
        self.message.content += taken
        if not taken:
            self.message.raw = bytes(self.wire.received[self._started_at : self.wire.position])
            self.message.whole = True
        return taken

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes of the body, decoded."""
        taken = bytearray()
        while len(taken) < count:
            piece = self.piece(count - len(taken))
            if not piece:
                raise Ended(f"the body ended {count - len(taken)} bytes early: {taken[:200]!r}")
            taken += piece
        return bytes(taken)

    def finish(self) -> Message:
        """The message with its whole body."""
        while self.piece():
            pass
        return self.message

    def stream(self, most: int = 65536) -> Iterator[bytes]:
        """The rest of the body in pieces, of which nothing is kept: for bodies of many megabytes."""
        while piece := self.piece(most):
            self.message.content.clear()
            self.wire.forget()
            yield piece

    def _nothing(self, _most: int) -> bytes:
        return b""

    def _of_length(self, most: int) -> bytes:
        if not self._left:
            return b""
        taken = self.wire.some(min(most, self._left))
        if not taken:
            raise Ended(f"closed {self._left} bytes before the end of the body")
        self._left -= len(taken)
        return taken

    def _of_chunks(self, most: int) -> bytes:
        if not self._left:
            if not self._first_chunk and self.wire.exactly(2) != b"\r\n":
                raise Malformed("a chunk that does not end in CRLF")
            self._first_chunk = False
            self._left = _chunk_size(self.wire.line())
            if not self._left:
                self.message.trailers = _read_fields(self.wire)
                return b""
        return self._of_length(most)

    def _to_end(self, most: int) -> bytes:
        return self.wire.some(most)


def start_request(wire: Wire) -> Reading | None:
    """Read the head of the next request; None when the connection ends cleanly before it."""
    if not wire.wait_for_byte():
        return None
    started_at = wire.position
    line = wire.line()
    if not _REQUEST_LINE.fullmatch(line):
        raise Malformed(f"request line: {line!r}")
    message = Message(line, _read_fields(wire))
    _check_host(message)
    length = _framed_length(message)
    if length is not None:
        message.framing = "length"
    elif message.values("Transfer-Encoding"):
        message.framing = "chunked"
    message.raw = bytes(wire.received[started_at : wire.position])
    return Reading(wire, message, started_at, length or 0)


def start_response(wire: Wire, to: bytes = b"GET") -> Reading:
    """Read the head of the next response (an interim one too), which answers a request with method `to`."""
    started_at = wire.position
    line = wire.line()
    status_line = _STATUS_LINE.fullmatch(line)
    if not status_line:
        raise Malformed(f"status line: {line!r}")
    message = Message(line, _read_fields(wire))
    length = _framed_length(message)
    chunked = bool(message.values("Transfer-Encoding"))
    if to == b"HEAD" or message.status < 200 or message.status in (204, 304):
        length = 0
    elif chunked:
        message.framing = "chunked"
    else:
        message.framing = "close" if length is None else "length"
    if message.status < 200 and (chunked or message.values("Content-Length")):
        raise Malformed(f"an interim response with framing: {message.headers}")
    message.raw = bytes(wire.received[started_at : wire.position])
    return Reading(wire, message, started_at, length or 0)


def read_request(wire: Wire) -> Message | None:
    """Read one whole request; None when the connection ends cleanly before it."""
    reading = start_request(wire)
    return reading.finish() if reading else None


def read_response(wire: Wire, to: bytes = b"GET") -> Message:
    """Read one whole response to a request with method `to`."""
    return start_response(wire, to).finish()


def _read_fields(wire: Wire) -> Headers:
    fields = []
    while line := wire.line():
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            raise Malformed(f"header line: {line!r}")
        value = value.strip(b" \t")
        if not _FIELD_VALUE.fullmatch(value):
            raise Malformed(f"control character in a header value: {line!r}")
        fields.append((name, value))
    return tuple(fields)


def _framed_length(message: Message) -> int | None:
    """The length that Content-Length names; None without one. Ambiguity is malformed (RFC 9112, 6.3)."""
    codings, lengths = message.values("Transfer-Encoding"), message.values("Content-Length")
    if codings:
        if lengths:
            raise Malformed("both Transfer-Encoding and Content-Length")
        if [coding.lower() for coding in codings] != [b"chunked"]:
            raise Malformed(f"Transfer-Encoding: {codings}")
        if message.version != b"1.1":
            raise Malformed("Transfer-Encoding in an HTTP/1.0 message")
        return None
    if not lengths:
        return None
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise Malformed(f"Content-Length: {lengths}")
    return int(lengths[0])


def _check_host(message: Message) -> None:
    hosts = message.values("Host")
    if len(hosts) > 1 or (message.version == b"1.1" and not hosts):
        raise Malformed(f"{len(hosts)} Host headers")


def _chunk_size(line: bytes) -> int:
    matched = _CHUNK_LINE.fullmatch(line)
    if not matched:
        raise Malformed(f"chunk size: {line!r}")
    return int(matched[1], 16)
