"""Bodies that do not fit into memory: of requests, of answers to slow clients; and disks that are full."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.support import KIND, Serve, make_server, memory_kilobytes, only_worker, proxyd_only
from tests.support.client import Client, fetch
from tests.support.messages import Ended, Message
from tests.support.peer import Connection, Peer, answering
from tests.support.server import Server
from tests.support.waiting import wait_until

MEGABYTE = 1 << 20
BODY = hashlib.sha256(b"seed").digest() * (300_000 // 32)
LARGE = bytes(range(256)) * 4096 * 10
"""10 MB"""
SMALL = 16384
"""a receive buffer that keeps the kernel from hiding what the server holds"""
FEW_KILOBYTES = 3 * 1024
REQUEST_TOLD = r"\[warn\] .* a client request body is buffered to a temporary file {dir}/client_body/0*[1-9]"
ANSWER_TOLD = "an upstream response is buffered to a temporary file"
DISK_FULL = r'\[crit\] .*pwrite\(\) ".*" failed \((28: No space left on device|27: File too large)\)'

CONFIG = """
    client_max_body_size 0;
    server {
        listen 127.0.0.1:{port0};
        %s
        location /here { return 200 here; }
        location / { proxy_pass http://{backend0}; }
    }
"""


def digest(request: Message) -> str:
    """What a backend says of a body."""
    return hashlib.sha256(request.body).hexdigest()


SAYS_DIGEST = answering(digest)
SAID = hashlib.sha256(BODY).hexdigest().encode()


def in_chunks(body: bytes) -> bytes:
    """A chunked POST of this body."""
    pieces = [body[at : at + 7000] for at in range(0, len(body), 7000)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return b"POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + framed


def files_below(path: Path) -> list[str]:
    """All files that have a name there."""
    return sorted(str(found.relative_to(path)) for found in path.rglob("*") if found.is_file())


def file_sizes(pid: int) -> list[int]:
    """The sizes of the nameless files below our test's directory that a process has open."""
    sizes = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            link = os.readlink(fd)
            if link.endswith("(deleted)") and "proxyd-test" in link:
                sizes.append(fd.stat().st_size)
    return sizes


def wait_for_no_files(pid: int) -> None:
    """Wait until all temporary files are closed."""
    wait_until(lambda: not file_sizes(pid), "the end of temporary files")


def give_turns(server: Server, count: int = 50) -> None:
    """Give the worker turns in which it could take too much, and see that it serves others."""
    with Client(server.port()) as client:
        for _ in range(count):
            assert client.get("/here").body == b"here"


# Bodies of requests


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_larger_than_the_buffer_reaches_the_backend_whole_and_leaves_nothing_behind(
    serve: Serve, framing: str, version: str
) -> None:
    with Peer(SAYS_DIGEST) as peer:
        server = serve(CONFIG % f"proxy_http_version {version};", backend0=peer.address)
        with Client(server.port()) as client:
            if framing == "length":
                assert client.get(method="POST", body=BODY).body == SAID
            else:
                client.send(in_chunks(BODY))
                assert client.read_response().body == SAID
        request = peer.requests[-1]
        assert request.header("Content-Length") == b"%d" % len(BODY)
        server.wait_for_log(REQUEST_TOLD.replace("{dir}", str(server.directory)))
        wait_for_no_files(only_worker(server))
        assert files_below(server.directory / "client_body") == []


def test_a_chunked_body_of_several_megabytes_gets_a_length_for_an_old_backend(serve: Serve) -> None:
    body = LARGE[: 5 * MEGABYTE]
    with Peer(SAYS_DIGEST) as peer:
        server = serve(CONFIG % "proxy_http_version 1.0;", backend0=peer.address)
        with Client(server.port()) as client:
            client.send(in_chunks(body))
            assert client.read_response().body == hashlib.sha256(body).hexdigest().encode()


def test_a_body_in_a_file_can_be_sent_to_another_backend(serve: Serve) -> None:
    def takes_and_leaves(connection: Connection) -> None:
        connection.receive()
        connection.close()

    with Peer(takes_and_leaves) as first, Peer(SAYS_DIGEST) as second:
        server = serve(
            "upstream u { server {backend0}; server {backend1} backup; }"
            + CONFIG.replace("{backend0}", "u") % "proxy_next_upstream error timeout non_idempotent;",
            backend0=first.address,
            backend1=second.address,
        )
        assert fetch(server.port(), method="POST", body=BODY).body == SAID
        assert first.requests[0].body == second.requests[0].body == BODY
        wait_for_no_files(only_worker(server))


@pytest.mark.parametrize("size", [8192, 10240, 10241, 65536, 65537, 200_001])
def test_bodies_around_the_sizes_of_buffers_lose_nothing(serve: Serve, size: int) -> None:
    body = LARGE[:size]
    with Peer(SAYS_DIGEST) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        expected = hashlib.sha256(body).hexdigest().encode()
        with Client(server.port()) as client:
            for _ in range(3):
                assert client.get(method="POST", body=body).body == expected
                client.send(in_chunks(body))
                assert client.read_response().body == expected


def test_a_body_that_comes_in_bits_is_put_together(serve: Serve) -> None:
    body = BODY[:30_000]
    with Peer(SAYS_DIGEST) as peer:
        server = serve(CONFIG % "client_body_buffer_size 1k;", backend0=peer.address)
        with Client(server.port()) as client:
            client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n")
            client.dribble(body, 37)
            assert client.read_response().body == hashlib.sha256(body).hexdigest().encode()


def test_files_that_are_asked_for_stay_in_their_levels(serve: Serve) -> None:
    with Peer(SAYS_DIGEST) as peer:
        server = serve(
            CONFIG.replace("location / {", "location / { client_body_temp_path {dir}/kept 1 2; ")
            % "client_body_in_file_only on;",
            backend0=peer.address,
        )
        for body in (BODY, b"small"):
            fetch(server.port(), method="POST", body=body)
        kept = server.directory / "kept"
        found = files_below(kept)
        assert [name[-10:] for name in found] == ["0000000001", "0000000002"]
        assert [name[:5] for name in found] == ["1/00/", "2/00/"]
        assert [(kept / name).read_bytes() for name in found] == [BODY, b"small"]
        assert (kept / found[0]).stat().st_mode & 0o777 == 0o600


def test_files_to_be_cleaned_go_with_the_request(serve: Serve) -> None:
    def looks(connection: Connection) -> None:
        connection.receive()
        seen.append(files_below(kept))
        connection.respond("seen")

    seen: list[list[str]] = []
    with Peer(looks) as peer:
        server = serve(CONFIG % "client_body_in_file_only clean;", backend0=peer.address)
        kept = server.directory / "client_body"
        assert fetch(server.port(), method="POST", body=b"small").body == b"seen"
        server.wait_for_access(1)
        wait_until(lambda: not files_below(kept), "the end of the file")
        assert [len(names) for names in seen] == [1]


def test_a_client_that_leaves_within_its_body_leaves_no_file(serve: Serve) -> None:
    with Peer(SAYS_DIGEST) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        worker = only_worker(server)
        for end in (Client.close, Client.reset, Client.half_close):
            with Client(server.port()) as client:
                client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + BODY)
                wait_until(lambda: file_sizes(worker), "the file")
                end(client)
                wait_for_no_files(worker)
        server.wait_for_access(3, '"POST / HTTP/1.1" 400')
        assert peer.requests == []


