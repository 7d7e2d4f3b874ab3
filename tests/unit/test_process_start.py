"""Starting and stopping: the truth on stderr, in the exit status, in the pid file and the process table."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.server import process_title
from tests.support.waiting import LIMIT, wait_until
from tests.unit.process_support import FakeServer, ask_on, links_of, refused

DAEMON = {"options": ""}  # the default: daemon on


def test_in_the_foreground_it_stays_and_term_ends_it_with_status_0(directory: Path) -> None:
    server = FakeServer(directory)
    server.start()
    assert server.pid_path.read_text() == f"{server.pid}\n"
    assert server.stop() == 0
    assert not server.pid_path.exists() and not Path(f"{server.pid_path}.sock").exists()
    assert refused(server.port())
    assert (directory / "stdout").read_text() == "" and (directory / "stderr").read_text() == ""


def test_as_a_daemon_the_command_returns_when_it_serves(directory: Path) -> None:
    server = FakeServer(directory, workers=2)
    result = server.run()  # waits until stdout and stderr are closed, too
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    master = int(server.pid_path.read_text())
    try:
        assert server.ask()["generation"] == 1
        assert os.getsid(master) == os.getpgid(master) != os.getsid(0)
        assert process_title(master).startswith("proxyd: master process")
        assert os.readlink(f"/proc/{master}/fd/1") == "/dev/null"
    finally:
        result = server.run("stop")
    assert result.returncode == 0 and not process_title(master)


def test_titles_tell_who_is_who(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        title = process_title(server.pid)
        assert title.startswith("proxyd: master process ") and f"-c {server.config_path}" in title
        wanted = ["proxyd: helper process", "proxyd: worker process", "proxyd: worker process"]
        wait_until(lambda: sorted(server.children().values()) == wanted, lambda: f"{server.children()}")
        assert Path(f"/proc/{server.pid}/comm").read_text() == "proxyd\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_workers_and_helper_run_as_the_user_of_the_configuration(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    with FakeServer(directory) as server:
        for pid in server.children():
            # A child is born as root: the helper may still be.
            wait_until(lambda pid=pid: status_of(pid)["CapEff"] == "0" * 16, "the end of privileges")  # type: ignore[misc]
            status = status_of(pid)
            assert set(status["Uid"].split()) == {str(nobody.pw_uid)}
            assert set(status["Gid"].split()) == {str(nobody.pw_gid)}
            assert "0" not in status["Groups"].split()
            assert status["NoNewPrivs"] == "1"
        assert os.stat(f"/proc/{server.pid}").st_uid == 0


def test_workers_inherit_no_descriptor_that_is_not_theirs(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        control = server.pid_path.with_name("server.pid.sock")
        assert stat.S_IMODE(control.stat().st_mode) == 0o600
        mine = {link for link in links_of(server.pid) if link.startswith("socket:")}
        first, second = (set(links_of(pid)) for pid in server.worker_pids())
        listening = {link for link in first & second if link.startswith("socket:")}
        assert len(listening) == 1  # the site's socket; channels and the control socket are not shared
        assert len(mine & first) == 1
        memory = [{link for link in links if "/dev/shm" in link} for links in (first, second)]
        assert len(memory[0]) == 2 and memory[0] == memory[1]  # the peers Zone; the Ledgers of the crew


def status_of(pid: int) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


def test_shared_memory_leaves_no_name_behind(directory: Path) -> None:
    with FakeServer(directory, workers=2) as server:
        assert not [path for path in Path("/dev/shm").iterdir() if f"-{server.pid}-" in path.name]


def test_limits_of_descriptors_are_set_in_workers(directory: Path) -> None:
    with FakeServer(directory, main="worker_rlimit_nofile 1234;") as server:
        (worker,) = server.worker_pids()
        limits = Path(f"/proc/{worker}/limits").read_text()
        assert [line.split()[3:5] for line in limits.splitlines() if "open files" in line] == [
            ["1234", "1234"]
        ]


def test_quit_lets_connections_finish(directory: Path) -> None:
    server = FakeServer(directory)
    server.start()
    with server.connect() as client:
        ask_on(client)
        server.signal(signal.SIGQUIT)
        wait_until(lambda: refused(server.port()), "the listening socket to be closed")
        assert ask_on(client)["generation"] == 1
        assert server.process is not None and server.process.poll() is None
    assert server.wait_for_exit() == 0


def test_the_quit_command_waits_for_the_end(directory: Path) -> None:
    server = FakeServer(directory)
    server.start()
    with server.connect() as client:
        ask_on(client)
        quitting = server.spawn("quit")
        wait_until(lambda: refused(server.port()), "the listening socket to be closed")
        assert quitting.poll() is None
        client.close()
        assert quitting.wait(LIMIT) == 0
    assert server.ended(server.pid) or server.wait_for_exit() == 0


def test_a_worker_that_hangs_is_killed_on_stop(directory: Path) -> None:
    server = FakeServer(directory)
    server.start()
    (worker,) = server.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    assert server.stop() == 0
    assert server.ended(worker)


def test_ctrl_c_on_the_whole_group_ends_it_cleanly(directory: Path) -> None:
    server = FakeServer(directory, workers=2)
    server.start()
    os.killpg(server.pid, signal.SIGINT)
    assert server.wait_for_exit() == 0
    assert "[alert]" not in server.log()


def test_a_terminals_change_of_size_stops_no_worker_in_the_foreground(directory: Path) -> None:
    with FakeServer(directory) as server:
        workers = server.worker_pids()
        os.killpg(server.pid, signal.SIGWINCH)
        server.wait_for_log("SIGWINCH")
        assert server.ask()["pid"] in workers and server.worker_pids() == workers


def test_winch_lets_a_daemons_workers_leave_and_hup_brings_new_ones(directory: Path) -> None:
    server = FakeServer(directory)
    assert server.run().returncode == 0
    master = int(server.pid_path.read_text())
    try:
        before = server.status()["workers"][0]["pid"]
        os.kill(master, signal.SIGWINCH)
        wait_until(lambda: server.status()["workers"] == [], "the worker to leave")
        os.kill(master, signal.SIGHUP)
        wait_until(lambda: server.status()["generation"] == 2, "the new configuration")
        assert server.ask()["pid"] != before
    finally:
        assert server.run("stop").returncode == 0


def test_usr2_starts_a_new_master_beside_a_daemon(directory: Path) -> None:
    server = FakeServer(directory)
    assert server.run().returncode == 0
    old = int(server.pid_path.read_text())
    try:
        os.kill(old, signal.SIGUSR2)
        server.wait_for_log("new master process [0-9]+ serves")
        assert int((directory / "server.pid.oldbin").read_text()) == old
        assert server.ask()["generation"] == 1
        os.kill(old, signal.SIGQUIT)
        wait_until(lambda: server.ended(old), "the old master to end")
        assert server.status()["pid"] == int(server.pid_path.read_text()) != old
    finally:
        assert server.run("stop").returncode == 0


# What does not start says why.


@pytest.mark.parametrize("daemon", ["on", "off"])
def test_an_occupied_port_is_named_and_the_command_fails(directory: Path, daemon: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = FakeServer(directory, f"server {{ listen 127.0.0.1:{port}; }}")
        result = server.run("-g", f"daemon {daemon};")
    assert result.returncode == 1
    assert f"proxyd: [emerg] bind() to 127.0.0.1:{port} failed (98: Address already in use)" in result.stderr
    assert "still could not bind()" in result.stderr
    assert not server.pid_path.exists()
    assert f"bind() to 127.0.0.1:{port} failed" in server.log()


def test_a_broken_configuration_does_not_start(directory: Path) -> None:
    server = FakeServer(directory, "bogus 1; nonsense 2;")
    result = server.run()
    assert result.returncode == 1
    assert 'unknown directive "bogus"' in result.stderr and 'unknown directive "nonsense"' in result.stderr
    assert result.stderr.startswith("proxyd: [emerg] ")


def test_a_second_master_for_the_same_pid_file_does_not_start(directory: Path) -> None:
    with FakeServer(directory) as server:
        result = server.run()
        assert result.returncode == 1
        assert f"proxyd is running already, process {server.pid}" in result.stderr
        assert server.pid_path.read_text() == f"{server.pid}\n"
        assert server.ask()["generation"] == 1


def test_workers_that_cannot_start_end_the_start(directory: Path) -> None:
    server = FakeServer(directory)
    (directory / "fail").touch()
    result = server.run()
    assert result.returncode == 1
    assert "[emerg] worker 0 could not start: told to fail" in result.stderr
    assert "worker 0 could not start: told to fail" in server.log()
    assert not server.pid_path.exists() and refused(server.port())


def test_a_plan_that_the_engine_refuses_ends_the_start(directory: Path) -> None:
    server = FakeServer(directory, "server { listen 127.0.0.1:{port0}; return 200 'fault refuse'; }")
    result = server.run()
    assert result.returncode == 1
    assert "told to refuse" in result.stderr


def test_a_worker_that_always_dies_ends_the_start(directory: Path) -> None:
    server = FakeServer(directory, "server { listen 127.0.0.1:{port0}; return 200 'fault crash'; }")
    result = server.run()
    assert result.returncode == 1
    assert "[emerg] worker 0 failed to start 5 times; the last one exited with code 9" in result.stderr


def test_logs_go_to_standard_output_also_when_that_is_a_pipe_or_a_socket(directory: Path) -> None:
    server = FakeServer(directory, access_log="/dev/stdout")
    server.write_whole_config(server.config_path.read_text().replace(str(server.error_log), "/dev/stderr"))
    mine, theirs = socket.socketpair()
    process = subprocess.Popen(
        [*server.command, "-g", "daemon off;"], stdout=theirs, stderr=subprocess.PIPE, cwd=directory
    )
    theirs.close()
    try:
        wait_until(server.pid_path.exists, "the pid file")
        wait_until(lambda: not refused(server.port()), "the port")
        server.ask()
        mine.settimeout(LIMIT)
        assert mine.recv(100) == b"GET / HTTP/1.1\n"
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=LIMIT)
    assert b"[notice]" in errors and b"start worker processes" in errors
    mine.close()
