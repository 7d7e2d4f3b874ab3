"""The backend of a load: one process that answers by rule, so that whoever asked can check each byte.

    /small/...             what was asked and received, told in some thousand bytes (see `answer_to`)
    /download/SIZE/SEED    SIZE bytes of a pattern that starts at SEED (see `pattern`)
    Upgrade: ...           101, then an echo

Run as `python -m tests.e2e.load_backend PORT NAME`; it says "ready" on stdout, and ends with its stdin.
"""

from __future__ import annotations

import asyncio
import random
import sys
import zlib

_PERIOD = 8191
_PATTERN = random.Random(7).randbytes(_PERIOD) * 9
_PIECE = 65536  # pattern() gives at most so much


def pattern(start: int, count: int) -> bytes:
    """The bytes of every download: they repeat after 8,191, so that no power of two hides a shift."""
    at = start % _PERIOD
    return _PATTERN[at : at + min(count, _PIECE)]


def answer_to(method: bytes, target: bytes, body: bytes) -> bytes:
    """The body that answers a request: says what came, at a length that depends on what came."""
    line = b"%b %b %d %08x\n" % (method, target, len(body), zlib.crc32(body))
    return line * (1 + zlib.crc32(line) % 60)


class BackendProtocol(asyncio.Protocol):
    """One connection from the proxy."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.transport: asyncio.Transport
        self.buffer = b""
        self.echoing = False
        self.sending: tuple[int, int] | None = None  # of a download: where it is, where it ends
        self.choked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio calls it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """asyncio calls it."""
        if self.echoing:
            self.transport.write(data)
            return
        self.buffer += data
        while self.sending is None and not self.echoing and self._take_request():
            pass

    def eof_received(self) -> bool:
        """asyncio calls it; False: close."""
        return False

    def pause_writing(self) -> None:
        """asyncio calls it."""
        self.choked = True
        if self.echoing:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """asyncio calls it."""
        self.choked = False
        if self.echoing:
            self.transport.resume_reading()
        elif self.sending is not None:
            self._send_more()

    def _take_request(self) -> bool:
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        request_line, *lines = head.split(b"\r\n")
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (x.partition(b":") for x in lines)
        }
        method, target, _ = request_line.split(b" ")
        taken = _take_body(fields, rest)
        if taken is None:
            return False
        body, self.buffer = taken
        if b"upgrade" in fields:
            self._begin_echo(fields[b"upgrade"])
        elif target.startswith(b"/download/"):
            self._begin_download(target)
        else:
            self._answer(answer_to(method, target, body))
        return True

    def _head(self, length: int) -> bytes:
        return b"HTTP/1.1 200 OK\r\nX-Backend: %b\r\nContent-Length: %d\r\n\r\n" % (self.name, length)

    def _answer(self, body: bytes) -> None:
        self.transport.write(self._head(len(body)) + body)

    def _begin_download(self, target: bytes) -> None:
        size, seed = map(int, target.split(b"/")[2:4])
        self.transport.write(self._head(size))
        self.sending = (seed, seed + size)
        self._send_more()

    def _send_more(self) -> None:
        while self.sending is not None and not self.choked:
            at, end = self.sending
            piece = pattern(at, end - at)
            self.transport.write(piece)
            at += len(piece)
            self.sending = (at, end) if at < end else None
        if self.sending is None and self.buffer:
            asyncio.get_running_loop().call_soon(self.data_received, b"")

    def _begin_echo(self, protocol: bytes) -> None:
        head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: %b\r\n\r\n" % protocol
        self.echoing = True
        self.transport.write(head + self.buffer)
        self.buffer = b""


def _take_body(fields: dict[bytes, bytes], rest: bytes) -> tuple[bytes, bytes] | None:
    """The body and what follows it; None when it is not all there yet."""
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return _take_chunks(rest)
    length = int(fields.get(b"content-length", b"0"))
    return (rest[:length], rest[length:]) if len(rest) >= length else None


def _take_chunks(rest: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        line, end, after = rest.partition(b"\r\n")
        if not end:
            return None
        size = int(line, 16)
        if len(after) < size + 2:
            return None
        body, rest = body + after[:size], after[size + 2 :]
        if not size:
            return body, rest


async def _serve(port: int, name: str) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(
        lambda: BackendProtocol(name.encode()), "127.0.0.1", port, backlog=4096, reuse_address=True
    )
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
