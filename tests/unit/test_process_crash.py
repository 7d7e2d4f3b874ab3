"""Deaths: of a worker, of the helper, of the master. Nothing hangs, nothing is lost, every count is right."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support.server import process_title
from tests.support.waiting import wait_until
from tests.unit.process_support import SITE, FakeServer, ask_on, refused

HOLD = "server { listen 127.0.0.1:{port0}; return 200 'fault hold'; }"


def replaced(server: FakeServer, pid: int) -> bool:
    """Whether a worker is gone and its successor serves."""
    return pid not in server.children() and all(
        row["state"] == "serving" for row in server.status()["workers"]
    )


def test_a_killed_worker_is_replaced_at_once(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        victim, other = server.worker_pids()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: replaced(server, victim), "the successor")
        assert other in server.worker_pids() and len(server.worker_pids()) == 2
        assert server.ask()["generation"] == 1
        server.wait_for_log(
            rf"\[alert\] {server.pid}#{server.pid}: worker process {victim} exited on signal 9"
        )
        status = server.status()
        assert status["worker_deaths"] == 1
        assert sorted(row["index"] for row in status["workers"]) == [0, 1]


def test_log_lines_of_a_killed_worker_are_written_and_its_counts_kept(directory: Path) -> None:
    with FakeServer(directory, HOLD) as server:
        with server.connect() as client:
            for number in range(20):
                victim = ask_on(client, f"/{number}")["pid"]
            assert server.access() == []  # they are in memory that the worker shares with the master
            os.kill(victim, signal.SIGKILL)
            server.wait_for_access(20)
        assert server.access() == [f"GET /{number} HTTP/1.1" for number in range(20)]
        wait_until(lambda: replaced(server, victim), "the successor")
        server.ask()
        assert server.status()["counters"]["requests"] == 21
        assert server.status()["workers"][0]["counters"]["requests"] == 1


def test_log_lines_of_a_worker_that_ends_are_written_too(directory: Path) -> None:
    with FakeServer(directory, HOLD) as server:
        server.ask()
    assert len(server.access()) == 1


def test_lines_go_to_the_file_of_a_log_that_was_rotated_away(directory: Path) -> None:
    with FakeServer(directory, HOLD) as server:
        server.ask()
        server.access_log.rename(directory / "old")
        (victim,) = server.worker_pids()
        os.kill(victim, signal.SIGKILL)
        wait_until((directory / "old").read_bytes, "the line in the file that is still open")


def test_a_worker_killed_many_times_is_always_replaced(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        for number in range(20):
            victim = server.worker_pids()[number % 2]
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda gone=victim: replaced(server, gone), "the successor")  # type: ignore[misc]
        assert server.ask()["generation"] == 1
        assert server.status()["worker_deaths"] == 20


def test_a_killed_helper_is_started_again_and_no_worker_notices(directory: Path) -> None:
    with FakeServer(directory) as server:
        workers = server.worker_pids()
        for deaths in (1, 2):
            helper = server.status()["helper"]["pid"]
            wait_until(lambda pid=helper: process_title(pid) == "proxyd: helper process", "the title")  # type: ignore[misc]
            os.kill(helper, signal.SIGKILL)
            wait_until(lambda dead=helper: server.status()["helper"]["pid"] not in (0, dead), "a new helper")  # type: ignore[misc]
            assert server.status()["helper_deaths"] == deaths
        assert server.worker_pids() == workers


def test_workers_and_helper_leave_when_the_master_is_killed(directory: Path) -> None:
    server = FakeServer(directory, workers=2)
    server.start()
    children = list(server.children())
    with server.connect() as client:
        served_by = ask_on(client)["pid"]
        os.kill(server.pid, signal.SIGKILL)
        server.wait_for_exit()
        wait_until(lambda: refused(server.port()), "the listening socket to be closed")
        assert ask_on(client)["pid"] == served_by  # what runs is finished
    wait_until(lambda: all(server.ended(pid) for pid in children), "all processes to end")


def test_workers_without_a_master_leave_when_worker_shutdown_timeout_says_so(directory: Path) -> None:
    server = FakeServer(directory, main="worker_shutdown_timeout 10ms;")
    server.start()
    children = list(server.children())
    with server.connect() as client:
        ask_on(client)
        os.kill(server.pid, signal.SIGKILL)
        server.wait_for_exit()
        wait_until(lambda: all(server.ended(pid) for pid in children), "all processes to end")
        assert client.recv(1) == b""


def test_a_new_master_starts_after_the_old_one_was_killed(directory: Path) -> None:
    unix = SITE + "server { listen unix:{dir}/site.sock; return 200; }"
    server = FakeServer(directory, unix)
    server.start()
    children = list(server.children())
    os.kill(server.pid, signal.SIGKILL)
    server.wait_for_exit()
    wait_until(lambda: refused(server.port()), "the address, which a start waits for only a while")
    server.pid_path.unlink()  # it names the dead one; the tool waits for it
    with server:
        assert server.ask()["pid"] not in children
        assert server.run("status").returncode == 0


def test_a_worker_whose_start_always_fails_is_given_up(directory: Path) -> None:
    with FakeServer(directory, workers=1) as server:
        (victim,) = server.worker_pids()
        fail = directory / "fail"
        server.write_config(SITE)
        fail.touch()
        os.kill(victim, signal.SIGKILL)
        assert server.wait_for_exit() == 1
        assert len(server.wait_for_log("start worker process [0-9]")) == 1 + 5
        server.wait_for_log(r"\[alert\].*worker 0 failed to start 5 times and is given up")
        server.wait_for_log(r"\[emerg\].*no worker process is left")


def test_strangers_children_are_reaped(directory: Path) -> None:
    """The master may be process 1 of a container: orphans become its children."""
    note = directory / "orphan"
    note.touch()
    note.chmod(0o666)
    with FakeServer(directory, env={"PROXYD_FAKE_ORPHAN": str(note)}) as server:
        orphan = int(wait_until(note.read_text, "the orphan"))
        wait_until(lambda: server.ended(orphan), "the orphan to be reaped")
        assert server.status()["worker_deaths"] == 0
