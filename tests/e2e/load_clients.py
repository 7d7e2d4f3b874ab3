"""The clients of a load: one process that asks, checks every byte of what comes back, and counts.

Run by `load.Load`, with its wishes as JSON in the first argument. Each line on stdin is answered by a line of
JSON on stdout: "report" by what was counted so far, "stop" (or the end of stdin) by the same at the end,
when every client has finished what it was doing.

What is checked: each response is framed, has the status 200 and exactly the bytes that `load_backend` sends
for it; a connection ends only after a response that announced it; every answer comes within the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
import sys
import time
import zlib
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.load_backend import answer_to, pattern

_MOST_FAILURES = 300  # told in full; all are counted
_PAUSE_AFTER_FAILURE = 0.005
_WAITS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)


@dataclass
class Wishes:
    """How much load, of which kind."""

    port: int
    clients: int = 8  # each with a connection that it keeps
    fresh: int = 0  # each with a new connection for every request
    downloads: int = 0
    tunnels: int = 0
    post_every: int = 4  # every so many requests a POST; 0: never
    pause: float = 0.005  # of a client between two requests
    tunnel_pause: float = 0.1
    download_bytes: int = 2_000_000
    download_piece: int = 32768
    download_pause: float = 0.01
    limit: float = 60.0  # an answer that takes longer is a failure
    seconds: float = 600.0  # the load ends by itself
    requests: int = 500_000  # likewise
    host: str = "localhost"


@dataclass
class Counted:
    """What has happened so far."""

    requests: int = 0
    posts: int = 0
    connections: int = 0
    announced_ends: int = 0
    downloads: int = 0
    downloaded: int = 0
    tunnels_open: int = 0
    tunnels_opened: int = 0
    rounds: int = 0
    failed: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    longest_ms: float = 0.0
    longest_at: float = 0.0  # CLOCK_MONOTONIC
    waits: Counter[str] = field(default_factory=Counter)  # milliseconds, rounded up: how many
    workers: Counter[str] = field(default_factory=Counter)  # X-Worker: how many requests
    backends: Counter[str] = field(default_factory=Counter)  # X-Backend
    sent_last: dict[str, float] = field(
        default_factory=dict
    )  # X-Config: when a request that it answered was sent
    done: dict[str, list[int]] = field(default_factory=dict)  # client: numbers of its answered requests


class Failure(Exception):
    """kind: ended, refused, status, bytes, silence, malformed."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Connection:
    """One connection to the proxy."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.worker: str | None = None  # who answered last
        self.answered = False  # a byte of the current response has come
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter | None = None

    async def open(self, port: int, receive_buffer: int | None = None) -> None:
        """Connect."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(loop.sock_connect(sock, ("127.0.0.1", port)), self.limit)
        except (OSError, TimeoutError) as error:
            sock.close()
            raise Failure("refused", f"connect(): {error!r}") from None
        self.reader, self.writer = await asyncio.open_connection(sock=sock, limit=receive_buffer or 65536)

    def close(self) -> None:
        """Close, at once."""
        if self.writer is not None:
            self.writer.transport.abort()
            self.writer = None

    async def send(self, content: bytes) -> None:
        """Send all of it."""
        assert self.writer is not None
        try:
            self.writer.write(content)
            await asyncio.wait_for(self.writer.drain(), self.limit)
        except TimeoutError:
            raise Failure("silence", "nobody takes what is sent") from None
        except OSError as error:
            raise Failure("ended", f"sending: {error!r}") from None

    async def read(self, what: str, reading: Awaitable[bytes]) -> bytes:
        """Await `reading`; whatever goes wrong is a Failure."""
        try:
            return await asyncio.wait_for(reading, self.limit)
        except TimeoutError:
            raise Failure("silence", f"nothing came for {self.limit} s, awaiting {what}") from None
        except asyncio.IncompleteReadError as error:
            self.answered = self.answered or bool(error.partial)
            raise Failure("ended", f"end of file, awaiting {what}; got {error.partial[:200]!r}") from None
        except (OSError, asyncio.LimitOverrunError) as error:
            raise Failure("ended", f"{error!r}, awaiting {what}") from None

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status and fields of the next response."""
        raw = await self.read("a head", self.reader.readuntil(b"\r\n\r\n"))
        self.answered = True
        line, *lines = raw.decode("latin-1").split("\r\n")[:-2]
        fields = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
        if not line.startswith("HTTP/1.1 "):
            raise Failure("malformed", f"status line {line!r}")
        self.worker = fields.get("x-worker", self.worker)
        return int(line.split()[1]), fields

    async def body(self, fields: dict[str, str]) -> bytes:
        """The body that goes with the fields."""
        if fields.get("transfer-encoding") == "chunked":
            return await self._chunks()
        if "content-length" not in fields:
            raise Failure("malformed", f"a response without length: {fields}")
        count = int(fields["content-length"])
        return await self.read(f"{count} bytes", self.reader.readexactly(count))

    async def _chunks(self) -> bytes:
        content = b""
        while True:
            size = int(await self.read("a chunk size", self.reader.readuntil(b"\r\n")), 16)
            count = size + 2
            chunk = await self.read("a chunk", self.reader.readexactly(count))
            if not size:
                return content
            content += chunk[:-2]


class Load:
    """All clients, and what they count."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.counted = Counted()
        self.stopping = asyncio.Event()

    # Life

    async def run(self) -> None:
        """Until stopped, by word or by a bound."""
        wishes = self.wishes
        tasks = [asyncio.create_task(self.visit(f"c{n}", keep=True)) for n in range(wishes.clients)]
        tasks += [asyncio.create_task(self.visit(f"f{n}", keep=False)) for n in range(wishes.fresh)]
        tasks += [asyncio.create_task(self.download(n)) for n in range(wishes.downloads)]
        tasks += [asyncio.create_task(self.tunnel(n)) for n in range(wishes.tunnels)]
        timer = asyncio.create_task(self.pause(wishes.seconds))
        timer.add_done_callback(lambda _: self.stopping.set())
        await asyncio.gather(*tasks)
        timer.cancel()

    async def pause(self, seconds: float) -> None:
        """Wait, not longer than the load lasts."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    def fail(self, who: str, what: str, connection: Connection, failure: Failure) -> None:
        """Note a failure."""
        self.counted.failed += 1
        if len(self.counted.failures) < _MOST_FAILURES:
            self.counted.failures.append(
                {
                    "kind": failure.kind,
                    "who": who,
                    "what": what,
                    "detail": str(failure),
                    "worker": connection.worker,
                    "answered": connection.answered,
                    "at": time.monotonic(),
                }
            )

    # Requests

    async def visit(self, name: str, keep: bool) -> None:
        """One client that asks again and again."""
        connection = Connection(self.wishes.limit)
        number = 0
        while not self.stopping.is_set():
            number += 1
            method = b"GET"
            if self.wishes.post_every and number % self.wishes.post_every == 0:
                method = b"POST"
            target = b"/small/%b/%d" % (name.encode(), number)
            try:
                if connection.writer is None:
                    connection = Connection(self.wishes.limit)
                    await connection.open(self.wishes.port)
                    self.counted.connections += 1
                ends = await self.ask(connection, method, target)
                self.counted.done.setdefault(name, []).append(number)
                if ends or not keep:
                    self.counted.announced_ends += ends
                    connection.close()
            except Failure as failure:
                self.fail(name, f"{method.decode()} {target.decode()}", connection, failure)
                connection.close()
                await self.pause(_PAUSE_AFTER_FAILURE)
            await self.pause(self.wishes.pause)
        connection.close()

    async def ask(self, connection: Connection, method: bytes, target: bytes) -> bool:
        """One request; True when the server announced the end of the connection."""
        mark = zlib.crc32(target)
        body = pattern(mark, 1 + mark % 20000) if method == b"POST" else b""
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        head = b"%b %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (method, target, self.wishes.host.encode(), length)
        connection.answered = False
        sent_at = time.monotonic()
        await connection.send(head + body)
        status, fields = await connection.head()
        content = await connection.body(fields)
        self._note_wait(sent_at)
        if status != 200:
            raise Failure("status", f"{status}: {content[:200]!r}")
        if content != answer_to(method, target, body):
            raise Failure("bytes", f"{len(content)} bytes, {content[:200]!r}")
        self._count_answer(method, fields, sent_at)
        return fields.get("connection", "").lower() == "close"

    def _note_wait(self, sent_at: float) -> None:
        counted, waited = self.counted, (time.monotonic() - sent_at) * 1000
        if waited > counted.longest_ms:
            counted.longest_ms, counted.longest_at = waited, sent_at
        counted.waits[str(next((limit for limit in _WAITS_MS if waited <= limit), "more"))] += 1

    def _count_answer(self, method: bytes, fields: dict[str, str], sent_at: float) -> None:
        counted = self.counted
        counted.requests += 1
        counted.posts += method == b"POST"
        counted.workers[fields.get("x-worker", "")] += 1
        counted.backends[fields.get("x-backend", "")] += 1
        counted.sent_last[fields.get("x-config", "")] = sent_at
        if counted.requests >= self.wishes.requests:
            self.stopping.set()

    # Downloads

    async def download(self, number: int) -> None:
        """One slow reader after another."""
        while not self.stopping.is_set():
            connection = Connection(self.wishes.limit)
            size, seed = self.wishes.download_bytes, number * 1000 + self.counted.downloads
            target = f"/download/{size}/{seed}"
            try:
                await connection.open(self.wishes.port, receive_buffer=self.wishes.download_piece)
                head = f"GET {target} HTTP/1.1\r\nHost: {self.wishes.host}\r\nConnection: close\r\n\r\n"
                await connection.send(head.encode())
                if await self._read_download(connection, size, seed):
                    self.counted.downloads += 1
            except Failure as failure:
                self.fail(f"d{number}", f"GET {target}", connection, failure)
                await self.pause(_PAUSE_AFTER_FAILURE)
            connection.close()

    async def _read_download(self, connection: Connection, size: int, seed: int) -> bool:
        """True when all has come and was right; False when the load ended before."""
        status, fields = await connection.head()
        if status != 200 or fields.get("content-length") != str(size):
            raise Failure("status", f"{status} {fields}")
        at = 0
        while at < size:
            if self.stopping.is_set():
                return False
            most = min(self.wishes.download_piece, size - at)
            piece = await connection.read(f"byte {at}", connection.reader.read(most))
            if not piece:
                raise Failure("ended", f"end of file after {at} of {size} bytes")
            if piece != pattern(seed + at, len(piece)):
                raise Failure("bytes", f"wrong bytes after {at}")
            at += len(piece)
            self.counted.downloaded += len(piece)
            await self.pause(self.wishes.download_pause)
        return True

    # Tunnels

    async def tunnel(self, number: int) -> None:
        """A tunnel that stays open; another one when it fails."""
        while not self.stopping.is_set():
            connection = Connection(self.wishes.limit)
            opened = False
            try:
                await connection.open(self.wishes.port)
                head = f"GET /tunnel/{number} HTTP/1.1\r\nHost: {self.wishes.host}\r\n"
                await connection.send(head.encode() + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
                status, fields = await connection.head()
                if status != 101 or fields.get("upgrade") != "websocket":
                    raise Failure("status", f"{status} {fields}")
                opened = True
                self.counted.tunnels_opened += 1
                self.counted.tunnels_open += 1
                await self._talk(connection, number)
            except Failure as failure:
                self.fail(f"t{number}", "tunnel", connection, failure)
                await self.pause(_PAUSE_AFTER_FAILURE)
            self.counted.tunnels_open -= opened
            connection.close()

    async def _talk(self, connection: Connection, number: int) -> None:
        said = 0
        while not self.stopping.is_set():
            content = pattern(number * 31 + said, 1 + (number * 997 + said) % 4000)
            await connection.send(content)
            count = len(content)
            echo = await connection.read("the echo", connection.reader.readexactly(count))
            if echo != content:
                raise Failure("bytes", f"the echo of round {said} is wrong")
            said += 1
            self.counted.rounds += 1
            await self.pause(self.wishes.tunnel_pause)


async def _main(wishes: Wishes) -> None:
    load = Load(wishes)
    running = asyncio.create_task(load.run())
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(words), sys.stdin.buffer
    )
    while await words.readline() == b"report\n":
        brief = {key: value for key, value in vars(load.counted).items() if key != "done"}
        print(json.dumps(brief), flush=True)
    load.stopping.set()
    await running
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(vars(load.counted)), flush=True)


if __name__ == "__main__":
    gc.disable()  # a pause of our own would look like one of the server
    asyncio.run(_main(Wishes(**json.loads(sys.argv[1]))))
