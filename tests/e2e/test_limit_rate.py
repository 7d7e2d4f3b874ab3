"""How fast answers go: limit_rate, limit_rate_after, X-Accel-Limit-Rate, proxy_limit_rate."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.support import Pace, Serve, in_time
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer, answering

BODY = bytes(range(250)) * 240
"""60,000 bytes: more than one read takes"""

CONFIG = """
    server {
        listen 127.0.0.1:{port0};
        location /here { return 200 here; }
        location / { %s proxy_pass http://{backend0}; }
    }
"""

SLOW = {
    "limit_rate": "limit_rate 30000;",
    "with-a-variable": "limit_rate $arg_rate;",
    "limit_rate_after": "limit_rate 30000; limit_rate_after 5000;",
    "buffering-off": "proxy_buffering off; limit_rate 30000;",
    "from-the-peer": "proxy_limit_rate 30000;",
}


def sends(chunked: bool) -> Callable[[Connection], None]:
    """A backend that answers everything with the body."""

    def script(connection: Connection) -> None:
        while True:
            connection.receive()
            connection.respond(BODY, chunked=chunked)

    return script


@pytest.mark.parametrize("how", SLOW)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_limited_answer_arrives_whole_and_later_than_what_was_asked_for_after_it(
    serve: Serve, how: str, chunked: bool
) -> None:
    with Peer(sends(chunked)) as peer:
        server = serve(CONFIG % SLOW[how], backend0=peer.address)

        def later(pace: Pace) -> None:
            done = "".join(server.access()).count("/slow")
            with Client(server.port()) as client:
                client.request("/slow?rate=30000")
                reading = client.start_response()
                first = reading.exactly(100)
                assert fetch(server.port(), "/here").body == b"here"
                server.wait_for_access(1, "/here")
                in_between = "".join(server.access()).count("/slow")
                pace.mark()
                assert in_between == done
                assert first + reading.finish().body[-59_900:] == BODY
                assert client.get("/here").body == b"here"  # the connection is as good as before

        in_time(0.8, later)
        server.wait_for_access(1, r'"GET /slow\?rate=30000 HTTP/1.1" 200 60')


@pytest.mark.parametrize(
    "limits", ["limit_rate 100m;", "limit_rate 10; limit_rate_after 1m;", "limit_rate 0;"]
)
def test_a_limit_that_is_not_reached_changes_nothing(serve: Serve, limits: str) -> None:
    with Peer(answering(BODY)) as peer:
        server = serve(CONFIG % limits, backend0=peer.address)
        with Client(server.port()) as client:
            for _ in range(20):
                assert client.get().body == BODY


def test_an_answer_says_how_fast_it_goes(serve: Serve) -> None:
    def script(connection: Connection) -> None:
        while True:
            rate = connection.receive().target.decode().strip("/")
            connection.respond(BODY, headers=[("X-Accel-Limit-Rate", rate)])

    with Peer(script) as peer:
        server = serve(CONFIG % "limit_rate 30000;", backend0=peer.address)

        def overtaken(pace: Pace) -> None:
            before = len(server.access())
            with Client(server.port()) as slow:
                slow.request("/20000")
                reading = slow.start_response()
                assert reading.exactly(10) == BODY[:10]
                assert fetch(server.port(), "/0").body == BODY
                first = server.wait_for_access(before + 1)[before]
                pace.mark()
                assert first.split('"')[1] == "GET /0 HTTP/1.1"
                slow.reset()
            server.wait_for_access(before + 2)

        in_time(1.5, overtaken)
        server.wait_for_access(1, "/20000")


def test_a_client_that_ends_is_answered_where_that_is_asked_for(serve: Serve) -> None:
    def waits(connection: Connection) -> None:
        connection.receive()
        connection.wait_for("client ended")
        connection.respond("late")

    with Peer(waits) as peer:
        server = serve(CONFIG % "proxy_ignore_client_abort on;", backend0=peer.address)
        with Client(server.port()) as client, Client(server.port()) as gone:
            for one in (client, gone):
                one.request()
            peer.wait_for_requests(2)
            client.half_close()
            gone.reset()
            assert fetch(server.port(), "/here").body == b"here"
            peer.tell("client ended")
            assert client.read_response().body == b"late"
        server.wait_for_access(2, '"GET / HTTP/1.1" 200')
        assert all(connection.ended != "reset" for connection in peer.connections)
