"""Out of descriptors or worker_connections: idle connections give way; accepting waits, and goes on at
once.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.e2e.load import Backend, Load
from tests.e2e.support import KIND, make_server, only_worker, proxyd_only, proxying
from tests.e2e.watching import status_of
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer, Script, response
from tests.support.server import Server

HELLO = "server { listen 127.0.0.1:{port0}; return 200 hello; }"
# A worker needs about a dozen for itself.
FEW_DESCRIPTORS = {"main": "worker_rlimit_nofile 48;"}
FEW_CONNECTIONS = {"events": "worker_connections 24;"}
FEW = pytest.mark.parametrize("few", [FEW_DESCRIPTORS, FEW_CONNECTIONS], ids=["descriptors", "connections"])
SAID = r"accept4\(\) failed \(24: Too many open files\)|[0-9]+ worker_connections are not enough"


@contextmanager
def troubled(directory: Path, http: str, **arguments: object) -> Iterator[Server]:
    """A server that may say in its log that it lacks something."""
    with make_server(directory, http, **arguments) as server:
        yield server
    assert not re.search("AddressSanitizer|runtime error|exited on signal", server.output())


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Shut until the test sets it. The peers that wait at it must be able to end."""
    made = threading.Event()
    yield made
    made.set()


def waits_at(gate: threading.Event) -> Script:
    """Answer when the gate is open."""

    def script(connection: Connection) -> None:
        connection.receive()
        gate.wait()
        connection.send(response("late"))

    return script


@FEW
def test_connections_idle_longest_give_way_to_new_ones(directory: Path, few: dict[str, str]) -> None:
    with troubled(directory, "keepalive_timeout 300s;" + HELLO, **few) as server, ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port())) for _ in range(12)]
        for client in clients:
            assert client.get("/").status == 200
        for _ in range(100):
            late = stack.enter_context(Client(server.port()))
            assert late.get("/").status == 200
        assert clients[0].ending() == "eof"  # it was idle longest
        assert late.get("/").status == 200
        assert not re.search(SAID, server.log())


@FEW
def test_with_nothing_idle_accepting_waits_without_a_spin_and_goes_on(
    directory: Path, few: dict[str, str]
) -> None:
    patient = "client_header_timeout 600s;" + HELLO
    with troubled(directory, patient, **few) as server, ExitStack() as stack:
        clients = begin_requests(server, stack, 60)
        server.wait_for_log(SAID)
        if KIND == "proxyd":
            before = turns(server)
            assert [turns(server) - before < 2000 for _ in range(4)] == [True] * 4  # a spin: 100,000 a second
        for client in clients:
            client.send("TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert {client.read_response().status for client in clients} == {200}
        with Client(server.port()) as last:
            assert last.get("/").status == 200


def begin_requests(server: Server, stack: ExitStack, count: int) -> list[Client]:
    """Clients in the middle of their request: not idle."""
    clients = []
    for _ in range(count):
        clients.append(stack.enter_context(Client(server.port())))
        clients[-1].send("GET / HT")
    return clients


def turns(server: Server) -> int:
    """How often the worker's loop has turned."""
    (worker,) = status_of(server)["workers"]
    return int(worker["turns"])


def test_a_request_for_which_no_connection_to_a_peer_can_be_made_is_answered_500(
    directory: Path, gate: threading.Event
) -> None:
    with (
        Peer(waits_at(gate)) as peer,
        troubled(
            directory,
            proxying(server="location = /idle { return 200; }"),
            **FEW_DESCRIPTORS,
            backend0=peer.address,
        ) as server,
        ExitStack() as stack,
    ):
        stack.callback(gate.set)
        clients = [stack.enter_context(Client(server.port())) for _ in range(30)]
        for client in clients:
            assert client.get("/idle").status == 200
        worker = only_worker(server)
        os.kill(worker, signal.SIGSTOP)  # so that all ask at once, and none is idle when room is looked for
        for client in clients:
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        os.kill(worker, signal.SIGCONT)
        server.wait_for_log(
            r"socket\(\) failed \(24: Too many open files\) while connecting to upstream, client"
        )
        gate.set()
        assert {client.read_response().status for client in clients} == {200, 500}
        assert fetch(server.port()).status == 200


@proxyd_only("it closes connections that wait for their first request, too")
@FEW
def test_clients_that_work_do_not_notice_a_crowd_of_idle_ones(directory: Path, few: dict[str, str]) -> None:
    with (
        Backend() as backend,
        troubled(
            directory, "keepalive_requests 100000;" + proxying(), **few, backend0=backend.address
        ) as server,
        ExitStack() as stack,
        Load(server.port(), clients=4, pause=0.002) as load,
    ):
        load.wait_for(requests=50)
        for _ in range(30):
            for _ in range(5):
                idle = stack.enter_context(Client(server.port()))
                assert idle.get("/small/x/1").status == 200
            load.wait_for(requests=8)
        load.wait_for(requests=100)
        report = load.stop()
        assert not report.failed, report.tell_failures()


@proxyd_only("that is how it is told")
def test_running_out_of_descriptors_is_told_once_a_second(directory: Path) -> None:
    with troubled(directory, HELLO, **FEW_DESCRIPTORS) as server, ExitStack() as stack:
        begin_requests(server, stack, 60)
        said = server.wait_for_log(SAID, 3)
        stamps = [line.split(" [")[0] for line in said]
        assert len(set(stamps)) == len(stamps)
