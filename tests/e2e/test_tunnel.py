"""Upgraded connections: bytes both ways, whatever they are, until one side has had enough."""

from __future__ import annotations

import hashlib
import threading

import pytest

from tests.e2e.support import Pace, Serve, in_time, memory_kilobytes, only_worker, proxyd_only, proxying
from tests.support.client import Client, fetch
from tests.support.messages import Message
from tests.support.peer import Connection, Peer, Script, response
from tests.support.server import Server
from tests.support.waiting import wait_until

SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
ASK = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
AS_THE_GUIDE_SAYS = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;\n"

BLOCK = bytes(range(256)) * 256  # 64 KB
MANY_BLOCKS = 512  # 32 MB: more than all the kernel's buffers on the way

# Without this the kernel's own buffers, which grow to megabytes, would hide what the server holds.
SMALL = 16384


def tunnelling(more: str = "") -> str:
    """The usual configuration of WebSocket."""
    return proxying(AS_THE_GUIDE_SAYS + more)


def switching(then: Script) -> Script:
    """Accept the upgrade, then go on with `then`."""

    def script(connection: Connection) -> None:
        connection.receive()
        connection.send(SWITCHING)
        then(connection)

    return script


def mirror(connection: Connection) -> None:
    """Send back what comes, until the other side ends its half."""
    while piece := connection.receive_some():
        connection.send(piece)


def upgraded(server: Server) -> Client:
    """A client whose connection is a tunnel now."""
    client = Client(server.port())
    client.send(ASK)
    assert client.read_response().status == 101
    return client


# The upgrade


