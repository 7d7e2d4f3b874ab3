"""Files that change while they are sent, and clients that take long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.messages import Ended
from tests.support.server import Server

MEGABYTES = 24  # more than the buffers of two sockets

CONFIG = """
server {
    listen 127.0.0.1:{port0};
    root {dir}/www;
    location /read/ { alias {dir}/www/; sendfile off; }
    location /send/ { alias {dir}/www/; sendfile on; }
}
"""


def content(letter: bytes) -> bytes:
    return letter * (MEGABYTES << 20)


def serving(directory: Path) -> Server:
    server = Server("proxyd", directory / "server", CONFIG)
    www = directory / "server" / "www"
    www.mkdir()
    (www / "big").write_bytes(content(b"a"))
    (www / "small").write_bytes(b"small")
    return server


def asking(server: Server, path: str) -> Client:
    client = Client(server.port(0), receive_buffer=65536)
    client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
    return client


@pytest.mark.parametrize("way", ["read", "send"])
def test_a_file_replaced_while_it_is_sent_arrives_as_it_was(directory: Path, way: str) -> None:
    with serving(directory) as server:
        client = asking(server, f"/{way}/big")
        reading = client.start_response()
        reading.exactly(1000)
        new = directory / "new"
        new.write_bytes(content(b"b"))
        new.replace(directory / "server" / "www" / "big")
        reading.finish()
        assert reading.message.body == content(b"a")
        client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.read_response().body == content(b"b")
        client.close()


@pytest.mark.parametrize("way", ["read", "send"])
def test_a_file_cut_while_it_is_sent_ends_that_connection_alone(directory: Path, way: str) -> None:
    with serving(directory) as server:
        client, other = asking(server, f"/{way}/big"), Client(server.port(0))
        reading = client.start_response()
        reading.exactly(1000)
        with (directory / "server" / "www" / "big").open("r+b") as file:
            file.truncate(2000)
        with pytest.raises(Ended):
            reading.finish()
        server.wait_for_log("a file became shorter while it was sent")
        other.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
        assert other.read_response().body == b"small"
        client.close()
        other.close()


@pytest.mark.parametrize("way", ["read", "send"])
def test_many_slow_downloads_leave_room_for_a_quick_one(directory: Path, way: str) -> None:
    with serving(directory) as server:
        slow = [asking(server, f"/{way}/big") for _ in range(60)]
        readings = [client.start_response() for client in slow]
        quick = Client(server.port(0))
        for _ in range(20):
            quick.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
            assert quick.read_response().body == b"small"
        for reading in readings:
            reading.exactly(100_000)
        readings[0].finish()
        assert readings[0].message.body == content(b"a")
        for client in [*slow, quick]:
            client.close()
