"""A bounded load: keep-alive clients, slow downloads and tunnels; every byte checked, every failure counted.

    with Backend() as backend:
        server = serve(..., backend0=backend.address)
        with Load(server.port(), tunnels=10) as load:
            load.wait_for(requests=200)
            ...
            report = load.stop()
    assert not report.failures

Clients and backend run in processes of their own (`load_clients`, `load_backend`), so that neither this
process nor each other's work slows them down, and so that a backend can be killed as a real one would be.

For what the report tells, the server adds fields to its answers: X-Worker ($pid) and X-Config (a word that
each configuration changes).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, Any

from tests.support.ports import ReservedPort
from tests.support.server import REPOSITORY
from tests.support.waiting import wait_until

REPORTING = 'add_header X-Worker $pid always; add_header X-Config "{word}" always;\n'

TUNNELS = (
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;\n"
    "proxy_set_header Connection $connection_upgrade;\n"
)
TUNNELS_MAP = "map $http_upgrade $connection_upgrade { default upgrade; '' ''; }\n"


class Backend:
    """A process that answers the load, in a `with`. Can be killed and started again on its port."""

    def __init__(self, name: str = "0") -> None:
        self.name = name
        self._port = ReservedPort()
        self.process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        """As it is written in a configuration."""
        return f"127.0.0.1:{self._port.number}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.process = _start("tests.e2e.load_backend", str(self._port.number), self.name)
        assert _line(self.process.stdout) == "ready", f"the backend {self.name} did not start"

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        assert self.process is not None
        self.process.kill()
        _end(self.process)

    def __enter__(self) -> Backend:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._port.release()


@dataclass(frozen=True)
class Failed:
    """One failure: see `load_clients.Failure` for the kinds."""

    kind: str
    who: str
    what: str
    detail: str
    worker: str | None
    """X-Worker of the last answer on this connection; None when there was none"""
    answered: bool
    """whether the response had begun"""
    at: float
    """CLOCK_MONOTONIC"""

    def __str__(self) -> str:
        begun = "in the middle of the response" if self.answered else "before the response"
        return f"{self.kind} {begun}, {self.who} {self.what} at worker {self.worker}: {self.detail}"


@dataclass(frozen=True)
class Report:
    """What the load has counted. Counters that are not named here: `load_clients.Counted`, in `counted`."""

    counted: dict[str, Any]

    @property
    def requests(self) -> int:
        """Requests that were answered rightly."""
        return int(self.counted["requests"])

    @property
    def failed(self) -> int:
        """How many failures there were."""
        return int(self.counted["failed"])

    @property
    def failures(self) -> list[Failed]:
        """The first failures (300 at most)."""
        return [Failed(**one) for one in self.counted["failures"]]

    def of_kind(self, *kinds: str) -> list[Failed]:
        """The failures of these kinds."""
        return [one for one in self.failures if one.kind in kinds]

    def tell_failures(self) -> str:
        """For the message of an assertion."""
        first = "\n".join(map(str, self.failures[:20]))
        return f"{self.failed} failures beside {self.requests} requests:\n{first}"

    def sent_last(self, word: str) -> float:
        """When the last request was sent that was answered with this X-Config (CLOCK_MONOTONIC)."""
        return float(self.counted["sent_last"].get(word, 0.0))

    @property
    def done(self) -> dict[str, list[int]]:
        """Of each client: the numbers of its answered requests, /small/CLIENT/NUMBER. Only at the end."""
        return dict(self.counted["done"])


class Load:
    """Clients that ask until they are stopped. The arguments are those of `load_clients.Wishes`."""

    def __init__(self, port: int, **wishes: Any) -> None:
        self._wishes = json.dumps({"port": port, **wishes})
        self._process: subprocess.Popen[str] | None = None
        self._last: Report | None = None

    def __enter__(self) -> Load:
        self._process = _start("tests.e2e.load_clients", self._wishes)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.kill()
        _end(self._process)

    def report(self) -> Report:
        """What was counted so far."""
        return self._ask("report")

    def wait_for(self, **more: int) -> Report:
        """Wait until the counters named have grown by so much since now, e.g. requests=100, rounds=10."""
        before = self.report()

        def grown() -> Report | None:
            now = self.report()
            enough = all(now.counted[name] >= before.counted[name] + by for name, by in more.items())
            return now if enough else None

        return wait_until(grown, lambda: f"{more}; {self.report().tell_failures()}")

    def wait_until_open(self, tunnels: int) -> Report:
        """Wait until so many tunnels are open."""

        def opened() -> Report | None:
            now = self.report()
            return now if now.counted["tunnels_open"] >= tunnels else None

        return wait_until(opened, lambda: f"{tunnels} tunnels; {self.report().tell_failures()}")

    def stop(self) -> Report:
        """Let every client finish what it is doing; gives the whole report."""
        assert self._process is not None
        if self._last is None:
            self._last = self._ask("stop")
            _end(self._process)
        return self._last

    def _ask(self, word: str) -> Report:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return Report(json.loads(_line(self._process.stdout)))


def _start(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C is for the tests; these end with their stdin
    )


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    line = stream.readline()
    assert line, "a process of the load ended"
    return line.rstrip("\n")


def _end(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait()
