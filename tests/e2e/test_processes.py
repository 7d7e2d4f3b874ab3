"""Master, workers and helper as an operator sees them: pid file, signals, daemon, privileges, limits."""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.support import KIND, Pace, Serve, in_time, make_server, proxyd_only, proxying, stranger
from tests.e2e.watching import WITHOUT_SETUID, is_alive, wait_for_end, wait_for_service, workers_of
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer
from tests.support.ports import ReservedPort
from tests.support.server import Server, child_pids, environment, process_title
from tests.support.waiting import LIMIT, wait_until

SAYS_HELLO = "server { listen 127.0.0.1:{port0}; return 200 hello; }\n"
ROOT_ONLY = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def daemon(directory: Path) -> Iterator[Callable[..., Server]]:
    """Configure servers that leave the terminal; not started. What is left of them is killed at the end."""
    made: list[Server] = []

    def make(http: str = SAYS_HELLO, **arguments: object) -> Server:
        made.append(make_server(directory / f"daemon{len(made)}", http, options="", **arguments))
        return made[-1]

    yield make
    for server in made:
        if pid := read_pid(server):
            for one in [*child_pids(pid), pid]:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)


def read_pid(server: Server) -> int:
    """The number in the pid file; 0 without."""
    try:
        return int(server.pid_path.read_text() or 0)
    except FileNotFoundError:
        return 0


def start_daemon(server: Server) -> int:
    """Start it as a user does; gives the master's pid."""
    done = server.run()
    assert done.returncode == 0, done.stderr
    return wait_until(lambda: read_pid(server), "the pid file")


def proc_status(pid: int, field: str) -> list[str]:
    """The words of a line of /proc/PID/status."""
    matched = re.search(rf"^{field}:\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert matched, field
    return matched[1].split()


def holding(connection: Connection) -> None:
    """A backend that answers when it is told to."""
    connection.receive()
    connection.wait_for("answer")
    connection.respond("late")


# The pid file


def test_the_pid_file_holds_the_masters_pid_while_it_runs(serve: Serve) -> None:
    server = serve(SAYS_HELLO)
    assert server.pid_path.read_text() == f"{server.pid}\n"
    assert server.stop() == 0
    assert not server.pid_path.exists()


def test_when_the_pid_file_is_there_every_address_takes_connections(serve: Serve) -> None:
    listens = "".join(f"listen 127.0.0.1:{{port{number}}};" for number in range(20))
    server = serve(f"server {{ {listens} return 200 hello; }}")  # returns when the pid file is there
    for number in range(20):
        assert fetch(server.port(number)).body == b"hello"


def test_a_stale_pid_file_is_written_over(directory: Path) -> None:
    server = make_server(directory, SAYS_HELLO, options="")
    with subprocess.Popen(["true"]) as dead:
        pass
    server.pid_path.write_text(f"{dead.pid}\n")
    pid = 0
    try:
        assert server.run().returncode == 0
        pid = wait_until(lambda: (now := read_pid(server)) != dead.pid and now, "the new pid")
        assert fetch(server.port()).body == b"hello"
    finally:
        if pid:
            os.kill(pid, signal.SIGTERM)
    wait_for_end(pid)


def test_the_pid_file_is_readable_for_all_and_writable_for_its_owner(serve: Serve) -> None:
    server = serve(SAYS_HELLO)
    assert stat.S_IMODE(server.pid_path.stat().st_mode) == 0o644


def test_a_pid_file_that_cannot_be_written_fails_the_start(directory: Path) -> None:
    server = make_server(directory, SAYS_HELLO)
    missing = server.directory / "missing" / "server.pid"
    server.config_path.write_text(server.config_path.read_text().replace(str(server.pid_path), str(missing)))
    done = server.run("-g", "daemon off;")
    assert done.returncode == 1
    assert f'open() "{missing}" failed (2: No such file or directory)' in done.stderr
    with pytest.raises(ConnectionRefusedError):
        Client(server.port())


def test_a_start_that_fails_to_bind_leaves_no_pid_file_and_names_the_address(directory: Path) -> None:
    server = make_server(directory, "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server.write_config(f"server {{ listen 127.0.0.1:{port}; return 200 x; }}")
        done = server.run("-g", "daemon off;")
    assert done.returncode == 1
    assert f"bind() to 127.0.0.1:{port} failed (98: Address already in use)" in done.stderr
    assert "still could not bind()" in done.stderr
    assert not server.pid_path.exists()
    assert f"bind() to 127.0.0.1:{port} failed (98: Address already in use)" in server.log()


def test_an_address_that_becomes_free_in_time_is_taken(directory: Path) -> None:
    numbers = itertools.count()

    def taken_in_time(pace: Pace) -> None:
        server = make_server(directory / str(next(numbers)), "")
        with ReservedPort() as port, socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port.number))
            taken.listen()
            server.write_config(f"server {{ listen 127.0.0.1:{port.number}; return 200 hello; }}")
            command = [*server.command, "-g", "daemon off;"]
            with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as process:
                try:
                    server.wait_for_log(r"bind\(\) to .* failed")
                    taken.close()
                    pace.mark()
                    wait_until(lambda: read_pid(server) or process.poll() is not None, "the pid file")
                    assert fetch(port.number).body == b"hello"
                finally:
                    process.terminate()
            assert process.returncode == 0

    in_time(2, taken_in_time)  # it tries for two seconds


