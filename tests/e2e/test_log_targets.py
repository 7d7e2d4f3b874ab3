"""Where log lines go besides a plain file: compressed files, files named by the request, syslog; `if=`."""

from __future__ import annotations

import gzip
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.support import KIND, Serve, make_server, only_worker, proxyd_only, proxying
from tests.e2e.test_logs import BARE, HELLO, by_command, read, visit, wait_for_text
from tests.e2e.watching import status_of, workers_of
from tests.support.client import Client, fetch
from tests.support.ports import ReservedPort
from tests.support.server import Server
from tests.support.waiting import LIMIT, wait_until

# if=


@pytest.mark.parametrize(
    ("value", "logged"), [("0", False), ("", False), ("1", True), ("00", True), ("0x", True)]
)
def test_a_line_is_written_if_the_condition_is_neither_empty_nor_0(
    serve: Serve, value: str, logged: bool
) -> None:
    server = serve(BARE + "access_log {dir}/if.log bare if=$arg_wanted;\n" + HELLO, access_log="")
    assert fetch(server.port(), f"/first?wanted={value}").status == 200
    assert fetch(server.port(), "/last?wanted=yes").status == 200
    expected = f"/first?wanted={value}\n" if logged else ""
    wait_for_text(server.directory / "if.log", expected + "/last?wanted=yes\n")


# gzip


def unzipped(path: Path) -> str:
    """What zcat says; nothing when there is no file, or it is just being written."""
    with suppress(FileNotFoundError, EOFError):
        return gzip.decompress(path.read_bytes()).decode()
    return ""


def zipped(parameters: str = "gzip") -> str:
    """Bare request targets in a compressed log."""
    return f"{BARE}access_log {{dir}}/zipped.gz bare {parameters};\n" + HELLO


def test_a_compressed_log_is_whole_when_the_server_has_ended(serve: Serve) -> None:
    server = serve(zipped())
    lines = visit(server, range(20))
    assert read(server.directory / "zipped.gz") == ""
    assert server.stop(signal.SIGQUIT) == 0
    assert unzipped(server.directory / "zipped.gz") == lines


@pytest.mark.parametrize("parameters", ["gzip flush=50ms", "gzip=9 buffer=4k flush=50ms"])
def test_a_compressed_log_is_readable_after_each_flush(serve: Serve, parameters: str) -> None:
    server = serve(zipped(parameters))
    path = server.directory / "zipped.gz"
    lines = visit(server, range(3))
    wait_until(lambda: unzipped(path) == lines, "the first lines")
    size = path.stat().st_size
    lines += visit(server, range(3, 6))
    wait_until(lambda: unzipped(path) == lines, "all lines")
    assert path.stat().st_size > size


def test_a_compressed_log_is_written_when_its_buffer_is_full(serve: Serve) -> None:
    server = serve(zipped("gzip buffer=64"))  # 12 lines of 5 bytes are 60
    path = server.directory / "zipped.gz"
    first = visit(server, range(13))[:60]
    wait_until(lambda: unzipped(path) == first, "the first buffer")
    long = "/" + "x" * 200
    assert fetch(server.port(), long).status == 200
    assert server.stop() == 0
    assert unzipped(path) == first + "/012\n" + long + "\n"


@proxyd_only("it loses them")
def test_compressed_lines_of_a_killed_worker_are_not_lost(directory: Path) -> None:
    unlogged = "server { listen 127.0.0.1:{port1}; access_log off; return 204; }"
    server = make_server(directory / "server", zipped() + unlogged)
    with server:
        lines = visit(server, range(20))
        worker = only_worker(server)
        assert fetch(server.port(1)).status == 204  # so the last line is made, which follows its answer
        os.kill(worker, signal.SIGKILL)
        path = server.directory / "zipped.gz"
        wait_until(lambda: unzipped(path) == lines, "the lines of the dead worker")
        workers_of(server, 1, without=[worker])
        lines += visit(server, range(20, 25))
        assert server.stop() == 0
        assert unzipped(path) == lines


