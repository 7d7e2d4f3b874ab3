"""What the tests of proxyd/process share: a proxyd with the engine's double, and questions to it."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.server import Server, environment
from tests.support.waiting import LIMIT, wait_until

COMMAND = [sys.executable, str(Path(__file__).with_name("fake_proxyd.py"))]
SITE = "server { listen 127.0.0.1:{port0}; return 200; }"


class FakeServer(Server):
    """A proxyd whose workers run tests/unit/fake_engine.py."""

    def __init__(self, directory: Path, http: str = SITE, **options: Any) -> None:
        super().__init__("proxyd", directory, http, **options)

    @property
    def command(self) -> list[str]:
        return [*COMMAND, "-c", str(self.config_path), "-p", f"{self.directory}/"]

    def start(self) -> None:
        super().start()
        wait_until(lambda: all(row["state"] == "serving" for row in self.status()["workers"]), "all workers")

    def status(self) -> dict[str, Any]:
        """What `proxyd status --json` says."""
        result = self.run("status", "--json")
        assert result.returncode == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        """Run a command and do not wait for it."""
        environment_ = {**environment(), **self._env}
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.directory,
            env=environment_,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, port: int = 0) -> dict[str, Any]:
        """One request on a new connection; the JSON of whichever worker took it."""
        with self.connect(port) as client:
            return ask_on(client)

    def connect(self, port: int = 0) -> socket.socket:
        """A connection that stays open."""
        return socket.create_connection(("127.0.0.1", self.port(port)), timeout=LIMIT)

    def ended(self, pid: int) -> bool:
        """Whether no process of this pid is left, not even a dead one."""
        return not Path(f"/proc/{pid}").exists()


def ask_on(client: socket.socket, path: str = "/") -> dict[str, Any]:
    """One request on a connection."""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"}"):
        part = client.recv(65536)
        assert part, f"the connection ended after {answer!r}"
        answer += part
    found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def links_of(pid: int) -> list[str]:
    """What its descriptors are. It may be closing some meanwhile."""
    found = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(path))
    return found


def refused(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)  # a full queue of a socket that nobody accepts from answers nothing
        return probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
