"""No hostile message is forwarded as two requests or with another body; no client is answered out of step.

The cases are data: tests/http1/hostile (see hostile.py for what the files say), and the messages that the
parsers must refuse, tests/http1/invalid.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.e2e.hostile import Backend, Case, Requests, echo_of, own_cases, parser_cases
from tests.e2e.support import Serve, check_it_lived_well, make_server, proxyd_only, proxying, quit_in_order
from tests.support.client import Client, fetch
from tests.support.peer import Peer, answering

pytestmark = proxyd_only("it passes on much that proxyd refuses, and repairs some of it")

EVENTS = "worker_connections 8192;"

SKIPPED_BY_SERVERS = {
    "parse-request-empty"
}  # empty lines before a request, which a parser alone must not see
REQUESTS = [
    case
    for case in own_cases("request") + parser_cases("request") + parser_cases("chunked")
    if case.name not in SKIPPED_BY_SERVERS
]
RESPONSES = own_cases("response") + parser_cases("response")

FRONT = """
keepalive_requests 1000000;
proxy_set_header Host $host;
upstream buffered { server {buffered}; keepalive 64; }
upstream streamed { server {streamed}; keepalive 64; }
server {
    listen 127.0.0.1:{port0};
    server_name front.example;
    location / { proxy_pass http://buffered; }
    location /uri/ { proxy_pass http://buffered/base/; }
    location /here { return 200 here; }
}
server {
    listen 127.0.0.1:{port1};
    server_name front.example;
    proxy_request_buffering off;
    location / { proxy_pass http://streamed; }
    location /uri/ { proxy_pass http://streamed/base/; }
}
"""


@pytest.fixture(scope="module")
def front() -> Iterator[dict[str, Requests]]:
    """A server before a strict backend; both ways of treating bodies."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="proxyd-test-")))
        directory.chmod(0o755)
        peers = {
            way: stack.enter_context(Peer(answering(echo_of), tolerant=True))
            for way in ("buffered", "streamed")
        }
        addresses = {way: peer.address for way, peer in peers.items()}
        server = stack.enter_context(make_server(directory, FRONT, events=EVENTS, **addresses))
        here = server.port(0)
        runs = {
            "buffered": Requests(server.port(0), here, peers["buffered"], streamed=False),
            "streamed": Requests(server.port(1), here, peers["streamed"], streamed=True),
        }
        yield runs
        for run in runs.values():
            run.close()
        quit_in_order(server)
        check_it_lived_well(server)


@pytest.fixture(scope="module")
def backends() -> Iterator[tuple[int, dict[str, Backend]]]:
    """A server before one backend for each hostile answer."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="proxyd-test-")))
        directory.chmod(0o755)
        of_case = {case.name: Backend(case) for case in RESPONSES}
        for backend in of_case.values():
            stack.enter_context(backend.peer)
        locations = "".join(f"location /{name}/ {{ proxy_pass http://u-{name}; }}\n" for name in of_case)
        upstreams = "".join(
            f"upstream u-{name} {{ server {backend.peer.address}; keepalive 64; }}\n"
            for name, backend in of_case.items()
        )
        server = make_server(
            directory,
            f"keepalive_requests 1000000;\n{upstreams} server {{ listen 127.0.0.1:{{port0}};\n"
            f"location /here {{ return 200 here; }}\n{locations} }}",
            events=EVENTS,
        )
        stack.enter_context(server)
        yield server.port(), of_case
        quit_in_order(server)
        check_it_lived_well(server)


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_a_hostile_request_is_refused_or_is_exactly_what_it_says(
    front: dict[str, Requests], case: Case
) -> None:
    front["buffered"].run(case)


@pytest.mark.parametrize(
    "case", [case for case in REQUESTS if b"POST" in case.data], ids=lambda case: case.name
)
def test_a_hostile_request_is_no_more_dangerous_when_its_body_is_streamed(
    front: dict[str, Requests], case: Case
) -> None:
    front["streamed"].run(case)


@pytest.mark.parametrize("case", RESPONSES, ids=lambda case: case.name)
def test_a_hostile_answer_is_refused_or_cut_and_poisons_nothing(
    backends: tuple[int, dict[str, Backend]], case: Case
) -> None:
    port, of_case = backends
    with Client(port) as turns:
        of_case[case.name].run(port, turns)


def test_there_are_as_many_cases_as_were_promised() -> None:
    assert len(own_cases("request")) >= 100
    assert len(own_cases("response")) >= 40


# What a configuration makes of a hostile path


INJECTED = "/x%0d%0aX-Evil:%20yes%0d%0a%0d%0aGET%20/smuggled%20HTTP/1.1%0d%0aHost:%20a%0d%0a%0d%0a"


@pytest.mark.parametrize("variable", ["$uri", "$document_uri", "a $uri b"])
def test_a_decoded_path_in_a_field_for_the_backend_makes_no_lines(serve: Serve, variable: str) -> None:
    with Peer() as peer:
        server = serve(proxying(f'proxy_set_header X-Path "{variable}";'), backend0=peer.address)
        with Client(server.port()) as client:
            client.request(INJECTED)
            assert client.read_response().status in (200, 400, 500)
        assert b"/smuggled" not in [request.target for request in peer.requests]
        assert [request.values("X-Evil") for request in peer.requests] in ([], [[]])


@pytest.mark.parametrize(
    "config",
    [
        "return 302 http://b.example$uri;",
        'add_header X-Path $uri; return 200 "x";',
        "add_header X-Path $uri; proxy_pass http://{backend0};",
    ],
)
def test_a_decoded_path_in_a_field_for_the_client_makes_no_lines(serve: Serve, config: str) -> None:
    with Peer() as peer:
        server = serve(
            f"server {{ listen 127.0.0.1:{{port0}}; location / {{ {config} }} }}", backend0=peer.address
        )
        with Client(server.port()) as client:
            client.request(INJECTED)
            assert client.read_response().values("X-Evil") == []
            client.request("/next")
            client.read_response()
            assert client.wire.unread() == b""


def test_a_captured_and_decoded_part_of_a_path_makes_no_lines(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(
            "server { listen 127.0.0.1:{port0};"
            " location ~ ^/(.*)$ { return 200 $1; default_type text/plain; } }",
            backend0=peer.address,
        )
        answer = fetch(server.port(), "/x%0d%0aX-Evil:%20yes")
        assert answer.values("X-Evil") == []
