"""The debug level: an operator can follow a request through its steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.support import Serve, proxyd_only, proxying
from tests.support.client import Client, fetch
from tests.support.peer import Peer
from tests.support.ports import ReservedPort
from tests.support.server import Server, lines_of

pytestmark = proxyd_only("its lines are other ones")


def way(server: Server, path: Path | None = None) -> list[str]:
    """What the debug lines say, once a request has ended."""
    server.wait_for_log("request ends") if path is None else None
    lines = lines_of(path or server.error_log)
    found = [re.fullmatch(r"[\d/]+ [\d:]+ \[debug\] \d+#\d+: \*\d+ (.*)", line) for line in lines]
    return [match[1] for match in found if match]


def in_order(said: list[str], patterns: list[str]) -> None:
    """Each pattern is found, behind what the one before it found."""
    rest = iter(said)
    for pattern in patterns:
        assert any(re.search(pattern, line) for line in rest), f"{pattern!r} is not where it belongs: {said}"


def test_the_way_of_a_proxied_request(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(
            "upstream group { server {backend0}; }\n" + proxying(backend="group", server="server_name main;"),
            log_level="debug",
            backend0=peer.address,
        )
        with Client(server.port()) as client:
            assert client.get("/x?y", headers="X-Field: value\r\n").status == 200
        in_order(
            way(server),
            [
                r'^request line: "GET /x\?y HTTP/1\.1"$',
                r'^request header: "X-Field: value"$',
                r'^uri: "/x", args: "y"$',
                r"^step: server$",
                r'^server: "main"$',
                r"^step: location$",
                r'^using location: "/" for "/x"$',
                r"^step: content$",
                r"^handler: proxy$",
                rf'^upstream "group": peer {re.escape(peer.address)}, try 1$',
                rf"^upstream connection to {re.escape(peer.address)}: a new one$",
                r'^request to upstream: "GET /x\?y", \d+ bytes of head$',
                r"^upstream connection stands$",
                r"^upstream answered: 200 OK$",
                r'^upstream header: "Content-Type: text/plain"$',
                r"^answer: 200, \d+ bytes$",
                r"^answer body: \d+ pieces, the last$",
                r"^upstream connection is free for another request$",
                r"^request ends: status 200, \d+ bytes sent, \d+ received",
            ],
        )


def test_a_kept_connection_is_told_of(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(proxying(), log_level="debug", backend0=peer.address)
        for _ in range(2):
            assert fetch(server.port()).status == 200
        server.wait_for_log("request ends", 2)
        in_order(way(server), [": a new one$", "request ends", ": a kept one is used again$", "request ends"])


def test_a_retry_is_told_of(serve: Serve) -> None:
    with ReservedPort() as nobody, Peer() as peer:
        server = serve(
            "upstream group { server {backend0}; server {backend1}; }\n" + proxying(backend="group"),
            log_level="debug",
            backend0=f"127.0.0.1:{nobody.number}",
            backend1=peer.address,
        )
        assert fetch(server.port()).status == 200
        in_order(
            way(server),
            [
                f"peer 127.0.0.1:{nobody.number}, try 1",
                "next upstream",
                f"peer {peer.address}, try 2",
                "upstream answered: 200",
                "request ends: status 200",
            ],
        )


def test_an_error_page_is_told_of(serve: Serve) -> None:
    with ReservedPort() as nobody:
        server = serve(proxying(), log_level="debug", backend0=f"127.0.0.1:{nobody.number}")
        assert fetch(server.port()).status == 502
        in_order(way(server), ["error page: 502", "answer: 502", "request ends: status 502"])


def test_files_and_internal_redirects_are_told_of(serve: Serve) -> None:
    server = serve(
        "server { listen 127.0.0.1:{port0}; root {dir}; error_page 404 /e.html;\n"
        "    location = /e.html { return 404 no; } location / { } }\n",
        log_level="debug",
    )
    assert fetch(server.port(), "/none").status == 404
    in_order(
        way(server),
        [
            rf'^file: "{server.directory}/none"$',
            "^error page: 404",
            '^internal redirect: "/e.html',
            'using location: "= /e.html"',
            "request ends: status 404",
        ],
    )


def test_only_the_log_of_a_location_may_be_at_debug(serve: Serve) -> None:
    server = serve(
        "server { listen 127.0.0.1:{port0}; location / { return 200; }\n"
        "    location /told { error_log {dir}/told.log debug; return 204; } }\n"
    )
    assert fetch(server.port(), "/silent").status == 200
    assert fetch(server.port(), "/told").status == 204
    assert fetch(server.port(), "/silent").status == 200
    server.wait_for_access(3)
    said = way(server, server.directory / "told.log")
    in_order(said, ['using location: "/told"', "step: rewrite", "answer: 204", "request ends: status 204"])
    assert not any("silent" in line for line in said)
    assert "[debug]" not in server.log()


@pytest.mark.parametrize(("network", "told"), [("127.0.0.0/8", True), ("::1", False), ("10.0.0.0/8", False)])
def test_debug_connection_chooses_clients(serve: Serve, network: str, told: bool) -> None:
    server = serve(
        "server { listen 127.0.0.1:{port0}; return 204; }\n",
        log_level="error",
        events=f"debug_connection {network};",
    )
    assert fetch(server.port()).status == 204
    server.wait_for_access(1)
    assert ("step: server" in server.log()) == told


def test_control_bytes_of_a_client_cannot_make_a_line(serve: Serve) -> None:
    server = serve("server { listen 127.0.0.1:{port0}; return 204; }\n", log_level="debug")
    assert fetch(server.port(), "/%0a%1b[1m").status == 204
    assert r"using location" not in way(server)
    assert r'uri: "/\x0A\x1B[1m", args: ""' in way(server)
