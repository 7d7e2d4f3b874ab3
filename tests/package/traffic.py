"""A backend, and clients that ask without pause and note each answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.waiting import wait_until

_SECONDS = 60.0
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"


@dataclass
class Tally:
    """What the clients saw. Each request has a number, which its log line shows."""

    sent: int = 0
    answered: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    reopened: int = 0  # a kept connection was closed before the next request's first byte came back


class Traffic:
    """Runs backend and clients in a thread of their own, until told to stop."""

    def __init__(self, clients: int, host: str) -> None:
        self.tally = Tally()
        self._clients = clients
        self._host = host
        self._stop = threading.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def start(self) -> None:
        """Returns when the backend listens."""
        self._thread.start()
        self._up.wait()

    def wait_for_answers(self, count: int) -> None:
        """So many more; a failure ends the wait."""
        tally, least = self.tally, len(self.tally.answered) + count
        wait_until(lambda: len(tally.answered) >= least or tally.failures, f"{count} more answers", _SECONDS)

    def stop(self) -> Tally:
        """Lets requests that run finish."""
        self._stop.set()
        self._thread.join(30)
        return self.tally

    async def _main(self) -> None:
        backend = await asyncio.start_server(_serve, "127.0.0.1", 3000)
        self._up.set()
        await asyncio.gather(*[self._client() for _ in range(self._clients)])
        backend.close()

    async def _client(self) -> None:
        end: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._stop.is_set():
            self.tally.sent += 1
            number = self.tally.sent
            kept = end is not None
            try:
                end = end or await asyncio.open_connection("127.0.0.1", 80)
                end = await asyncio.wait_for(self._ask(end, number), 10)
            except ConnectionAbortedError:  # before the first byte: RFC 9112 9.3.1 lets clients ask again
                end = None
                if kept:
                    self.tally.reopened += 1
                else:
                    self.tally.failures.append(f"request {number}: a new connection was closed")
            except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError) as error:
                end = None
                self.tally.failures.append(f"request {number}: {error!r}")
            await asyncio.sleep(0.002)

    async def _ask(
        self, end: tuple[asyncio.StreamReader, asyncio.StreamWriter], number: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        reader, writer = end
        writer.write(f"GET /n/{number} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (ConnectionResetError, asyncio.IncompleteReadError) as error:
            if getattr(error, "partial", b""):
                raise
            raise ConnectionAbortedError from None
        if not head.startswith(b"HTTP/1.1 200 ") or await reader.readexactly(3) != b"ok\n":
            raise ValueError(f"the answer begins {head[:40]!r}")
        self.tally.answered.append(number)
        if b"\r\nConnection: close\r\n" in head:
            writer.close()
            return None
        return end


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    answer: Callable[[bytes], None] = writer.write
    drain: Callable[[], Awaitable[None]] = writer.drain
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            answer(_ANSWER)
            await drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
