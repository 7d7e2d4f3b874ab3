"""Every wait has an end: what the client sees of it, and the line that the operator finds."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest

from tests.e2e.support import KIND, Pace, Serve, asleep, in_time, only_worker, proxying
from tests.support.client import Client, fetch
from tests.support.messages import Ended
from tests.support.peer import Connection, Peer, response
from tests.support.ports import ReservedPort, UnansweringPort
from tests.support.server import Server
from tests.support.waiting import wait_until

BLOCK = b"x" * 65536


def silent(connection: Connection) -> None:
    """Read the request and say nothing."""
    connection.receive()
    connection.receive_to_end()


def logged(server: Server, words: str, level: str = "error") -> None:
    """Wait for exactly this line, behind date, process and connection."""
    line = rf"^\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d \[{level}\] \d+#\d+: \*\d+ {re.escape(words)}$"
    server.wait_for_log(line)


def about(peer: Peer | None = None, request: str = "GET / HTTP/1.1", *, host: str = "localhost") -> str:
    """The end of a line about a request, with the backend where one is involved."""
    target = request.split(" ")[1]
    upstream = f', upstream: "http://{peer.address}{target}"' if peer else ""
    return f', client: 127.0.0.1, server: x.example, request: "{request}"{upstream}, host: "{host}"'


# Clients


def test_a_client_that_says_nothing_is_disconnected(serve: Serve) -> None:
    server = serve(proxying(server="client_header_timeout 100ms;"), backend0="127.0.0.1:1")
    with Client(server.port()) as client:
        assert client.read_to_end() == b""
    line = "client timed out (110: Connection timed out) while waiting for request, client: 127.0.0.1"
    logged(server, line + f", server: 127.0.0.1:{server.port()}", "info")
    assert server.access() == []


@pytest.mark.parametrize(
    ("part", "activity", "request_line", "host"),
    [
        ("GET / HT", "reading client request line", "GET / HT", None),
        ("GET /slow HTTP/1.1\r\nHo", "reading client request headers", "GET /slow HTTP/1.1", None),
        ("GET /slow HTTP/1.1\r\nHost: a\r\n", "reading client request headers", "GET /slow HTTP/1.1", "a"),
    ],
)
def test_a_client_that_does_not_finish_its_head_is_disconnected(
    serve: Serve, part: str, activity: str, request_line: str, host: str | None
) -> None:
    server = serve(
        proxying(server="server_name x.example; client_header_timeout 500ms;"), backend0="127.0.0.1:1"
    )
    worker = only_worker(server)
    with ExitStack() as stack:
        with asleep(worker):
            client = stack.enter_context(Client(server.port()))
            client.send(part)
        assert client.read_to_end() == b""
    line = (
        f"client timed out (110: Connection timed out) while {activity}, client: 127.0.0.1, server: x.example"
    )
    line += f', request: "{request_line}"' if request_line else ""
    line += f', host: "{host}"' if host else ""
    logged(server, line, "info")
    assert server.log().count("client timed out") == 1
    assert f'"{request_line or ""}" 408 0' in server.wait_for_access(1)[0]


def test_the_time_for_a_head_is_not_prolonged_by_single_bytes(serve: Serve) -> None:
    server = serve(proxying(server="client_header_timeout 200ms;"), backend0="127.0.0.1:1")
    worker = only_worker(server)
    with ExitStack() as stack:
        with asleep(worker):
            client = stack.enter_context(Client(server.port()))
            client.send("GET / HTTP/1.1\r\nX-Slow: ")

        def disconnected() -> bool:
            try:
                client.send("y")
            except Ended:
                return True
            return bool(server.access())

        wait_until(disconnected, "the end of a client that never finishes")
    assert '" 408 0' in server.wait_for_access(1)[0]


@pytest.mark.parametrize(
    ("framing", "part"),
    [
        ("Content-Length: 10", "half"),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n"),
        ("Transfer-Encoding: chunked", "a\r\nhalf"),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n0\r\n"),
        ("Transfer-Encoding: chunked", ""),
    ],
)
def test_a_client_that_does_not_finish_its_body_is_disconnected(
    serve: Serve, framing: str, part: str
) -> None:
    with Peer() as peer:
        server = serve(
            proxying("client_body_timeout 100ms;", server="server_name x.example;"), backend0=peer.address
        )
        with Client(server.port()) as client:
            client.send(f"POST /slow HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{part}")
            assert client.read_to_end() == b""
        if KIND == "proxyd":  # nginx says it in the access log alone
            words = "client timed out (110: Connection timed out) while reading client request body"
            logged(server, words + about(request="POST /slow HTTP/1.1", host="a"), "info")
        assert '"POST /slow HTTP/1.1" 408 0' in server.wait_for_access(1)[0]
        assert peer.connections == []


def test_a_client_that_does_not_finish_a_streamed_body_loses_its_backend(serve: Serve) -> None:
    def reads(connection: Connection) -> None:
        connection.receive_head()
        connection.receive_body()

    with Peer(reads) as peer:
        server = serve(
            proxying("client_body_timeout 100ms; proxy_request_buffering off;"), backend0=peer.address
        )
        with Client(server.port()) as client:
            client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
            assert client.ending() in ("eof", "reset")
        assert peer.wait_for_end(1)
        assert not peer.requests[0].whole
        assert '"POST /slow HTTP/1.1" 408 0' in server.wait_for_access(1)[0]


def test_an_idle_client_is_disconnected_in_silence(serve: Serve) -> None:
    with Peer() as peer:
        server = serve("keepalive_timeout 500ms;" + proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
            for _ in range(2):
                assert not client.read_response().says_close
            assert client.read_to_end() == b""
        assert len(server.wait_for_access(2)) == 2
        assert "timed out" not in server.log()


def test_clients_are_told_the_second_value_of_keepalive_timeout(serve: Serve) -> None:
    with Peer() as peer:
        server = serve("keepalive_timeout 75s 20s;" + proxying(), backend0=peer.address)
        assert fetch(server.port()).header("Keep-Alive") == b"timeout=20"


def test_a_connection_older_than_keepalive_time_is_closed_with_its_next_answer(serve: Serve) -> None:
    server = serve("keepalive_time 100ms; server { listen 127.0.0.1:{port0}; location / { return 200 x; } }")
    with Client(server.port()) as client:
        wait_until(lambda: client.get().says_close, "an answer that says close")
        assert client.read_to_end() == b""


def test_a_client_that_does_not_read_is_given_up(serve: Serve) -> None:
    def endless(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.send(BLOCK)

    with Peer(endless) as peer:
        server = serve(
            proxying("send_timeout 200ms; proxy_buffering off;", server="server_name x.example;"),
            backend0=peer.address,
        )
        with Client(server.port(), receive_buffer=16384) as client:
            client.request()
            logged(
                server,
                "client timed out (110: Connection timed out) while sending to client" + about(peer),
                "info",
            )
            peer.wait_until(lambda: peer.connections[0].script_over, "the end of the backend's connection")
            reading = client.start_response()
            with pytest.raises(Ended):
                reading.finish()
        assert '"GET / HTTP/1.1" 200 ' in server.wait_for_access(1)[0]


# Backends


def test_a_backend_that_accepts_no_connection_is_504(serve: Serve) -> None:
    with UnansweringPort() as port:
        address = f"127.0.0.1:{port.number}"
        server = serve(
            proxying("proxy_connect_timeout 100ms;", server="server_name x.example;"), backend0=address
        )
        answer = fetch(server.port())
        assert answer.status == 504
        assert b"504 Gateway Time-out" in answer.body
        logged(
            server,
            "upstream timed out (110: Connection timed out) while connecting to upstream, client: 127.0.0.1, "
            f'server: x.example, request: "GET / HTTP/1.1", upstream: "http://{address}/", host: "localhost"',
        )


def test_a_backend_that_refuses_connections_is_502(serve: Serve) -> None:
    with ReservedPort() as port:
        address = f"127.0.0.1:{port.number}"
        server = serve(proxying(server="server_name x.example;"), backend0=address)
        assert fetch(server.port()).status == 502
        logged(
            server,
            "connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, "
            f'server: x.example, request: "GET / HTTP/1.1", upstream: "http://{address}/", host: "localhost"',
        )


def test_a_backend_that_closes_without_an_answer_is_502(serve: Serve) -> None:
    with Peer(lambda connection: None if connection.receive() else None) as peer:
        server = serve(proxying(server="server_name x.example;"), backend0=peer.address)
        assert fetch(server.port()).status == 502
        logged(
            server,
            "upstream prematurely closed connection while reading response header from upstream"
            + about(peer),
        )


def test_a_backend_that_does_not_answer_is_504(serve: Serve) -> None:
    with Peer(silent) as peer:
        server = serve(
            proxying("proxy_read_timeout 100ms;", server="server_name x.example;"), backend0=peer.address
        )
        with Client(server.port()) as client:
            answer = client.get()
            assert (answer.status, answer.says_close) == (504, False)
            assert client.get().status == 504  # the connection goes on
        assert peer.wait_for_end(1)
        logged(
            server,
            "upstream timed out (110: Connection timed out) while reading response header from upstream"
            + about(peer),
        )


def test_a_backend_that_stops_in_its_head_is_504(serve: Serve) -> None:
    def stops(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nContent-")
        connection.receive_to_end()

    with Peer(stops) as peer:
        server = serve(proxying("proxy_read_timeout 100ms;"), backend0=peer.address)
        assert fetch(server.port()).status == 504


@pytest.mark.parametrize(
    "framing", ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
def test_a_backend_that_stops_in_its_body_cuts_the_answer(serve: Serve, framing: str) -> None:
    def stops(connection: Connection) -> None:
        connection.receive()
        connection.send(f"HTTP/1.1 200 OK\r\n{framing}")
        connection.receive_to_end()

    with Peer(stops) as peer:
        server = serve(
            proxying("proxy_read_timeout 500ms;", server="server_name x.example;"), backend0=peer.address
        )

        def cut(pace: Pace) -> None:
            with Client(server.port()) as client:
                client.request()
                reading = client.start_response()
                pace.mark()
                assert reading.message.status == 200
                with pytest.raises(Ended):
                    reading.finish()
                assert reading.message.body in (b"", b"half")

        in_time(0.5, cut)
        assert peer.wait_for_end(1)
        logged(server, "upstream timed out (110: Connection timed out) while reading upstream" + about(peer))


def test_a_backend_that_does_not_read_the_request_is_504(serve: Serve) -> None:
    def deaf(connection: Connection) -> None:
        connection.stall()

    with Peer(deaf) as peer:
        server = serve(
            "client_max_body_size 0;"
            + proxying(
                "proxy_send_timeout 200ms; proxy_request_buffering off;", server="server_name x.example;"
            ),
            backend0=peer.address,
        )
        with Client(server.port()) as client:
            client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")

            def refused() -> bool:
                client.send(BLOCK)
                return "upstream timed out" in server.log()

            wait_until(refused, "the server to give the backend up")
            assert client.read_response().status == 504
        logged(
            server,
            "upstream timed out (110: Connection timed out) while sending request to upstream"
            + about(peer, "POST / HTTP/1.1"),
        )
        peer.go_on()


# What is not a timeout


CLOCK = (
    "server { listen 127.0.0.1:{port0}; server_name x.example;"
    " location /tick { proxy_read_timeout 250ms; proxy_pass http://{silent}; }"
    " location / { %s proxy_pass http://{backend0}; } }"
)
TICKS = 5
"""so many times 250 ms are more than the second which the tests below allow"""


def tick(server: Server) -> None:
    """Let 250 ms pass on the server's own clock."""
    assert fetch(server.port(), "/tick").status == 504


