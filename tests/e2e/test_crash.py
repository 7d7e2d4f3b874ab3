"""kill -9 of a worker, the helper, a backend, the master: nothing hangs, every count is right afterwards."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.load import REPORTING, TUNNELS, TUNNELS_MAP, Backend, Load, Report
from tests.e2e.support import KIND, Serve, make_server, plain_only, proxyd_only, proxying, starting
from tests.e2e.watching import (
    WITHOUT_SETUID,
    is_alive,
    status_of,
    wait_for_end,
    wait_for_service,
    workers_of,
)
from tests.soak import stores
from tests.soak.watchpoint import is_possible
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer
from tests.support.server import Server
from tests.support.waiting import LIMIT, wait_until

KILLED = r"\[alert\] .*worker process {pid} exited on signal 9"


@pytest.fixture
def crashing(directory: Path) -> Iterator[Serve]:
    """Start servers whose log may tell of deaths, and of nothing worse."""
    with starting(directory) as (start, servers):
        yield start
    for server in servers:
        if KIND == "proxyd":
            alerts = [line for line in server.log().split("\n") if "[alert]" in line or "[emerg]" in line]
            assert all("exited on signal 9" in line for line in alerts), alerts


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


def loaded(more: str = "", *, backend: str = "{backend0}") -> str:
    """What the load needs."""
    return TUNNELS_MAP + proxying(TUNNELS + more, server=REPORTING.replace("{word}", "0"), backend=backend)


def held(connection: Connection) -> None:
    """A backend that answers when the test tells "answer"."""
    connection.receive()
    connection.wait_for("answer")
    connection.respond("late")


def helper_of(server: Server) -> int:
    """Wait for the helper; gives its pid."""

    def found() -> int:
        return next((pid for pid, title in server.children().items() if "helper" in title), 0)

    return wait_until(found, "the helper")


def wait_for_no_activity(server: Server) -> None:
    """Wait until nothing is counted as running any more."""

    def settled() -> bool:
        status = status_of(server)
        counters, peers = status["counters"], status["peers"]
        running = ("requests_active", "connections_active", "upstream_connections_active", "tunnels_active")
        return not any(counters[name] for name in running) and not any(peer.get("active") for peer in peers)

    wait_until(settled, lambda: f"counts of zero: {status_of(server)}")


# Workers


def test_killed_workers_cost_their_own_connections_and_nothing_else(crashing: Serve) -> None:
    with Backend() as backend:
        server = crashing(loaded(), workers=2, backend0=backend.address)
        workers_of(server, 2)
        killed: list[int] = []
        with Load(server.port(), clients=6, fresh=2, downloads=1, tunnels=6) as load:
            load.wait_for(requests=50, tunnels_opened=6)
            for _ in range(10):
                victim = random.choice(workers_of(server, 2))
                kill(victim)
                killed.append(victim)
                workers_of(server, 2, without=[victim])
                load.wait_for(requests=20, rounds=6)
                assert load.wait_until_open(tunnels=6)
            report = load.stop()
    check_only_the_dead_failed(report, killed)
    if KIND == "proxyd":
        wait_for_no_activity(server)
        assert status_of(server)["worker_deaths"] == 10
    for pid in killed:
        server.wait_for_log(KILLED.format(pid=pid))


def check_only_the_dead_failed(report: Report, killed: list[int]) -> None:
    """Each failure is the end of a connection that a killed worker had."""
    assert report.failed == len(report.failures)
    names = {None, *map(str, killed)}  # None: killed before the first answer on that connection
    others = [one for one in report.failures if one.kind != "ended" or one.worker not in names]
    assert not others, "\n".join(map(str, others))


def test_a_client_of_a_killed_worker_sees_the_end_of_its_connection(crashing: Serve) -> None:
    with Peer(held) as peer:
        server = crashing(proxying(), backend0=peer.address)
        workers = workers_of(server)
        with Client(server.port()) as client:
            client.request("/")
            peer.wait_for_requests(1)
            kill(workers[0])
            assert client.ending() in ("eof", "reset")
        peer.tell("answer")
        if KIND == "proxyd":
            wait_for_no_activity(server)
        workers_of(server, without=workers)


def test_who_connects_while_the_only_worker_is_dead_is_served_by_its_successor(
    crashing: Serve,
) -> None:
    server = crashing("server { listen 127.0.0.1:{port0}; return 200 $pid; }")
    before = int(fetch(server.port()).body)
    kill(before)
    after = int(fetch(server.port()).body)
    assert after != before


def test_with_reuseport_a_successor_serves_those_who_waited_for_the_dead(
    crashing: Serve,
) -> None:
    server = crashing("server { listen 127.0.0.1:{port0} reuseport; return 200 $pid; }", workers=2)
    workers = wait_for_service(server, 2) if KIND == "proxyd" else workers_of(server, 2)
    os.kill(workers[0], signal.SIGSTOP)
    clients = [Client(server.port()) for _ in range(20)]  # some of them wait for the stopped worker
    for client in clients:
        client.request("/")
    kill(workers[0])
    for client in clients:
        assert int(client.read_response().body) != workers[0]
        client.close()


def test_all_workers_may_die_at_once(crashing: Serve) -> None:
    server = crashing("server { listen 127.0.0.1:{port0}; return 200 hello; }", workers=3)
    before = wait_for_service(server, 3) if KIND == "proxyd" else workers_of(server, 3)
    for pid in before:
        kill(pid)
    assert fetch(server.port()).body == b"hello"
    workers_of(server, 3, without=before)


@proxyd_only("it says what it says")
@plain_only("they report the signal instead")
def test_a_worker_that_crashes_is_reported_with_its_signal(directory: Path) -> None:
    server = make_server(directory, "server { listen 127.0.0.1:{port0}; return 200 hello; }")
    with server:
        before = wait_for_service(server)
        os.kill(before[0], signal.SIGSEGV)
        server.wait_for_log(rf"\[alert\] .*worker process {before[0]} exited on signal 11")
        workers_of(server, without=before)
        assert fetch(server.port()).body == b"hello"


def test_what_a_dead_worker_counted_is_not_forgotten(crashing: Serve) -> None:
    if KIND == "nginx":
        pytest.skip("it does not count")
    server = crashing("server { listen 127.0.0.1:{port0}; return 200 hello; }")
    before = wait_for_service(server)
    for _ in range(7):
        assert fetch(server.port()).status == 200
    # A client has its answer a moment before the worker has counted it.
    wait_until(lambda: status_of(server)["counters"].get("responses_2xx") == 7, "7 answers")
    kill(before[0])
    assert fetch(server.port()).status == 200
    wait_until(lambda: status_of(server)["counters"].get("responses_2xx") == 8, "8 answers")
    assert status_of(server)["counters"]["requests"] == 8
    assert status_of(server)["counters"]["connections_accepted"] == 8


@proxyd_only("each worker has its own opinion, which dies with it")
def test_a_backend_that_failed_stays_failed_when_the_worker_dies(crashing: Serve) -> None:
    def closes(connection: Connection) -> None:
        connection.receive()

    with Peer(closes) as broken, Peer() as well:
        server = crashing(
            "upstream group { server {backend0} max_fails=1 fail_timeout=1h; server {backend1}; }\n"
            + proxying(backend="group"),
            backend0=broken.address,
            backend1=well.address,
        )
        before = wait_for_service(server)
        for _ in range(2):
            assert fetch(server.port()).status == 200
        assert len(broken.connections) == 1
        kill(before[0])
        for _ in range(4):
            assert fetch(server.port()).status == 200
        assert len(broken.connections) == 1


# Buffered log lines


@proxyd_only("a dead worker's buffer is lost")
def test_buffered_lines_of_a_killed_worker_are_in_the_file_once(crashing: Serve) -> None:
    server = crashing(
        "log_format bare '$request_uri'; access_log {dir}/buffered.log bare buffer=64k;\n"
        "server { listen 127.0.0.1:{port0}; return 200 hello; }"
    )
    path = server.directory / "buffered.log"
    before = wait_for_service(server)
    with Client(server.port()) as client:
        for number in range(300):
            assert client.get(f"/{number}").status == 200
    assert path.read_bytes() == b""
    kill(before[0])
    expected = "".join(f"/{number}\n" for number in range(300))
    wait_until(
        lambda: path.read_text() == expected, lambda: f"300 lines; there are {path.read_text()[-2000:]}"
    )
    assert status_of(server)["log_bytes_saved"] == len(expected)


@proxyd_only("a dead worker's buffer is lost")
def test_no_line_is_lost_or_doubled_when_workers_die_under_load(crashing: Serve) -> None:
    with Backend() as backend:
        logged = "access_log {dir}/buffered.log bare buffer=4k;"
        server = crashing(
            "log_format bare '$request_uri';\n" + loaded(logged), workers=2, backend0=backend.address
        )
        workers_of(server, 2)
        with Load(server.port(), clients=8) as load:
            load.wait_for(requests=100)
            for _ in range(6):
                victim = random.choice(workers_of(server, 2))
                kill(victim)
                workers_of(server, 2, without=[victim])
                load.wait_for(requests=100)
            report = load.stop()
    assert server.stop(signal.SIGQUIT) == 0
    lines = Counter((server.directory / "buffered.log").read_text().split("\n")[:-1])
    doubled = [line for line, times in lines.items() if times > 1]
    assert not doubled
    # A kill may come between an answer and its line: of each failure, the answer before it.
    excused = {f"/small/{one.who}/{int(one.what.rpartition('/')[2]) - 1}" for one in report.failures}
    answered = {f"/small/{who}/{number}" for who, numbers in report.done.items() for number in numbers}
    assert answered - excused <= lines.keys(), sorted(answered - excused - lines.keys())


# The helper


@proxyd_only("it has none")
def test_a_killed_helper_is_replaced_and_stops_no_traffic(crashing: Serve) -> None:
    with Backend() as backend:
        server = crashing(loaded(), backend0=backend.address)
        with Load(server.port(), clients=4, tunnels=2) as load:
            load.wait_for(requests=20, tunnels_opened=2)
            for _ in range(3):
                victim = helper_of(server)
                kill(victim)
                wait_until(lambda gone=victim: not is_alive(gone) and helper_of(server), "another helper")
            load.wait_for(requests=20, rounds=2)
            report = load.stop()
    assert report.failed == 0, report.tell_failures()
    assert status_of(server)["helper_deaths"] == 3


# Backends


def test_no_get_sees_the_death_of_a_backend_while_another_lives(crashing: Serve) -> None:
    with Backend("one") as one, Backend("two") as two:
        server = crashing(
            "upstream group { server {backend0} max_fails=0; server {backend1} max_fails=0; keepalive 8; }\n"
            + loaded(backend="group"),
            workers=2,
            backend0=one.address,
            backend1=two.address,
        )
        with Load(server.port(), clients=8, post_every=0) as load:
            load.wait_for(requests=50)
            for number in range(10):
                victim = (one, two)[number % 2]
                victim.kill()
                load.wait_for(requests=30)
                victim.start()
                load.wait_for(requests=10)
            report = load.stop()
    assert report.failed == 0, report.tell_failures()
    assert set(report.counted["backends"]) == {"one", "two"}
    if KIND == "proxyd":
        wait_for_no_activity(server)


def test_a_dead_backend_is_left_alone_and_nobody_notices(crashing: Serve) -> None:
    with Backend("one") as one, Backend("two") as two:
        server = crashing(
            "upstream group { server {backend0}; server {backend1}; }\n" + loaded(backend="group"),
            backend0=one.address,
            backend1=two.address,
        )
        with Load(server.port(), clients=4) as load:
            load.wait_for(requests=20)
            one.kill()
            load.wait_for(requests=50)
            report = load.stop()
        failed = report.failures
        assert not [one for one in failed if one.kind != "status" or "POST" not in one.what], failed
        refused = [line for line in server.log().split("\n") if "Connection refused" in line]
        assert len(refused) < 6  # one for each who found out at the same time


# The master


def start_another(server: Server, directory: Path) -> Server:
    """A new server on the address of one whose master is dead."""
    hello = "server { listen 127.0.0.1:{port0}; return 200 successor; }"
    another = make_server(directory / "another", hello, port0=str(server.port()))
    another.start()
    return another


@proxyd_only("its workers live on, and hold the address")
def test_when_the_master_dies_workers_finish_and_leave_and_a_new_master_takes_the_address(
    directory: Path,
) -> None:
    with Peer(held) as peer:
        server = make_server(directory / "server", proxying(), workers=2, backend0=peer.address)
        server.start()
        workers = wait_for_service(server, 2)
        helper = helper_of(server)
        with Client(server.port()) as client:
            client.request("/")
            peer.wait_for_requests(1)
            kill(server.pid)
            server.process.wait()
            server.wait_for_log(r"\[alert\] .*the master process is gone", 2)
            another = start_another(server, directory)
            assert fetch(server.port()).body == b"successor"
            peer.tell("answer")
            assert client.read_response().body == b"late"
        wait_for_end(*workers, helper)
        another.__exit__()


@proxyd_only("its workers live on, and hold the address")
def test_a_killed_master_leaves_nothing_that_hinders_a_start_in_its_place(directory: Path) -> None:
    server = make_server(
        directory, "server { listen 127.0.0.1:{port0}; listen unix:{dir}/s.sock; return 200 hello; }"
    )
    server.start()
    workers = wait_for_service(server)
    old = server.pid
    kill(old)
    server.process.wait()
    wait_for_end(*workers)
    server.start()  # comes back at once: the stale pid file is there
    try:
        wait_until(lambda: server.pid_path.read_text() == f"{server.pid}\n", "the new pid file")
        assert fetch(server.port()).body == b"hello"
        assert fetch(server.directory / "s.sock").body == b"hello"
        assert status_of(server)["pid"] == server.pid
    finally:
        server.__exit__()


# Workers that cannot start


@proxyd_only("it starts the next one for ever")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_when_workers_cannot_start_the_master_says_why_and_ends(directory: Path) -> None:
    server = make_server(directory, "server { listen 127.0.0.1:{port0}; return 200 hello; }")

    class Forbidden(Server):
        @property
        def command(self) -> list[str]:
            return [*WITHOUT_SETUID, *super().command]

    server.__class__ = Forbidden
    done = server.run("-g", "daemon off;")
    assert done.returncode == 1
    assert "Operation not permitted" in done.stderr
    assert "Operation not permitted" in server.log()
    assert not server.pid_path.exists()


def limit_memory(pid: int, less: int) -> None:
    """Let a process map no more memory, its children neither; below 0: lift that."""
    matched = re.search(r"^VmSize:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert matched
    size = resource.RLIM_INFINITY if less < 0 else int(matched[1]) * 1024 - less
    resource.prlimit(pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))


@proxyd_only("it starts the next one for ever")
@plain_only("they need more memory than the test leaves a worker")
def test_a_worker_that_cannot_be_replaced_is_given_up_until_the_next_reload(directory: Path) -> None:
    server = make_server(directory, "server { listen 127.0.0.1:{port0}; return 200 hello; }", workers=2)
    with server:
        first, second = wait_for_service(server, 2)
        limit_memory(server.pid, 1_000_000)
        kill(first)
        server.wait_for_log(r"\[alert\] .*worker \d failed to start 5 times and is given up")
        server.wait_for_log("could not start: .*could not be mapped", 5)
        assert server.worker_pids() == [second]
        assert fetch(server.port()).body == b"hello"
        assert len(status_of(server)["given_up"]) == 1
        limit_memory(server.pid, -1)
        assert server.run("reload").returncode == 0
        assert second in wait_for_service(server, 2)
        assert status_of(server)["given_up"] == []


@proxyd_only("it starts the next one for ever")
@plain_only("they need more memory than the test leaves a worker")
def test_a_master_that_can_start_no_worker_any_more_ends_and_says_so(directory: Path) -> None:
    server = make_server(directory, "server { listen 127.0.0.1:{port0}; return 200 hello; }")
    server.start()
    (worker,) = wait_for_service(server)
    limit_memory(server.pid, 1_000_000)
    kill(worker)
    assert server.wait_for_exit() == 1
    assert re.search(r"\[emerg\] .*no worker process is left", server.log())
    assert not server.pid_path.exists()


# Stopped in a debugger, and killed there


@proxyd_only("it keeps no such account")
@pytest.mark.skipif(not is_possible(), reason="needs root, ptrace and debug registers")
def test_a_worker_killed_at_a_store_to_shared_memory_leaves_nothing_wrong() -> None:
    places = (
        *("log regions: used", "log regions: state", "new peer: key", "peers Zone: owner of the lock"),
        *("limit_conn: intent + 0", "limit_conn: hold", "limit_req: intent + 0"),
    )
    rows = stores.run_some([(field, 1) for field in stores.FIELDS if field.name in places], LIMIT)
    assert rows[0].value == len(places)
    assert not [row for row in rows if not row.ok]