def test_a_client_that_falls_silent_within_its_body_is_timed_out(serve: Serve) -> None:
    with Peer(SAYS_DIGEST) as peer:
        server = serve(CONFIG % "client_body_timeout 300ms;", backend0=peer.address)
        with Client(server.port()) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + BODY)
            client.ending()
        server.wait_for_access(1, '"POST / HTTP/1.1" 408')
        wait_for_no_files(only_worker(server))


def test_a_reload_does_not_touch_a_body_that_is_being_spooled(serve: Serve) -> None:
    with Peer(SAYS_DIGEST) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        worker = only_worker(server)
        with Client(server.port()) as client:
            client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(BODY)}\r\n\r\n")
            client.send(BODY[:100_000])
            wait_until(lambda: file_sizes(worker), "the file")
            assert server.run("-s", "reload").returncode == 0
            client.send(BODY[100_000:])
            assert client.read_response().body == SAID
        wait_for_no_files(worker)


@proxyd_only("nginx replaces the worker, too, but its files have had names")
def test_a_killed_worker_leaves_no_files(directory: Path) -> None:
    with (
        Peer(SAYS_DIGEST) as peer,
        make_server(directory / "server", CONFIG % "", backend0=peer.address) as server,
    ):
        worker = only_worker(server)
        with Client(server.port()) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + BODY)
            wait_until(lambda: file_sizes(worker), "the file")
            os.kill(worker, signal.SIGKILL)
            assert client.ending() in ("eof", "reset")
        assert files_below(server.directory / "client_body") == []
        wait_until(lambda: server.worker_pids() not in ([], [worker]), "another worker")
        assert fetch(server.port(), method="POST", body=BODY).body == SAID


# Answers