def test_the_pid_file_moves_with_a_reload(serve: Serve) -> None:
    server = serve(SAYS_HELLO)
    moved = server.directory / "moved.pid"
    server.config_path.write_text(server.config_path.read_text().replace("server.pid", "moved.pid"))
    server.signal(signal.SIGHUP)
    wait_until(lambda: moved.exists() and moved.read_text(), "the new pid file")
    assert moved.read_text() == f"{server.pid}\n"
    wait_until(lambda: not server.pid_path.exists(), "the removal of the old pid file")
    assert server.run("-s", "stop").returncode == 0
    assert server.wait_for_exit() == 0
    assert not moved.exists()


# Signals


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_a_fast_stop_cuts_requests_off(serve: Serve, which: signal.Signals) -> None:
    with Peer(holding) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.request("/")
            peer.wait_for_requests(1)
            workers = workers_of(server)
            server.signal(which)
            assert client.ending() in ("eof", "reset")
        assert server.wait_for_exit() == 0
    wait_for_end(*workers)


def test_a_graceful_stop_finishes_requests_and_accepts_no_more(serve: Serve) -> None:
    with Peer(holding) as peer:
        server = serve(proxying(server="location = /fast { return 200; }"), backend0=peer.address)
        with Client(server.port()) as client, Client(server.port()) as idle:
            assert idle.get("/fast").status == 200
            client.request("/")
            peer.wait_for_requests(1)
            server.signal(signal.SIGQUIT)
            assert idle.ending() == "eof"  # it has nothing to finish
            wait_until(lambda: refuses(server.port()), "the end of listening")
            peer.tell("answer")
            response = client.read_response()
            assert response.body == b"late"
            assert response.says_close
            assert client.ending() == "eof"
        assert server.wait_for_exit() == 0


def refuses(port: int) -> bool:
    """Whether a connection is refused."""
    try:
        Client(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_worker_shutdown_timeout_bounds_a_graceful_stop(serve: Serve) -> None:
    with Peer(holding) as peer:
        server = serve(proxying(), main="worker_shutdown_timeout 100ms;", backend0=peer.address)
        with Client(server.port()) as client:
            client.request("/")
            peer.wait_for_requests(1)
            server.signal(signal.SIGQUIT)
            assert client.ending() in ("eof", "reset")
        assert server.wait_for_exit() == 0


@proxyd_only("it complains about the connections that it cuts off")
def test_a_fast_stop_ends_a_graceful_one(serve: Serve) -> None:
    with Peer(holding) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.request("/")
            peer.wait_for_requests(1)
            server.signal(signal.SIGQUIT)
            wait_until(lambda: refuses(server.port()), "the end of listening")
            server.signal(signal.SIGTERM)
            assert client.ending() in ("eof", "reset")
        assert server.wait_for_exit() == 0


def test_the_foreground_ends_on_ctrl_c_as_a_terminal_sends_it_to_all(serve: Serve) -> None:
    server = serve(SAYS_HELLO, workers=2)
    processes = [server.pid, *workers_of(server, 2)]
    os.killpg(server.pid, signal.SIGINT)
    assert server.wait_for_exit() == 0
    wait_for_end(*processes)


@proxyd_only("its workers take that as a wish to leave")
def test_a_terminal_that_changes_its_size_stops_nothing(serve: Serve) -> None:
    server = serve(SAYS_HELLO)
    workers = wait_for_service(server)
    os.killpg(server.pid, signal.SIGWINCH)
    server.signal(signal.SIGUSR1)
    server.wait_for_log(r"\(SIGUSR1\) received|reopening logs")
    assert server.worker_pids() == workers
    assert fetch(server.port()).body == b"hello"


def test_winch_lets_the_workers_of_a_daemon_finish_and_the_master_stays(
    daemon: Callable[..., Server],
) -> None:
    with Peer(holding) as peer:
        server = daemon(proxying(), backend0=peer.address)
        pid = start_daemon(server)
        with Client(server.port()) as client:
            client.request("/")
            peer.wait_for_requests(1)
            os.kill(pid, signal.SIGWINCH)
            wait_until(lambda: "shutting down" in " ".join(map(process_title, child_pids(pid))), "drain")
            peer.tell("answer")
            assert client.read_response().body == b"late"
        wait_until(lambda: not workers_below(pid), "the end of the workers")
        assert is_alive(pid)
        os.kill(pid, signal.SIGHUP)  # brings them back, as in nginx
        wait_until(lambda: workers_below(pid), "new workers")
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid)


