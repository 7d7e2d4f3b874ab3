"""What is held back, what is not, and how much memory that takes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.e2e.support import Serve, memory_kilobytes, only_worker, proxyd_only, proxying
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer, answering
from tests.support.server import Server
from tests.support.waiting import wait_until

BLOCK = bytes(range(256)) * 256  # 64 KB
BLOCKS = 1024  # 64 MB: much more than all the kernel's buffers on the way
SIZE = BLOCKS * len(BLOCK)
FEW_KILOBYTES = 3 * 1024
SMALL = 16384
"""a receive buffer that keeps the kernel from hiding what the server holds"""

CONFIG = (
    "client_max_body_size 0; proxy_max_temp_file_size 0;"
    " server { listen 127.0.0.1:{port0}; location /here { return 200 here; }"
    " location / { %s proxy_pass http://{backend0}; } }"
)


def expected() -> str:
    """The digest of all blocks."""
    digest = hashlib.sha256()
    for _ in range(BLOCKS):
        digest.update(BLOCK)
    return digest.hexdigest()


def digest_of(pieces: Iterable[bytes]) -> str:
    """The digest of all pieces."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def give_turns(server: Server, count: int = 200) -> None:
    """Give the worker many turns in which it could take too much."""
    with Client(server.port()) as client:
        for _ in range(count):
            assert client.get("/here").body == b"here"


class Sender:
    """A backend that sends a large answer and counts what the kernel took."""

    def __init__(self, framing: str) -> None:
        self.framing = framing
        self.sent = 0

    def __call__(self, connection: Connection) -> None:
        """The script."""
        connection.receive()
        head = {
            "length": f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n",
            "chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "close": "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        }[self.framing]
        connection.send(head)
        for _ in range(BLOCKS):
            connection.send(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if self.framing == "chunked" else BLOCK)
            self.sent += len(BLOCK)
        if self.framing == "chunked":
            connection.send("0\r\n\r\n")


# Answers larger than the buffers


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("buffering", ["on", "off"])
def test_an_answer_to_a_slow_client_is_held_back_and_arrives_to_the_byte(
    serve: Serve, framing: str, buffering: str
) -> None:
    sender = Sender(framing)
    with Peer(sender) as peer:
        server = serve(CONFIG % f"proxy_buffering {buffering};", backend0=peer.address)
        worker = only_worker(server)
        give_turns(server)
        before = memory_kilobytes(worker)
        with Client(server.port(), receive_buffer=SMALL) as client:
            client.request()
            reading = client.start_response()
            give_turns(server)
            assert sender.sent < SIZE  # the backend waits
            assert memory_kilobytes(worker) - before < FEW_KILOBYTES
            assert digest_of(reading.stream()) == expected()
            assert memory_kilobytes(worker) - before < FEW_KILOBYTES


def test_twenty_slow_clients_cost_twenty_times_the_buffers_and_no_more(serve: Serve) -> None:
    with Peer(Sender("length")) as peer:
        server = serve(CONFIG % "proxy_buffers 8 4k;", backend0=peer.address)
        worker = only_worker(server)
        give_turns(server)
        before = memory_kilobytes(worker)
        clients = [Client(server.port(), receive_buffer=SMALL) for _ in range(20)]
        for client in clients:
            client.request()
            client.start_response()
        give_turns(server)
        # 8 x 4 KB, the head's 4 KB, and as much again for what is being read and written
        assert memory_kilobytes(worker) - before < 20 * 100 + FEW_KILOBYTES
        for client in clients:
            client.reset()


@pytest.mark.parametrize("buffers", ["2 4k", "8 4k", "16 16k", "4 64k"])
def test_buffers_of_any_size_lose_nothing(serve: Serve, buffers: str) -> None:
    with Peer(Sender("length")) as peer:
        server = serve(
            CONFIG % f"proxy_buffers {buffers}; proxy_busy_buffers_size {busy_of(buffers)};",
            backend0=peer.address,
        )
        with Client(server.port()) as client:
            client.request()
            assert digest_of(client.start_response().stream()) == expected()


def busy_of(buffers: str) -> str:
    """A proxy_busy_buffers_size that nginx accepts with these buffers."""
    return {"2 4k": "4k", "8 4k": "8k", "16 16k": "32k", "4 64k": "128k"}[buffers]


def test_a_client_that_reads_in_fits_and_starts_gets_everything(serve: Serve) -> None:
    with Peer(Sender("chunked")) as peer:
        server = serve(CONFIG % "", backend0=peer.address)

        def with_stops(pieces: Iterator[bytes]) -> Iterator[bytes]:
            for number, piece in enumerate(pieces):
                if number % 200 == 0:
                    give_turns(server, 10)
                yield piece

        with Client(server.port(), receive_buffer=SMALL) as client:
            client.request()
            assert digest_of(with_stops(client.start_response().stream())) == expected()