def sends(body: bytes, framing: str = "length") -> Callable[[Connection], None]:
    """A backend that sends this body and says so."""

    def script(connection: Connection) -> None:
        connection.receive()
        heads = {"length": f"Content-Length: {len(body)}", "chunked": "Transfer-Encoding: chunked"}
        connection.send(f"HTTP/1.1 200 OK\r\n{heads.get(framing, 'Connection: close')}\r\n\r\n")
        for at in range(0, len(body), 65536):
            piece = body[at : at + 65536]
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece)
        if framing == "chunked":
            connection.send("0\r\n\r\n")
        connection.tell(f"sent {connection.number}")

    return script


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_stalled_clients_do_not_hold_their_backends(serve: Serve, framing: str) -> None:
    clients = 6
    with Peer(sends(LARGE, framing)) as peer:
        server = serve(CONFIG % "proxy_max_temp_file_size 100m;", backend0=peer.address)
        worker = only_worker(server)
        give_turns(server)
        before = memory_kilobytes(worker)
        stalled = [Client(server.port(), receive_buffer=SMALL) for _ in range(clients)]
        for client in stalled:
            client.request()
        readings = [client.start_response() for client in stalled]
        for number in range(clients):
            peer.wait_for_label(f"sent {number + 1}")  # each of them can do other work
        give_turns(server)
        assert memory_kilobytes(worker) - before < clients * 150 + FEW_KILOBYTES
        assert readings[0].finish().body == LARGE
        for client in stalled:
            client.reset()
        wait_for_no_files(worker)
        assert files_below(server.directory / "proxy") == []
        assert len(server.wait_for_log(rf"\[warn\] .*{ANSWER_TOLD}", clients)) == clients


def test_behind_the_largest_file_the_backend_waits(serve: Serve) -> None:
    body = LARGE * 7  # more than the kernel's buffers on the way
    with Peer(sends(body)) as peer:
        server = serve(CONFIG % "proxy_max_temp_file_size 1m;", backend0=peer.address)
        worker = only_worker(server)
        with Client(server.port(), receive_buffer=SMALL) as client:
            client.request()
            reading = client.start_response()
            wait_until(lambda: file_sizes(worker), "the file")
            give_turns(server)
            (size,) = file_sizes(worker)
            assert size < MEGABYTE + 65536
            assert not peer.connections[0].script_over
            client.widen()
            assert b"".join(reading.stream()) == body


def test_a_backend_can_ask_for_buffering_and_against_it(serve: Serve) -> None:
    def script(connection: Connection) -> None:
        request = connection.receive()
        wish = request.target.decode().strip("/")
        connection.send(
            f"HTTP/1.1 200 OK\r\nX-Accel-Buffering: {wish}\r\nContent-Length: {len(LARGE)}\r\n\r\n"
        )
        connection.send(LARGE)
        connection.tell(f"sent {wish}")

    with Peer(script) as peer:
        for buffering, wish, spilled in (("off", "yes", True), ("on", "no", False), ("on", "?", True)):
            server = serve(CONFIG % f"proxy_buffering {buffering};", backend0=peer.address)
            worker = only_worker(server)
            with Client(server.port(), receive_buffer=SMALL) as client:
                client.request(f"/{wish}")
                reading = client.start_response()
                assert reading.message.header("X-Accel-Buffering") is None
                if spilled:
                    peer.wait_for_label(f"sent {wish}")
                give_turns(server)
                if spilled:
                    wait_until(lambda of=worker: file_sizes(of), "the file")  # type: ignore[misc]
                assert bool(file_sizes(worker)) == spilled
                assert reading.finish().body == LARGE


def test_a_client_that_leaves_a_spilled_answer_frees_everything(serve: Serve) -> None:
    with Peer(sends(LARGE)) as peer:
        server = serve(CONFIG % "proxy_max_temp_file_size 1m;", backend0=peer.address)
        worker = only_worker(server)
        client = Client(server.port(), receive_buffer=SMALL)
        client.request()
        client.start_response()
        wait_until(lambda: file_sizes(worker), "the file")
        client.reset()
        wait_for_no_files(worker)
        peer.wait_until(lambda: peer.connections[0].script_over, "the end of the backend's connection")
        server.wait_for_access(1, '"GET / HTTP/1.1" 200')


def test_of_a_backend_that_dies_all_that_it_sent_arrives_and_the_end_can_be_told(serve: Serve) -> None:
    def dies(connection: Connection) -> None:
        connection.receive()
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {2 * len(LARGE)}\r\n\r\n")
        connection.send(LARGE)
        connection.close()
        peer.tell("dead")

    with Peer(dies) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        with Client(server.port(), receive_buffer=SMALL) as client:
            client.request()
            reading = client.start_response()
            peer.wait_for_label("dead")
            server.wait_for_log("upstream prematurely closed connection while reading upstream")
            assert reading.exactly(len(LARGE)) == LARGE
            with pytest.raises(Ended):
                reading.exactly(1)
        wait_for_no_files(only_worker(server))


