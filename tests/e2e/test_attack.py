"""What a hostile client or backend may try, and what must not come of it: attacks that once worked."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.support import Serve, make_server, plain_only, proxyd_only, proxying
from tests.e2e.watching import status_of, wait_for_service
from tests.support.client import Client, fetch
from tests.support.messages import Reset
from tests.support.peer import Connection, Peer
from tests.support.server import Server
from tests.support.waiting import LIMIT, NeverHappened, wait_until

HELLO = "server { listen 127.0.0.1:{port0}; return 200 hello; }"
SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
ASK = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
UPGRADING = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;\n"


@contextmanager
def flooding(port: int, what: bytes, connections: int = 1) -> Iterator[Callable[[], int]]:
    """Connections that send the same bytes again and again; yields how many bytes went so far."""
    over = threading.Event()
    sent = [0] * connections

    def flood(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as sock, suppress(OSError):
            sock.settimeout(1)
            while not over.is_set():
                with suppress(TimeoutError):
                    sent[number] += sock.send(what)

    threads = [threading.Thread(target=flood, args=(number,), daemon=True) for number in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: sum(sent)
    finally:
        over.set()
        for thread in threads:
            thread.join()


# Starving others


def test_a_flood_of_empty_lines_keeps_nobody_from_being_served(serve: Serve) -> None:
    server = serve(HELLO)
    with flooding(server.port(), b"\r\n" * 500_000) as sent:
        wait_until(lambda: sent() > 10_000_000, "10 MB of empty lines")
        for _ in range(5):
            assert fetch(server.port()).body == b"hello"


# Upgrades


def test_a_map_with_a_named_group_may_be_asked_for_when_a_tunnel_has_ended(serve: Serve) -> None:
    def script(connection: Connection) -> None:
        connection.receive()
        connection.send(SWITCHING)

    with Peer(script) as peer:
        server = serve(
            "map $http_user_agent $kind { default none; ~^(?<word>[a-z]+) $word; }\n" + proxying(UPGRADING),
            backend0=peer.address,
            log_format="$uri $kind",
        )
        with Client(server.port()) as client:
            client.send(ASK + "User-Agent: robot/1\r\n\r\n")
            assert client.read_response().status == 101
            assert client.read_to_end() == b""
        assert server.wait_for_access(1) == ["/ws robot"]


@proxyd_only("it makes a tunnel of it, whose first bytes are the rest of the body")
def test_an_upgrade_before_the_request_was_taken_is_no_upgrade(serve: Serve) -> None:
    def hasty(connection: Connection) -> None:
        connection.receive_head()
        connection.receive_piece(10)
        connection.send(SWITCHING)
        connection.receive_to_end()

    with Peer(hasty, tolerant=True) as peer:
        server = serve(proxying(UPGRADING + "proxy_request_buffering off;"), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(ASK + "Content-Length: 100000\r\n\r\n" + "x" * 10)
            assert client.read_response().status == 502
        server.wait_for_log("101 Switching Protocols before it had the whole request")


# Costs


@pytest.mark.parametrize("value", ["a," * 300, "a" + "," * 600, "a, " * 170 + "b" * 10])
@proxyd_only("it passes hop-by-hop fields on")
def test_a_connection_header_of_many_names_is_refused(serve: Serve, value: str) -> None:
    with Peer() as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            assert client.get(headers=f"Connection: {value}\r\n").status == 400
        with Client(server.port()) as client:
            half = value[: len(value) // 2]
            assert client.get(headers=f"Connection: {half}\r\nConnection: {half}x\r\n").status == 400
        assert fetch(server.port(), headers="Connection: X-One, X-Two, close\r\nX-One: 1\r\n").status == 200
        assert peer.requests[-1].header("X-One") is None


def test_names_with_more_dots_than_any_wildcard_are_still_compared_rightly(serve: Serve) -> None:
    server = serve(
        "server { listen 127.0.0.1:{port0}; return 200 default; }\n"
        "server { listen 127.0.0.1:{port0}; server_name *.example.com; return 200 head; }\n"
        "server { listen 127.0.0.1:{port0}; server_name www.example.*; return 200 tail; }\n"
    )
    dots = "a." * 3000
    for host, expected in {
        dots + "example.com": b"head",
        "www.example." + dots + "a": b"tail",
        dots + "a": b"default",
        "example.com": b"default",
    }.items():
        answer = fetch(server.port(), headers=f"Host: {host}\r\n")
        assert (answer.status, answer.body) == (200, expected), host[-40:]


# Out of something


@contextmanager
def troubled(directory: Path, http: str, **arguments: object) -> Iterator[Server]:
    """A server that may say in its log that it lacks something."""
    with make_server(directory, http, **arguments) as server:
        yield server
    assert not re.search("AddressSanitizer|runtime error|exited on signal", server.output())


def test_a_worker_without_descriptors_blames_no_backend(directory: Path) -> None:
    with (
        Peer() as one,
        Peer() as two,
        troubled(
            directory,
            "upstream group { server {backend0} max_fails=1; server {backend1} max_fails=1; }\n"
            + proxying(backend="group"),
            main="worker_rlimit_nofile 40;",
            backend0=one.address,
            backend1=two.address,
        ) as server,
    ):
        with Client(server.port()) as client:
            client.send("GET / HT")
            others = []
            for _ in range(50):
                others.append(Client(server.port()))
                others[-1].send("GET / HT")  # an idle one would give way
            server.wait_for_log(r"accept4?\(\) failed \(24: Too many open files\)")
            client.send("TP/1.1\r\nHost: a\r\n\r\n")
            assert client.read_response().status == 500
        for other in others:
            other.close()
        for _ in range(3):
            assert fetch(server.port()).status == 200
        assert one.requests and two.requests


@proxyd_only("it counts a tunnel's connections while they are in use by a request alone")
def test_both_sides_of_a_tunnel_count_against_worker_connections(directory: Path) -> None:
    def tunnel(connection: Connection) -> None:
        connection.receive()
        connection.send(SWITCHING)
        connection.receive_to_end()

    with Peer(tunnel) as peer:
        events = "worker_connections 8;"
        with troubled(directory, proxying(UPGRADING), events=events, backend0=peer.address) as server:
            clients = []
            for _ in range(4):
                clients.append(Client(server.port()))
                clients[-1].send(ASK + "\r\n")
                assert clients[-1].read_response().status == 101
            with Client(server.port()) as fifth:
                fifth.send(ASK + "\r\n")
                server.wait_for_log("8 worker_connections are not enough")
                clients[0].close()
                assert fifth.read_response().status == 101
            for client in clients:
                client.close()


@proxyd_only("it says nothing about it")
def test_a_log_that_cannot_be_written_when_a_worker_leaves_is_told_of(directory: Path) -> None:
    with troubled(
        directory, "log_format bare $uri; access_log /dev/full bare buffer=64k;\n" + HELLO, access_log=""
    ) as server:
        assert fetch(server.port()).status == 200
        assert server.stop(signal.SIGQUIT) == 0
        assert re.search(r'write\(\) to "/dev/full" failed \(28: No space left on device\)', server.log())


# The end


@proxyd_only("its workers close at once what they listen on")
def test_who_waits_to_be_accepted_is_served_by_a_worker_that_is_told_to_leave(serve: Serve) -> None:
    server = serve(HELLO)
    worker = wait_for_service(server)[0]
    os.kill(worker, signal.SIGSTOP)
    try:
        clients = [Client(server.port()) for _ in range(40)]
        for client in clients:
            client.request()
        server.signal(signal.SIGQUIT)
        server.wait_for_log("gracefully shutting down|signal 3|SIGQUIT")
    finally:
        os.kill(worker, signal.SIGCONT)
    for client in clients:
        assert client.read_response().body == b"hello"
        client.close()
    assert server.wait_for_exit() == 0


# Crashes


@proxyd_only("it leaves nothing but its signal")
@plain_only("they report instead")
def test_a_crash_leaves_a_report_of_the_request_its_step_its_client_and_the_stack(directory: Path) -> None:
    with make_server(directory, HELLO) as server:
        worker = wait_for_service(server)[0]
        os.kill(worker, signal.SIGSEGV)
        server.wait_for_log(rf"\[alert\] .*worker process {worker} exited on signal 11")
        log = server.log()
        who = rf"\[alert\] {worker}#{worker}: "
        told = rf"{who}worker 0 crashed: signal 11 \(SIGSEGV\) sent by process \d+, generation 1\n"
        assert re.search(told, log), log
        assert re.search(who + "crashed while no request was served\n", log), log
        assert re.search(who + r"crashed with this stack.*\n.*\[0x[0-9a-f]+\]\n", log), log
        assert re.search(r"_engine.*\.so", log), log
        assert fetch(server.port()).body == b"hello"


# Shared memory


@proxyd_only("it has no such zone")
def test_reloads_that_rename_all_backends_do_not_fill_the_zone_of_peers(serve: Serve) -> None:
    def many(generation: int) -> str:
        peers = "".join(f"server 127.0.{generation}.{number}:9;" for number in range(1, 251))
        return f"upstream u{generation} {{ {peers} }}\n" + HELLO + f"# {generation}\n"

    def in_use(generation: int) -> str:
        return many(generation) + (
            f"server {{ listen 127.0.0.1:{{port1}}; location / {{ proxy_pass http://u{generation}; }} }}"
        )

    server = serve(in_use(1))
    wait_for_service(server)
    for generation in range(2, 12):  # 2,750 peers in 1,024 records
        server.write_config(in_use(generation))
        done = server.run("reload")
        assert done.returncode == 0, done.stderr
    assert "zone of peers is full" not in server.log()
    assert status_of(server)["counters"]["zone_evictions"] >= 1000


# Everything at once

BACKEND_MOODS = (
    "well",
    "chunked",
    "large",
    "reset",
    "cut",
    "garbage",
    "interim",
    "closes",
    "early",
    "silent",
    "switch",
)
RUNNING = ("requests_active", "connections_active", "upstream_connections_active", "tunnels_active")


def moody(connection: Connection) -> None:
    """A backend that behaves as the path says."""
    while True:
        head = connection.receive_head()
        mood = head.target.decode().strip("/").split("/")[0]
        if mood == "early":
            connection.respond("before the body", headers=[("Connection", "close")])
            return
        connection.receive_body()
        if mood == "well":
            connection.respond("fine")
        elif mood == "chunked":
            connection.respond("x" * 5000, chunked=True)
        elif mood == "large":
            connection.respond("y" * 700_000)
        elif mood == "interim":
            connection.send("HTTP/1.1 102 Processing\r\n\r\n" * 50)
            connection.respond("at last")
        elif mood == "switch":
            connection.send(SWITCHING + "early")
            connection.receive_some()
            return
        elif mood == "silent":
            connection.receive_to_end()
        else:
            half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
            connection.send({"garbage": "what?\r\n\r\n", "closes": ""}.get(mood, half))
            if mood == "reset":
                connection.reset()
            return


def nasty_bytes(chance: random.Random) -> bytes:
    """One request, or nearly."""
    mood = chance.choice(BACKEND_MOODS)
    line = (
        f"{chance.choice(('GET', 'POST', 'HEAD', 'PUT'))} /{mood}/{chance.random()} HTTP/1.1\r\nHost: a\r\n"
    )
    if mood == "switch":
        return (line + "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n").encode()
    length = chance.choice((0, 1, 500, 20_000, 120_000))
    chunk = f"{length:x}\r\n" + "b" * length + "\r\n" if length else ""
    body = chance.choice(
        (
            f"Content-Length: {length}\r\n\r\n" + "b" * length,
            "Transfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n" + chunk + "zz\r\n",
            f"Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n" + "b" * length,
            "\r\n",
        )
    )
    return (line + body).encode()


def misbehave(port: int, chance: random.Random) -> None:
    """One connection of a client that nobody wants."""
    with Client(port, limit=0.3) as client, suppress(Reset, NeverHappened, OSError):
        for _ in range(chance.randint(1, 4)):
            whole = nasty_bytes(chance)
            client.send(
                whole[: chance.choice((len(whole), len(whole), len(whole), chance.randint(0, len(whole))))]
            )
        how = chance.choice(("read", "read", "some", "half", "reset", "leave"))
        if how == "half":
            client.half_close()
        if how in ("read", "half"):
            client.wire.rest()
        elif how == "some":
            client.wire.some(100)
        if how == "reset":
            client.reset()


@proxyd_only("it does not count")
@pytest.mark.parametrize("buffering", ["on", "off"])
def test_nothing_is_left_behind_by_clients_and_backends_that_do_their_worst(
    serve: Serve, buffering: str
) -> None:
    with Peer(moody, tolerant=True) as one, Peer(moody, tolerant=True) as two:
        server = serve(
            "upstream group { server {backend0} max_fails=0; server {backend1} max_fails=0; keepalive 4; }\n"
            + proxying(
                f"{UPGRADING} proxy_request_buffering {buffering}; proxy_read_timeout 2s;", backend="group"
            ),
            workers=2,
            backend0=one.address,
            backend1=two.address,
        )
        workers = wait_for_service(server, 2)
        seed = 0  # the same each time: others are for the fuzzers and the long tests

        def crowd(number: int) -> None:
            chance = random.Random(seed + number)
            for _ in range(60):
                misbehave(server.port(), chance)

        threads = [threading.Thread(target=crowd, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        def settled() -> bool:
            status = status_of(server)
            active = any(peer.get("active") for peer in status["peers"])
            return not active and not any(status["counters"][name] for name in RUNNING)

        wait_until(settled, lambda: f"counts of zero: {status_of(server)}")
        assert wait_for_service(server, 2) == workers


# Error pages of what is no request


NO_REQUESTS = {
    "no version": b"GET\r\n\r\n",
    "another version": b"GET /x HTTP/3.0\r\nHost: a\r\n\r\n",
    "above the root": b"GET /.. HTTP/1.1\r\nHost: a\r\n\r\n",
    "about the server": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
}

BAD_BODIES = {
    "no chunk": (b"3\r\nabc\r\nzz\r\n", 400),
    "too large": (b"14\r\n" + b"x" * 20 + b"\r\n0\r\n\r\n", 413),
}


def _paged(page: str) -> str:
    return (
        "server { listen 127.0.0.1:{port0}; client_max_body_size 10; "
        f"error_page 400 413 505 {page};\n"
        "    location / { proxy_pass http://{backend0}; }\n"
        f"    location {page} {{ proxy_pass http://{{backend0}}; }}\n"
        "}\n"
    )


def _answer_a_page(connection: Connection) -> None:
    connection.receive()
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")


@pytest.mark.parametrize("request_bytes", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_has_no_path_reaches_no_named_location(serve: Serve, request_bytes: bytes) -> None:
    """Such a request once ended the worker, or went on to the backend as the client wrote it."""
    with Peer(_answer_a_page) as peer:
        server = serve(_paged("@page"), backend0=peer.address)
        assert _first_line(server.port(), request_bytes) == b"HTTP/1.1 500 Internal Server Error"
        assert 'empty URI in redirect to named location "@page"' in server.log()
        assert not peer.connections


@proxyd_only("it waits for the rest of a body that cannot be understood")
@pytest.mark.parametrize("page", ["@page", "/page"])
@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_the_page_of_a_bad_body_does_not_wait_for_it(
    serve: Serve, page: str, body: bytes, status: int
) -> None:
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Peer(_answer_a_page) as peer:
        server = serve(_paged(page), backend0=peer.address)
        assert _first_line(server.port(), head + body).startswith(b"HTTP/1.1 %d " % status)


def _first_line(port: int, request_bytes: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rb") as answer:
        sock.settimeout(LIMIT)
        sock.sendall(request_bytes)
        return answer.readline().rstrip()


# Lines in a path


ARGUMENTS_OF_A_PATH = {
    "try_files": "try_files /absent /app?q=$uri;",
    "error_page": "error_page 404 = /app?q=$uri; return 404;",
    "set": "set $args q=$uri; proxy_pass http://{backend0};",
}


@proxyd_only("it sends what a path decodes to as it is")
@pytest.mark.parametrize("location", ARGUMENTS_OF_A_PATH.values(), ids=ARGUMENTS_OF_A_PATH)
def test_arguments_made_of_a_path_cannot_add_a_line_to_the_request(serve: Serve, location: str) -> None:
    with Peer(_answer_a_page) as peer:
        server = serve(
            "server { listen 127.0.0.1:{port0};\n"
            f"    location / {{ {location} }}\n"
            "    location /app { proxy_pass http://{backend0}; }\n"
            "}\n",
            backend0=peer.address,
        )
        fetch(server.port(), "/a%20b%0D%0AX-More:%201")
        (connection,) = peer.connections
        assert connection.received.split(b"\r\n")[0].endswith(b"?q=/a%20b%0D%0AX-More:%201 HTTP/1.1")
        assert b"\r\nX-More" not in connection.received


# Bodies that end up elsewhere


SMALLER_ELSEWHERE = """
server {
    listen 127.0.0.1:{port0};
    recursive_error_pages on;
    location / { proxy_pass http://{backend0}; proxy_request_buffering off; }
    location = /hello { return 200 hello; }
    location = /small { internal; client_max_body_size 1k; error_page 413 = @page; }
    location @page { proxy_pass http://{backend1}; proxy_http_version 1.0; }
}
"""


def test_a_body_that_is_too_large_elsewhere_becomes_no_request(serve: Serve) -> None:
    """The rest of a body came behind what its new backend took for all of it: as another request."""
    body_sent = threading.Event()

    def redirects(connection: Connection) -> None:
        connection.receive_head()
        connection.receive_piece(500)
        connection.send("HTTP/1.1 200 OK\r\nX-Accel-Redirect: /small\r\nContent-Length: 0\r\n\r\n")

    def answers_late(connection: Connection) -> None:
        connection.receive()
        body_sent.wait(LIMIT)
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")
        connection.receive()  # there is none: this ends with the connection

    rest = b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n".ljust(2500, b"x")
    with Peer(redirects) as first, Peer(answers_late) as second:
        server = serve(SMALLER_ELSEWHERE, backend0=first.address, backend1=second.address)
        with Client(server.port()) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + b"x" * 500)
            second.wait_for_requests(1)
            client.send(rest)
            assert fetch(server.port(), "/hello").body == b"hello"  # the worker has seen the rest by now
            body_sent.set()
            assert client.read_response().body == b"page"
        server.stop()
        second.wait_for_end(1)
        assert [(one.target, one.body) for one in second.requests] == [(b"/small", b"")]


# Variables that have no value


WITHOUT_A_VALUE = {
    "method": ("proxy_method $arg_none; proxy_pass http://{backend0};", 500),
    "body": ("proxy_set_body $arg_none; proxy_pass http://{backend0};", 200),
    "target": ("proxy_pass http://$arg_none;", 500),
    "bind": ("proxy_bind $arg_none; proxy_pass http://{backend0};", 200),
    "hashed": ("proxy_pass http://hashed;", 200),
    "rewritten": (
        "proxy_redirect / $arg_none; proxy_redirect $arg_none /x; proxy_cookie_path / $arg_none;"
        " proxy_cookie_domain $arg_none x; proxy_cookie_flags $arg_none secure; proxy_force_ranges on;"
        " proxy_limit_rate $arg_none; proxy_set_header X $arg_none; proxy_pass http://{backend0};",
        200,
    ),
    "tries": ("try_files $arg_none $arg_none/ =404;", 404),
    "fallback": ("try_files /absent $arg_none;", 404),
    "root": ("root $arg_none;", 404),
    "alias": ("alias $arg_none;", 404),
    "links": ("disable_symlinks on from=$arg_none; root {dir};", 404),
    "expires": ("expires $arg_none; return 200 x;", 200),
    "page": ("error_page 404 $arg_none; return 404;", 302),
    "location": ("return 302 $arg_none;", 302),
    "text": ("return 200 $arg_none;", 200),
    "rate": ("limit_rate $arg_none; limit_rate_after $arg_none; return 200 x;", 200),
    "fields": ("add_header ETag $arg_none; add_trailer X $arg_none; index $arg_none; root {dir};", 404),
    "tokens": ("server_tokens $arg_none; return 404;", 404),
    "set": ("set $limit_rate $arg_none; set $args $arg_none; return 200 $args;", 200),
}


@proxyd_only("it takes some of them for a mistake of the configuration")
def test_variables_without_a_value_end_no_worker(serve: Serve) -> None:
    """With a sanitizer: some of these added to a pointer that was none."""
    locations = [f"location /{name}/ {{ {text} }}" for name, (text, _) in WITHOUT_A_VALUE.items()]
    upstream = "upstream hashed { hash $arg_none consistent; server {backend0}; server {backend0}; }"
    with Peer() as peer:
        text = f"{upstream} server {{ listen 127.0.0.1:{{port0}}; {' '.join(locations)} }}"
        server = serve(text, backend0=peer.address)
        ranged = "Range: bytes=0-0\r\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        for name, (_, status) in WITHOUT_A_VALUE.items():
            assert fetch(server.port(), f"/{name}/x", headers=ranged).status == status, name


# Names of files


@proxyd_only("such a location opens the directory above")
@pytest.mark.parametrize("more", ["", "try_files $uri =404;"])
def test_no_path_climbs_out_of_an_alias(serve: Serve, more: str) -> None:
    server = serve(
        "server { listen 127.0.0.1:{port0};\n"
        f"    location /files {{ alias {{dir}}/public/; {more} }}\n"
        "}\n"
    )
    (server.directory / "public").mkdir()
    (server.directory / "public" / "open").write_text("for all")
    (server.directory / "secret").write_text("for nobody")
    assert fetch(server.port(), "/files/open").body == b"for all"
    assert fetch(server.port(), "/files../public/open").status == 404
    assert fetch(server.port(), "/files../secret").status == 404