def test_a_backend_that_goes_on_speaking_is_in_time(serve: Serve) -> None:
    def speaks(connection: Connection) -> None:
        connection.receive()
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {TICKS}\r\n\r\n")
        for number in range(TICKS):
            connection.wait_for(f"{connection.number} ticked {number}")
            connection.send("x")
            connection.tell(f"{connection.number} said {number}")

    with Peer(silent) as clock, Peer(speaks) as peer:
        server = serve(CLOCK % "proxy_read_timeout 1s;", silent=clock.address, backend0=peer.address)

        def goes_on(pace: Pace) -> None:
            with Client(server.port()) as client:
                before = len(peer.connections)
                client.request()
                connection = peer.wait_for_connections(before + 1)[before]
                for number in range(TICKS):
                    tick(server)
                    peer.tell(f"{connection.number} ticked {number}")
                    peer.wait_for_label(f"{connection.number} said {number}")
                    pace.mark()
                assert client.read_response().body == b"x" * TICKS

        in_time(1, goes_on)


def test_a_client_that_goes_on_sending_its_body_is_in_time(serve: Serve) -> None:
    with Peer(silent) as clock, Peer() as peer:
        server = serve(CLOCK % "client_body_timeout 1s;", silent=clock.address, backend0=peer.address)

        def goes_on(pace: Pace) -> None:
            with Client(server.port()) as client:
                client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {TICKS}\r\n\r\n")
                for _ in range(TICKS):
                    tick(server)
                    client.send("x")
                    pace.mark()
                assert client.read_response().status == 200

        in_time(1, goes_on)
        assert peer.requests[0].body == b"x" * TICKS


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_a_slow_client_is_not_taken_for_a_slow_backend(serve: Serve, buffering: str) -> None:
    size = 200 * len(BLOCK)

    def sends_much(connection: Connection) -> None:
        connection.receive()
        connection.send(response(BLOCK * 200))
        connection.receive_to_end()

    with Peer(silent) as clock, Peer(sends_much) as peer:
        server = serve(
            CLOCK % f"proxy_read_timeout 1s; proxy_buffering {buffering};",
            silent=clock.address,
            backend0=peer.address,
        )

        def reads_late(pace: Pace) -> None:
            with Client(server.port(), receive_buffer=16384) as client:
                client.request()
                reading = client.start_response()
                pace.mark()  # the backend may be late, the client may not be too late
                for _ in range(TICKS):
                    tick(server)
                assert len(reading.finish().body) == size

        in_time(1, reads_late)
