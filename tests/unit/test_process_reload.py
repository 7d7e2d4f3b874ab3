"""Reload: two phases in living workers, and a command whose exit status is the truth."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from tests.support.server import child_pids
from tests.support.waiting import LIMIT, wait_until
from tests.unit.process_support import SITE, FakeServer, ask_on, links_of, refused

OTHER = "server { listen 127.0.0.1:{port1}; return 200; }"


def fault(what: str) -> str:
    return f"server {{ listen 127.0.0.1:{{port0}}; return 200 'fault {what}'; }}"


def test_a_reload_keeps_workers_and_connections(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        before = server.worker_pids()
        with server.connect() as client:
            first = ask_on(client)
            server.write_config(SITE + OTHER)
            result = server.run("reload")
            assert (result.returncode, result.stderr) == (0, "")
            second = ask_on(client)
        assert second["pid"] == first["pid"] and second["generation"] == 2
        assert server.worker_pids() == before
        assert server.ask(1)["generation"] == 2
        assert len([key for key in second["keys"] if key.startswith("listen:")]) == 2


def test_a_listener_that_is_gone_is_closed_everywhere(directory: Path) -> None:
    with FakeServer(directory, SITE + OTHER, workers=2) as server:
        server.write_config(SITE)
        assert server.run("reload").returncode == 0
        assert refused(server.port(1))
        assert server.ask(0)["generation"] == 2
        for pid in (server.pid, *server.worker_pids()):
            listening = [link for link in links_of(pid) if link in sockets_listening_on(server.port(1))]
            assert listening == []


def sockets_listening_on(port: int) -> set[str]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"}


def test_hup_reloads(directory: Path) -> None:
    with FakeServer(directory) as server:
        server.signal(signal.SIGHUP)
        server.wait_for_log("reconfigured, generation 2")
        assert server.ask()["generation"] == 2


def test_a_broken_configuration_changes_nothing_and_every_error_is_told(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        before = server.worker_pids()
        server.write_config("bogus 1;\n server { listen 127.0.0.1:{port0}; nonsense 2; }")
        result = server.run("reload")
        assert result.returncode == 1
        assert (
            'unknown directive "bogus"' in result.stderr and 'unknown directive "nonsense"' in result.stderr
        )
        assert server.ask()["generation"] == 1 and server.worker_pids() == before
        assert server.status()["reloads_failed"] == 1
        server.wait_for_log(r'\[emerg\].*unknown directive "bogus"')


def test_an_occupied_port_fails_the_reload_and_is_named(directory: Path) -> None:
    with FakeServer(directory) as server, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server.write_config(SITE + OTHER + f"server {{ listen 127.0.0.1:{port}; }}")
        result = server.run("reload")
        assert result.returncode == 1
        assert f"bind() to 127.0.0.1:{port} failed (98: Address already in use)" in result.stderr
        assert "server.conf:" in result.stderr
        assert refused(server.port(1))  # what could be opened is closed again
        assert server.ask()["generation"] == 1


def test_a_log_that_cannot_be_opened_fails_the_reload(directory: Path) -> None:
    with FakeServer(directory) as server:
        server.write_config("access_log /nonexistent/dir/x.log;" + SITE)
        result = server.run("reload")
        assert result.returncode == 1
        assert 'open() "/nonexistent/dir/x.log" failed (2: No such file or directory)' in result.stderr


def test_a_worker_that_refuses_fails_the_reload_for_all(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        before = server.worker_pids()
        server.write_config(fault("refuse"))
        result = server.run("reload")
        assert result.returncode == 1 and "told to refuse" in result.stderr
        assert server.worker_pids() == before and server.ask()["generation"] == 1
        server.write_config(SITE + OTHER)
        assert server.run("reload").returncode == 0
        assert server.ask(1)["keys"]


def test_a_worker_that_stalls_in_prepare_fails_the_reload(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        stopped, other = server.worker_pids()
        os.kill(stopped, signal.SIGSTOP)
        server.write_config(SITE + OTHER)
        server.let_workers_answer_within(0.2)
        result = server.run("reload")
        server.let_workers_answer_within(LIMIT)
        assert result.returncode == 1
        assert f"worker process {stopped} did not prepare the configuration" in result.stderr
        assert server.worker_pids() == [stopped, other]
        assert refused(server.port(1))  # although a copy of the new socket is on its way to the stopped one
        os.kill(stopped, signal.SIGCONT)
        assert server.run("reload").returncode == 0  # it woke up, and forgot the offer that was withdrawn
        assert server.worker_pids() == [stopped, other]
        assert server.ask(1)["generation"] >= 2


def test_a_worker_that_does_not_activate_is_replaced(directory: Path) -> None:
    with FakeServer(directory) as server:
        (before,) = server.worker_pids()
        server.write_config(fault("stall-activate"))
        server.let_workers_answer_within(0.5)
        said = f"worker process {before} did not answer for 0.5s and is replaced"

        def reloaded() -> bool:
            assert server.run("reload").returncode in (0, 1)
            return said in server.log()  # not when it was late already with preparing

        wait_until(reloaded, said)
        server.wait_for_log(f"worker process {before} exited on signal 9")


def test_a_worker_that_dies_in_prepare_is_no_obstacle(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        victim, other = server.worker_pids()
        os.kill(victim, signal.SIGSTOP)
        server.write_config(SITE + OTHER)
        reloading = server.spawn("reload")
        wait_until(lambda: not refused(server.port(1)), "the master to open the new port")
        os.kill(victim, signal.SIGKILL)
        assert reloading.wait(LIMIT) == 0
        wait_until(
            lambda: [row["generation"] for row in server.status()["workers"]] == [2, 2], "generation 2"
        )
        assert other in server.worker_pids() and victim not in server.worker_pids()
        assert server.ask(1)["keys"] == server.ask(0)["keys"]


def test_reloads_that_come_together_are_all_answered(directory: Path) -> None:
    with FakeServer(directory) as server:
        server.write_config(SITE + OTHER)
        commands = [server.spawn("reload") for _ in range(5)]
        assert [command.wait(LIMIT) for command in commands] == [0] * 5
        assert server.ask(1)["keys"]


def test_another_number_of_workers_means_new_processes_that_start_first(directory: Path) -> None:
    with FakeServer(directory, workers=1) as server:
        (before,) = server.worker_pids()
        client = server.connect()
        assert ask_on(client)["pid"] == before
        server._frame["workers"] = "3"
        server.write_config(SITE)
        assert server.run("reload").returncode == 0
        wait_until(lambda: before not in server.worker_pids(), "the old worker to begin to leave")
        assert len(server.worker_pids()) == 3
        assert before in server.children()  # it has a connection to finish
        client.close()
        wait_until(lambda: before not in server.children(), "the old worker to leave")
        assert server.ask()["pid"] in server.worker_pids()


def test_new_processes_that_cannot_prepare_fail_the_reload(directory: Path) -> None:
    with FakeServer(directory, workers=1) as server:
        before = server.worker_pids()
        server._frame["workers"] = "2"
        server.write_config(fault("refuse"))
        result = server.run("reload")
        assert result.returncode == 1 and "told to refuse" in result.stderr
        wait_until(lambda: server.worker_pids() == before, "the new workers to be gone")
        assert server.ask()["pid"] == before[0]


def test_new_processes_that_are_killed_are_no_obstacle(directory: Path) -> None:
    with FakeServer(directory, workers=1) as server:
        (before,) = server.worker_pids()
        server._frame["workers"] = "2"
        server.write_config(SITE)
        reloading = server.spawn("reload")
        new = wait_until(lambda: [pid for pid in server.worker_pids() if pid != before], "a new worker")
        os.kill(new[0], signal.SIGKILL)
        assert reloading.wait(LIMIT) == 0
        wait_until(lambda: before not in server.children(), "the old worker to leave")
        wait_until(
            lambda: len(pids := server.worker_pids()) == 2 and new[0] not in pids,
            "the successor of the killed",
        )


def test_a_wider_address_takes_the_place_of_a_narrower_one(directory: Path) -> None:
    with FakeServer(directory) as server:
        server.write_config("server { listen {port0}; return 200; }")
        result = server.run("reload")
        assert (result.returncode, result.stderr) == (0, "")
        assert any(key.startswith("listen:0.0.0.0:") for key in server.ask()["keys"])


def test_logs_are_reopened_by_command_and_by_signal(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        for number, trigger in enumerate(("command", "signal")):
            server.ask()
            server.wait_for_access(1)
            old = server.access_log.rename(directory / f"old{number}")
            server.error_log.rename(directory / f"old-error{number}")
            if trigger == "command":
                assert server.run("reopen").returncode == 0
            else:
                server.signal(signal.SIGUSR1)
                wait_until(server.access_log.exists, "the new log")
                assert server.run("reopen").returncode == 0  # returns when the workers use it
            written = old.stat().st_size
            server.ask()
            server.wait_for_access(1)
            assert old.stat().st_size == written and server.error_log.exists()


def test_nobody_keeps_a_file_open_that_was_rotated_away(directory: Path) -> None:
    server = FakeServer(directory, main="error_log {dir}/second.log notice;", workers=2)
    assert server.run().returncode == 0  # as a daemon, whose standard error is the log
    master = int(server.pid_path.read_text())
    try:
        wait_until(lambda: len(child_pids(master)) == 3, "all processes")
        for name in ("error.log", "second.log", "access.log"):
            (directory / name).rename(directory / f"old-{name}")
        assert server.run("reopen").returncode == 0
        for pid in (master, *child_pids(master)):
            assert [link for link in links_of(pid) if "/old-" in link] == []
        for name in ("error.log", "second.log"):
            assert "reopening logs" in (directory / f"old-{name}").read_text()
        assert server.run("reload").returncode == 0
        for name in ("error.log", "second.log"):
            assert "reconfiguring" in (directory / name).read_text()
    finally:
        assert server.run("stop").returncode == 0


def test_a_log_that_cannot_be_reopened_is_told(directory: Path) -> None:
    logs = directory / "logs"
    logs.mkdir()
    with FakeServer(directory, access_log=str(logs / "access.log")) as server:
        logs.rename(directory / "moved")
        result = server.run("reopen")
        assert result.returncode == 1 and "failed (2: No such file or directory)" in result.stderr
        server.ask()
        wait_until(lambda: (directory / "moved/access.log").read_bytes(), "lines still in the old file")
