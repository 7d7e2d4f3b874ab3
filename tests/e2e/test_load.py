"""The load tool itself: it sees what it must see, or tests that stand on it prove nothing."""

from __future__ import annotations

from tests.e2e.load import Backend, Load, Report
from tests.e2e.load_backend import answer_to
from tests.support.peer import Connection, Peer, Script, answering


def report_about(*scripts: Script, requests: int = 3, **wishes: object) -> Report:
    """What the load says when this peer stands in the proxy's place."""
    with Peer(*scripts) as peer, Load(peer.port, clients=1, post_every=0, **wishes) as load:
        peer.wait_for_requests(requests)
        return load.stop()


def right(connection: Connection) -> None:
    """Answer all requests as load_backend does."""
    answering(lambda request: answer_to(request.method, request.target, request.body))(connection)


def test_a_load_against_its_own_backend_has_no_failures() -> None:
    with Backend() as backend:
        port = int(backend.address.split(":")[1])
        with Load(port, clients=2, fresh=1, downloads=1, tunnels=2, download_bytes=300_000) as load:
            load.wait_for(requests=50, posts=5, downloads=1, rounds=4)
            report = load.stop()
    assert report.failed == 0, report.tell_failures()


def test_right_answers_are_counted() -> None:
    report = report_about(right)
    assert report.failed == 0, report.tell_failures()
    assert report.requests >= 2
    assert report.done["c0"] == list(range(1, report.requests + 1))


def test_a_wrong_byte_is_a_failure() -> None:
    def wrong(connection: Connection) -> None:
        answering(lambda request: answer_to(request.method, request.target, b"")[:-1] + b"!")(connection)

    assert {one.kind for one in report_about(wrong).failures} == {"bytes"}


def test_a_status_is_a_failure() -> None:
    assert {one.kind for one in report_about(answering(b"", "502 Bad Gateway")).failures} == {"status"}


def test_a_connection_that_ends_unannounced_is_a_failure() -> None:
    def ends(connection: Connection) -> None:
        connection.receive()

    report = report_about(ends)
    assert report.requests == 0
    assert {(one.kind, one.answered) for one in report.failures} == {("ended", False)}


def test_a_connection_that_ends_in_the_middle_of_a_response_is_a_failure() -> None:
    def ends(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")

    assert {(one.kind, one.answered) for one in report_about(ends).failures} == {("ended", True)}


def test_silence_is_a_failure() -> None:
    def silent(connection: Connection) -> None:
        connection.receive()
        connection.stall()

    assert "silence" in {one.kind for one in report_about(silent, requests=1, limit=0.1).failures}


def test_a_tunnel_that_ends_is_a_failure_and_is_opened_again() -> None:
    def ends(connection: Connection) -> None:
        connection.receive()
        connection.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        )

    with Peer(ends) as peer, Load(peer.port, clients=0, tunnels=1) as load:
        load.wait_for(tunnels_opened=2)
        report = load.stop()
    assert {one.kind for one in report.failures} == {"ended"}