def test_an_upgrade_is_negotiated_with_the_backend(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(ASK)
            answer = client.read_response()
            assert answer.status == 101
            assert answer.header("Upgrade") == b"websocket"
            assert answer.lists("Connection", b"upgrade")
        asked = peer.requests[0]
        assert asked.header("Upgrade") == b"websocket"
        assert asked.lists("Connection", b"upgrade")


def test_bytes_of_any_value_go_both_ways(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            for said in (b"\0", b"\r\n\r\n", bytes(range(256)), b"GET / HTTP/1.1\r\n\r\n", BLOCK):
                client.send(said)
                assert client.read_bytes(len(said)) == said
        assert len(peer.requests) == 1


def test_a_tunnel_carries_single_bytes_without_delay_or_merging_across_turns(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            for value in range(200):
                client.send(bytes([value]))
                assert client.read_bytes(1) == bytes([value])


def test_either_side_may_speak_first(serve: Serve) -> None:
    def greets(connection: Connection) -> None:
        connection.wait_for("speak")
        connection.send("hello from behind")
        assert connection.receive_bytes(2) == b"ok"

    with Peer(switching(greets)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            peer.tell("speak")
            assert client.read_bytes(17) == b"hello from behind"
            client.send("ok")
            assert client.read_to_end() == b""


def test_bytes_right_behind_the_101_reach_the_client(serve: Serve) -> None:
    def eager(connection: Connection) -> None:
        connection.receive()
        connection.send(SWITCHING + "early bytes")
        mirror(connection)

    with Peer(eager) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            assert client.read_bytes(11) == b"early bytes"
            client.send("and on")
            assert client.read_bytes(6) == b"and on"


def test_many_bytes_right_behind_the_101_reach_the_client(serve: Serve) -> None:
    def eager(connection: Connection) -> None:
        connection.receive()
        connection.send(SWITCHING.encode() + BLOCK * 16)
        mirror(connection)

    with Peer(eager) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            assert client.read_bytes(16 * len(BLOCK)) == BLOCK * 16


@pytest.mark.parametrize("early", [b"e", b"early bytes", BLOCK])
def test_bytes_right_behind_the_request_reach_the_backend(serve: Serve, early: bytes) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(ASK.encode() + early)
            assert client.read_response().status == 101
            assert client.read_bytes(len(early)) == early
            client.send("later")
            assert client.read_bytes(5) == b"later"
        assert len(peer.requests) == 1


def test_a_101_one_byte_at_a_time_is_a_101(serve: Serve) -> None:
    def dribbles(connection: Connection) -> None:
        connection.receive()
        connection.dribble(SWITCHING + "early")
        mirror(connection)

    with Peer(dribbles) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with Client(server.port()) as client:
            client.dribble(ASK)
            assert client.read_response().status == 101
            assert client.read_bytes(5) == b"early"


def test_a_refused_upgrade_is_an_ordinary_answer(serve: Serve) -> None:
    def refuses(connection: Connection) -> None:
        while True:
            connection.receive()
            connection.respond("no tunnel", "403 Forbidden")

    with Peer(refuses) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(ASK)
            answer = client.read_response()
            assert (answer.status, answer.body) == (403, b"no tunnel")
            assert client.get("/next").status == 403


@proxyd_only("nginx 1.22 passes the 101 on")
def test_a_101_that_nobody_asked_for_is_no_tunnel(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.request()
            assert client.read_response().status == 502
        assert peer.wait_for_end(1)
        server.wait_for_log(r"\[error\].*upstream sent .*101.*while reading response header from upstream")


def test_a_client_that_asks_for_no_upgrade_gets_none(serve: Serve) -> None:
    with Peer(lambda connection: connection.respond("x") if connection.receive() else None) as peer:
        server = serve(proxying(AS_THE_GUIDE_SAYS.replace("upgrade;", "close;")), backend0=peer.address)
        assert fetch(server.port()).body == b"x"
        assert peer.requests[0].header("Upgrade") is None


# Ends


def test_when_the_client_closes_the_backend_is_told(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        client = upgraded(server)
        client.send("bye")
        assert client.read_bytes(3) == b"bye"
        client.close()
        assert peer.wait_for_end(1)
        assert '"GET /ws HTTP/1.1" 101 3' in server.wait_for_access(1)[0]


def test_when_the_backend_closes_the_client_is_told(serve: Serve) -> None:
    def last_words(connection: Connection) -> None:
        connection.send("last words")

    with Peer(switching(last_words)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            assert client.read_to_end() == b"last words"
        assert '"GET /ws HTTP/1.1" 101 10' in server.wait_for_access(1)[0]


def test_when_the_backend_resets_the_client_is_told(serve: Serve) -> None:
    def dies(connection: Connection) -> None:
        connection.receive_bytes(1)
        connection.reset()

    with Peer(switching(dies)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            client.send("x")
            assert client.ending() in ("eof", "reset")
        server.wait_for_access(1, '"GET /ws HTTP/1.1" 101 0')
        server.wait_for_log(r"\[error\].*recv\(\) failed \(104: Connection reset by peer\).*prox.* upgraded")


def test_when_the_client_resets_the_backend_is_told(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        upgraded(server).reset()
        assert peer.wait_for_end(1)
        server.wait_for_access(1, '"GET /ws HTTP/1.1" 101 0')


def test_what_was_said_before_the_end_arrives_before_the_end(serve: Serve) -> None:
    def says_much(connection: Connection) -> None:
        for _ in range(64):
            connection.send(BLOCK)

    with Peer(switching(says_much)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            assert client.read_to_end() == BLOCK * 64


@proxyd_only("nginx ends the tunnel when either side has sent FIN")
def test_a_half_close_of_the_client_is_passed_on_and_answers_still_come(serve: Serve) -> None:
    def answers_at_the_end(connection: Connection) -> None:
        said = connection.receive_to_end()
        connection.send(b"you said " + said)

    with Peer(switching(answers_at_the_end)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            client.send("something")
            client.half_close()
            assert client.read_to_end() == b"you said something"


@proxyd_only("nginx ends the tunnel when either side has sent FIN")
def test_a_half_close_of_the_backend_is_passed_on_and_it_still_hears(serve: Serve) -> None:
    def listens_on(connection: Connection) -> None:
        connection.send("I am done")
        connection.half_close()
        connection.receive_to_end()

    with Peer(switching(listens_on)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            assert client.read_to_end() == b"I am done"
            client.send("I am not")
            client.half_close()
            peer.wait_until(lambda: peer.connections[0].raw_reads, "the last words")
        assert peer.connections[0].raw_reads == [b"I am not"]


def test_a_silent_tunnel_ends_after_proxy_read_timeout(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling("proxy_read_timeout 500ms;"), backend0=peer.address)

        def silent(pace: Pace) -> None:
            with upgraded(server) as client:
                pace.mark()
                client.send("still here")
                assert client.read_bytes(10) == b"still here"
                pace.mark()
                assert client.read_to_end() == b""

        in_time(0.5, silent)
        assert peer.wait_for_end(1)
        server.wait_for_log(
            r"\[info\].*upstream timed out \(110: Connection timed out\) while proxying upgraded connection"
        )
        server.wait_for_access(1, '"GET /ws HTTP/1.1" 101 10')


# Back-pressure


class Flood:
    """All blocks, sent on whatever thread, with a count of what the kernel has taken."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, end: Client | Connection) -> None:
        """Send every block."""
        for _ in range(MANY_BLOCKS):
            end.send(BLOCK)
            self.sent += len(BLOCK)

    def start(self, end: Client | Connection) -> threading.Thread:
        """Send every block on a thread of its own."""
        thread = threading.Thread(target=self.send, args=[end], daemon=True)
        thread.start()
        return thread


def others_are_served(server: Server, count: int) -> None:
    """Give the worker many turns in which it could read too much."""
    with Client(server.port()) as client:
        for _ in range(count):
            assert client.get("/here").body == b"here"


def whole() -> str:
    """What all blocks together are."""
    digest = hashlib.sha256()
    for _ in range(MANY_BLOCKS):
        digest.update(BLOCK)
    return digest.hexdigest()


def digest_of(client: Client, count: int) -> str:
    """What the next `count` bytes are."""
    digest = hashlib.sha256()
    while count:
        piece = client.wire.some(count)
        assert piece, f"{count} bytes are missing"
        client.wire.forget()
        digest.update(piece)
        count -= len(piece)
    return digest.hexdigest()


HERE = (
    "server { listen 127.0.0.1:{port0}; location /here { return 200 here; }"
    " location / { " + AS_THE_GUIDE_SAYS + " proxy_pass http://{backend0}; } }"
)


def test_a_client_that_does_not_read_holds_the_backend_back(serve: Serve) -> None:
    flood = Flood()

    def floods(connection: Connection) -> None:
        flood.send(connection)

    with Peer(switching(floods)) as peer:
        server = serve(HERE, backend0=peer.address)
        worker = only_worker(server)
        others_are_served(server, 20)
        before = memory_kilobytes(worker)
        with Client(server.port(), receive_buffer=SMALL) as client:
            client.send(ASK)
            assert client.start_response().message.status == 101
            wait_until(lambda: flood.sent > 0, "the flood")
            others_are_served(server, 200)
            assert flood.sent < MANY_BLOCKS * len(BLOCK)
            assert memory_kilobytes(worker) - before < 4096
            assert digest_of(client, MANY_BLOCKS * len(BLOCK)) == whole()
            assert client.read_to_end() == b""
        assert memory_kilobytes(worker) - before < 4096


def test_a_backend_that_does_not_read_holds_the_client_back(serve: Serve) -> None:
    flood = Flood()
    seen = hashlib.sha256()

    def reads_later(connection: Connection) -> None:
        connection.wait_for("read")
        left = MANY_BLOCKS * len(BLOCK)
        while left:
            piece = connection.receive_some(left)
            assert piece, f"{left} bytes are missing"
            seen.update(piece)
            left -= len(piece)
        connection.send("read all")

    with Peer(switching(reads_later)) as peer:
        server = serve(HERE, backend0=peer.address)
        worker = only_worker(server)
        others_are_served(server, 20)
        before = memory_kilobytes(worker)
        with upgraded(server) as client:
            sender = flood.start(client)
            wait_until(lambda: flood.sent > 0, "the flood")
            others_are_served(server, 200)
            assert flood.sent < MANY_BLOCKS * len(BLOCK)
            assert memory_kilobytes(worker) - before < 4096
            peer.tell("read")
            assert client.read_bytes(8) == b"read all"
            sender.join()
        assert seen.hexdigest() == whole()


def test_floods_in_both_directions_at_once_arrive_to_the_byte(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            sender = Flood().start(client)
            assert digest_of(client, MANY_BLOCKS * len(BLOCK)) == whole()
            sender.join()


def test_one_direction_that_is_stuck_does_not_stop_the_other(serve: Serve) -> None:
    def floods_and_listens(connection: Connection) -> None:
        sender = Flood().start(connection)
        assert connection.receive_bytes(len(BLOCK) * 64) == BLOCK * 64
        connection.tell("heard")
        sender.join()

    with Peer(switching(floods_and_listens)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with Client(server.port(), receive_buffer=SMALL) as client:
            client.send(ASK)
            assert client.start_response().message.status == 101
            client.send(BLOCK * 64)  # 4 MB up, although nothing that comes down is read
            peer.wait_for_label("heard")
            assert digest_of(client, MANY_BLOCKS * len(BLOCK)) == whole()


def test_a_client_that_leaves_a_flood_frees_the_backend(serve: Serve) -> None:
    def floods_for_ever(connection: Connection) -> None:
        while True:
            connection.send(BLOCK)

    with Peer(switching(floods_for_ever)) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        client = upgraded(server)
        client.read_bytes(len(BLOCK))
        client.close()
        peer.wait_until(lambda: peer.connections[0].script_over, "the end of the flood")
        server.wait_for_access(1, '"GET /ws HTTP/1.1" 101 ')


def test_a_hundred_tunnels_do_not_mix_their_bytes(serve: Serve) -> None:
    with Peer(switching(mirror)) as peer:
        server = serve(tunnelling(), backend0=peer.address, workers=2)
        clients = [upgraded(server) for _ in range(100)]
        for turn in range(3):
            said = [f"{turn}:{number};".encode() * 300 for number in range(len(clients))]
            for client, words in zip(clients, said, strict=True):
                client.send(words)
            for client, words in zip(clients, said, strict=True):
                assert client.read_bytes(len(words)) == words
        for client in clients:
            client.close()


@proxyd_only("nginx 1.22 takes any first answer for the final one")
def test_an_interim_answer_before_the_101_is_no_obstacle(serve: Serve) -> None:
    def interim(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 100 Continue\r\n\r\n" + SWITCHING)
        mirror(connection)

    with Peer(interim) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with upgraded(server) as client:
            client.send("x")
            assert client.read_bytes(1) == b"x"


def test_an_upgrade_that_fails_goes_to_the_next_backend(serve: Serve) -> None:
    def dies(connection: Connection) -> None:
        connection.receive()

    asked: list[Message] = []

    def accepts(connection: Connection) -> None:
        asked.append(connection.receive())
        connection.send(SWITCHING)
        mirror(connection)

    with Peer(dies) as bad, Peer(accepts) as good:
        server = serve(
            "upstream u { server {bad}; server {good}; }" + proxying(AS_THE_GUIDE_SAYS, backend="u"),
            bad=bad.address,
            good=good.address,
        )
        with upgraded(server) as client:
            client.send("x")
            assert client.read_bytes(1) == b"x"
        assert asked[0].header("Upgrade") == b"websocket"


def test_an_ordinary_answer_may_follow_an_upgrade_that_was_refused_with_a_body(serve: Serve) -> None:
    def refuses(connection: Connection) -> None:
        connection.receive()
        connection.send(response("x" * 100_000, "400 Bad Request", chunked=True))

    with Peer(refuses) as peer:
        server = serve(tunnelling(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(ASK)
            assert client.read_response().body == b"x" * 100_000
