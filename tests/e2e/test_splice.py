"""Large answers that go from socket to socket: nothing is lost, counted wrongly or left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.support import Pace, Serve, in_time, only_worker, proxyd_only
from tests.support.client import Client, fetch
from tests.support.messages import Ended
from tests.support.peer import Connection, Peer
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = proxyd_only("it never splices")

LARGE = bytes(range(251)) * 33_000
"""8 MB"""
SMALL = 16384

CONFIG = """
    log_format sizes '$request_uri $status $body_bytes_sent $upstream_response_length '
                     '$upstream_bytes_received';
    access_log {dir}/sizes.log sizes;
    server {
        listen 127.0.0.1:{port0};
        location /here { return 200 here; }
        location / { %s proxy_pass http://{backend0}; }
    }
"""


def pipes(pid: int) -> int:
    """Ends of pipes that a worker has."""
    found = 0
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += os.readlink(fd).startswith("pipe:")
        except FileNotFoundError:
            continue
    return found


def sends(framing: str, size: int = len(LARGE)) -> Callable[[Connection], None]:
    """A backend that answers so much of the body, again and again."""

    def script(connection: Connection) -> None:
        while True:
            connection.receive()
            body = LARGE[:size]
            if framing == "length":
                connection.respond(body)
            else:
                connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
                connection.close()
                return

    return script


def size_line(server: Server, count: int) -> str:
    """The last line of the log of sizes, when there are so many."""
    path = server.directory / "sizes.log"
    lines = wait_until(
        lambda: lines if len(lines := path.read_text().splitlines()) >= count else None, "the line"
    )
    return lines[count - 1]


@pytest.mark.parametrize("framing", ["length", "close"])
@pytest.mark.parametrize("buffering", ["on", "off"])
def test_a_large_answer_goes_through_a_pipe_and_is_counted_to_the_byte(
    serve: Serve, framing: str, buffering: str
) -> None:
    with Peer(sends(framing)) as peer:
        server = serve(CONFIG % f"proxy_buffering {buffering};", backend0=peer.address)
        worker = only_worker(server)
        before = pipes(worker)
        with Client(server.port()) as client:
            for number in range(4):
                assert client.get(f"/{number}").body == LARGE
                assert client.get("/here").body == b"here"
                uri, status, sent, length, received = size_line(server, 2 * number + 1).split()
                assert (uri, status, length) == (f"/{number}", "200", str(len(LARGE)))
                assert int(sent) >= len(LARGE)  # in chunks where the length is not known
                assert int(received) - len(LARGE) < 200
        assert pipes(worker) == before + 2  # one, used again
        if framing == "length":
            assert len(peer.connections) == 1


@pytest.mark.parametrize("size", [65535, 65536, 131072, 200_000, 300_001, 1_000_000])
def test_answers_of_any_size_arrive_whole_over_connections_that_are_kept(serve: Serve, size: int) -> None:
    with Peer(sends("length", size)) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        with Client(server.port()) as client:
            for _ in range(10):
                assert client.get().body == LARGE[:size]
        assert len(peer.connections) == 1


def test_a_client_that_stops_and_goes_on_gets_everything(serve: Serve) -> None:
    with Peer(sends("length")) as peer:
        for rule in ("", "proxy_max_temp_file_size 0;", "proxy_buffering off;"):
            server = serve(CONFIG % rule, backend0=peer.address)
            with Client(server.port(), receive_buffer=SMALL) as client:
                client.request()
                reading = client.start_response()
                got = [reading.exactly(1_000_000)]
                for _ in range(6):
                    for _ in range(5):
                        assert fetch(server.port(), "/here").body == b"here"
                    got.append(reading.exactly(1_000_000))
                assert b"".join(got) == LARGE[:7_000_000]
                assert reading.finish().body[-(len(LARGE) - 7_000_000) :] == LARGE[7_000_000:]
                assert client.get("/here").body == b"here"


def test_pipes_that_were_not_emptied_are_closed(serve: Serve) -> None:
    with Peer(sends("length")) as peer:
        server = serve(CONFIG % "proxy_max_temp_file_size 0;", backend0=peer.address)
        worker = only_worker(server)
        before = pipes(worker)
        for _ in range(5):
            clients = [Client(server.port(), receive_buffer=SMALL) for _ in range(4)]
            for client in clients:
                client.request()
            for client in clients:
                client.start_response().exactly(200_000)
            for client in clients:
                client.reset()
        wait_until(lambda: pipes(worker) <= before + 8, "the end of pipes")
        assert fetch(server.port()).body == LARGE


def test_of_a_backend_that_dies_within_its_body_all_arrives_that_it_sent(serve: Serve) -> None:
    def dies(connection: Connection) -> None:
        connection.receive()
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {2 * len(LARGE)}\r\n\r\n")
        connection.send(LARGE)
        connection.close()

    with Peer(dies) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        with Client(server.port()) as client:
            client.request()
            reading = client.start_response()
            assert reading.exactly(len(LARGE)) == LARGE
            with pytest.raises(Ended):
                reading.exactly(1)
        server.wait_for_log("upstream prematurely closed connection while reading upstream")


def test_a_backend_that_falls_silent_is_timed_out(serve: Serve) -> None:
    def silent(connection: Connection) -> None:
        connection.receive()
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {2 * len(LARGE)}\r\n\r\n")
        connection.send(LARGE)
        connection.stall()

    with Peer(silent) as peer:
        server = serve(CONFIG % "proxy_read_timeout 500ms;", backend0=peer.address)

        def timed_out(pace: Pace) -> None:
            with Client(server.port()) as client:
                client.request()
                reading = client.start_response()
                pace.mark()
                assert reading.exactly(len(LARGE)) == LARGE
                pace.mark()
                with pytest.raises(Ended):
                    reading.exactly(1)

        in_time(0.5, timed_out)
        server.wait_for_log(r"upstream timed out \(110: Connection timed out\) while reading upstream")


def test_more_large_answers_at_once_than_there_are_pipes(serve: Serve) -> None:
    clients = 80
    size = 600_000
    with Peer(sends("length", size)) as peer:
        server = serve(CONFIG % "", events="worker_connections 1024;", backend0=peer.address)
        worker = only_worker(server)
        before = pipes(worker)
        several = [Client(server.port(), receive_buffer=SMALL) for _ in range(clients)]
        for client in several:
            client.request()
        for client in several:
            assert client.read_response().body == LARGE[:size]
            client.close()
        assert pipes(worker) - before <= 2 * 64
