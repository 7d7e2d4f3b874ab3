"""A new program takes the place of a running one, and the other way round; nobody who asks notices."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import pytest

from tests.e2e.load import REPORTING, TUNNELS, TUNNELS_MAP, Backend, Load
from tests.e2e.support import Serve, proxyd_only, proxying
from tests.e2e.upgrading import (
    begin_upgrade,
    ended_at_last,
    finish,
    master_of,
    old_pid_path,
    upgrade_at_a_gate,
    workers_of_master,
)
from tests.e2e.watching import is_alive, status_of, wait_for_end, wait_for_service
from tests.support.client import Client, fetch
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = proxyd_only("looks at proxyd's processes")

PID = "server {{ listen {listen}; return 200 $pid; }}"
HERE = "127.0.0.1:{port0}"


def who(server: Server) -> int:
    """The worker that answers."""
    return int(fetch(server.port(), "/").body)


def test_the_new_master_serves_on_the_same_sockets_and_the_old_one_may_leave(serve: Serve) -> None:
    with ended_at_last(serve(PID.format(listen=HERE))) as server:
        old, new = begin_upgrade(server)
        assert os.stat(f"/proc/{new}").st_uid == os.stat(f"/proc/{old}").st_uid
        finish(old)
        assert not old_pid_path(server).exists()
        assert who(server) in workers_of_master(new)
        server.wait_for_log(f"old master process {old} is gone")


def test_the_new_master_may_leave_and_the_old_one_goes_on(serve: Serve) -> None:
    with ended_at_last(serve(PID.format(listen=HERE))) as server:
        old, new = begin_upgrade(server)
        os.kill(old, signal.SIGWINCH)
        wait_until(lambda: not workers_of_master(old), "the old workers to leave")
        assert who(server) in workers_of_master(new)
        os.kill(old, signal.SIGHUP)
        (worker,) = wait_until(lambda: workers_of_master(old), "workers of the old master")
        os.kill(new, signal.SIGQUIT)
        wait_for_end(new)
        wait_until(lambda: master_of(server.pid_path) == old, "the pid file to come back")
        assert who(server) == worker
        assert not old_pid_path(server).exists()
        assert server.run("reload").returncode == 0


def test_workers_that_winch_sent_away_come_back_when_the_new_master_dies(serve: Serve) -> None:
    with ended_at_last(serve(PID.format(listen=HERE))) as server:
        old, new = begin_upgrade(server)
        os.kill(old, signal.SIGWINCH)
        wait_until(lambda: not workers_of_master(old), "the old workers to leave")
        os.kill(new, signal.SIGKILL)
        wait_until(lambda: master_of(server.pid_path) == old, "the pid file to come back")
        wait_until(lambda: workers_of_master(old), "workers of the old master")
        wait_until(lambda: who(server) in workers_of_master(old), "an answer of the old master's worker")
        server.wait_for_log("the master process is gone")  # says the worker of the killed
        Path(server.error_log).write_text("")  # a kill -9 is told as an alert


def test_the_new_master_goes_on_when_the_old_one_is_killed(serve: Serve) -> None:
    with ended_at_last(serve(PID.format(listen=HERE))) as server:
        old, new = begin_upgrade(server)
        os.kill(old, signal.SIGKILL)
        server.wait_for_log(f"old master process {old} is gone")
        wait_until(lambda: who(server) in workers_of_master(new), "an answer of the new master's worker")
        server.wait_for_log("the master process is gone")
        later, newest = begin_upgrade(server)
        assert later == new
        finish(later)
        assert who(server) in workers_of_master(newest)
        Path(server.error_log).write_text("")


def test_the_old_master_is_killed_while_the_new_one_starts(serve: Serve) -> None:
    """For a while nobody accepts; who connects then waits, and is served."""
    site = PID.format(listen=HERE)
    with ended_at_last(serve(site)) as server:
        (worker,) = server.worker_pids()
        with upgrade_at_a_gate(server, site) as (old, new, gate):
            os.kill(old, signal.SIGKILL)
            server.wait_for_exit()
            wait_for_end(worker)
            with Client(server.port()) as late:
                late.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                os.close(gate)
                assert int(late.read_response().body) in workers_of_master(new)
        wait_until(lambda: master_of(server.pid_path) == new, "the pid file of the new master")
        server.write_config(site)
        assert server.run("reload").returncode == 0
        later, newest = begin_upgrade(server)
        assert later == new
        finish(later)
        assert who(server) in workers_of_master(newest)
        Path(server.error_log).write_text("")


def test_the_new_master_is_killed_while_it_starts(serve: Serve) -> None:
    site = PID.format(listen=HERE)
    with ended_at_last(serve(site)) as server:
        before = server.worker_pids()
        with upgrade_at_a_gate(server, site) as (old, new, _):
            assert master_of(old_pid_path(server)) == old
            assert who(server) in before
            os.kill(new, signal.SIGKILL)
            wait_until(lambda: master_of(server.pid_path) == old, "the pid file to come back")
            server.wait_for_log(f"new master process {new} is gone")
        assert not old_pid_path(server).exists()
        assert who(server) in before
        server.write_config(site)
        assert server.run("reload").returncode == 0
        _, newest = begin_upgrade(server)
        finish(old)
        assert who(server) in workers_of_master(newest)
        Path(server.error_log).write_text("")


def test_the_command_upgrades_and_the_old_master_leaves(serve: Serve) -> None:
    with ended_at_last(serve(PID.format(listen=HERE))) as server:
        old = server.pid
        done = server.run("upgrade")
        assert (done.returncode, done.stderr) == (0, "")
        new = master_of(server.pid_path)
        assert new != old
        assert server.wait_for_exit() == 0
        assert who(server) in workers_of_master(new)
        assert server.run("upgrade").returncode == 0  # and once more
        wait_for_end(new)


def test_a_program_that_does_not_start_changes_nothing_and_says_why(serve: Serve) -> None:
    with ended_at_last(serve(PID.format(listen=HERE))) as server:
        before = workers_of_master(server.pid)
        good = server.config_path.read_text()
        server.config_path.write_text(good.replace("return", "retrun"))
        done = server.run("upgrade")
        assert done.returncode == 1
        assert 'unknown directive "retrun"' in done.stderr
        assert master_of(server.pid_path) == server.pid
        assert not old_pid_path(server).exists()
        assert who(server) in before
        server.config_path.write_text(good)
        assert server.run("reload").returncode == 0
        Path(server.error_log).write_text("")


def test_a_socket_that_cannot_be_bound_fails_the_upgrade(serve: Serve) -> None:
    with (
        ended_at_last(serve(PID.format(listen=HERE))) as server,
        socket.create_server(("127.0.0.1", 0)) as taken,
    ):
        port = taken.getsockname()[1]
        server.write_config(PID.format(listen=HERE) + f"server {{ listen 127.0.0.1:{port}; }}")
        done = server.run("upgrade")
        assert done.returncode == 1
        assert f"bind() to 127.0.0.1:{port} failed (98: Address already in use)" in done.stderr
        server.write_config(PID.format(listen=HERE))
        assert server.run("reload").returncode == 0
        Path(server.error_log).write_text("")


def test_a_second_upgrade_waits_for_the_end_of_the_first(serve: Serve) -> None:
    with ended_at_last(serve(PID.format(listen=HERE))) as server:
        old, new = begin_upgrade(server)
        os.kill(new, signal.SIGUSR2)
        words = "the changing binary signal is ignored: you should shutdown or terminate before either"
        server.wait_for_log(words)
        os.kill(old, signal.SIGUSR2)
        server.wait_for_log(words, 2)
        assert server.run("upgrade").returncode == 1
        finish(old)


def test_the_file_of_a_unix_socket_stays_while_anybody_serves_on_it(serve: Serve) -> None:
    with ended_at_last(serve(PID.format(listen="unix:{dir}/web.sock"))) as server:
        path = server.directory / "web.sock"

        def ask() -> bytes:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: client.recv(4096), b""))

        old, new = begin_upgrade(server)
        os.kill(new, signal.SIGQUIT)
        wait_for_end(new)
        wait_until(lambda: master_of(server.pid_path) == old, "the pid file to come back")
        assert ask().startswith(b"HTTP/1.1 200")
        old, new = begin_upgrade(server)
        finish(old)
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert ask().startswith(b"HTTP/1.1 200")
        os.kill(new, signal.SIGQUIT)
        wait_for_end(new)
        assert not path.exists()


@pytest.mark.parametrize("after", [1, 3])
def test_sockets_of_their_own_go_over_to_more_or_fewer_workers(serve: Serve, after: int) -> None:
    site = PID.format(listen=HERE + " reuseport")
    with ended_at_last(serve(site, workers=2)) as server:
        text = server.config_path.read_text()
        server.config_path.write_text(text.replace("worker_processes 2", f"worker_processes {after}"))
        old, new = begin_upgrade(server, after)
        answers = {who(server) for _ in range(40)}
        assert answers <= {*workers_of_master(old), *workers_of_master(new)}
        finish(old)
        workers = workers_of_master(new)
        assert len(workers) == after
        assert {who(server) for _ in range(60)} <= set(workers)


def test_a_daemon_is_upgraded(serve: Serve, directory: Path) -> None:
    from tests.e2e.support import make_server

    server = make_server(directory / "daemon", PID.format(listen=HERE), options="")
    assert server.run().returncode == 0
    old = master_of(server.pid_path)
    try:
        begun, new = begin_upgrade(server)
        assert begun == old
        finish(old)
        assert who(server) in workers_of_master(new)
        assert os.readlink(f"/proc/{new}/fd/2") == str(server.error_log)
    finally:
        assert server.run("quit").returncode == 0


def test_what_is_known_of_peers_goes_over(serve: Serve) -> None:
    site = (
        "upstream app { server 127.0.0.1:1 max_fails=1 fail_timeout=600s;"
        " server 127.0.0.1:{port1} backup; }\n"
        "server { listen 127.0.0.1:{port1}; return 200 spare; }\n"
        "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://app; } }\n"
    )
    with ended_at_last(serve(site)) as server:
        assert fetch(server.port()).body == b"spare"
        server.wait_for_log("connect\\(\\) failed", 1)
        old, _ = begin_upgrade(server)
        finish(old)
        assert fetch(server.port()).body == b"spare"
        assert server.log().count("connect() failed") == 1
        assert [row["fails"] for row in status_of(server)["peers"]][0] == 1


def test_upgrades_under_load_fail_no_request(serve: Serve) -> None:
    """There and back; tunnels stay with whom they began."""
    with Backend() as backend:
        site = TUNNELS_MAP + proxying(TUNNELS, server=REPORTING.replace("{word}", "0"))
        server = serve("keepalive_requests 100000;\n" + site, workers=2, backend0=backend.address)
        with ended_at_last(server), Load(server.port(), clients=8, fresh=2, tunnels=4, downloads=1) as load:
            load.wait_until_open(4)
            for number in range(2):
                old, new = begin_upgrade(server, 2)
                load.wait_for(requests=100)
                leaving = [new, old][number % 2]
                os.kill(leaving, signal.SIGQUIT)
                load.wait_for(requests=100, rounds=10)
                if leaving == new:
                    wait_until(lambda pid=old: master_of(server.pid_path) == pid, "the old master")
            report = load.stop()
            wait_for_end(leaving)
        assert not report.failed, report.tell_failures()


def test_tunnels_stay_with_the_old_workers(serve: Serve) -> None:
    with Backend() as backend:
        site = TUNNELS_MAP + proxying(TUNNELS, server=REPORTING.replace("{word}", "0"))
        server = serve(site, workers=1, backend0=backend.address)
        with ended_at_last(server), Load(server.port(), clients=0, tunnels=4) as load:
            load.wait_until_open(4)
            assert server.run("upgrade").returncode == 0
            load.wait_for(rounds=40)
            assert is_alive(server.pid)  # it waits for them
            assert server.run("upgrade").returncode == 0  # which delays no further upgrade
            report = load.stop()
            assert report.counted["tunnels_opened"] == 4
        assert not report.failed, report.tell_failures()
        wait_for_end(server.pid)
        server.wait_for_exit()


def test_the_old_master_comes_back_when_the_new_one_dies_while_it_leaves(serve: Serve) -> None:
    with Backend() as backend:
        site = TUNNELS_MAP + proxying(TUNNELS, server=REPORTING.replace("{word}", "0"))
        server = serve(site, workers=1, backend0=backend.address)
        with ended_at_last(server), Load(server.port(), clients=0, tunnels=1) as load:
            load.wait_until_open(1)
            assert server.run("upgrade").returncode == 0
            os.kill(master_of(server.pid_path), signal.SIGKILL)
            server.wait_for_log("which serves again")
            wait_until(lambda: master_of(server.pid_path) == server.pid, "the pid file to come back")
            wait_for_service(server)
            assert fetch(server.port(), "/small/x/1").status == 200
            server.wait_for_log("the master process is gone")  # says the worker of the killed
            load.stop()
        Path(server.error_log).write_text("")
