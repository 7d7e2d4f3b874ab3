"""Limits that all workers agree about: after reloads, upgrades and kills."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import Serve, make_server, plain_only, proxyd_only
from tests.e2e.upgrading import ended_at_last, master_of
from tests.e2e.watching import status_of, wait_for_end, wait_for_service, workers_of
from tests.support.client import Client
from tests.support.peer import Connection, Peer, answering
from tests.support.server import Server
from tests.support.waiting import wait_until

BURST = 50
SERVER = """server {{
    listen 127.0.0.1:{{port0}} reuseport;
    add_header Worker $pid always;
    location / {{ {location} proxy_pass http://{{backend}}; }}
    location /free {{ return 200; }}
}}
"""


def requests_limited(zone: str = "zone=a:1m", key: str = "everybody", location: str = "") -> str:
    """A burst, and then one request a minute."""
    limit = f"limit_req zone=a burst={BURST} nodelay; {location}"
    return f"limit_req_zone {key} {zone} rate=1r/m;\n" + SERVER.format(location=limit)


def connections_limited(number: int) -> str:
    """So many at a time."""
    return "limit_conn_zone everybody zone=a:1m;\n" + SERVER.format(location=f"limit_conn a {number};")


def ask(server: Server, count: int, target: str = "/") -> Counter[int]:
    """So many requests, each over a connection of its own; the statuses."""
    statuses: Counter[int] = Counter()
    for _ in range(count):
        with Client(server.port()) as client:
            statuses[client.get(target).status] += 1
    return statuses


@pytest.mark.parametrize("workers", [1, 2, 8])
@proxyd_only("its workers share counts too, but a reuseport socket of the dead may get a request")
def test_a_burst_is_let_in_once_however_many_workers_there_are(serve: Serve, workers: int) -> None:
    with Peer(answering("ok")) as backend:
        server = serve(requests_limited(), workers=workers, backend=backend.address)
        wait_for_service(server, workers)
        seen, statuses = set(), Counter[int]()
        for _ in range(4 * BURST):
            with Client(server.port()) as client:
                answer = client.get("/")
                seen.add(answer.header("Worker"))
                statuses[answer.status] += 1
        assert len(seen) == workers
        assert statuses == {200: BURST + 1, 503: 3 * BURST - 1}
        counters = status_of(server)["counters"]
        assert (counters["limit_req_passed"], counters["limit_req_rejected"]) == (BURST + 1, 3 * BURST - 1)


def test_a_reload_keeps_what_is_known_of_a_zone_that_stays_the_same(serve: Serve) -> None:
    with Peer(answering("ok")) as backend:
        server = serve(requests_limited(), workers=2, backend=backend.address)
        assert ask(server, BURST + 5) == {200: BURST + 1, 503: 4}
        server.write_config(requests_limited(location="limit_req_status 429;").replace("1r/m", "2r/m"))
        assert server.run("reload").returncode == 0
        assert ask(server, 3) == {429: 3}


@proxyd_only("nginx refuses another key or size")
@pytest.mark.parametrize("change", [{"zone": "zone=a:2m"}, {"key": "other"}])
def test_another_size_or_key_is_another_zone(serve: Serve, change: dict[str, str]) -> None:
    with Peer(answering("ok")) as backend:
        server = serve(requests_limited(), workers=2, backend=backend.address)
        assert ask(server, BURST + 5) == {200: BURST + 1, 503: 4}
        server.write_config(requests_limited(**change))
        assert server.run("reload").returncode == 0
        assert ask(server, BURST + 5) == {200: BURST + 1, 503: 4}


@proxyd_only("nginx knows no such command")
def test_a_reload_that_fails_changes_nothing_in_a_zone(directory: Path) -> None:
    with Peer(answering("ok")) as backend:
        server = make_server(directory / "server", requests_limited(), workers=2, backend=backend.address)
        with server:
            assert ask(server, BURST + 5) == {200: BURST + 1, 503: 4}
            server.write_config(requests_limited(key="other") + "server { listen 203.0.113.9:1; }\n")
            assert server.run("reload").returncode == 1
            assert ask(server, 3) == {503: 3}
            server.write_config(requests_limited())
            assert server.run("reload").returncode == 0
            assert ask(server, 3) == {503: 3}


@proxyd_only("nginx forgets its zones")
def test_an_upgrade_hands_zones_on(serve: Serve) -> None:
    with Peer(answering("ok")) as backend:
        http = requests_limited()
        with ended_at_last(serve(http, workers=2, backend=backend.address)) as server:
            before = server.pid
            assert ask(server, BURST + 5) == {200: BURST + 1, 503: 4}
            assert server.run("upgrade", limit=60).returncode == 0
            assert server.wait_for_exit() == 0
            assert master_of(server.pid_path) not in (0, before)
            assert ask(server, 3) == {503: 3}


# ---- connections


def held(connection: Connection) -> None:
    """Leave every request without an answer."""
    connection.receive()
    connection.stall()


class Holders:
    """Clients whose requests are under way."""

    def __init__(self, server: Server, backend: Peer) -> None:
        self.server = server
        self.backend = backend
        self.clients: list[Client] = []

    def until_refused(self, most: int) -> int:
        """Hold one more and one more; gives how many were let in before one was refused."""
        for number in range(most + 1):
            before = len(self.backend.requests)
            client = Client(self.server.port())
            client.request("/hold")
            self.clients.append(client)
            if self._is_refused(client, before):
                return number
        raise AssertionError(f"{most + 1} were let in")

    def _is_refused(self, client: Client, before: int) -> bool:
        """It is answered, or its request comes to the backend."""
        wait_until(lambda: len(self.backend.requests) > before or _has_answer(client), "a decision")
        if len(self.backend.requests) > before:
            return False
        assert client.read_response().status == 503
        client.close()
        self.clients.remove(client)
        return True

    def drop_dead(self) -> int:
        """Those whose worker was killed; gives their number."""
        dead = [client for client in self.clients if _has_answer(client)]
        for client in dead:
            client.close()
            self.clients.remove(client)
        return len(dead)


def _has_answer(client: Client) -> bool:
    poll = select.poll()  # select() knows no descriptor above 1023
    poll.register(client, select.POLLIN)
    return bool(poll.poll(0))


@contextlib.contextmanager
def holding(server: Server, backend: Peer) -> Iterator[Holders]:
    """Holders that are closed in the end."""
    holders = Holders(server, backend)
    try:
        yield holders
    finally:
        for client in holders.clients:
            client.close()


@pytest.mark.parametrize("workers", [1, 2, 8])
@proxyd_only("proxyd tells its counters")
def test_connections_are_counted_over_all_workers(serve: Serve, workers: int) -> None:
    with Peer(held, tolerant=True) as backend:
        server = serve(connections_limited(20), workers=workers, backend=backend.address)
        wait_for_service(server, workers)
        with holding(server, backend) as holders:
            assert holders.until_refused(20) == 20
            assert status_of(server)["counters"]["limit_conn_held"] == 20
            for client in holders.clients[:7]:
                client.close()
            server.wait_for_access(8)
            assert holders.until_refused(20) == 7
    assert ask(server, 1, "/free") == {200: 1}


@plain_only("a kill is no report")
@proxyd_only("nginx loses count")
def test_whoever_is_killed_holds_nothing(directory: Path) -> None:
    with Peer(held, tolerant=True) as backend:
        server = make_server(
            directory / "server", connections_limited(20), workers=2, backend=backend.address
        )
        with server, holding(server, backend) as holders:
            pids = wait_for_service(server, 2)
            assert holders.until_refused(20) == 20
            for _ in range(4):
                os.kill(pids[0], signal.SIGKILL)
                wait_for_end(pids[0])
                pids = workers_of(server, 2, without=[pids[0]])
                lost = holders.drop_dead()
                assert holders.until_refused(20) == lost
                pids = wait_for_service(server, 2)
        alerts = [line for line in server.log().split("\n") if "[alert]" in line]
        assert len(alerts) == 4 and all("exited on signal 9" in line for line in alerts)