def workers_below(pid: int) -> list[int]:
    """The worker processes of a master."""
    return [child for child in child_pids(pid) if "worker process" in process_title(child)]


@proxyd_only("its workers open logs themselves, and may not be allowed to")
def test_signals_in_one_burst_are_all_acted_upon(serve: Serve) -> None:
    server = serve(SAYS_HELLO)
    server.config_path.write_text(server.config_path.read_text().replace("hello", "changed"))
    server.error_log.rename(server.directory / "old.log")
    for which in (signal.SIGUSR1, signal.SIGHUP):
        server.signal(which)
    wait_until(lambda: fetch(server.port()).body == b"changed", "the new configuration")
    wait_until(server.error_log.exists, "the new log")
    server.signal(signal.SIGQUIT)
    server.signal(signal.SIGTERM)
    assert server.wait_for_exit() == 0


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGQUIT])
def test_a_worker_that_is_asked_to_leave_is_replaced(serve: Serve, which: signal.Signals) -> None:
    server = serve(SAYS_HELLO)
    before = wait_for_service(server) if KIND == "proxyd" else workers_of(server)
    os.kill(before[0], which)
    workers_of(server, without=before)
    assert fetch(server.port()).body == b"hello"


# Foreground and daemon


def test_the_foreground_leaves_stdout_alone(serve: Serve) -> None:
    server = serve(SAYS_HELLO)
    assert fetch(server.port()).status == 200
    server.signal(signal.SIGHUP)
    server.signal(signal.SIGUSR1)
    server.wait_for_log(r"\(SIGUSR1\) received|reopening logs")
    assert server.stop() == 0
    assert (server.directory / "stdout").read_bytes() == b""


def test_a_daemon_leaves_the_terminal(daemon: Callable[..., Server]) -> None:
    server = daemon()
    pid = start_daemon(server)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    parent, _, session, terminal = map(int, fields[1:5])
    assert parent != os.getpid()
    assert session != os.getsid(0)
    assert terminal == 0
    for process in [pid, *child_pids(pid)]:
        assert os.readlink(f"/proc/{process}/fd/0") == "/dev/null"
        assert os.readlink(f"/proc/{process}/fd/1") == "/dev/null"
    os.kill(pid, signal.SIGTERM)
    wait_for_end(pid)


@proxyd_only("it returns before it serves")
def test_the_command_returns_when_the_daemon_serves(daemon: Callable[..., Server]) -> None:
    server = daemon(workers=2)
    assert server.run().returncode == 0
    pid = read_pid(server)  # nobody waits for it
    assert fetch(server.port()).body == b"hello"
    assert len(workers_below(pid)) == 2
    os.kill(pid, signal.SIGTERM)
    wait_for_end(pid)


