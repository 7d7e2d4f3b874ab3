"""max_headers, and timeouts that reset: what nginx 1.22 cannot be asked about."""

from __future__ import annotations

import pytest

from tests.e2e.support import Serve, proxyd_only, proxying
from tests.support.client import Client
from tests.support.peer import Peer, answering

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
