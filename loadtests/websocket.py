"""WebSocket echo: a small server and a client, each one loop over epoll.

    python -m loadtests.websocket serve PORT
    python -m loadtests.websocket load PORT CONNECTIONS SECONDS

All messages have one size and the client masks with zeros (any mask is legal), so neither end does more than
it must: what is measured is the proxy between them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import select
import socket
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

PAYLOAD = (
    b"a message of about a hundred bytes, as a chat or a price feed sends them all day long, again and again"
)
CLIENT_FRAME = bytes([0x82, 0x80 | len(PAYLOAD), 0, 0, 0, 0]) + PAYLOAD
SERVER_FRAME = bytes([0x82, len(PAYLOAD)]) + PAYLOAD

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
HANDSHAKE = (
    b"GET /ws/echo HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
BATCH = 512


@dataclass
class Peer:
    """One connection: what was read and not yet used, and whether the handshake is over."""

    sock: socket.socket
    unread: bytes = b""
    open: bool = False


@dataclass
class Outcome:
    """What one load run saw."""

    requests: int = 0
    seconds: float = 0.0
    p50_us: float = 0.0
    p99_us: float = 0.0


@dataclass
class Client:
    """Sends one message per connection and the next one when its echo is complete."""

    sent_at: dict[int, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    deadline: float = 0.0

    def on_readable(self, peer: Peer) -> None:
        """Take echoes; answer each with the next message."""
        if not peer.open:
            head, end, peer.unread = peer.unread.partition(b"\r\n\r\n")
            if not end:
                peer.unread = head
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise SystemExit(f"no upgrade: {head!r}")
            peer.open = True
            self.send(peer)
        while peer.unread.startswith(SERVER_FRAME):
            peer.unread = peer.unread[len(SERVER_FRAME) :]
            self.latencies.append(time.monotonic() - self.sent_at[peer.sock.fileno()])
            self.send(peer)
        if len(peer.unread) >= len(SERVER_FRAME):
            raise SystemExit(f"not the echo of what was sent: {peer.unread!r}")

    def send(self, peer: Peer) -> None:
        """Send one message."""
        self.sent_at[peer.sock.fileno()] = time.monotonic()
        peer.sock.send(CLIENT_FRAME)


def echo(peer: Peer) -> None:
    """The server's side: the handshake, then each whole message back."""
    if not peer.open:
        head, end, peer.unread = peer.unread.partition(b"\r\n\r\n")
        if not end:
            peer.unread = head
            return
        peer.sock.send(handshake_answer(head))
        peer.open = True
    whole, rest = divmod(len(peer.unread), len(CLIENT_FRAME))
    if whole:
        peer.sock.send(SERVER_FRAME * whole)
        peer.unread = peer.unread[len(peer.unread) - rest :]


def handshake_answer(head: bytes) -> bytes:
    """The 101 answer to a request head."""
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    key = {name.lower(): value.strip() for name, _, value in lines}[b"sec-websocket-key"]
    accepted = base64.b64encode(hashlib.sha1(key + GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
    )


def serve(port: int) -> None:
    """Echo for ever."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    with select.epoll() as poll:
        poll.register(listener, select.EPOLLIN)
        peers: dict[int, Peer] = {}
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == listener.fileno():
                    accept(listener, poll, peers)
                elif not receive(peers[descriptor], echo):
                    peers.pop(descriptor).sock.close()


def accept(listener: socket.socket, poll: select.epoll, peers: dict[int, Peer]) -> None:
    """Take one new connection."""
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    poll.register(sock, select.EPOLLIN)
    peers[sock.fileno()] = Peer(sock)


def receive(peer: Peer, use: Callable[[Peer], None]) -> bool:
    """Read what came and hand it on; False when the other end is gone."""
    try:
        data = peer.sock.recv(65536)
    except ConnectionError:
        return False
    if data:
        peer.unread += data
        use(peer)
    return bool(data)


def load(port: int, connections: int, seconds: float) -> Outcome:
    """Exchange messages on all connections for some time."""
    client = Client()
    peers: dict[int, Peer] = {}
    with select.epoll() as poll:
        for _ in range(connections):
            sock = socket.create_connection(("127.0.0.1", port), timeout=10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.send(HANDSHAKE)
            poll.register(sock, select.EPOLLIN)
            peers[sock.fileno()] = Peer(sock)
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < seconds:
            ready = poll.poll(10, BATCH)
            if not ready:
                raise SystemExit("no echo for 10 seconds")
            for descriptor, _ in ready:
                if not receive(peers[descriptor], client.on_readable):
                    raise SystemExit("a connection was closed")
    for peer in peers.values():
        peer.sock.close()
    return summary(client.latencies, elapsed)


def summary(latencies: list[float], elapsed: float) -> Outcome:
    """Counts and percentiles of one run."""
    cuts = statistics.quantiles(latencies, n=100)
    return Outcome(len(latencies), elapsed, cuts[49] * 1e6, cuts[98] * 1e6)


def main(arguments: list[str]) -> None:
    """The command line: see the top of this file."""
    match arguments:
        case ["serve", port]:
            serve(int(port))
        case ["load", port, connections, seconds]:
            print(json.dumps(asdict(load(int(port), int(connections), float(seconds)))))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
