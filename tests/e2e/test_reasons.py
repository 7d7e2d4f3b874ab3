"""$proxyd_reason: each failure has a code, in the access log, in the error log and in the counters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.e2e.support import Serve, asleep, only_worker, proxyd_only
from tests.support.client import Client, fetch
from tests.support.messages import Ended, Reset
from tests.support.peer import Connection, Peer, response
from tests.support.ports import ReservedPort
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = proxyd_only("reason codes are proxyd's")

LOG = "log_format why '$status $proxyd_reason'; access_log {dir}/why.log why;\n"


def lines(server: Server) -> list[str]:
    """What the access log has."""
    path = server.directory / "why.log"
    return path.read_text().split("\n")[:-1] if path.exists() else []


def the_line(server: Server) -> str:
    """The one line of the access log, once it is there."""
    return str(wait_until(lambda: lines(server), "a line in the access log")[0])


def counted(server: Server) -> dict[str, int]:
    """The reasons that were counted."""
    found = json.loads(server.run("status", "--json").stdout)["counters"]
    return {
        name.removeprefix("reason_"): value
        for name, value in found.items()
        if name.startswith("reason_") and value
    }


def reasons_in_log(server: Server) -> set[str]:
    """The words behind ", reason: "."""
    return set(re.findall(r", reason: (\w+)$", server.log(reasons=True), re.MULTILINE))


Ending = Callable[[Connection], None]


def resets(connection: Connection) -> None:
    connection.receive()
    connection.reset()


def closes(connection: Connection) -> None:
    connection.receive()


def talks_nonsense(connection: Connection) -> None:
    connection.receive()
    connection.send("what?\r\n\r\n")


def says_too_much(connection: Connection) -> None:
    connection.receive()
    connection.send(response(headers=[("X-Long", "x" * 9000)]))


def says_nothing(connection: Connection) -> None:
    connection.receive()
    connection.receive_to_end()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (resets, "502 read_failed"),
        (closes, "502 premature_close"),
        (talks_nonsense, "502 invalid_response"),
        (says_too_much, "502 head_too_large"),
        (says_nothing, "504 read_timeout"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_a_backend_does_is_the_reason(serve: Serve, script: Ending, expected: str) -> None:
    late = script is says_nothing
    with Peer(script) as peer:
        server = serve(
            LOG + f"server {{ listen 127.0.0.1:{{port0}}; {'proxy_read_timeout 300ms;' if late else ''}"
            " location / { proxy_pass http://{backend0}; } }",
            backend0=peer.address,
        )
        status, _, code = expected.partition(" ")
        assert fetch(server.port()).status == int(status)
        assert the_line(server) == expected
        assert reasons_in_log(server) == {code}
        wait_until(lambda: counted(server) == {code: 1}, lambda: f"a count; {counted(server)}")


def test_an_answer_that_breaks_off_has_the_reason_beside_its_good_status(serve: Serve) -> None:
    def stops_midway(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    with Peer(stops_midway) as peer:
        server = serve(
            LOG + "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://{backend0}; } }",
            backend0=peer.address,
        )
        with Client(server.port()) as client:
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.read_to_end().endswith(b"half")
        assert the_line(server) == "200 premature_close"


def test_a_failed_try_leaves_no_reason_when_another_peer_answers(serve: Serve) -> None:
    with Peer() as peer, ReservedPort() as nobody:
        server = serve(
            LOG + "upstream u { server {dead}; server {backend0} backup; }\n"
            "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://u; } }",
            backend0=peer.address,
            dead=f"127.0.0.1:{nobody.number}",
        )
        assert fetch(server.port()).status == 200
        assert the_line(server) == "200 -"
        assert reasons_in_log(server) == {"connect_refused"}  # of the try
        wait_until(lambda: counted(server) == {}, lambda: f"a count; {counted(server)}")


def test_nobody_to_ask(serve: Serve) -> None:
    with ReservedPort() as nobody:
        server = serve(
            LOG + "upstream u { server {dead}; server {other}; }\n"
            "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://u; } }",
            dead=f"127.0.0.1:{nobody.number}",
            other=f"127.0.0.2:{nobody.number}",
        )
        assert [fetch(server.port()).status for _ in range(2)] == [502, 502]
        assert wait_until(lambda: len(lines(server)) == 2, "two lines")
        assert lines(server) == ["502 connect_refused", "502 no_live_upstream"]
        wait_until(
            lambda: counted(server) == {"connect_refused": 1, "no_live_upstream": 1},
            lambda: f"a count; {counted(server)}",
        )


def test_a_backends_own_error_has_no_reason(serve: Serve) -> None:
    def fails(connection: Connection) -> None:
        connection.receive()
        connection.send(response("sorry", "503 Busy"))

    with Peer(fails) as peer:
        server = serve(
            LOG + "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://{backend0}; } }",
            backend0=peer.address,
        )
        assert fetch(server.port()).status == 503
        assert the_line(server) == "503 -"
        wait_until(lambda: counted(server) == {}, lambda: f"a count; {counted(server)}")


PLAIN = (
    LOG + "server { listen 127.0.0.1:{port0}; client_max_body_size 10;"
    " %s"
    " location = /here { return 200 x; } location = /503 { return 503; } location = /444 { return 444; }"
    " location = /own { return 503 busy; }"
    " location /proxied { proxy_pass http://{backend0}; } location /only/this/ { } }"
)


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET /here HTTP/1.1\r\nHost: a\r\n\r\n", "200 -"),
        (b"GET /503 HTTP/1.1\r\nHost: a\r\n\r\n", "503 returned"),
        (b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n", "503 returned"),
        (b"GET /444 HTTP/1.1\r\nHost: a\r\n\r\n", "444 returned"),
        (b"GET /here HTTP/1.1\r\n\r\n", "400 no_host"),
        (b"GET /here HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 invalid_host"),
        (b"GET /here HTTP/3.0\r\nHost: a\r\n\r\n", "505 unsupported_version"),
        (b"GET /here HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", "400 malformed_request"),
        (b"GET /../.. HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed_request"),
        (b"\x16\x03\x01\x02\x00 HTTP\r\n\r\n", "400 malformed_request"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "414 uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n", "400 request_head_too_large"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            "501 unsupported_encoding",
        ),
        (b"POST /proxied HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "413 body_too_large"),
        (
            b"POST /proxied HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "400 malformed_body",
        ),
        (
            b"POST /proxied HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"b\r\n01234567890\r\n0\r\n\r\n",
            "413 body_too_large",
        ),
        (b"GET /here HTTP/1.1\r\nHost", "408 client_timeout"),
        (b"POST /proxied HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nx", "408 client_timeout"),
    ],
)
def test_what_a_client_does_is_the_reason(serve: Serve, request_bytes: bytes, expected: str) -> None:
    with Peer() as peer:
        impatient = "client_header_timeout 300ms; client_body_timeout 300ms;"
        late = "client_timeout" in expected
        server = serve(PLAIN % (impatient if late else ""), backend0=peer.address)
        worker = only_worker(server)
        with ExitStack() as stack:
            with asleep(worker):
                client = stack.enter_context(Client(server.port()))
                client.send(request_bytes)
            assert the_line(server) == expected
        code = expected.partition(" ")[2]
        assert wait_until(lambda: counted(server) == ({code: 1} if code != "-" else {}), "the count")


@contextmanager
def waiting_for_an_answer(server: Server, peer: Peer) -> Iterator[Client]:
    """A client whose request is with the backend, which does not answer."""
    with Client(server.port()) as client:
        client.send("GET /proxied HTTP/1.1\r\nHost: a\r\n\r\n")
        peer.wait_for_requests(1)
        yield client


def test_a_client_that_leaves(serve: Serve) -> None:
    with Peer(says_nothing) as peer:
        server = serve(PLAIN % "", backend0=peer.address)
        with waiting_for_an_answer(server, peer) as client:
            client.close()
            assert the_line(server) == "499 client_closed"
        wait_until(lambda: counted(server) == {"client_closed": 1}, lambda: f"a count; {counted(server)}")


def test_a_client_that_leaves_within_its_head(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(PLAIN % "", backend0=peer.address)
        with Client(server.port()) as client:
            client.send("GET /here HTTP/1.1\r\nHos")
        assert the_line(server) == "400 client_closed"


def test_what_lasts_longer_than_the_end(serve: Serve, tmp_path: Path) -> None:
    with Peer(says_nothing) as peer:
        server = serve(PLAIN % "", main="worker_shutdown_timeout 200ms;\n", backend0=peer.address)
        with waiting_for_an_answer(server, peer) as client:
            server.write_config((PLAIN % "").replace("return 200 x", "return 200 y"))
            assert server.run("reload").returncode == 0
            assert the_line(server) == "444 shutting_down"
            assert server.wait_for_log(
                r"\[warn\] .*worker_shutdown_timeout is over, so upstream connection is closed"
            )
            with pytest.raises((Ended, Reset)):
                client.read_response()


@pytest.mark.parametrize(
    ("path", "expected", "in_error_log"),
    [
        ("/files/nothing", "404 not_found", True),
        ("/files/", "403 forbidden", True),
        ("/files/there", "200 -", False),
        ("/inside", "404 internal_only", False),
        ("/denied", "403 denied", True),
        ("/tried", "404 not_found", False),
        ("/tried/503", "503 returned", False),
        ("/cycle", "500 redirect_cycle", True),
        ("/variable?to=", "500 invalid_upstream", True),
        ("/variable?to=unknown.invalid", "502 resolver_missing", True),
    ],
)
def test_what_the_configuration_and_the_disk_say(
    serve: Serve, path: str, expected: str, in_error_log: bool
) -> None:
    server = serve(
        LOG + "server { listen 127.0.0.1:{port0}; root {dir};\n"
        "    location /files/ { }\n"
        "    location /inside { internal; }\n"
        "    location /denied { deny all; }\n"
        "    location = /tried { try_files /no =404; }\n"
        "    location = /tried/503 { try_files /no =503; }\n"
        "    location /cycle { try_files /no /cycle; }\n"
        "    location /variable { proxy_pass http://$arg_to; }\n"
        "}"
    )
    (server.directory / "files").mkdir()
    (server.directory / "files" / "there").write_text("x")
    server.directory.chmod(0o755)
    assert fetch(server.port(), path).status == int(expected[:3])
    assert the_line(server) == expected
    code = expected.partition(" ")[2]
    assert reasons_in_log(server) == ({code} if in_error_log else set())


def test_an_error_page_keeps_the_reason(serve: Serve) -> None:
    with ReservedPort() as nobody:
        server = serve(
            LOG + "server { listen 127.0.0.1:{port0}; error_page 502 /sorry; error_page 404 =200 /fine;\n"
            "    location / { proxy_pass http://{dead}; }\n"
            "    location = /sorry { return 200 sorry; } location = /fine { return 200 fine; }\n"
            "    location = /none { return 404; }\n"
            "}",
            dead=f"127.0.0.1:{nobody.number}",
        )
        assert fetch(server.port()).status == 502
        assert fetch(server.port(), "/none").status == 200
        wait_until(lambda: len(lines(server)) == 2, "two lines")
        assert lines(server) == ["502 connect_refused", "200 returned"]
