"""The command line: nginx's flags, the commands, what they say and the exit status that scripts act upon."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import KIND, make_server, proxyd_only, stranger
from tests.e2e.watching import is_alive
from tests.support.client import Client, fetch
from tests.support.server import Server, command_of, environment
from tests.support.waiting import LIMIT, wait_until

SAYS_HELLO = "server { listen 127.0.0.1:{port0}; return 200 hello; }\n"
COMMANDS = proxyd_only("it has flags alone, and no commands")


@pytest.fixture
def server(directory: Path) -> Iterator[Server]:
    """Configured to say hello; not started."""
    made = make_server(directory, SAYS_HELLO, options="")
    yield made
    pid = made.pid_path.read_text().strip() if made.pid_path.exists() else ""
    if pid:  # a daemon that the test left
        os.kill(int(pid), signal.SIGKILL)


def program(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program with these arguments alone."""
    return subprocess.run(
        [*command_of(KIND), *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def piped(server: Server, arguments: str, into: str) -> subprocess.CompletedProcess[str]:
    """Run the program with its stdout piped into another."""
    line = f"{shlex.join(server.command)} {arguments} | {into}"
    return subprocess.run(
        ["/bin/sh", "-c", line], env=environment(), capture_output=True, text=True, timeout=LIMIT
    )


# -t


def test_t_says_on_stderr_that_all_is_well(server: Server) -> None:
    done = server.run("-t")
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr == (
        f"{KIND}: the configuration file {server.config_path} syntax is ok\n"
        f"{KIND}: configuration file {server.config_path} test is successful\n"
    )


def test_t_of_a_broken_file_names_the_place_and_fails(server: Server) -> None:
    server.write_config("server {\n    listen 127.0.0.1:{port0};\n    retrun 200;\n}\n")
    line = server.config_path.read_text().split("\n").index("    retrun 200;") + 1
    done = server.run("-t")
    assert done.returncode == 1
    assert 'unknown directive "retrun"' in done.stderr
    assert f"in {server.config_path}:{line}" in done.stderr
    assert done.stderr.endswith(f"{KIND}: configuration file {server.config_path} test failed\n")
    assert "test is successful" not in done.stderr


@proxyd_only("it stops at the first error")
def test_t_reports_every_error_in_one_run_with_line_and_column(server: Server) -> None:
    server.write_whole_config(
        "events {}\n"
        "http {\n"
        "    server {\n"
        "        listen 127.0.0.1:99999;\n"
        "        proxy_read_timeout 5x;\n"
        "        location / { retrun 200; }\n"
        "    }\n"
        "}\n"
    )
    done = server.run("-t")
    assert done.returncode == 1
    errors = [line for line in done.stderr.split("\n") if "[emerg]" in line]
    assert len(errors) == 3
    assert "99999" in errors[0] and errors[0].endswith(f"in {server.config_path}:4:16")
    assert '"5x"' in errors[1] and errors[1].endswith(f"in {server.config_path}:5:28")
    assert 'did you mean "return"?' in errors[2] and errors[2].endswith(f"in {server.config_path}:6:22")


def test_t_names_the_included_file_that_is_broken(server: Server) -> None:
    included = server.directory / "site.conf"
    included.write_text("server {\n    listen;\n}\n")
    server.write_config(f"include {included};\n")
    done = server.run("-t")
    assert done.returncode == 1
    assert 'invalid number of arguments in "listen" directive' in done.stderr
    assert f"in {included}:2" in done.stderr


def test_t_of_a_missing_file_says_so(server: Server) -> None:
    missing = server.directory / "missing.conf"
    done = program("-t", "-c", str(missing))
    assert done.returncode == 1
    assert f'open() "{missing}" failed (2: No such file or directory)' in done.stderr
    assert f"configuration file {missing} test failed" in done.stderr


def test_t_fails_when_a_log_cannot_be_opened(server: Server) -> None:
    path = server.directory / "missing" / "access.log"
    server.write_config(f"access_log {path};\n" + SAYS_HELLO)
    done = server.run("-t")
    assert done.returncode == 1
    assert f'open() "{path}" failed (2: No such file or directory)' in done.stderr
    assert "test failed" in done.stderr


def test_t_binds_no_address_so_it_can_run_beside_a_server(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.write_config(f"server {{ listen 127.0.0.1:{taken.getsockname()[1]}; return 200 x; }}\n")
        done = server.run("-t")
    assert done.returncode == 0
    assert "test is successful" in done.stderr


@pytest.mark.parametrize(
    ("site", "told"),
    [
        ("listen 192.0.2.1:{port0};", "bind() to 192.0.2.1:{port0} failed (99: Cannot assign"),
        ("listen unix:{dir}/no/x.sock;", "bind() to unix:{dir}/no/x.sock failed (2: No such file"),
        ("client_body_temp_path {dir}/no/x;", 'mkdir() "{dir}/no/x" failed (2: No such file or directory)'),
    ],
    ids=["address", "unix", "temporary"],
)
def test_t_fails_where_a_start_would(server: Server, site: str, told: str) -> None:
    server.write_config(f"server {{ {site} }}\n")
    done = server.run("-t")
    assert done.returncode == 1
    assert server.fill_in(told) in done.stderr
    assert "syntax is ok" in done.stderr.split("\n")[0]
    assert not (server.directory / "no").exists()


def test_t_fails_where_the_pid_file_has_no_directory(server: Server) -> None:
    path = server.directory / "no" / "pid"
    text = server.config_path.read_text()
    server.config_path.write_text(text.replace(f"pid {server.pid_path}", f"pid {path}"))
    done = server.run("-t")
    assert done.returncode == 1
    assert f'open() "{path}" failed (2: No such file or directory)' in done.stderr


@proxyd_only("it leaves an empty one")
def test_t_leaves_no_pid_file_behind(server: Server) -> None:
    assert server.run("-t").returncode == 0
    assert not server.pid_path.exists()


def test_q_is_silent_about_what_is_well(server: Server) -> None:
    for flags in (["-t", "-q"], ["-tq"], ["-q", "-t"]):
        done = server.run(*flags)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_q_is_not_silent_about_what_is_wrong(server: Server) -> None:
    server.write_config("nonsense;\n")
    done = server.run("-t", "-q")
    assert done.returncode == 1
    assert 'unknown directive "nonsense"' in done.stderr


def test_flags_of_one_letter_may_stand_together_with_their_argument(server: Server) -> None:
    done = program("-qtc", str(server.config_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_warning_does_not_fail_the_test(server: Server) -> None:
    twice = "server { listen 127.0.0.1:{port0}; server_name same; return 200 x; }\n"
    server.write_config(twice + twice)
    done = server.run("-t")
    assert done.returncode == 0
    assert f'[warn] conflicting server name "same" on 127.0.0.1:{server.port()}, ignored' in _unstamped(done)
    assert "test is successful" in done.stderr


def _unstamped(done: subprocess.CompletedProcess[str]) -> str:
    """What was said, without date and process of nginx's log lines."""
    return "\n".join(
        line.partition("[")[1] + line.partition("[")[2].replace(line.split()[3] + " ", "", 1)
        if line[:2] == "20"
        else line
        for line in done.stderr.split("\n")
    )


def test_t_works_for_an_unprivileged_user_who_is_warned_about_the_user_directive(server: Server) -> None:
    nobody = stranger()
    os.chown(server.directory, nobody["user"], nobody["group"])
    done = subprocess.run(
        [*server.command, "-t"],
        **nobody,
        cwd=server.directory,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    assert (
        'the "user" directive makes sense only if the master process runs with super-user privileges, ignored'
        in done.stderr
    )


# -T


def test_dump_prints_every_file_on_stdout(server: Server) -> None:
    included = server.directory / "site.conf"
    included.write_text(server.fill_in(SAYS_HELLO) + "# the end\n")
    server.write_config(f"include {server.directory}/site*.conf;\n")
    done = server.run("-T")
    assert done.returncode == 0
    assert "test is successful" in done.stderr
    main, _, site = done.stdout.partition(f"# configuration file {included}:\n")
    assert main == f"# configuration file {server.config_path}:\n{server.config_path.read_text()}\n"
    assert site == included.read_text() + "\n"


def test_dump_of_a_broken_file_prints_the_reason_alone(server: Server) -> None:
    server.write_config("nonsense;\n")
    done = server.run("-T")
    assert done.returncode == 1
    assert 'unknown directive "nonsense"' in done.stderr
    assert done.stdout == ""


def test_dump_into_head_ends_without_complaint(server: Server) -> None:
    server.config_path.write_text(server.config_path.read_text() + "# padding\n" * 100_000)
    done = piped(server, "-T -q", "head -n 1")
    assert done.stdout == f"# configuration file {server.config_path}:\n"
    assert done.stderr == ""


@COMMANDS
def test_the_command_dump_does_what_the_flag_does(server: Server) -> None:
    assert server.run("dump").stdout == server.run("-T").stdout
    assert piped(server, "dump 2>&1 >&3 3>&-", "cat").returncode == 0


@COMMANDS
def test_the_command_test_does_what_the_flag_does(server: Server) -> None:
    flag, command = server.run("-t"), server.run("test")
    assert (command.returncode, command.stdout, command.stderr) == (0, "", flag.stderr)
    assert server.run("test", "-q").stderr == ""
    server.write_config("nonsense;\n")
    flag, command = server.run("-t"), server.run("test")
    assert (command.returncode, command.stdout, command.stderr) == (1, "", flag.stderr)


# -v, -V, help, wrong usage


def test_v_shows_the_version_on_stderr() -> None:
    done = program("-v")
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.startswith(f"{KIND} version: {KIND}/")
    assert done.stderr.count("\n") == 1


@COMMANDS
def test_v_under_the_name_nginx_is_what_scripts_look_for(tmp_path: Path) -> None:
    command = tmp_path / "nginx"
    command.write_text("from proxyd.cli import main\nmain()\n")
    done = subprocess.run(
        [sys.executable, command, "-v"], env=environment(), capture_output=True, text=True, timeout=LIMIT
    )
    assert re.fullmatch(r"nginx version: nginx/[\d.]+ \(proxyd/[\d.]+\)\n", done.stderr)


def test_v_beside_t_tests_as_well(server: Server) -> None:
    done = server.run("-v", "-t")
    assert done.returncode == 0
    assert done.stderr.startswith(f"{KIND} version: {KIND}/")
    assert "test is successful" in done.stderr


def test_a_start_without_standard_descriptors(server: Server) -> None:
    """Nothing that is opened takes their numbers: a socket must not be what errors are written to."""
    line = f"{shlex.join(server.command)} <&- >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", line], env=environment(), timeout=LIMIT).returncode == 0
    wait_until(server.pid_path.exists, "the pid file")
    pid = wait_until(server.pid_path.read_text, "a pid").strip()
    assert fetch(server.port()).body == b"hello"
    opened = [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)]
    assert not [path for path in opened if path.startswith("socket:")]


def test_big_v_shows_the_build_in_the_lines_that_tools_look_for() -> None:
    done = program("-V")
    assert done.returncode == 0
    assert done.stdout == ""
    lines = done.stderr.split("\n")
    assert lines[0].startswith(f"{KIND} version: {KIND}/")
    assert any(line.startswith("nginx version: nginx/1.") for line in lines)
    assert any(line.startswith("configure arguments: ") for line in lines)


@proxyd_only("it is nginx")
def test_big_v_names_the_language_and_the_default_modules_that_are_missing() -> None:
    lines = program("-V").stderr.split("\n")
    assert "nginx version: nginx/1.31.5" in lines
    assert any(line.startswith("built with PCRE2 10.") for line in lines)
    arguments = next(line for line in lines if line.startswith("configure arguments: ")).split()[2:]
    assert "--without-http_gzip_module" in arguments
    assert "--without-http_proxy_module" not in arguments
    assert "--with-http_ssl_module" not in arguments


@COMMANDS
def test_the_command_version_does_what_big_v_does() -> None:
    assert program("version").stderr == program("-V").stderr


def test_h_shows_the_options() -> None:
    done = program("-h")
    assert done.returncode == 0
    for option in ("-t", "-T", "-q", "-s", "-c", "-p", "-g", "-e", "-v", "-V"):
        assert f"  {option} " in done.stdout + done.stderr


@COMMANDS
def test_h_shows_the_commands_and_the_exit_status() -> None:
    shown = program("-h").stdout
    for name in "start stop quit reload reopen status test dump version".split():
        assert f"\n  {name} " in shown
    assert "Exit status:" in shown


@pytest.mark.parametrize(
    ("arguments", "named"), [(["-x"], "x"), (["-s", "explode"], "explode"), (["-c"], "-c"), (["-s"], "-s")]
)
def test_wrong_usage_fails_and_is_named(arguments: list[str], named: str) -> None:
    done = program(*arguments)
    assert done.returncode != 0
    assert named in done.stderr
    assert "Traceback" not in done.stderr


@COMMANDS
def test_an_unknown_command_starts_nothing(server: Server) -> None:
    done = server.run("restrat")
    assert done.returncode == 2
    assert "restrat" in done.stderr
    assert not server.pid_path.exists()


# -c, -p, -g, -e


def test_c_is_looked_for_below_the_prefix(server: Server) -> None:
    done = program("-t", "-p", f"{server.directory}/", "-c", server.config_path.name, cwd=Path("/"))
    assert done.returncode == 0, done.stderr
    assert f"configuration file {server.config_path} test is successful" in done.stderr


def test_paths_in_the_file_start_from_the_prefix(server: Server) -> None:
    (server.directory / "logs").mkdir()
    server.write_config("access_log logs/of-prefix.log;\n" + SAYS_HELLO)
    assert server.run("-t").returncode == 0
    assert (server.directory / "logs" / "of-prefix.log").exists()


def test_g_adds_main_directives(server: Server) -> None:
    done = server.run("-t", "-g", "worker_rlimit_nofile 100;")
    assert done.returncode == 0, done.stderr
    done = server.run("-t", "-g", "pid /elsewhere.pid;")
    assert done.returncode == 1
    assert '"pid" directive is duplicate' in done.stderr


def test_an_error_in_g_is_said_to_be_in_the_command_line(server: Server) -> None:
    done = server.run("-t", "-g", "nonsense on;")
    assert done.returncode == 1
    assert 'unknown directive "nonsense" in command line' in done.stderr


def test_e_is_the_error_log_where_the_file_names_none(server: Server) -> None:
    log = server.directory / "given.log"
    server.write_whole_config(
        "daemon off; pid {dir}/server.pid; worker_processes 1;\n"
        "events {}\n"
        "http { access_log off; server { listen 127.0.0.1:{port0};\n"
        "    location / { proxy_pass http://127.0.0.1:{port1}; } } }\n"
    )
    command = [*server.command, "-e", str(log)]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: server.pid_path.exists() and server.pid_path.read_text(), "the pid file")
            assert fetch(server.port()).status == 502
            wait_until(lambda: "Connection refused" in log.read_text(), "the line in the log")
        finally:
            process.terminate()
    assert process.returncode == 0


# start, stop, and what lies between


@COMMANDS
def test_start_returns_when_it_serves_and_quit_when_it_has_ended(server: Server) -> None:
    started = server.run("start")
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    assert fetch(server.port()).body == b"hello"
    pid = int(server.pid_path.read_text())
    done = server.run("quit")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not is_alive(pid)
    assert not server.pid_path.exists()


@COMMANDS
def test_stop_returns_when_it_has_ended_although_clients_are_connected(server: Server) -> None:
    assert server.run("start").returncode == 0
    pid = int(server.pid_path.read_text())
    with Client(server.port()) as client:
        assert client.get("/").status == 200
        assert server.run("stop").returncode == 0
        assert not is_alive(pid)
        assert client.ending() in ("eof", "reset")


@COMMANDS
def test_quit_within_a_time_cuts_off_what_still_runs_then(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(LIMIT)
        pass_on = f"proxy_pass http://127.0.0.1:{silent.getsockname()[1]};"
        server.write_config("server { listen 127.0.0.1:{port0}; location / { " + pass_on + " } }\n")
        assert server.run("start").returncode == 0
        pid = int(server.pid_path.read_text())
        with Client(server.port()) as client:
            client.request("/")
            silent.accept()  # and never an answer: it would run for a minute
            done = server.run("quit", "--within", "0.01")
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            assert not is_alive(pid)
            assert client.ending() in ("eof", "reset")


def test_without_a_command_it_starts(server: Server) -> None:
    started = server.run()
    assert started.returncode == 0, started.stderr
    wait_until(lambda: server.pid_path.exists() and server.pid_path.read_text(), "the pid file")
    assert fetch(server.port()).body == b"hello"
    assert server.run("-s", "stop").returncode == 0
    wait_until(lambda: not server.pid_path.exists(), "the end")


def test_start_with_a_broken_configuration_starts_nothing(server: Server) -> None:
    server.write_config("nonsense;\n" + SAYS_HELLO)
    done = server.run()
    assert done.returncode == 1
    assert 'unknown directive "nonsense"' in done.stderr
    assert not server.pid_path.exists()


@COMMANDS
def test_a_second_start_is_refused_and_harms_nothing(server: Server) -> None:
    assert server.run("start").returncode == 0
    pid = server.pid_path.read_text()
    done = server.run("start")
    assert done.returncode == 1
    assert f"process {pid.strip()}" in done.stderr
    assert server.pid_path.read_text() == pid
    assert fetch(server.port()).body == b"hello"
    assert server.run("stop").returncode == 0


@COMMANDS
@pytest.mark.parametrize("where", ["before", "after"])
def test_options_may_stand_before_and_after_the_command(server: Server, where: str) -> None:
    options = ["-c", str(server.config_path), "-p", str(server.directory)]

    def run(name: str) -> int:
        return program(*([*options, name] if where == "before" else [name, *options])).returncode

    assert run("start") == 0
    assert run("reload") == 0
    assert run("reopen") == 0
    assert run("status") == 0
    assert run("quit") == 0
    assert run("status") == 1


@COMMANDS
def test_status_shows_processes_counters_and_peers(server: Server) -> None:
    server.write_config(
        "upstream app { server 127.0.0.1:{port1}; server 127.0.0.1:{port2} backup; }\n"
        "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://app; } }\n"
    )
    assert server.run("start", "-g", "worker_processes 2;").returncode == 1  # it is set in the file already
    assert server.run("start").returncode == 0
    assert fetch(server.port()).status == 502
    wait_until(lambda: "responses_5xx" in server.run("status").stdout, "the answer to be counted")
    shown = server.run("status")
    assert (shown.returncode, shown.stderr) == (0, "")
    pid = server.pid_path.read_text().strip()
    assert f"process {pid}," in shown.stdout
    assert f"127.0.0.1:{server.port()}" in shown.stdout
    assert str(server.config_path) in shown.stdout
    for word in ("serving", "upstream_connect_failures", f"127.0.0.1:{server.port(1)}", "responses_5xx"):
        assert word in shown.stdout
    assert server.run("stop").returncode == 0


@COMMANDS
def test_status_as_json_has_everything_by_name(server: Server) -> None:
    assert server.run("start").returncode == 0
    assert fetch(server.port()).status == 200

    def when_counted() -> dict[str, Any] | None:
        done = server.run("status", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        status: dict[str, Any] = json.loads(done.stdout)
        return status if status["counters"]["responses_2xx"] else None

    status = wait_until(when_counted, "the answer to be counted")
    assert status["pid"] == int(server.pid_path.read_text())
    assert status["generation"] == 1
    assert status["listen"] == [f"127.0.0.1:{server.port()}"]
    assert [worker["state"] for worker in status["workers"]] == ["serving"]
    assert status["counters"]["requests"] == 1
    assert status["counters"]["responses_2xx"] == 1
    assert server.run("reload").returncode == 0
    assert json.loads(server.run("status", "--json").stdout)["generation"] == 2
    assert server.run("stop").returncode == 0


def documented(command: str) -> set[str]:
    """The keys that docs/operations.md names for the JSON of a command."""
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    rows = page.split(f"| `proxyd {command} --json`")[1].split("\n\n")[0].split("\n")[2:]
    return {key for row in rows for key in re.findall(r"`(\w+)`", row.split("|")[1])}


@COMMANDS
def test_json_has_the_keys_that_are_documented(server: Server) -> None:
    assert server.run("start").returncode == 0
    wait_until(lambda: json.loads(server.run("history", "--json").stdout), "a kept configuration")
    assert set(json.loads(server.run("status", "--json").stdout)) == documented("status")
    assert set(json.loads(server.run("history", "--json").stdout)[0]) == documented("history")
    assert set(json.loads(server.run("reload", "--json").stdout)) == documented("reload")
    assert server.run("stop").returncode == 0


@COMMANDS
@pytest.mark.parametrize("name", "stop quit reload reopen status".split())
def test_a_command_without_a_running_proxyd_says_so_and_fails(server: Server, name: str) -> None:
    done = server.run(name)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("proxyd: [error] proxyd is not running (")
    assert str(server.pid_path) in done.stderr


@pytest.mark.parametrize("name", "stop quit reopen reload".split())
def test_s_without_a_pid_file_says_so_and_fails(server: Server, name: str) -> None:
    done = server.run("-s", name)
    assert done.returncode == 1
    assert str(server.pid_path) in done.stderr
    assert "No such file or directory" in done.stderr


@pytest.mark.parametrize("name", "stop quit reopen".split())
def test_s_with_a_pid_file_of_the_dead_says_so_and_fails(server: Server, name: str) -> None:
    with subprocess.Popen(["true"]) as dead:
        pass
    server.pid_path.write_text(f"{dead.pid}\n")
    done = server.run("-s", name)
    server.pid_path.unlink()
    assert done.returncode == 1
    assert f"kill({dead.pid}, " in done.stderr
    assert "failed (3: No such process)" in done.stderr


@COMMANDS
@pytest.mark.parametrize("name", "stop quit reopen".split())
def test_s_with_a_pid_file_of_another_program_does_not_signal_it(server: Server, name: str) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as other:
        wait_until(
            lambda: Path(f"/proc/{other.pid}/comm").read_text() == "cat\n", "the program to be another one"
        )
        server.pid_path.write_text(f"{other.pid}\n")
        done = server.run("-s", name)
        server.pid_path.unlink()
    assert done.returncode == 1
    assert f"names process {other.pid}, which is no proxyd" in done.stderr
    assert other.returncode == 0  # it ended by itself, when nobody wrote to it any more


@COMMANDS
def test_a_command_finds_a_running_proxyd_although_its_file_is_broken_now(server: Server) -> None:
    assert server.run("start").returncode == 0
    server.config_path.write_text(server.config_path.read_text() + "nonsense {\n")
    assert server.run("status").returncode == 0
    assert server.run("stop").returncode == 0


@COMMANDS
def test_a_stranger_may_not_command(server: Server) -> None:
    nobody = stranger()
    assert server.run("start").returncode == 0
    done = subprocess.run(
        [*server.command, "stop"],
        **nobody,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1
    assert "not for this user" in done.stderr
    assert fetch(server.port()).status == 200
    assert server.run("stop").returncode == 0


@COMMANDS
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("proxyd rel", {"plain,reload"}),
        ("proxyd -s re", {"plain,reload", "plain,reopen"}),
        ("proxyd reload --js", {"plain,--json"}),
        ("proxyd -c conf.d/a", {"file,conf.d/a"}),
        ("proxyd -c proxyd.conf ro", {"plain,rollback"}),
        ("proxyd reload -p et", {"dir,et"}),
    ],
)
def test_a_shell_completes_what_is_typed(typed: str, offered: set[str]) -> None:
    asked = {
        "_PROXYD_COMPLETE": "bash_complete",
        "COMP_WORDS": typed.replace(" ", "\n"),
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = subprocess.run(
        command_of(KIND), env=environment() | asked, capture_output=True, text=True, timeout=LIMIT
    )
    assert set(done.stdout.split()) == offered