# Variables in the path


def by_host(more: str = "") -> str:
    """A log for each host, in a directory that the worker may write to."""
    return f"{BARE}{more}access_log {{dir}}/hosts/$host.log bare;\n" + HELLO


@pytest.fixture
def hosts(directory: Path) -> Path:
    """Where the first server's logs by host go; everybody may write there. nginx looks for the root."""
    made = directory / "server0" / "hosts"
    (directory / "server0" / "html").mkdir(parents=True)
    made.mkdir()
    made.chmod(0o777)
    return made


def visit_host(server: Server, host: str, target: str = "/") -> None:
    """One request for a host."""
    text = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    with Client(server.port()) as client:
        client.send(text)
        assert client.read_response().status == 200


CACHES = ["", "open_log_file_cache max=2;\n", "open_log_file_cache max=1 min_uses=2 inactive=1s valid=0;\n"]


@pytest.mark.parametrize("cache", CACHES)
def test_a_path_with_variables_names_a_file_for_each_request(serve: Serve, hosts: Path, cache: str) -> None:
    server = serve(by_host(cache))
    for number, host in enumerate(["one", "two", "three", "one", "two", "three", "one", "one"]):
        visit_host(server, host, f"/{number}")
    wait_for_text(hosts / "one.log", "/0\n/3\n/6\n/7\n")
    wait_for_text(hosts / "two.log", "/1\n/4\n")
    wait_for_text(hosts / "three.log", "/2\n/5\n")


def test_a_file_named_by_the_request_is_made_by_the_worker(serve: Serve, hosts: Path) -> None:
    server = serve(by_host())
    visit_host(server, "one", "/x")
    wait_for_text(hosts / "one.log", "/x\n")
    owner = Path(f"/proc/{only_worker(server)}").stat().st_uid
    assert (hosts / "one.log").stat().st_uid == owner
    assert (hosts / "one.log").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("cache", CACHES)
def test_a_file_that_cannot_be_opened_is_told_and_nothing_else_happens(
    directory: Path, hosts: Path, cache: str
) -> None:
    server = make_server(directory / "server0", by_host(cache))
    with server:
        (hosts / "one.log").mkdir()
        visit_host(server, "one", "/x")
        told = server.wait_for_log("while logging request")
        assert "[crit]" in told[0] and f'open() "{hosts}/one.log" failed (21: Is a directory)' in told[0]
        assert 'request: "GET /x HTTP/1.1", host: "one"' in told[0]


