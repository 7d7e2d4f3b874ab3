"""The tools themselves: a strict reader that lets something through would make every test above it lie."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.client import Client, fetch
from tests.support.messages import Ended, Malformed, Message, Reset, Wire, read_request, read_response
from tests.support.peer import Connection, Peer, answering, echo, response
from tests.support.ports import ReservedPort, UnansweringPort
from tests.support.server import Server
from tests.support.waiting import wait_until


def wire_of(data: bytes) -> Wire:
    """A wire on which these bytes come, and then the end."""
    ours, theirs = socket.socketpair()
    theirs.sendall(data)
    theirs.close()
    return Wire(ours)


def request_in(data: bytes) -> Message:
    """The one request that these bytes are."""
    wire = wire_of(data)
    message = read_request(wire)
    assert message is not None
    assert message.whole
    assert wire.unread() == b""
    assert message.raw == data
    return message


def test_a_request_without_a_body_is_read_to_the_byte() -> None:
    message = request_in(b"GET /a?b HTTP/1.1\r\nHost: x\r\nX-Two:  a b \r\n\r\n")
    assert (message.method, message.target, message.version) == (b"GET", b"/a?b", b"1.1")
    assert message.headers == ((b"Host", b"x"), (b"X-Two", b"a b"))
    assert (message.framing, message.body) == ("none", b"")


def test_a_body_with_a_length_is_read_to_the_byte() -> None:
    assert request_in(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello").body == b"hello"


def test_a_chunked_body_is_decoded_with_its_trailers() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    message = request_in(head + b"5;ext=1\r\nhello\r\n01\r\n!\r\n0\r\nA: b\r\n\r\n")
    assert (message.framing, message.body, message.trailers) == ("chunked", b"hello!", ((b"A", b"b"),))


def test_requests_follow_each_other_on_one_wire() -> None:
    wire = wire_of(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
    targets = [message.target for _ in range(2) if (message := read_request(wire))]
    assert targets == [b"/1", b"/2"]
    assert read_request(wire) is None


HOST = b"Host: x\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\n\r\n",
        b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\rc\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\0c\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\x01c\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na",
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_exactly_one_request_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_request(wire_of(data))


@pytest.mark.parametrize("whole", [b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"])
def test_every_cut_request_is_incomplete(whole: bytes) -> None:
    for end in range(1, len(whole)):
        with pytest.raises(Ended):
            read_request(wire_of(whole[:end]))


def test_responses_are_framed_by_what_they_answer() -> None:
    assert read_response(wire_of(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), b"HEAD").body == b""
    assert read_response(wire_of(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n")).body == b""
    assert read_response(wire_of(b"HTTP/1.0 200 OK\r\n\r\nto the end")).body == b"to the end"
    chunked = wire_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert read_response(chunked).body == b"abc"


def test_a_peer_answers_and_remembers() -> None:
    with Peer() as peer:
        with Client(peer.port) as client:
            assert client.get("/one").body == b"hello\n"
            assert client.get("/two", method="POST", body="x" * 100000).status == 200
            assert client.get("/three", method="HEAD").body == b""
        assert [request.target for request in peer.requests] == [b"/one", b"/two", b"/three"]
        assert peer.wait_for_end(1) == "eof"


def test_a_peer_echoes_the_bytes_of_a_request() -> None:
    with Peer(echo()) as peer:
        assert fetch(peer.port, "/x").body == b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_script_sends_in_turns_with_the_test() -> None:
    def script(connection: Connection) -> None:
        connection.receive_head()
        connection.send("HTTP/1.1 100 Continue\r\n\r\n")
        connection.receive_body()
        connection.dribble(response("slowly", chunked=True))
        connection.wait_for("read it")
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha")
        connection.reset()

    with Peer(script) as peer, Client(peer.port) as client:
        client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
        assert client.read_any_response().status == 100
        client.send("ab")
        assert client.read_response().body == b"slowly"
        peer.tell("read it")
        client.request()
        with pytest.raises(Reset):
            client.read_response()


def test_scripts_are_given_to_connections_in_order_and_the_last_repeats() -> None:
    with Peer(answering("first"), answering("other")) as peer:
        assert [fetch(peer.port).body for _ in range(3)] == [b"first", b"other", b"other"]


def test_a_stalled_script_ends_with_the_peer() -> None:
    with Peer(Connection.stall) as peer:
        Client(peer.port).close()
        peer.wait_for_connections(1)


def test_what_a_script_raises_fails_the_test() -> None:
    def wrong(connection: Connection) -> None:
        assert connection.receive().target == b"/expected"

    with pytest.raises(AssertionError), Peer(wrong) as peer, Client(peer.port) as client:
        client.request("/other")
        assert client.ending() == "eof"


def test_a_malformed_request_fails_the_test_unless_the_peer_is_tolerant() -> None:
    for tolerant in (False, True):
        peer = Peer(tolerant=tolerant)
        with Client(peer.port) as client:
            client.send("GET / HTTP/1.1\n\n")
            assert client.ending() == "reset" or client.wire.at_end
        assert len(peer.malformed) == 1
        if tolerant:
            peer.close()
        else:
            with pytest.raises(AssertionError):
                peer.close()


def test_a_peer_that_crashed_refuses_and_can_come_back() -> None:
    with Peer() as peer, Client(peer.port) as client:
        client.get()
        peer.crash()
        assert client.ending() in ("eof", "reset")
        with pytest.raises(ConnectionRefusedError):
            Client(peer.port)
        peer.listen()
        assert fetch(peer.port).status == 200


def test_a_peer_listens_on_ipv6_and_on_a_path(tmp_path: Path) -> None:
    with Peer(host="::1") as peer:
        assert fetch(("::1", peer.port)).status == 200
    with Peer(path=tmp_path / "peer.sock") as peer:
        assert fetch(tmp_path / "peer.sock").status == 200


def test_a_reserved_port_refuses_until_somebody_listens() -> None:
    with ReservedPort() as port:
        with pytest.raises(ConnectionRefusedError):
            Client(port.number)
        with socket.create_server(("127.0.0.1", port.number)):
            Client(port.number).close()


def test_an_unanswering_port_lets_nobody_connect() -> None:
    with UnansweringPort() as port, pytest.raises(TimeoutError):
        Client(port.number, limit=0.2)


def test_a_server_runs_in_front_of_a_peer(directory: Path) -> None:
    http = "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://{backend0}; } }"
    with Peer() as peer, Server("nginx", directory, http, backend0=peer.address, workers=2) as server:
        assert fetch(server.port(), "/x").status == 200
        assert '"GET /x HTTP/1.1" 200 6' in server.wait_for_access(1)[0]
        wait_until(lambda: len(server.worker_pids()) == 2, "two processes with the title of workers")
        assert server.run("-t").returncode == 0
