"""stub_status, metrics and `proxyd status`: what is counted is what happened, over workers and deaths."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.e2e.support import Serve, proxyd_only
from tests.support.client import Client, fetch
from tests.support.peer import Peer
from tests.support.ports import ReservedPort
from tests.support.prometheus import Metrics
from tests.support.server import Server
from tests.support.waiting import wait_until

SITE = (
    "upstream u { server {backend0}; keepalive 4; }\n"
    "server { listen 127.0.0.1:{port0} {reuse}; server_name site.example;\n"
    "    location /proxied { proxy_pass http://u; }\n"
    "    location /here { return 200 x; }\n"
    "    location = /basic { stub_status; }\n"
    "    location = /metrics { metrics; }\n"
    "    location = /numbers { return 200 '$connections_active $connections_reading"
    " $connections_writing $connections_waiting'; }\n"
    "}\n"
)


def site(serve: Serve, peer: Peer, **arguments: Any) -> Server:
    """A server with all that these tests need."""
    return serve(SITE, backend0=peer.address, reuse=arguments.pop("reuse", ""), **arguments)


def metrics(server: Server) -> Metrics:
    """The page, in which everything is as the format says."""
    answer = fetch(server.port(), "/metrics")
    assert answer.status == 200
    assert answer.header("Content-Type") == b"text/plain; version=0.0.4; charset=utf-8"
    return Metrics(answer.body)


def answered(server: Server) -> float:
    """How many requests have ended well: a client may know of one before it is counted."""
    return metrics(server).total("proxyd_server_responses_total", server="site.example", **{"class": "2xx"})


def status(server: Server) -> dict[str, Any]:
    """proxyd status --json"""
    done = server.run("status", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_stub_status_counts_as_nginx_does(serve: Serve) -> None:
    with Peer() as peer:
        server = site(serve, peer)
        before = [int(word) for word in fetch(server.port(), "/basic").body.split() if word.isdigit()]
        with Client(server.port()) as one, Client(server.port()) as two, Client(server.port()) as three:
            for client in (one, two):
                assert client.get("/here").status == 200
            three.send("GET /here HTT")  # its head is being read

            def shows(expected: list[int]) -> bool:
                answer = one.get("/basic")
                found = [int(word) for word in answer.body.split() if word.isdigit()]
                begun = before[3]
                found[3] -= begun
                return found[:1] + found[4:] == expected

            wait_until(lambda: shows([3, 1, 1, 1]), "three connections: reading, writing, waiting")
            answer = one.get("/basic")
            assert answer.header("Content-Type") == b"text/plain"
            lines = answer.body.split(b"\n")
            assert lines[0] == b"Active connections: 3 "
            assert lines[1] == b"server accepts handled requests"
            assert lines[3] == b"Reading: 1 Writing: 1 Waiting: 1 "
            assert lines[4:] == [b""]
            assert one.get("/numbers").body == b"3 1 1 1" or server.kind == "nginx"


def test_the_pages_are_read_only(serve: Serve) -> None:
    with Peer() as peer:
        server = site(serve, peer)
        for page in ("/basic", "/metrics"):
            with Client(server.port()) as client:
                client.send(f"POST {page} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                assert client.read_response().status == 405
            with Client(server.port()) as client:
                client.send(f"HEAD {page} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                assert b"\r\n\r\n" in client.read_to_end()


@proxyd_only("metrics is proxyd's")
def test_metrics_tell_what_happened(serve: Serve) -> None:
    with Peer() as peer:
        server = site(serve, peer)
        with Client(server.port()) as client:
            for _ in range(3):
                assert client.get("/proxied").status == 200
            assert client.get("/nowhere").status == 404
        found = metrics(server)
        ours = {"server": "site.example"}
        assert found.total("proxyd_server_responses_total", **ours, **{"class": "2xx"}) == 3
        assert found.total("proxyd_server_responses_total", **ours, **{"class": "4xx"}) == 1
        assert found.total("proxyd_server_request_duration_seconds_count", **ours) == 4
        theirs = {"upstream": "u", "peer": peer.address}
        assert found.value("proxyd_peer_tries_total", **theirs) == 3
        assert found.value("proxyd_peer_responses_total", **theirs, **{"class": "2xx"}) == 3
        assert found.value("proxyd_peer_response_duration_seconds_count", **theirs) == 3
        assert found.value("proxyd_peer_up", **theirs) == 1
        assert found.value("proxyd_peer_sent_bytes_total", **theirs) > 3 * len("GET /proxied HTTP/1.1")
        assert found.value("proxyd_requests_failed_total", reason="not_found") == 1
        assert found.value("proxyd_requests_total") == 5
        assert found.value("proxyd_generation") == 1
        assert found.total("proxyd_build_info") == 1
        assert found.value("proxyd_uptime_seconds") < 600
        wait_until(lambda: status(server)["counters"]["responses_2xx"] == 4, "the page to be counted itself")


@proxyd_only("metrics is proxyd's")
def test_failures_are_counted_by_cause(serve: Serve) -> None:
    with Peer() as peer, ReservedPort() as nobody:
        dead = f"127.0.0.1:{nobody.number}"
        server = serve(
            "upstream u { server {dead} max_fails=1 fail_timeout=1h; server {backend0} backup; }\n"
            "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://u; }"
            " location = /metrics { metrics; } }",
            backend0=peer.address,
            dead=dead,
        )
        assert fetch(server.port()).status == 200
        found = metrics(server)
        assert found.value("proxyd_peer_failures_total", upstream="u", peer=dead, cause="connect") == 1
        assert found.value("proxyd_peer_up", upstream="u", peer=dead) == 0
        assert found.value("proxyd_peer_fails", upstream="u", peer=dead) == 1
        assert found.total("proxyd_peer_failures_total", peer=peer.address) == 0
        assert found.total("proxyd_requests_failed_total") == 0
        peers = {row["peer"]: row for row in status(server)["peers"]}
        assert (peers[dead]["state"], peers[peer.address]["state"]) == ("failed", "up")


@proxyd_only("metrics is proxyd's")
def test_sums_are_over_all_workers_and_outlive_them(serve: Serve) -> None:
    with Peer() as peer:
        server = site(serve, peer, workers=3, reuse="reuseport")
        server.worker_pids()
        for _ in range(30):
            assert fetch(server.port(), "/proxied").status == 200
        for _ in range(3):  # whoever of the workers answers
            wait_until(lambda: answered(server) >= 30, "the ends of all requests")
            found = metrics(server)
            assert found.value("proxyd_peer_tries_total", upstream="u", peer=peer.address) == 30
        deaths = 0
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
            deaths += 1
            wait_until(
                lambda gone=pid: gone not in server.worker_pids() and len(server.worker_pids()) == 3,
                "a successor",
            )
        wait_until(
            lambda: all(row["state"] == "serving" for row in status(server)["workers"]), "three workers"
        )
        found = metrics(server)
        assert found.value("proxyd_peer_tries_total", upstream="u", peer=peer.address) == 30
        assert found.value("proxyd_worker_deaths_total") == deaths
        server.error_log.write_text("")  # three deaths are alerts


@proxyd_only("metrics is proxyd's")
def test_what_was_counted_outlives_a_change_of_crew(serve: Serve) -> None:
    with Peer() as peer:
        server = site(serve, peer, workers=1)
        for _ in range(5):
            assert fetch(server.port(), "/proxied").status == 200
        with Client(server.port()) as tunnel:  # keeps the old crew
            tunnel.send("GET /proxied HTT")
            text = server.config_path.read_text()
            server.config_path.write_text(text.replace("worker_processes 1;", "worker_processes 2;"))
            assert server.run("reload").returncode == 0
            assert fetch(server.port(), "/proxied").status == 200
            found = wait_until(
                lambda: (
                    page
                    if (page := metrics(server)).total("proxyd_peer_tries_total", peer=peer.address) == 6
                    else None
                ),
                "all tries",
            )
            assert found.value("proxyd_reloads_total") == 1
            assert found.value("proxyd_generation") == 2


@proxyd_only("metrics is proxyd's")
def test_names_are_escaped(serve: Serve) -> None:
    server = serve(
        "server { listen 127.0.0.1:{port0}; server_name 'a\"b\\\\c' x; location = /metrics { metrics; } }"
    )
    found = metrics(server)
    names = {
        dict(labels).get("server") for _, labels in found.families["proxyd_server_responses_total"].samples
    }
    assert len(names) == 1 and '"' in str(names)


@proxyd_only("metrics is proxyd's")
def test_servers_of_one_name_are_told_apart_by_their_addresses(serve: Serve) -> None:
    server = serve(
        "server { listen 127.0.0.1:{port0}; server_name a; location = /metrics { metrics; } }"
        "server { listen 127.0.0.1:{port1}; server_name a; return 204; }"
        "server { listen 127.0.0.1:{port1}; server_name b; return 204; }"
    )
    assert fetch(server.port(1), headers="Host: a\r\n").status == 204
    found = metrics(server)
    for number, count in ((0, 0), (1, 1)):
        label = {"server": "a", "listen": f"127.0.0.1:{server.port(number)}", "class": "2xx"}
        assert found.value("proxyd_server_responses_total", **label) == count
    page = server.run("status").stdout
    assert f"a (127.0.0.1:{server.port(1)})" in page and "b (" not in page


@proxyd_only("status is proxyd's")
def test_an_address_that_an_upstream_names_twice_has_one_row(serve: Serve) -> None:
    with ReservedPort() as port:
        server = serve(
            f"upstream u {{ server 127.0.0.1:{port.number}; server 127.0.0.1:{port.number} weight=2; }}"
            "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://u; } }"
        )
        assert server.run("status").stdout.count(f"127.0.0.1:{port.number} ") == 1


@proxyd_only("metrics is proxyd's")
def test_many_servers(serve: Serve) -> None:
    servers = "".join(
        f"server {{ listen 127.0.0.1:{{port0}}; server_name s{number}.example;"
        f" location / {{ return 200 {number}; }} }}\n"
        for number in range(1000)
    )
    server = serve("server { listen 127.0.0.1:{port0}; location = /metrics { metrics; } }\n" + servers)
    with Client(server.port()) as client:
        for number in (17, 17, 17, 999):
            client.send(f"GET / HTTP/1.1\r\nHost: s{number}.example\r\n\r\n")
            assert client.read_response().body == str(number).encode()
    found = metrics(server)
    assert found.total("proxyd_server_responses_total", server="s17.example", **{"class": "2xx"}) == 3
    assert found.total("proxyd_server_responses_total", server="s500.example", **{"class": "2xx"}) == 0
    page = server.run("status").stdout
    assert "s17.example" in page and "s500.example" not in page
    assert "more" in page and "--all" in page
    assert "s500.example" in server.run("status", "--all").stdout


@pytest.mark.parametrize("directive", ["stub_status on", "stub_status"])
def test_the_old_form_is_known(serve: Serve, directive: str) -> None:
    server = serve("server { listen 127.0.0.1:{port0}; location / { " + directive + "; } }")
    assert fetch(server.port()).body.startswith(b"Active connections: 1 \n")


@proxyd_only("metrics is proxyd's")
def test_limits_are_counted_by_zone(serve: Serve) -> None:
    server = serve(
        "limit_req_zone $arg_k zone=rate:1m rate=1r/m;\n"
        "limit_conn_zone $arg_k zone=places:1m;\n"
        "server { listen 127.0.0.1:{port0};\n"
        "    location / { limit_req zone=rate burst=1 nodelay; limit_conn places 1; return 200 x; }\n"
        "    location = /metrics { metrics; }\n"
        "    location = /file { limit_req zone=rate burst=1 nodelay; limit_conn places 5; }\n"
        "}\n"
    )
    statuses = [fetch(server.port(), f"/file?k={key}").status for key in ("a", "a", "a", "b")]
    assert statuses == [404, 404, 503, 404]
    found = metrics(server)
    assert found.value("proxyd_limit_decisions_total", zone="rate", decision="passed") == 3
    assert found.value("proxyd_limit_decisions_total", zone="rate", decision="rejected") == 1
    assert found.value("proxyd_limit_decisions_total", zone="places", decision="passed") == 3
    assert found.value("proxyd_limit_zone_keys", zone="rate") == 2
    capacity = found.value("proxyd_limit_zone_capacity", zone="rate")
    assert capacity > 1000
    assert found.value("proxyd_requests_failed_total", reason="limited_requests") == 1
    rows = {row["zone"]: row for row in status(server)["zones"]}
    assert rows["rate"]["passed"] == 3 and rows["rate"]["rejected"] == 1 and rows["rate"]["keys"] == 2
    assert rows["rate"]["capacity"] == capacity
    assert "places" in server.run("status").stdout