def test_a_reload_does_not_touch_an_answer_that_is_spilled(serve: Serve) -> None:
    with Peer(sends(LARGE)) as peer:
        server = serve(CONFIG % "", backend0=peer.address)
        worker = only_worker(server)
        with Client(server.port(), receive_buffer=SMALL) as client:
            client.request()
            reading = client.start_response()
            peer.wait_for_label("sent 1")
            server.write_config(CONFIG % "proxy_temp_path {dir}/elsewhere;")
            assert server.run("-s", "reload").returncode == 0
            assert reading.finish().body == LARGE
        wait_for_no_files(worker)
        assert (server.directory / "elsewhere").is_dir()


# Disks that are full, and directories that cannot be written


@contextmanager
def full_disk(directory: Path, http: str, **words: str) -> Iterator[Server]:
    """A server that has 1 MB for temporary files: a small file system, or else a limit of the worker."""
    temporary = directory / "small"
    temporary.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", str(temporary)]
    mounted = os.getuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    words["small"] = str(temporary)
    server = make_server(directory / "server", http, **words)
    try:
        with server:
            if not mounted:
                limits = (MEGABYTE, MEGABYTE)
                resource.prlimit(only_worker(server), resource.RLIMIT_FSIZE, limits)
            yield server
            assert server.stop(signal.SIGQUIT) == 0
    finally:
        if mounted:
            subprocess.run(["umount", str(temporary)], check=True)


SMALL_DISK = "client_body_temp_path {small}/bodies; proxy_temp_path {small}/answers;"


def test_a_body_for_which_the_disk_has_no_room_is_answered_500_and_nobody_else_notices(
    directory: Path,
) -> None:
    with (
        Peer(SAYS_DIGEST) as peer,
        full_disk(directory, CONFIG % SMALL_DISK, backend0=peer.address) as server,
    ):
        worker = only_worker(server)
        for _ in range(3):
            with Client(server.port()) as other:
                assert fetch(server.port(), method="POST", body=LARGE[: 3 * MEGABYTE]).status == 500
                assert other.get(method="POST", body=b"fits").status == 200
            assert fetch(server.port(), method="POST", body=BODY).body == SAID
        server.wait_for_log(DISK_FULL, 3)
        wait_for_no_files(worker)
        assert only_worker(server) == worker


@proxyd_only("nginx cuts the answer off")
def test_an_answer_for_which_the_disk_has_no_room_arrives_whole_while_its_backend_waits(
    directory: Path,
) -> None:
    body = LARGE * 7  # more than the kernel's buffers on the way
    with (
        Peer(sends(body), answering("other")) as peer,
        full_disk(directory, CONFIG % SMALL_DISK, backend0=peer.address) as server,
    ):
        worker = only_worker(server)
        with Client(server.port(), receive_buffer=SMALL) as client:
            client.request()
            reading = client.start_response()
            server.wait_for_log(DISK_FULL)
            assert fetch(server.port()).body == b"other"
            give_turns(server)
            assert not peer.connections[0].script_over
            client.widen()
            assert b"".join(reading.stream()) == body
            server.wait_for_access(1, f'"GET / HTTP/1.1" 200 {len(body)}')
        wait_for_no_files(worker)
        assert only_worker(server) == worker
        assert len(server.wait_for_log(DISK_FULL)) == 1  # it is not tried again and again


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@proxyd_only("nginx cuts the answer off")
def test_answers_arrive_whole_without_a_directory_for_files(directory: Path, framing: str) -> None:
    with Peer(sends(LARGE, framing)) as peer:
        server = make_server(directory / "server", CONFIG % "", backend0=peer.address)
        with server:
            (server.directory / "proxy").rmdir()
            with Client(server.port(), receive_buffer=SMALL) as client:
                client.request()
                reading = client.start_response()
                server.wait_for_log(r'\[crit\] .*open\(\) ".*/proxy/0000000001" failed \(2: No such file')
                client.widen()
                assert b"".join(reading.stream()) == LARGE


@pytest.mark.skipif(KIND == "nginx", reason="its master makes the directory again at a reload only")
def test_a_directory_that_is_gone_is_an_error_to_those_who_need_it(directory: Path) -> None:
    with Peer(SAYS_DIGEST) as peer:
        server = make_server(directory / "server", CONFIG % "", backend0=peer.address)
        with server:
            (server.directory / "client_body").rmdir()
            assert fetch(server.port(), method="POST", body=BODY).status == 500
            assert fetch(server.port(), method="POST", body=b"small").status == 200
            server.wait_for_log(r'\[crit\] .*open\(\) ".*/client_body/0000000001" failed \(2: No such file')
            assert server.run("-s", "reload").returncode == 0  # makes it
            assert fetch(server.port(), method="POST", body=BODY).body == SAID
