"""Logs: nginx's lines to the byte, its levels, buffers that keep what they promise, and rotation."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.load import Backend, Load
from tests.e2e.support import Serve, make_server, proxyd_only, proxying
from tests.e2e.watching import status_of, wait_for_service
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer, Script
from tests.support.ports import ReservedPort, UnansweringPort
from tests.support.server import Server
from tests.support.waiting import LIMIT, wait_until

STAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"
HELLO = "server { listen 127.0.0.1:{port0}; return 200 hello; }\n"
BARE = "log_format bare '$request_uri';\n"


def read(path: Path) -> str:
    """What is in a file; nothing when there is none."""
    return path.read_bytes().decode("latin-1") if path.exists() else ""


def wait_for_text(path: Path, text: str) -> None:
    """Wait until a file holds exactly this."""
    wait_until(lambda: read(path) == text, lambda: f"{text[-500:]!r} in {path.name}: {read(path)[-500:]!r}")


def wait_for_lines(path: Path, pattern: str, count: int = 1) -> list[str]:
    """Wait until so many lines of a file match; gives all of them."""

    def found() -> list[str] | None:
        lines = [line for line in read(path).split("\n")[:-1] if re.search(pattern, line)]
        return lines if len(lines) >= count else None

    return wait_until(found, lambda: f"{pattern!r} in {path.name}: {read(path)[-2000:]}")


# What the error log says: the messages that guides tell people to look for


def says(
    server: Server, level: str, message: str, upstream: str, *, request: str = "GET /x HTTP/1.1"
) -> None:
    """Wait for one line, whole and to the byte, but for date, pid and numbers."""
    line = (
        rf"{STAMP} \[{level}\] \d+#\d+: \*\d+ {re.escape(message)}, client: 127\.0\.0\.1, server: main, "
        rf'request: "{re.escape(request)}"'
        + (f', upstream: "{re.escape(upstream)}"' if upstream else "")
        + ', host: "localhost"'
    )
    found = server.wait_for_log(re.escape(message))
    assert re.fullmatch(line, found[0]), f"{found[0]}\nis not\n{line}"
    assert len(found) == 1


def closes(connection: Connection) -> None:
    """Read the request, then close."""
    connection.receive()


def resets(connection: Connection) -> None:
    """Read the request, then reset."""
    connection.receive()
    connection.reset()


def cuts(connection: Connection) -> None:
    """Half an answer."""
    connection.receive()
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


def stalls(connection: Connection) -> None:
    """No answer."""
    connection.receive()
    connection.stall()


def boasts(connection: Connection) -> None:
    """A head that no buffer holds."""
    connection.receive()
    connection.send("HTTP/1.1 200 OK\r\nX-Long: " + "x" * 20000 + "\r\n\r\n")


READING = "while reading response header from upstream"


@pytest.mark.parametrize(
    ("script", "message", "status"),
    [
        (closes, f"upstream prematurely closed connection {READING}", 502),
        (resets, f"recv() failed (104: Connection reset by peer) {READING}", 502),
        (boasts, f"upstream sent too big header {READING}", 502),
        (stalls, f"upstream timed out (110: Connection timed out) {READING}", 504),
        (cuts, "upstream prematurely closed connection while reading upstream", 200),
    ],
)
def test_what_is_wrong_with_an_answer_is_an_error_in_nginx_words(
    serve: Serve, script: Script, message: str, status: int
) -> None:
    with Peer(script) as peer:
        late = "proxy_read_timeout 100ms;" if script is stalls else ""
        server = serve(proxying(late, server="server_name main;"), backend0=peer.address)
        with Client(server.port()) as client:
            client.request("/x", headers="Connection: close\r\n")
            assert client.start_response().message.status == status
            client.ending()
        says(server, "error", message, f"http://{peer.address}/x")


def test_a_backend_that_is_not_running_is_an_error_in_nginx_words(serve: Serve) -> None:
    with ReservedPort() as nobody:
        server = serve(proxying(server="server_name main;"), backend0=f"127.0.0.1:{nobody.number}")
        assert fetch(server.port(), "/x").status == 502
        message = "connect() failed (111: Connection refused) while connecting to upstream"
        says(server, "error", message, f"http://127.0.0.1:{nobody.number}/x")


def test_a_backend_that_does_not_take_connections_is_an_error_in_nginx_words(serve: Serve) -> None:
    with UnansweringPort() as full:
        server = serve(
            proxying("proxy_connect_timeout 100ms;", server="server_name main;"),
            backend0=f"127.0.0.1:{full.number}",
        )
        assert fetch(server.port(), "/x").status == 504
        message = "upstream timed out (110: Connection timed out) while connecting to upstream"
        says(server, "error", message, f"http://127.0.0.1:{full.number}/x")


def test_no_live_upstreams_is_an_error_in_nginx_words(serve: Serve) -> None:
    with ReservedPort() as nobody:
        server = serve(
            "upstream group { server {backend0} fail_timeout=1h; server {backend0} fail_timeout=1h; }\n"
            + proxying(server="server_name main;", backend="group"),
            backend0=f"127.0.0.1:{nobody.number}",
        )
        assert fetch(server.port(), "/first").status == 502
        assert fetch(server.port(), "/x").status == 502
        found = server.wait_for_log(r"no live upstreams.*GET /x ")
        line = (
            rf"{STAMP} \[error\] \d+#\d+: \*\d+ no live upstreams while connecting to upstream, "
            r'client: 127\.0\.0\.1, server: main, request: "GET /x HTTP/1\.1", '
            r'upstream: "http://group/x", host: "localhost"'
        )
        assert re.fullmatch(line, found[0]), found[0]


def test_a_missing_unix_socket_is_critical_in_nginx_words(directory: Path) -> None:
    server = make_server(
        directory / "server", proxying(server="server_name main;"), backend0="unix:/missing.sock"
    )
    with server:
        assert fetch(server.port(), "/x").status == 502
        says(
            server,
            "crit",
            "connect() to unix:/missing.sock failed (2: No such file or directory) "
            "while connecting to upstream",
            "http://unix:/missing.sock:/x",
        )


def test_a_body_that_is_too_large_is_an_error_in_nginx_words(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(
            proxying("client_max_body_size 10;", server="server_name main;"), backend0=peer.address
        )
        assert fetch(server.port(), "/x", method="POST", body="x" * 11).status == 413
    message = "client intended to send too large body: 11 bytes"
    says(server, "error", message, "", request="POST /x HTTP/1.1")


def test_the_referer_stands_at_the_end_of_the_line(serve: Serve) -> None:
    with ReservedPort() as nobody:
        server = serve(proxying(), backend0=f"127.0.0.1:{nobody.number}")
        assert fetch(server.port(), "/x", headers="Referer: http://elsewhere/\r\n").status == 502
        found = server.wait_for_log("Connection refused")
        assert found[0].endswith(', host: "localhost", referrer: "http://elsewhere/"')


def test_a_client_that_leaves_is_information_and_no_error(serve: Serve) -> None:
    with Peer(stalls) as peer:
        server = serve(proxying(server="server_name main;"), backend0=peer.address)
        with Client(server.port()) as client:
            client.request("/x")
            peer.wait_for_requests(1)
        message = (
            "epoll_wait() reported that client prematurely closed connection, "
            "so upstream connection is closed too while sending request to upstream"
        )
        says(server, "info", message, f"http://{peer.address}/x")
        server.wait_for_access(1, '" 499 0 ')


def test_every_line_of_an_error_log_has_the_same_form(serve: Serve) -> None:
    server = serve(HELLO, workers=2)
    assert fetch(server.port()).status == 200
    server.signal(signal.SIGHUP)
    server.wait_for_log("reconfiguring")
    assert server.stop() == 0
    for line in server.log().split("\n")[:-1]:
        assert re.match(rf"{STAMP} \[(notice|info)\] \d+#\d+: (\*\d+ )?\S", line), line


# Levels, and which error log


@pytest.mark.parametrize(
    ("level", "shown"), [("info", True), ("error", True), ("crit", False), ("emerg", False)]
)
def test_a_level_lets_through_what_is_as_bad_or_worse(serve: Serve, level: str, shown: bool) -> None:
    with ReservedPort() as nobody:
        server = serve(
            proxying(server="error_log {dir}/other.log info;"),
            backend0=f"127.0.0.1:{nobody.number}",
        )
        server.write_config(
            f"error_log {server.directory}/other.log info;\nerror_log {server.directory}/at.log {level};\n"
            + proxying()
        )
        server.signal(signal.SIGHUP)
        wait_until(
            lambda: (
                fetch(server.port()).status == 502 and "refused" in read(server.directory / "at.log")
                if shown
                else fetch(server.port()).status == 502
                and read(server.directory / "other.log").count("refused") > 9
            ),
            "the line",
        )
        assert ("Connection refused" in read(server.directory / "at.log")) == shown


def test_without_a_level_an_error_log_shows_errors(serve: Serve) -> None:
    with ReservedPort() as nobody, Peer(stalls) as peer:
        server = serve(
            "server { listen 127.0.0.1:{port0}; error_log {dir}/plain.log; error_log {dir}/all.log info;\n"
            "    location / { proxy_pass http://{backend0}; }\n"
            "    location /leave { proxy_pass http://{backend1}; } }\n",
            backend0=f"127.0.0.1:{nobody.number}",
            backend1=peer.address,
        )
        with Client(server.port()) as client:
            client.request("/leave")
            peer.wait_for_requests(1)
        wait_for_lines(server.directory / "all.log", "prematurely closed")
        assert fetch(server.port()).status == 502
        wait_for_lines(server.directory / "plain.log", "Connection refused")
        wait_for_lines(server.directory / "all.log", "Connection refused")
        assert read(server.directory / "plain.log").count("\n") == 1


def test_the_innermost_error_log_is_the_one_that_counts(serve: Serve) -> None:
    with ReservedPort() as nobody:
        server = serve(
            "error_log {dir}/http.log;\n"
            "server { listen 127.0.0.1:{port0}; error_log {dir}/server.log;\n"
            "    location / { proxy_pass http://{backend0}; }\n"
            "    location /own { error_log {dir}/location.log; proxy_pass http://{backend0}; } }\n"
            "server { listen 127.0.0.1:{port1}; location / { proxy_pass http://{backend0}; } }\n",
            backend0=f"127.0.0.1:{nobody.number}",
        )
        assert fetch(server.port(0), "/in-server").status == 502
        assert fetch(server.port(0), "/own").status == 502
        assert fetch(server.port(1), "/in-http").status == 502
        for name, target in (("server", "/in-server"), ("location", "/own"), ("http", "/in-http")):
            assert f'"GET {target} HTTP' in wait_for_lines(server.directory / f"{name}.log", "refused")[0]
            assert read(server.directory / f"{name}.log").count("\n") == 1
        assert "Connection refused" not in server.log()


def test_an_error_log_may_be_stderr(serve: Serve) -> None:
    with ReservedPort() as nobody:
        server = serve(proxying(server="error_log stderr;"), backend0=f"127.0.0.1:{nobody.number}")
        assert fetch(server.port(), "/x").status == 502
        wait_for_lines(server.directory / "stderr", rf"^{STAMP} \[error\] .*Connection refused.*GET /x")


def test_main_may_have_several_error_logs(serve: Serve) -> None:
    server = serve(HELLO, main="error_log {dir}/second.log notice;")
    assert fetch(server.port()).status == 200
    server.signal(signal.SIGHUP)
    for path in (server.error_log, server.directory / "second.log"):
        wait_for_lines(path, r"\[notice\] .*: reconfiguring")


# What the access log says


def test_without_a_format_a_line_is_combined(serve: Serve) -> None:
    server = serve("access_log {dir}/plain.log;\n" + HELLO, access_log="")
    fields = 'Referer: http://elsewhere/\r\nUser-Agent: "quoted"\r\nAuthorization: Basic dXNlcjpwdw==\r\n'
    assert fetch(server.port(), "/x?y", headers=fields).status == 200
    line = wait_for_lines(server.directory / "plain.log", "GET")[0]
    assert re.fullmatch(
        r"127\.0\.0\.1 - user \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
        r'"GET /x\?y HTTP/1\.1" 200 5 "http://elsewhere/" "\\x22quoted\\x22"',
        line,
    ), line


def test_a_request_that_nothing_is_known_of_has_dashes(serve: Serve) -> None:
    server = serve("access_log {dir}/plain.log;\n" + HELLO, access_log="")
    with Client(server.port()) as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        client.read_response()
    line = wait_for_lines(server.directory / "plain.log", "GET")[0]
    assert line.startswith("127.0.0.1 - - [") and line.endswith('] "GET / HTTP/1.0" 200 5 "-" "-"')


@pytest.mark.parametrize(
    ("variable", "pattern"),
    [
        ("$time_iso8601", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"),
        ("$msec", r"\d{10}\.\d{3}"),
        ("$request_time", r"\d\.\d{3}"),
        ("$upstream_response_time", r"\d\.\d{3}"),
        ("$upstream_connect_time", r"\d\.\d{3}"),
        ("$upstream_header_time", r"\d\.\d{3}"),
        ("$upstream_addr", r"127\.0\.0\.1:\d+"),
        ("$upstream_status", "200"),
        ("$upstream_response_length", "6"),
        ("$upstream_http_content_type", "text/plain"),
        ("$status $body_bytes_sent", "200 6"),
        ("$bytes_sent", r"1\d\d"),
        ("$request_length", r"\d\d"),
        ("$connection:$connection_requests", r"\d+:1"),
        ("$pipe", r"\."),
        ("$pid", r"\d+"),
        ("$hostname", re.escape(os.uname().nodename.lower())),
        ("$remote_addr:$remote_port", r"127\.0\.0\.1:\d+"),
        ("$server_addr:$server_port", r"127\.0\.0\.1:\d+"),
        ("$server_name $host $http_host", "main localhost localhost"),
        ("$scheme $server_protocol $request_method", "http HTTP/1.1 GET"),
        (
            "$uri|$request_uri|$args|$query_string|$is_args|$arg_a",
            r"/p|/p\?a=1&b|a=1&b|a=1&b|\?|1".replace("|", r"\|"),
        ),
        ("$http_x_field $sent_http_content_type", "value text/plain"),
        ("$http_nothing", "-"),
        ("[$is_request_port$request_port]", r"\[\]"),
        ("$upstream_queue_time", "-"),
        ("$request_completion", "OK"),
        ("${uri}x", "/px"),
    ],
)
def test_a_variable_in_a_format_is_written_as_nginx_writes_it(
    serve: Serve, variable: str, pattern: str
) -> None:
    with Peer() as peer:
        server = serve(
            f"log_format own '{variable}';\n"
            + proxying(server="server_name main; access_log {dir}/own.log own;"),
            backend0=peer.address,
        )
        assert fetch(server.port(), "/p?a=1&b", headers="X-Field: value\r\n").status == 200
        line = wait_for_lines(server.directory / "own.log", "")[0]
        assert re.fullmatch(pattern, line), f"{variable}: {line!r}"


@proxyd_only("1.22 has no such variable")
@pytest.mark.parametrize(
    ("host", "shown"),
    [("a", ""), ("a:8080", ":8080"), ("[::1]:81", ":81"), ("[::1]", ""), ("a:", ""), ("a:0", "")],
)
def test_the_port_that_the_client_named(serve: Serve, host: str, shown: str) -> None:
    server = serve("server { listen 127.0.0.1:{port0}; return 200 '[$is_request_port$request_port]'; }\n")
    with Client(server.port()) as client:
        client.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
        assert client.read_response().body == f"[{shown}]".encode()


def test_access_log_off_and_its_scope(serve: Serve) -> None:
    server = serve(
        "server { listen 127.0.0.1:{port0};\n"
        "    location /quiet { access_log off; return 200; }\n"
        "    location /own { access_log {dir}/one.log; access_log {dir}/two.log; return 200; }\n"
        "    location / { return 200; } }\n"
    )
    for target in ("/quiet", "/own", "/loud"):
        assert fetch(server.port(), target).status == 200
    for name in ("one", "two"):
        assert '"GET /own ' in wait_for_lines(server.directory / f"{name}.log", "GET")[0]
    assert server.wait_for_access(1, "GET /loud ")
    assert len(server.access()) == 1


def test_requests_that_are_no_requests_are_logged(serve: Serve) -> None:
    server = serve(HELLO)
    with Client(server.port()) as client:
        client.send("nonsense\r\n\r\n")
        assert client.read_response().status == 400
    assert server.wait_for_access(1, r'^127\.0\.0\.1 - - \[.*\] "nonsense" 400 \d+ "-" "-"$')


# Buffers


def buffered(parameters: str) -> str:
    """Bare request targets in a buffered log."""
    return f"{BARE}access_log {{dir}}/buffered.log bare {parameters};\n" + HELLO


def visit(server: Server, numbers: range) -> str:
    """Request /000 and so on, over one connection; gives the lines that these make."""
    with Client(server.port()) as client:
        for number in numbers:
            assert client.get(f"/{number:03}").status == 200
    return "".join(f"/{number:03}\n" for number in numbers)


def test_a_buffer_is_written_when_the_next_line_does_not_fit(serve: Serve) -> None:
    server = serve(buffered("buffer=64"))  # 12 lines of 5 bytes are 60
    path = server.directory / "buffered.log"
    first = visit(server, range(12))
    assert read(path) == ""
    second = visit(server, range(12, 13))
    wait_for_text(path, first)
    assert server.stop() == 0
    assert read(path) == first + second


def test_a_line_that_no_buffer_holds_is_written_at_once_and_in_its_place(serve: Serve) -> None:
    server = serve(buffered("buffer=64"))
    path = server.directory / "buffered.log"
    lines = visit(server, range(3))
    long = "/" + "x" * 200
    assert fetch(server.port(), long).status == 200
    wait_for_text(path, lines + long + "\n")


def test_flush_bounds_how_long_a_line_waits(serve: Serve) -> None:
    server = serve(buffered("buffer=64k flush=50ms"))
    lines = visit(server, range(3))
    wait_for_text(server.directory / "buffered.log", lines)
    lines += visit(server, range(3, 5))
    wait_for_text(server.directory / "buffered.log", lines)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT])
def test_the_end_writes_what_is_buffered(serve: Serve, how: signal.Signals) -> None:
    server = serve(buffered("buffer=64k"))
    lines = visit(server, range(20))
    assert read(server.directory / "buffered.log") == ""
    assert server.stop(how) == 0
    assert read(server.directory / "buffered.log") == lines


def test_a_reload_that_takes_a_log_away_writes_what_is_buffered(serve: Serve) -> None:
    server = serve(buffered("buffer=64k"))
    lines = visit(server, range(20))
    server.write_config(HELLO)
    server.signal(signal.SIGHUP)
    wait_for_text(server.directory / "buffered.log", lines)


@proxyd_only("a reload always writes")
def test_a_reload_that_keeps_a_log_keeps_every_line(serve: Serve) -> None:
    server = serve(buffered("buffer=64k"))
    lines = visit(server, range(5))
    assert server.run("reload").returncode == 0
    lines += visit(server, range(5, 10))
    server.write_config(buffered("buffer=128k"))
    assert server.run("reload").returncode == 0
    lines += visit(server, range(10, 15))
    assert server.stop() == 0
    assert read(server.directory / "buffered.log") == lines


def test_one_file_may_be_the_log_of_several_servers(serve: Serve) -> None:
    log = "access_log {dir}/shared.log bare buffer=64k;"
    server = serve(
        BARE
        + f"server {{ listen 127.0.0.1:{{port0}}; {log} return 200 one; }}\n"
        + f"server {{ listen 127.0.0.1:{{port1}}; {log} return 200 two; }}\n"
    )
    for number in range(4):
        assert fetch(server.port(number % 2), f"/{number}").status == 200
    assert server.stop() == 0
    assert read(server.directory / "shared.log") == "/0\n/1\n/2\n/3\n"


def test_a_disk_that_is_full_stops_no_request(directory: Path) -> None:
    server = make_server(directory / "server", HELLO, access_log="/dev/full")
    with server:
        for _ in range(3):
            assert fetch(server.port()).status == 200
        server.wait_for_log(
            rf'^{STAMP} \[alert\] \d+#\d+: (\*\d+ )?write\(\) to "/dev/full" failed '
            r"\(28: No space left on device\)"
        )


# Rotation


def by_command(server: Server) -> None:
    """`proxyd reopen`: comes back when it is done."""
    done = server.run("reopen")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def by_flag(server: Server) -> None:
    """`proxyd -s reopen`: comes back when it is done, too."""
    assert server.run("-s", "reopen").returncode == 0


def by_signal(server: Server) -> None:
    """USR1: the file tells when it is done."""
    server.signal(signal.SIGUSR1)
    wait_until(server.access_log.exists, "the new file")


@pytest.mark.parametrize("way", [by_command, by_flag, by_signal])
@proxyd_only("its workers may not open the files of root")
def test_after_reopening_lines_go_to_new_files(serve: Serve, way: Callable[[Server], None]) -> None:
    with ReservedPort() as nobody:
        server = serve(proxying(), backend0=f"127.0.0.1:{nobody.number}")
        assert fetch(server.port(), "/before").status == 502
        server.wait_for_access(1)
        moved = server.directory / "moved"
        moved.mkdir()
        for path in (server.access_log, server.error_log):
            path.rename(moved / path.name)
        way(server)

        def arrived() -> bool:
            assert fetch(server.port(), "/after").status == 502
            return "/after" in read(server.access_log) and "GET /after" in read(server.error_log)

        if way is not by_signal:
            assert arrived() or wait_until(arrived, "lines in the new files")
            assert "/after" not in read(moved / "access.log")
            assert "/after" not in read(moved / "error.log")
        else:
            wait_until(arrived, "lines in the new files")
        assert "GET /before" in read(moved / "access.log")
        assert "GET /before" not in read(server.access_log)


@proxyd_only("it has no such command")
def test_reopening_writes_buffered_lines_to_the_old_file(serve: Serve) -> None:
    server = serve(buffered("buffer=64k"))
    path = server.directory / "buffered.log"
    old = visit(server, range(5))
    path.rename(path.with_suffix(".1"))
    by_command(server)
    assert read(path.with_suffix(".1")) == old
    new = visit(server, range(5, 9))
    assert server.stop() == 0
    assert (read(path.with_suffix(".1")), read(path)) == (old, new)


@proxyd_only("it has no such command")
def test_rotation_under_load_loses_no_line(serve: Serve) -> None:
    with Backend() as backend:
        server = serve(
            "access_log {dir}/buffered.log bare buffer=2k flush=20ms;\n" + BARE + proxying(),
            workers=2,
            log_format="$request_uri",
            backend0=backend.address,
        )
        wait_for_service(server, 2)
        with Load(server.port(), clients=8) as load:
            for number in range(8):
                load.wait_for(requests=60)
                for name in ("access.log", "buffered.log"):
                    path = server.directory / name
                    wait_until(lambda path=path: read(path), f"lines in {name}")  # a signal is not answered
                    path.rename(server.directory / f"{name}.{number}")
                (by_command, by_flag, by_signal)[number % 3](server)
            load.wait_for(requests=60)
            report = load.stop()
    assert report.failed == 0, report.tell_failures()
    assert server.stop(signal.SIGQUIT) == 0
    answered = Counter(f"/small/{who}/{one}" for who, numbers in report.done.items() for one in numbers)
    for name in ("access.log", "buffered.log"):
        parts = [read(path) for path in server.directory.glob(f"{name}*")]
        assert len(parts) == 9 and all(parts)
        assert Counter("".join(parts).split()) == answered


@proxyd_only("it has no such command")
def test_a_log_that_cannot_be_opened_anew_is_kept_and_named(directory: Path) -> None:
    logs = directory / "logs"
    logs.mkdir()
    server = make_server(directory / "server", HELLO, access_log=f"{logs}/access.log")
    with server:
        assert fetch(server.port(), "/before").status == 200
        logs.rename(directory / "moved")
        done = server.run("reopen")
        assert done.returncode == 1
        assert f'open() "{logs}/access.log" failed (2: No such file or directory)' in done.stderr
        assert fetch(server.port(), "/after").status == 200
        wait_for_lines(directory / "moved" / "access.log", "GET /after ")


@proxyd_only("it has no such command")
def test_reopening_with_a_worker_that_does_not_answer_fails(directory: Path) -> None:
    server = make_server(directory, HELLO)
    with server:
        (worker,) = wait_for_service(server)
        os.kill(worker, signal.SIGSTOP)
        server.let_workers_answer_within(0.5)
        try:
            done = server.run("reopen")
        finally:
            server.let_workers_answer_within(LIMIT)
            os.kill(worker, signal.SIGCONT)
        assert done.returncode == 1
        assert f"worker process {worker} did not reopen its logs in 0.5s" in done.stderr
        by_command(server)


@proxyd_only("it does not count")
def test_lines_are_counted(serve: Serve) -> None:
    server = serve(HELLO)
    for _ in range(3):
        assert fetch(server.port()).status == 200
    server.wait_for_access(3)
    wait_until(lambda: status_of(server)["counters"]["log_lines"] == 3, "three lines that are counted")
    assert status_of(server)["counters"]["log_lines_lost"] == 0
