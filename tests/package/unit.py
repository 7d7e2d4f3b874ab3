"""systemd's part, without systemd: the unit's command line, the socket on which it says that it is up."""

from __future__ import annotations

import configparser
import os
import shlex
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.package.fresh import Debian, Failed
from tests.support.waiting import wait_until

_UP_SECONDS = 30.0


class Unit:
    """A service started as its unit says."""

    def __init__(self, debian: Debian, path: str) -> None:
        self.debian = debian
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(Path(str(debian.folder) + path).read_text())
        self.command = shlex.split(parser["Service"]["ExecStart"])
        self.how = " ".join(self.command)
        self.directory = parser["Service"]["RuntimeDirectory"]
        self.main_pid = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def start(self) -> None:
        """Start it; returns when it has said READY=1. It must be the process that was started."""
        place = self.debian.folder / "run/notify"
        place.unlink(missing_ok=True)
        self._socket.bind(str(place))
        place.chmod(0o777)
        (self.debian.folder / "run" / self.directory).mkdir(exist_ok=True)
        self.process = self.debian.start(self.command, env={"NOTIFY_SOCKET": "/run/notify"})
        self.main_pid = self.process.pid
        self.wait_for_ready()

    def wait_for_ready(self) -> None:
        """Wait until the service says READY=1."""
        while self._hear().get("READY") != "1":
            pass

    def wait_for_another(self, before: int) -> None:
        """Wait until the main process is another one."""
        while self.main_pid == before:
            self._hear()

    def _hear(self) -> dict[str, str]:
        self._socket.settimeout(_UP_SECONDS)
        try:
            lines = self._socket.recv(4096).decode().split("\n")
        except TimeoutError:
            raise Failed("the service did not tell its manager what it does") from None
        said = dict(line.split("=", 1) for line in lines if "=" in line)
        self.main_pid = int(said.get("MAINPID", self.main_pid))
        return said

    def forget(self) -> None:
        """Nobody listens any more."""
        self._socket.close()
        (self.debian.folder / "run/notify").unlink()

    def wait_for_end(self, pid: int) -> None:
        """Wait until this process is gone."""
        wait_until(lambda: self._ended(pid), f"the end of process {pid}", _UP_SECONDS)

    def _ended(self, pid: int) -> bool:
        if self.process is not None:
            self.process.poll()  # bury it
        return not os.path.exists(f"/proc/{pid}")

    @property
    def running(self) -> bool:
        """Whether its main process has not ended."""
        with suppress(OSError):
            return Path(f"/proc/{self.main_pid}/stat").read_text().split()[2] != "Z"
        return False
