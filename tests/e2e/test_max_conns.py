"""max_conns and least_conn count the connections of all workers; nothing is left of those of the dead."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.support import Serve, proxyd_only, proxying, starting
from tests.e2e.watching import wait_for_service, workers_of
from tests.soak.stores import Segments
from tests.soak.watchpoint import Watch, is_possible
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer, Script, answering
from tests.support.server import Server
from tests.support.waiting import LIMIT

pytestmark = proxyd_only("without a zone, each worker counts for itself")


def until_told(connection: Connection) -> None:
    """A backend that answers nothing before the test says so."""
    connection.receive()
    connection.wait_for("answer")
    connection.respond("late")


class InFlight:
    """A backend that counts how many requests it has at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = 0
        self.most = 0

    def __call__(self, connection: Connection) -> None:
        while True:
            connection.receive()
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            with self._lock:
                self.now -= 1
            connection.respond("done")


class Held:
    """Clients whose workers are known, with requests that a backend holds."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self._server = server
        self._stack = stack

    def connect(self, worker: int) -> Client:
        """A connection that this worker has."""
        while True:
            client = Client(self._server.port())
            if int(client.get("/pid").body) == worker:
                return self._stack.enter_context(client)
            client.close()

    def hold(self, worker: int, peer: Peer) -> Client:
        """A request of this worker, that has come to the peer."""
        client = self.connect(worker)
        before = len(peer.connections)
        client.request("/")
        peer.wait_for_connections(before + 1)
        return client

    def refused(self, worker: int) -> bool:
        """Whether this worker finds no live upstream."""
        with self.connect(worker) as client:
            return client.get("/").status == 502


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def group(servers: str) -> str:
    """An upstream and a server whose workers tell who they are."""
    pid = "location = /pid { return 200 $pid; }"
    return f"upstream u {{ {servers} }}\n" + proxying(server=pid, backend="u")


def test_max_conns_is_of_all_workers_together(serve: Serve, stack: ExitStack) -> None:
    peer = stack.enter_context(Peer(until_told))
    server = serve(group("server {backend0} max_conns=3;"), workers=2, backend0=peer.address)
    one, two = wait_for_service(server, 2)
    held = Held(server, stack)
    clients = [held.hold(one, peer), held.hold(two, peer), held.hold(two, peer)]
    assert held.refused(one) and held.refused(two)
    server.wait_for_log(r"no live upstreams while connecting to upstream")
    peer.tell("answer")
    assert [client.read_response().body for client in clients] == [b"late"] * 3
    assert not held.refused(one) and not held.refused(two)
    assert len(peer.connections) <= 5


def test_a_connection_that_is_kept_idle_does_not_count(serve: Serve, stack: ExitStack) -> None:
    peer = stack.enter_context(Peer(answering("hello")))
    server = serve(group("server {backend0} max_conns=1;"), workers=2, backend0=peer.address)
    one, two = wait_for_service(server, 2)
    held = Held(server, stack)
    for worker in (one, two, one, two):
        assert not held.refused(worker)
    assert len(peer.connections) == 2


def test_a_reload_forgets_no_connection(serve: Serve, stack: ExitStack) -> None:
    peer = stack.enter_context(Peer(until_told))
    server = serve(group("server {backend0} max_conns=2;"), workers=2, backend0=peer.address)
    one, two = wait_for_service(server, 2)
    held = Held(server, stack)
    client = held.hold(one, peer)
    server.write_config(group("server {backend0} max_conns=2; keepalive 7; least_conn;"))
    assert server.run("reload").returncode == 0
    held.hold(two, peer)
    assert held.refused(one) and held.refused(two)
    peer.tell("answer")
    assert client.read_response().body == b"late"
    assert not held.refused(two)


def test_a_reload_changes_the_limit(serve: Serve, stack: ExitStack) -> None:
    peer = stack.enter_context(Peer(until_told))
    server = serve(group("server {backend0} max_conns=1;"), workers=2, backend0=peer.address)
    one, two = wait_for_service(server, 2)
    held = Held(server, stack)
    held.hold(one, peer)
    assert held.refused(two)
    server.write_config(group("server {backend0} max_conns=2;"))
    assert server.run("reload").returncode == 0
    held.hold(two, peer)
    assert held.refused(one)
    peer.tell("answer")


@pytest.fixture
def crashing(directory: Path) -> Iterator[Serve]:
    """A server whose workers may be killed."""
    with starting(directory) as (start, _):
        yield start


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


def test_the_connections_of_a_killed_worker_are_free_again_and_no_others(
    crashing: Serve, stack: ExitStack
) -> None:
    peer = stack.enter_context(Peer(until_told))
    server = crashing(group("server {backend0} max_conns=3;"), workers=2, backend0=peer.address)
    one, two = wait_for_service(server, 2)
    held = Held(server, stack)
    for worker in (one, one, two):
        held.hold(worker, peer)
    assert held.refused(two)
    kill(one)
    (successor,) = set(workers_of(server, 2, without=[one])) - {two}
    wait_for_service(server, 2)
    held.hold(successor, peer)
    held.hold(two, peer)
    assert held.refused(successor) and held.refused(two)
    peer.tell("answer")


@pytest.mark.skipif(not is_possible(), reason="needs root, ptrace and debug registers")
@pytest.mark.parametrize(
    ("stores", "second"), [(1, until_told), (2, answering("hello"))], ids=["taking a place", "giving it back"]
)
def test_a_worker_killed_while_it_counts_leaves_the_count_exact(
    crashing: Serve, stack: ExitStack, stores: int, second: Script
) -> None:
    peer = stack.enter_context(Peer(until_told, second, until_told))
    server = crashing(group("server {backend0} max_conns=2;"), workers=2, backend0=peer.address)
    one, two = wait_for_service(server, 2)
    held = Held(server, stack)
    held.hold(two, peer)
    client = held.connect(one)
    memory = Segments(one)
    cell = memory.part("active_offset") + 4 * memory.slot_of("u", peer.address)
    with Watch(one, [cell], 4) as watch:
        client.request("/")
        for _ in range(stores):
            assert watch.wait_for_store(LIMIT)
        watch.kill()
    (successor,) = set(workers_of(server, 2, without=[one])) - {two}
    wait_for_service(server, 2)
    held.hold(successor, peer)
    assert held.refused(successor) and held.refused(two)
    peer.tell("answer")


def test_many_requests_at_once_never_exceed_max_conns(serve: Serve, stack: ExitStack) -> None:
    """Also: where there is room, nobody is refused."""
    backend = InFlight()
    peer = stack.enter_context(Peer(backend))
    server = serve(group("server {backend0} max_conns=2;"), workers=2, backend0=peer.address)
    wait_for_service(server, 2)

    def ask(_: int) -> Counter[int]:
        with Client(server.port()) as client:
            return Counter(client.get("/").status for _ in range(40))

    with ThreadPoolExecutor(8) as pool:
        seen = sum(pool.map(ask, range(8)), Counter[int]())
    assert set(seen) <= {200, 502} and seen[200] > 0
    assert backend.most <= 2
    assert seen.total() == 320
    assert [fetch(server.port()).status for _ in range(10)] == [200] * 10


def test_least_conn_sees_the_connections_of_the_other_worker(serve: Serve, stack: ExitStack) -> None:
    busy = stack.enter_context(Peer(until_told))
    idle = stack.enter_context(Peer(answering("idle")))
    servers = "least_conn; server {backend0}; server {backend1} backup;"
    server = serve(group(servers), workers=2, backend0=busy.address, backend1=idle.address)
    one, two = wait_for_service(server, 2)
    held = Held(server, stack)
    held.hold(one, busy)
    server.write_config(group("least_conn; server {backend0}; server {backend1};"))
    assert server.run("reload").returncode == 0
    for worker in (two, one, two, one):
        with held.connect(worker) as client:
            assert client.get("/").body == b"idle"
    busy.tell("answer")


def test_random_two_avoids_who_is_busy_in_another_worker(serve: Serve, stack: ExitStack) -> None:
    busy = stack.enter_context(Peer(until_told))
    idle = stack.enter_context(Peer(answering("idle")))
    addresses = {"backend0": busy.address, "backend1": idle.address}
    server = serve(group("server {backend0}; server {backend1} down;"), workers=2, **addresses)
    one, two = wait_for_service(server, 2)
    held = Held(server, stack)
    held.hold(one, busy)
    server.write_config(group("random two least_conn; server {backend0}; server {backend1};"))
    assert server.run("reload").returncode == 0
    with held.connect(two) as client:
        assert [client.get("/").body for _ in range(20)] == [b"idle"] * 20
    busy.tell("answer")


def test_ip_hash_is_the_same_in_every_worker(serve: Serve, stack: ExitStack) -> None:
    peers = [stack.enter_context(Peer(answering(str(number)))) for number in range(3)]
    servers = "ip_hash; server {backend0}; server {backend1}; server {backend2};"
    addresses = {f"backend{number}": peer.address for number, peer in enumerate(peers)}
    server = serve(group(servers), workers=2, **addresses)
    bodies: set[bytes] = set()
    held = Held(server, stack)
    for worker in wait_for_service(server, 2):
        bodies |= {held.connect(worker).get("/").body for _ in range(4)}
    assert len(bodies) == 1
    assert sum(bool(peer.connections) for peer in peers) == 1
