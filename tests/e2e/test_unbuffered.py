"""proxy_request_buffering off: bodies are passed on as they come, and answers may come before their end."""

from __future__ import annotations

import threading

import pytest

from tests.e2e.support import Serve, proxyd_only
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer, answering, response
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = proxyd_only("nginx forgets what it read of such a body when the request is led elsewhere")

CONFIG = """
limit_req_zone $server_port zone=one:64k rate=60r/m;
server {
    listen 127.0.0.1:{port0};
    location / { proxy_request_buffering off; error_page 400 @held; proxy_pass http://{backend0}; }
    location /delayed { limit_req zone=one burst=9; error_page 400 @held; proxy_pass http://{backend1}; }
    location /delayed/unbuffered {
        limit_req zone=one burst=9; proxy_request_buffering off; proxy_pass http://{backend1};
    }
    location @held { proxy_pass http://{backend2}; }
}
"""


class Leading:
    """Leads elsewhere as soon as it knows what is asked: the target names the location."""

    def __call__(self, connection: Connection) -> None:
        """The script."""
        request = connection.receive_head()
        elsewhere = request.target.decode().partition("?")[2]
        connection.send(response(headers=[("X-Accel-Redirect", elsewhere)]))
        connection.receive_to_end()


def wait_until_led_elsewhere(server: Server) -> None:
    """There the request is delayed. (Not on a machine that stood still meanwhile; all is as true then.)"""
    wait_until(lambda: "internal redirect: " in server.log(), "the redirect")


@pytest.mark.parametrize(("target", "framing"), [("/delayed", "length"), ("/delayed/unbuffered", "chunked")])
def test_a_body_goes_on_coming_while_its_request_is_delayed_elsewhere(
    serve: Serve, target: str, framing: str
) -> None:
    with Peer(Leading()) as leading, Peer(answering("there")) as there:
        words = {"backend0": leading.address, "backend1": there.address, "backend2": there.address}
        server = serve(CONFIG, log_level="debug", **words)
        assert fetch(server.port(), target).body == b"there"  # the next one is delayed
        with Client(server.port()) as client:
            head = f"POST /?{target} HTTP/1.1\r\nHost: a\r\n"
            if framing == "length":
                client.send(f"{head}Content-Length: 10\r\n\r\nhello")
            else:
                client.send(f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            wait_until_led_elsewhere(server)
            client.send("world" if framing == "length" else "5\r\nworld\r\n0\r\n\r\n")
            assert client.read_response().body == b"there"
            assert there.requests[1].body == b"helloworld"
            assert client.get(target).body == b"there"  # the connection is in step


def test_a_broken_body_ends_the_delay_of_its_request(serve: Serve) -> None:
    told = threading.Event()

    def held(connection: Connection) -> None:
        connection.receive()
        assert told.wait(30)
        connection.send(response("held"))

    with Peer(Leading()) as leading, Peer(answering("there")) as there, Peer(held) as holding:
        words = {"backend0": leading.address, "backend1": there.address, "backend2": holding.address}
        server = serve(CONFIG, log_level="debug", **words)
        fetch(server.port(), "/delayed")
        with Client(server.port()) as client:
            client.send("POST /?/delayed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
            wait_until_led_elsewhere(server)
            client.send("no chunk\r\n")
            holding.wait_for_requests(1)
            fetch(
                server.port(), "/delayed"
            )  # delayed longer: what waited before it would have gone on by now
            told.set()
            answer = client.read_response()
        assert (answer.status, answer.body) == (400, b"held")
        assert [request.target for request in there.requests] == [b"/delayed"] * 2
        assert len(holding.requests) == 1
