"""A small HTTP/1.1 server for the demo's backends: requests in, answers out, WebSocket upgrades handed over.

Standard library only. It trusts its peer, the proxy: it is no example of a server for the open network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """One request, its body already read. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    body: str
    content_type: str = "text/plain; charset=utf-8"
    status: str = "200 OK"


Handler = Callable[[Request], Awaitable[Answer]]
Upgrade = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """One listening backend. It can be stopped as a crash would (connections break) and started again."""

    def __init__(self, port: int, handler: Handler, upgrade: Upgrade) -> None:
        self.port = port
        self._handler = handler
        self._upgrade = upgrade
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen; OSError when the port is taken."""
        self._listener = await asyncio.start_server(self._on_connection, "127.0.0.1", self.port)

    def crash(self) -> None:
        """Stop listening and break what is open."""
        if self._listener is not None:
            self._listener.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while request := await read_request(reader):
                if request.headers.get("upgrade", "").lower() == "websocket":
                    await self._upgrade(request, reader, writer)
                    break
                await self._answer(request, writer)
                if request.headers.get("connection", "").lower() == "close":
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass  # the proxy or its client went away
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        answer = await self._handler(request)
        body = answer.body.encode()
        head = (
            f"HTTP/1.1 {answer.status}\r\nContent-Type: {answer.content_type}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n\r\n"
        )
        writer.write(head.encode() + (b"" if request.method == "HEAD" else body))
        await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request, or None when the connection ended between two."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    request_line, *lines = head.split("\r\n")
    method, target, _ = request_line.split(" ", 2)
    fields = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    await _skip_body(reader, headers)
    url = urlsplit(target)
    return Request(method, url.path, parse_qs(url.query), headers)


async def _skip_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        while (await reader.readline()).strip():
            continue  # trailers
    else:
        await reader.readexactly(int(headers.get("content-length", "0")))