def open_files(server: Server) -> list[str]:
    """The names of the files that the worker has open."""
    names = []
    for link in Path(f"/proc/{only_worker(server)}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.append(os.path.basename(os.readlink(link)))
    return sorted(names)


def kept_open(server: Server) -> list[str]:
    """Those of logs by host."""
    names = open_files(server)
    return [name for name in names if re.fullmatch(r"(one|two|three)\.log.*", name)]


def test_the_cache_keeps_those_open_that_were_used_last(serve: Serve, hosts: Path) -> None:
    server = serve(by_host("open_log_file_cache max=2 inactive=1h;\n"))
    for host in ("one", "two", "one", "three"):
        visit_host(server, host)
    wait_for_text(hosts / "three.log", "/\n")
    wait_until(lambda: kept_open(server) == ["one.log", "three.log"], lambda: f"{kept_open(server)}")


def test_the_cache_keeps_open_what_is_used_often_enough(serve: Serve, hosts: Path) -> None:
    server = serve(by_host("open_log_file_cache max=2 min_uses=2 inactive=1h;\n"))
    visit_host(server, "one")
    visit_host(server, "two")
    wait_for_text(hosts / "two.log", "/\n")
    wait_until(lambda: kept_open(server) == [], lambda: f"none kept; {kept_open(server)}")
    visit_host(server, "one")
    wait_for_text(hosts / "one.log", "/\n/\n")
    wait_until(lambda: kept_open(server) == ["one.log"], lambda: f"{kept_open(server)}")


@proxyd_only("it looks only when another file is opened")
def test_the_cache_closes_what_is_not_used(serve: Serve, hosts: Path) -> None:
    server = serve(by_host("open_log_file_cache max=2 inactive=1s;\n"))
    visit_host(server, "one")
    wait_for_text(hosts / "one.log", "/\n")
    wait_until(lambda: not kept_open(server), "the file to be closed")


@proxyd_only("the line that finds it out is lost")
def test_the_cache_sees_that_a_file_was_moved(serve: Serve, hosts: Path) -> None:
    server = serve(by_host("open_log_file_cache max=2 inactive=1h valid=0;\n"))
    visit_host(server, "one", "/old")
    wait_for_text(hosts / "one.log", "/old\n")
    (hosts / "one.log").rename(hosts / "one.old")
    visit_host(server, "one", "/new")
    wait_for_text(hosts / "one.log", "/new\n")


@proxyd_only("it has no such command")
def test_reopening_closes_what_the_cache_has(serve: Serve, hosts: Path) -> None:
    server = serve(by_host("open_log_file_cache max=2 inactive=1h valid=1h;\n"))
    visit_host(server, "one", "/old")
    wait_for_text(hosts / "one.log", "/old\n")
    (hosts / "one.log").rename(hosts / "one.old")
    by_command(server)
    visit_host(server, "one", "/new")
    wait_for_text(hosts / "one.log", "/new\n")
    assert read(hosts / "one.old") == "/old\n"


# syslog


class Syslog:
    """A syslog server. Each message is a datagram."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        end.settimeout(LIMIT)

    def next(self) -> str:
        """The next message."""
        return self.end.recv(65536).decode("latin-1")

    def until(self, pattern: str) -> str:
        """The next message that matches."""
        while True:
            message = self.next()
            if re.search(pattern, message):
                return message


@pytest.fixture(params=["ipv4", "ipv6", "unix"])
def syslog(request: pytest.FixtureRequest, directory: Path) -> Iterator[tuple[Syslog, str]]:
    """A server and how it is called in a configuration."""
    path = directory / "syslog.sock"
    directory.chmod(0o755)
    if request.param == "unix":
        end, at = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), str(path)
        end.bind(at)
        path.chmod(0o777)
        name = f"unix:{path}"
    else:
        family, host = (socket.AF_INET, "127.0.0.1") if request.param == "ipv4" else (socket.AF_INET6, "::1")
        end = socket.socket(family, socket.SOCK_DGRAM)
        end.bind((host, 0))
        name = f"{host if family == socket.AF_INET else f'[{host}]'}:{end.getsockname()[1]}"
    with end:
        yield Syslog(end), name


STAMP = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 1-3]\d \d\d:\d\d:\d\d"
HOST = re.escape(os.uname().nodename.lower())


def test_a_line_of_an_access_log_is_one_message(serve: Serve, syslog: tuple[Syslog, str]) -> None:
    receiver, name = syslog
    server = serve(BARE + f"access_log syslog:server={name} bare;\n" + HELLO)
    assert fetch(server.port(), "/one").status == 200
    assert fetch(server.port(), "/two").status == 200
    assert re.fullmatch(rf"<190>{STAMP} {HOST} nginx: /one", receiver.next())
    assert re.fullmatch(rf"<190>{STAMP} {HOST} nginx: /two", receiver.next())


def test_a_message_begins_as_the_parameters_say(serve: Serve, syslog: tuple[Syslog, str]) -> None:
    receiver, name = syslog
    target = f"syslog:server={name},facility=local0,severity=debug,tag=the_Tag1,nohostname"
    server = serve(BARE + f"access_log {target} bare if=$arg_a;\n" + HELLO)
    assert fetch(server.port(), "/one").status == 200
    assert fetch(server.port(), "/two?a=b").status == 200
    assert re.fullmatch(rf"<135>{STAMP} the_Tag1: /two\?a=b", receiver.next())


def test_a_line_of_an_error_log_is_a_message_of_its_severity(
    serve: Serve, syslog: tuple[Syslog, str]
) -> None:
    receiver, name = syslog
    with ReservedPort() as nobody:
        server = serve(
            proxying(server=f"error_log syslog:server={name},facility=user,tag=x info;"),
            backend0=f"127.0.0.1:{nobody.number}",
        )
        assert fetch(server.port(), "/x").status == 502
        line = receiver.until("refused")
    assert re.fullmatch(
        rf"<11>{STAMP} {HOST} x: [\d/]+ [\d:]+ \[error\] \d+#\d+: \*\d+ connect\(\) failed "
        r'\(111: Connection refused\) .*, host: "localhost"(, reason: connect_refused)?',
        line,
    ), line


def test_the_main_error_log_may_be_syslog(serve: Serve, syslog: tuple[Syslog, str]) -> None:
    receiver, name = syslog
    server = serve(HELLO, main=f"error_log syslog:server={name},nohostname notice;")
    start = receiver.until("start worker process(es)?")
    assert re.fullmatch(
        rf"<189>{STAMP} nginx: [\d/]+ [\d:]+ \[notice\] \d+#\d+: start worker process.*", start
    )
    server.signal(signal.SIGQUIT)
    receiver.until(r"\[notice\] \d+#\d+: gracefully shutting down")
    receiver.until(r"\[notice\] \d+#\d+: exit$")
    assert server.wait_for_exit() == 0


def test_nobody_at_the_other_end_stops_no_request(directory: Path) -> None:
    with ReservedPort() as nobody:
        gone = directory / "gone.sock"
        server = make_server(
            directory / "server",
            f"{BARE}access_log syslog:server=127.0.0.1:{nobody.number} bare;\n"
            f"access_log syslog:server=unix:{gone} bare;\n" + HELLO,
        )
        with server:
            for _ in range(10):
                assert fetch(server.port()).status == 200
            server.wait_for_log("send\\(\\)" if KIND == "nginx" else "send\\(\\) to syslog failed \\(111")
            if KIND == "proxyd":
                server.wait_for_log(
                    rf'send\(\) to syslog failed \(2: .*\), server: "syslog:server=unix:{gone}"'
                )
                assert server.log().count("send() to syslog failed") == 2
                wait_until(lambda: status_of(server)["counters"]["log_lines"] == 30, "30 lines")
                assert status_of(server)["counters"]["log_lines_lost"] >= 10


def test_a_server_that_does_not_read_stops_no_request(directory: Path) -> None:
    path = directory / "full.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(path))
        directory.chmod(0o755)
        path.chmod(0o777)
        server = make_server(
            directory / "server", f"{BARE}access_log syslog:server=unix:{path} bare;\n" + HELLO
        )
        with server:
            visit(server, range(1000))
            server.wait_for_log("11: Resource temporarily unavailable" if KIND == "proxyd" else "send")
            waiting = Syslog(end)
            assert waiting.next().endswith("/000")


@proxyd_only("it connects once")
def test_a_server_that_comes_back_gets_messages_again(directory: Path) -> None:
    path = directory / "back.sock"
    directory.chmod(0o755)
    server = make_server(directory / "server", f"{BARE}access_log syslog:server=unix:{path} bare;\n" + HELLO)
    with server:
        assert fetch(server.port(), "/nobody").status == 200
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.bind(str(path))
            path.chmod(0o777)
            end.setblocking(False)

            def arrives() -> bool:
                assert fetch(server.port(), "/there").status == 200
                try:
                    return end.recv(1000).endswith(b"/there")
                except BlockingIOError:
                    return False

            wait_until(arrives, "a message")
