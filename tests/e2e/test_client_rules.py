"""max_headers, keepalive_min_timeout, ends that reset: what nginx 1.22 cannot be asked about, or not so."""

from __future__ import annotations

import select
import signal

import pytest

from tests.e2e.support import Serve, proxyd_only, proxying
from tests.support.client import Client
from tests.support.peer import Peer, answering
from tests.support.waiting import wait_until

pytestmark = proxyd_only("the nginx of the tests is older than max_headers")


def head(fields: int) -> str:
    """A request with so many fields."""
    more = "".join(f"X-{number}: y\r\n" for number in range(fields - 1))
    return f"GET / HTTP/1.1\r\nHost: a\r\n{more}\r\n"


@pytest.mark.parametrize(("fields", "status"), [(3, 200), (4, 400)])
def test_a_request_with_more_fields_than_allowed_is_refused(serve: Serve, fields: int, status: int) -> None:
    with Peer(answering("fine")) as backend:
        server = serve("max_headers 3;" + proxying(), backend0=backend.address)
        with Client(server.port()) as client:
            client.send(head(fields))
            assert client.read_response().status == status
            if status == 400:
                assert client.ending() == "eof"
                server.wait_for_log("client sent too many header lines while reading client request headers")


def test_a_client_that_falls_silent_in_its_body_is_reset_where_configured(serve: Serve) -> None:
    with Peer(answering("fine")) as backend:
        server = serve(
            "reset_timedout_connection on; client_body_timeout 100ms;" + proxying(), backend0=backend.address
        )
        with Client(server.port()) as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
            assert client.ending() == "reset"


def test_an_idle_client_may_ask_once_more_while_the_server_leaves(serve: Serve) -> None:
    server = serve(
        "keepalive_timeout 600s; keepalive_min_timeout 600s;"
        "server { listen 127.0.0.1:{port0}; return 200 x; }"
    )
    with Client(server.port()) as client:
        assert client.get("/").status == 200
        server.signal(signal.SIGQUIT)
        wait_until(lambda: not server.worker_pids(), "the worker to shut down")
        answer = client.get("/")
        assert (answer.status, answer.header("Connection")) == (200, b"close")
        assert client.ending() == "eof"
    assert server.wait_for_exit() == 0


def test_without_lingering_who_goes_on_sending_is_reset(serve: Serve) -> None:
    server = serve(
        "lingering_close off; lingering_time 600s; lingering_timeout 600s; client_max_body_size 1;"
        "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://127.0.0.1:1; } }"
    )
    with Client(server.port()) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        assert client.read_response().status == 413
        assert client.ending() == "eof"
        client.send("hello")
        poll = select.poll()
        poll.register(client.fileno(), 0)  # errors are told unasked
        wait_until(lambda: poll.poll(0), "a reset")