def test_others_are_served_while_a_slow_client_is_stuck(serve: Serve) -> None:
    with Peer(Sender("length"), answering("quick")) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        with Client(server.port(), receive_buffer=SMALL) as stuck:
            stuck.request()
            stuck.start_response()
            for _ in range(20):
                assert fetch(server.port()).body == b"quick"
            stuck.reset()


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_a_client_that_leaves_a_large_answer_frees_the_backend(serve: Serve, buffering: str) -> None:
    def for_ever(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.send(BLOCK)

    with Peer(for_ever) as peer:
        server = serve(CONFIG % f"proxy_buffering {buffering};", backend0=peer.address)
        client = Client(server.port())
        client.request()
        assert client.start_response().exactly(1000)
        client.reset()
        peer.wait_until(lambda: peer.connections[0].script_over, "the end of the backend's connection")
        server.wait_for_access(1, '"GET / HTTP/1.1" 200')


def test_a_large_answer_to_a_client_that_left_is_not_answered_to_the_next(serve: Serve) -> None:
    with Peer(Sender("length"), answering("own")) as peer:
        server = serve(
            "upstream u { server {backend0}; keepalive 8; }" + proxying(backend="u"), backend0=peer.address
        )
        client = Client(server.port())
        client.request()
        assert client.start_response().exactly(100000)
        client.reset()
        peer.wait_until(lambda: peer.connections[0].script_over, "the end of the backend's connection")
        assert [fetch(server.port()).body for _ in range(5)] == [b"own"] * 5


# Requests larger than the buffers


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_streamed_body_to_a_slow_backend_is_held_back_and_arrives_to_the_byte(
    serve: Serve, framing: str
) -> None:
    seen: list[str] = []

    def reads_later(connection: Connection) -> None:
        connection.receive_head()
        connection.wait_for("read")
        seen.append(digest_of(connection.stream_body()))
        connection.respond("read all")

    sent = 0

    def send() -> None:
        nonlocal sent
        for _ in range(BLOCKS):
            client.send(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if framing == "chunked" else BLOCK)
            sent += len(BLOCK)
        if framing == "chunked":
            client.send("0\r\n\r\n")

    with Peer(reads_later) as peer:
        server = serve(CONFIG % "proxy_request_buffering off;", backend0=peer.address)
        worker = only_worker(server)
        give_turns(server)
        before = memory_kilobytes(worker)
        with Client(server.port()) as client:
            length = f"Content-Length: {SIZE}" if framing == "length" else "Transfer-Encoding: chunked"
            client.send(f"POST / HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n")
            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            wait_until(lambda: sent > 0, "the first block")
            give_turns(server)
            assert sent < SIZE  # the client waits
            assert memory_kilobytes(worker) - before < FEW_KILOBYTES
            peer.tell("read")
            assert client.read_response().body == b"read all"
            sender.join()
        assert seen == [expected()]
        assert memory_kilobytes(worker) - before < FEW_KILOBYTES


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_body_with_buffering_on_takes_no_more_memory_either(serve: Serve, framing: str) -> None:
    seen: list[int] = []

    def counts(connection: Connection) -> None:
        connection.receive_head()
        seen.append(sum(map(len, connection.stream_body())))
        connection.respond("read all")

    with Peer(counts) as peer:
        server = serve(CONFIG % "proxy_request_buffering on;", backend0=peer.address)
        worker = only_worker(server)
        give_turns(server)
        before = memory_kilobytes(worker)
        with Client(server.port()) as client:
            length = f"Content-Length: {SIZE}" if framing == "length" else "Transfer-Encoding: chunked"
            client.send(f"POST / HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n")
            most = 0
            for number in range(BLOCKS):
                client.send(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if framing == "chunked" else BLOCK)
                if number % 100 == 0:
                    most = max(most, memory_kilobytes(worker) - before)
            if framing == "chunked":
                client.send("0\r\n\r\n")
            assert client.read_response().body == b"read all"
        assert seen == [SIZE]
        assert most < FEW_KILOBYTES


# What is never held back


def events(count: int, head: str) -> tuple[Callable[[Connection], None], list[bytes]]:
    """A backend that sends one event after the other, each only when the client has read the one before."""
    said = [b"data: %d\n\n" % number for number in range(count)]

    def script(connection: Connection) -> None:
        connection.receive()
        connection.send(head)
        for number, event in enumerate(said):
            connection.send(b"%x\r\n%b\r\n" % (len(event), event) if "chunked" in head else event)
            connection.wait_for(f"read {number}")
        if "chunked" in head:
            connection.send("0\r\n\r\n")

    return script, said


def read_events(client: Client, peer: Peer, said: list[bytes]) -> None:
    """Read every event, then let the backend send the next."""
    client.request()
    reading = client.start_response()
    for number, event in enumerate(said):
        assert reading.exactly(len(event)) == event
        peer.tell(f"read {number}")
    assert reading.piece() == b""


EVENT_STREAM = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


@proxyd_only("nginx gathers them unless proxy_buffering is off")
@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "text/event-stream; charset=utf-8", "Text/Event-Stream"]
)
@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked\r\n", "Connection: close\r\n"])
def test_server_sent_events_are_never_buffered(serve: Serve, content_type: str, framing: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{framing}\r\n"
    script, said = events(10, head)
    with Peer(script) as peer:
        server = serve(CONFIG % "proxy_buffering on; proxy_buffers 16 16k;", backend0=peer.address)
        with Client(server.port()) as client:
            read_events(client, peer, said)


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked\r\n", "Connection: close\r\n"])
def test_without_proxy_buffering_each_piece_goes_on_at_once(serve: Serve, framing: str) -> None:
    script, said = events(10, f"HTTP/1.1 200 OK\r\n{framing}\r\n")
    with Peer(script) as peer:
        server = serve(CONFIG % "proxy_buffering off;", backend0=peer.address)
        with Client(server.port()) as client:
            read_events(client, peer, said)


def test_x_accel_buffering_turns_buffering_off_for_one_answer(serve: Serve) -> None:
    script, said = events(
        10, "HTTP/1.1 200 OK\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with Peer(script) as peer:
        server = serve(CONFIG % "proxy_buffering on;", backend0=peer.address)
        with Client(server.port()) as client:
            read_events(client, peer, said)


def test_the_head_of_an_answer_goes_out_before_its_body_exists(serve: Serve) -> None:
    def head_first(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nX-Early: yes\r\nContent-Length: 4\r\n\r\n")
        connection.wait_for("head read")
        connection.send("body")

    with Peer(head_first) as peer:
        server = serve(CONFIG % "proxy_buffering off;", backend0=peer.address)
        with Client(server.port()) as client:
            client.request()
            reading = client.start_response()
            assert reading.message.header("X-Early") == b"yes"
            peer.tell("head read")
            assert reading.finish().body == b"body"


def test_an_event_stream_to_a_client_that_left_is_ended_at_the_backend(serve: Serve) -> None:
    def waits(connection: Connection) -> None:
        connection.receive()
        connection.send(EVENT_STREAM + "\r\ndata: 1\n\n")
        connection.receive_to_end()

    with Peer(waits) as peer:
        server = serve(CONFIG % "proxy_buffering off;", backend0=peer.address)
        client = Client(server.port())
        client.request()
        assert client.start_response().exactly(9) == b"data: 1\n\n"
        client.close()
        assert peer.wait_for_end(1)


# Small things in large numbers


def test_ten_thousand_tiny_chunks_arrive_in_order(serve: Serve) -> None:
    body = b"".join(b"%05d" % number for number in range(10_000))

    def tiny(connection: Connection) -> None:
        connection.receive()
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")

    with Peer(tiny) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        assert fetch(server.port()).body == body


def test_ten_thousand_tiny_chunks_of_a_request_arrive_in_order(serve: Serve) -> None:
    body = b"".join(b"%05d" % number for number in range(10_000))
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    with Peer() as peer:
        server = serve(
            CONFIG % "" + "server { listen 127.0.0.1:{port1}; client_body_buffer_size 128k;"
            " location / { proxy_pass http://{backend0}; } }",
            backend0=peer.address,
        )
        for port in (server.port(0), server.port(1)):
            with Client(port) as client:
                client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                client.send(chunks + b"0\r\n\r\n")
                assert client.read_response().status == 200
        assert [request.body for request in peer.requests] == [body, body]


def test_memory_does_not_grow_with_the_number_of_requests(serve: Serve) -> None:
    with Peer(answering(lambda request: b"y" * 20_000)) as peer:
        server = serve(
            "keepalive_requests 1000000;"
            + CONFIG % "proxy_http_version 1.1; proxy_set_header Connection '';",
            backend0=peer.address,
        )
        worker = only_worker(server)

        def many() -> None:
            with Client(server.port()) as client:
                for _ in range(300):
                    assert len(client.get(method="POST", body=b"x" * 12_000).body) == 20_000

        many()
        before = memory_kilobytes(worker)
        for _ in range(3):
            many()
        assert memory_kilobytes(worker) - before < 512


def test_the_memory_of_large_answers_is_used_again(serve: Serve) -> None:
    with Peer(Sender("length")) as peer:
        server = serve(
            CONFIG % "proxy_buffers 16 64k; proxy_busy_buffers_size 128k;",
            backend0=peer.address,
        )
        worker = only_worker(server)
        after: list[int] = []
        for turn in range(1, 5):
            clients = [Client(server.port(), receive_buffer=SMALL) for _ in range(20)]
            for client in clients:
                client.request()
                client.start_response()
            give_turns(server)
            for client in clients:
                client.reset()
            server.wait_for_access(20 * turn, '"GET / HTTP/1.1" 200')
            after.append(memory_kilobytes(worker))
        assert after[-1] - after[0] < FEW_KILOBYTES