def test_the_command_fails_when_the_daemon_cannot_start(daemon: Callable[..., Server]) -> None:
    server = daemon("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.write_config(f"server {{ listen 127.0.0.1:{taken.getsockname()[1]}; return 200 x; }}")
        done = server.run()
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


@ROOT_ONLY
@proxyd_only("it says so in the log, after the command has returned")
def test_the_command_fails_when_no_worker_can_start(daemon: Callable[..., Server]) -> None:
    server = daemon()
    done = subprocess.run(
        [*WITHOUT_SETUID, *server.command], env=environment(), capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 1
    assert "[emerg] worker 0 could not start: " in done.stderr
    assert "Operation not permitted" in done.stderr
    assert not read_pid(server)


# Containers: process 1, logs to stdout and stderr


def test_logs_may_go_to_pipes_on_stdout_and_stderr(directory: Path) -> None:
    server = make_server(directory, SAYS_HELLO, access_log="/dev/stdout")
    server.config_path.write_text(
        server.config_path.read_text().replace(f"error_log {server.error_log}", "error_log /dev/stderr")
    )
    with subprocess.Popen(
        [*server.command, "-g", "daemon off;"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_until(lambda: read_pid(server), "the pid file")
        assert fetch(server.port(), "/one").status == 200
        assert server.run("-s", "reopen").returncode == 0
        assert server.run("-s", "reload").returncode == 0
        wait_until(lambda: fetch(server.port(), "/two").status == 200, "an answer")
        process.send_signal(signal.SIGQUIT)
        out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    targets = [line.split(b'"')[1] for line in out.splitlines()]
    assert targets == [b"GET /one HTTP/1.1", b"GET /two HTTP/1.1"]
    assert b"[notice]" in err
    assert all(re.match(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[|nginx: ", line) for line in err.splitlines()), (
        err
    )


@pytest.fixture
def process_one(directory: Path) -> Iterator[tuple[Server, subprocess.Popen[bytes], int]]:
    """A server as process 1 of a pid namespace, with a stranger for a child; and its pid seen from here."""
    if os.getuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs unshare, and root")
    unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("this system allows no namespaces")
    server = make_server(directory, SAYS_HELLO, workers=2)
    fifo = directory / "fifo"
    os.mkfifo(fifo)
    command = " ".join([*server.command, "-g", "'daemon off;'"])
    script = f"(cat {fifo} &); exec {command}"
    with subprocess.Popen([*unshare, "sh", "-c", script], env=environment()) as process:
        try:
            wait_until(lambda: read_pid(server), "the pid file")
            yield server, process, wait_until(lambda: child_pids(process.pid), "process 1")[0]
        finally:
            process.kill()


def test_it_can_be_process_1(process_one: tuple[Server, subprocess.Popen[bytes], int]) -> None:
    server, process, pid = process_one
    assert read_pid(server) == 1
    assert fetch(server.port()).body == b"hello"
    killed = workers_below(pid)[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(workers_below(pid)) == 2 and killed not in workers_below(pid), "another worker")
    assert fetch(server.port()).body == b"hello"
    os.kill(pid, signal.SIGTERM)
    assert process.wait(LIMIT) == 0


def test_as_process_1_it_buries_strangers(process_one: tuple[Server, subprocess.Popen[bytes], int]) -> None:
    server, process, pid = process_one

    def cats() -> list[int]:
        return [one for one in child_pids(pid) if process_title(one).startswith("cat ")]

    stranger = wait_until(cats, "cat")[0]
    (server.directory / "fifo").write_text("")  # its end
    wait_until(lambda: stranger not in child_pids(pid), "the burial")
    assert fetch(server.port()).body == b"hello"
    os.kill(pid, signal.SIGTERM)
    assert process.wait(LIMIT) == 0


# Titles


def test_ps_shows_who_is_who(serve: Serve) -> None:
    server = serve(SAYS_HELLO, workers=2)
    workers_of(server, 2)
    assert process_title(server.pid).startswith(f"{KIND}: master process ")
    assert str(server.config_path) in process_title(server.pid)
    titles = sorted(server.children().values())
    assert titles.count(f"{KIND}: worker process") == 2
    if KIND == "proxyd":
        wait_until(lambda: "proxyd: helper process" in server.children().values(), "the helper")


def test_ps_shows_that_a_worker_is_leaving(serve: Serve) -> None:
    with Peer(holding) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.request("/")
            peer.wait_for_requests(1)
            server.signal(signal.SIGQUIT)
            leaving = f"{KIND}: worker process is shutting down"
            wait_until(lambda: leaving in server.children().values(), "the title")
            peer.tell("answer")
            client.read_response()
        assert server.wait_for_exit() == 0


# Privileges and limits


def children_that_left_root(server: Server) -> list[int]:
    """Workers and helper. A child is born as root: the helper may still be when a worker answers already."""

    def settled() -> list[int] | None:
        children = server.children()
        return children if all(proc_status(pid, "CapEff") == ["0" * 16] for pid in children) else None

    return wait_until(settled, "children that are not root")


@ROOT_ONLY
def test_workers_have_the_user_and_group_that_are_named_and_no_others(serve: Serve) -> None:
    server = serve(SAYS_HELLO, main="user nobody daemon;")
    user, group = pwd.getpwnam("nobody"), grp.getgrnam("daemon")
    assert proc_status(server.pid, "Uid") == ["0"] * 4
    assert fetch(server.port()).status == 200  # so they have begun
    for pid in children_that_left_root(server):
        assert proc_status(pid, "Uid") == [str(user.pw_uid)] * 4
        assert proc_status(pid, "Gid") == [str(group.gr_gid)] * 4
        assert set(proc_status(pid, "Groups")) <= {str(group.gr_gid), str(user.pw_gid)}
        assert proc_status(pid, "CapEff") == ["0" * 16]
        assert proc_status(pid, "CapPrm") == ["0" * 16]


@ROOT_ONLY
@proxyd_only("it does not ask the kernel for this")
def test_workers_can_gain_no_privileges(serve: Serve) -> None:
    server = serve(SAYS_HELLO)
    assert fetch(server.port()).status == 200
    for pid in children_that_left_root(server):
        assert proc_status(pid, "NoNewPrivs") == ["1"]


@ROOT_ONLY
@proxyd_only("who builds it chooses another name")
def test_without_a_user_directive_workers_are_nobody(directory: Path) -> None:
    server = make_server(directory / "server", SAYS_HELLO)
    text = re.sub(r"^user .*;$", "", server.config_path.read_text(), flags=re.MULTILINE)
    server.config_path.write_text(text)
    with server:
        assert fetch(server.port()).status == 200
        assert {proc_status(pid, "Uid")[0] for pid in workers_of(server)} == {
            str(pwd.getpwnam("nobody").pw_uid)
        }


@ROOT_ONLY
def test_workers_write_logs_in_a_directory_that_they_cannot_enter(directory: Path) -> None:
    logs = directory / "logs"
    logs.mkdir(mode=0o700)
    server = make_server(directory / "server", SAYS_HELLO, access_log=f"{logs}/access.log")
    with server:
        assert fetch(server.port(), "/one").status == 200
        wait_until(lambda: b"/one" in (logs / "access.log").read_bytes(), "the line")
        assert stat.S_IMODE((logs / "access.log").stat().st_mode) == 0o644


@ROOT_ONLY
@proxyd_only("its workers open logs themselves, and cannot")
def test_logs_in_a_directory_that_workers_cannot_enter_can_be_reopened(directory: Path) -> None:
    logs = directory / "logs"
    logs.mkdir(mode=0o700)
    server = make_server(directory / "server", SAYS_HELLO, access_log=f"{logs}/access.log")
    with server:
        (logs / "access.log").rename(logs / "access.log.1")
        assert server.run("reopen").returncode == 0
        assert fetch(server.port(), "/two").status == 200
        wait_until(lambda: b"/two" in (logs / "access.log").read_bytes(), "the line")
        assert (logs / "access.log.1").read_bytes() == b""


def test_an_unprivileged_user_can_run_it(directory: Path) -> None:
    nobody = stranger()
    server = make_server(directory / "server", SAYS_HELLO, main="user nobody;")
    os.chown(server.directory, nobody["user"], nobody["group"])
    process = subprocess.Popen(
        [*server.command, "-g", "daemon off;"],
        **nobody,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            wait_until(lambda: read_pid(server), "the pid file")
            assert fetch(server.port()).body == b"hello"
        finally:
            process.terminate()
        assert "ignored" in process.communicate(timeout=LIMIT)[1]
    assert process.returncode == 0


def test_worker_rlimit_nofile_is_the_workers_limit(serve: Serve) -> None:
    server = serve(SAYS_HELLO, main="worker_rlimit_nofile 777;")
    assert fetch(server.port()).status == 200
    for pid in workers_of(server):
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max open files\s+777\s+777\s", limits, re.MULTILINE)


def test_worker_processes_auto_is_one_per_processor(serve: Serve) -> None:
    server = serve(SAYS_HELLO, workers="auto")
    online = len(os.sched_getaffinity(0)) if KIND == "proxyd" else os.sysconf("SC_NPROCESSORS_ONLN")
    wait_until(lambda: len(server.worker_pids()) == online, f"{online} workers")


def test_every_worker_serves(serve: Serve) -> None:
    server = serve("server { listen 127.0.0.1:{port0} reuseport; return 200 $pid; }\n", workers=2)
    workers = {b"%d" % pid for pid in workers_of(server, 2)}
    seen: set[bytes] = set()
    wait_until(lambda: seen.add(fetch(server.port()).body) or seen >= workers, lambda: f"{seen} of {workers}")
    assert seen == workers


@proxyd_only("its workers inherit what the master has open")
def test_a_worker_has_nothing_open_that_is_not_its_own(serve: Serve) -> None:
    server = serve(SAYS_HELLO, workers=2)
    sockets = {}
    for pid in wait_for_service(server, 2):
        links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
        sockets[pid] = {link for link in links if link.startswith("socket:")}
        assert not [link for link in links if link.endswith(".pid.sock")]
        assert not [
            link for link in links if "/dev/shm/" in link
        ]  # by which it could shrink what others read
    first, second = sockets.values()
    assert len(first & second) == 1  # the listening socket; the channels to the master are their own
