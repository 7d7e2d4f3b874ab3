"""The demo's WebSocket: tells the time and echoes what it is sent (RFC 6455, text frames only)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from datetime import datetime

from httpd import Request

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


async def serve(
    name: str, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Accept the upgrade and talk until the other side closes."""
    key = request.headers.get("sec-websocket-key", "")
    accepted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Accept: {accepted}\r\n\r\n".encode()
    )
    clock = asyncio.create_task(_tell_time(name, writer))
    try:
        await _echo(name, reader, writer)
    finally:
        clock.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await clock


async def _tell_time(name: str, writer: asyncio.StreamWriter) -> None:
    while True:
        send(writer, TEXT, f"{name}: it is {datetime.now():%H:%M:%S}\n".encode())
        await writer.drain()
        await asyncio.sleep(1)


async def _echo(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        opcode, payload = await receive(reader)
        if opcode == CLOSE:
            send(writer, CLOSE, payload)
            return
        if opcode == PING:
            send(writer, PONG, payload)
        elif opcode == TEXT:
            send(writer, TEXT, f"{name} heard: ".encode() + payload)
        await writer.drain()


def send(writer: asyncio.StreamWriter, opcode: int, payload: bytes) -> None:
    """Write one frame; payloads here are shorter than 64 KB."""
    length = len(payload)
    size = bytes([length]) if length < 126 else bytes([126]) + length.to_bytes(2, "big")
    writer.write(bytes([0x80 | opcode]) + size + payload)


async def receive(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one masked frame of at most 60,000 bytes: opcode and payload."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    if length > 60_000 or not second & 0x80:
        return CLOSE, (1002).to_bytes(2, "big")  # protocol error
    mask = await reader.readexactly(4)
    data = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
