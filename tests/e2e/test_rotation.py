"""Rotation under load: every kind of log, renamed and reopened again and again, keeps each line once."""

from __future__ import annotations

import gzip
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.support import make_server, proxyd_only
from tests.e2e.test_logs import BARE, by_command
from tests.e2e.watching import wait_for_service, workers_of
from tests.support.client import Client
from tests.support.messages import Ended
from tests.support.ports import ReservedPort
from tests.support.server import Server
from tests.support.waiting import wait_until

CLIENTS = 4
ROTATIONS = 20
LOGS = ("plain.log", "buffered.log", "zipped.log", "hosts/one.log", "errors.log")

# Each request is a line in each of them: it finds no backend.
CONFIG = (
    BARE
    + """
access_log {dir}/plain.log bare;
access_log {dir}/buffered.log bare buffer=2k flush=20ms;
access_log {dir}/zipped.log bare gzip buffer=2k flush=20ms;
access_log {dir}/hosts/$host.log bare;
open_log_file_cache max=10 inactive=1h valid=1h;
error_log {dir}/errors.log;
keepalive_requests 1000000;
server { listen 127.0.0.1:{port0}; location / { proxy_pass http://{backend0}; } }
"""
)


@dataclass
class Visitors:
    """Clients that never rest. ``answered``: the targets whose answer they have."""

    port: int
    answered: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)  # the connection broke before the answer
    _over: threading.Event = field(default_factory=threading.Event)

    def visit(self, who: int) -> None:
        """Request /WHO/0, /WHO/1 and so on."""
        number = 0
        while not self._over.is_set():
            try:
                with Client(self.port) as client:
                    while not self._over.is_set():
                        target = f"/{who}/{number}"
                        number += 1
                        self.unsure.append(target)
                        client.send(f"GET {target} HTTP/1.1\r\nHost: one\r\n\r\n")
                        assert client.read_response().status == 502
                        self.answered.append(target)
                        self.unsure.remove(target)
            except (OSError, Ended):
                continue

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them."""
        threads = [threading.Thread(target=self.visit, args=[who]) for who in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more were answered."""
        wanted = len(self.answered) + count
        wait_until(lambda: len(self.answered) >= wanted, "answers")


def prepare(directory: Path, **arguments: str) -> Server:
    """A server with two workers, and the directory that they may write to."""
    hosts = directory / "server" / "hosts"
    hosts.mkdir(parents=True)
    hosts.chmod(0o777)
    return make_server(directory / "server", CONFIG, access_log="", workers=2, **arguments)


def move_away(server: Server, number: int) -> list[Path]:
    """Rename every log."""
    moved = []
    for name in LOGS:
        path = server.directory / name
        moved.append(path.rename(path.with_name(f"{path.name}.{number:02}")))
    return moved


def content(path: Path) -> str:
    """Lines of one file; a compressed one must be whole."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.name.startswith("zipped") else data).decode()


def targets(server: Server, name: str) -> Counter[str]:
    """What the log and its moved parts say was asked for."""
    parts = sorted((server.directory / name).parent.glob(Path(name).name + "*"))
    text = "".join(map(content, parts))
    if name == "errors.log":
        return Counter(re.findall(r'refused.*request: "GET (\S+) HTTP', text))
    return Counter(text.split())


@proxyd_only("it has no such command")
def test_twenty_rotations_under_load_lose_and_double_no_line(directory: Path) -> None:
    with ReservedPort() as nobody:
        server = prepare(directory, backend0=f"127.0.0.1:{nobody.number}")
        with server:
            wait_for_service(server, 2)
            visitors = Visitors(server.port())
            closed: dict[Path, bytes] = {}
            with visitors.at_work():
                for number in range(ROTATIONS):
                    visitors.wait_for_more(40)
                    moved = move_away(server, number)
                    by_command(server)
                    closed |= {path: path.read_bytes() for path in moved}
                visitors.wait_for_more(40)
            assert server.stop(signal.SIGQUIT) == 0
            assert not visitors.unsure
            assert {path for path, then in closed.items() if path.read_bytes() != then} == set()
            for name in LOGS:
                assert targets(server, name) == Counter(visitors.answered), name


@proxyd_only("it has no such command")
def test_a_worker_killed_while_logs_are_rotated_loses_and_doubles_no_line(directory: Path) -> None:
    with ReservedPort() as nobody:
        server = prepare(directory, backend0=f"127.0.0.1:{nobody.number}")
        with server:
            workers = wait_for_service(server, 2)
            visitors = Visitors(server.port())
            with visitors.at_work():
                for number in range(6):
                    visitors.wait_for_more(40)
                    killer = threading.Timer(0.002 * number, os.kill, (workers[number % 2], signal.SIGKILL))
                    killer.start()
                    move_away(server, number)
                    by_command(server)
                    killer.join()
                    workers_of(server, 2, without=[workers[number % 2]])
                    workers = wait_for_service(server, 2)
            assert server.stop(signal.SIGQUIT) == 0
            for name in LOGS:
                found = targets(server, name)
                assert [target for target, count in found.items() if count > 1] == [], name
                # A worker may die between the answers that it gave last and their lines.
                lost = Counter(visitors.answered) - found
                assert lost.total() <= CLIENTS * 6, name
