"""The fresh Debian, booted: its own systemd is process 1 of namespaces of its own, and runs the service."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.package.fresh import Debian, Failed
from tests.support.waiting import NeverHappened, wait_until

_HERE = Path(__file__).parent
_SECONDS = 60.0
_NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--cgroup")


class CannotBoot(Exception):
    """This machine does not let us; the text says what was in the way."""


class Booted:
    """A running systemd. Commands of its Debian run inside from now on."""

    def __init__(self, debian: Debian) -> None:
        self._debian = debian
        self._cgroup = _make_cgroup(debian.folder.parent / "cgroup")
        self._console = (debian.folder.parent / "console.log").open("w+b")
        join = ("sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', self._cgroup)  # 0: who writes it
        self._unshare = subprocess.Popen(
            [
                *join,
                "unshare",
                *_NAMESPACES,
                "--fork",
                "--kill-child",
                _HERE / "boot.sh",
                debian.folder,
                debian.packages,
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=self._console,
        )
        try:
            wait_until(self._is_up, "systemd to start", _SECONDS)
            debian.enter = ("nsenter", f"--target={self._first()}", *_NAMESPACES, "--root", "--wd", "--")
            self.state = self._wait_for_units()
        except CannotBoot:
            self.end()
            raise
        except NeverHappened as error:
            self.end()
            raise CannotBoot(str(error)) from error

    def end(self) -> None:
        """Pull the plug."""
        self._unshare.kill()  # its child, process 1 in there, goes with it, and with that all others
        self._unshare.wait()
        self._console.close()
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            _remove_cgroup(Path(folder))

    def _first(self) -> int:
        children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def _is_up(self) -> bool:
        if self._unshare.poll() is not None:
            self._console.seek(0)
            said = self._console.read().decode("utf-8", "replace").strip()
            raise CannotBoot(said.splitlines()[-1] if said else f"exit status {self._unshare.returncode}")
        first = self._first()
        return bool(first) and Path(f"/proc/{first}/root/run/systemd/private").exists()

    def _wait_for_units(self) -> str:
        """All that starts at boot has started, or failed to: "running" or "degraded"."""
        command = ["systemctl", "is-system-running", "--wait"]
        return self._debian.start(command, stdout=subprocess.PIPE).communicate()[0].decode().strip()


class Service:
    """proxyd.service, as systemctl shows it."""

    def __init__(self, debian: Debian) -> None:
        self._debian = debian
        self.how = "systemctl restart proxyd"

    def start(self) -> None:
        """Start it anew; it serves when this returns."""
        self._debian.run("systemctl", "restart", "proxyd")

    @property
    def main_pid(self) -> int:
        """As process 1 knows it."""
        return int(self.show("MainPID"))

    @property
    def running(self) -> bool:
        """Whether it has a process."""
        return self.show("ActiveState") not in ("inactive", "failed")

    def show(self, name: str) -> str:
        """A property."""
        return self._debian.run("systemctl", "show", "--value", f"--property={name}", "proxyd").strip()

    def wait_until(self, what: str, done: Callable[[], bool]) -> None:
        """Wait for something that systemd does."""
        try:
            wait_until(done, what, _SECONDS)
        except NeverHappened as error:
            raise Failed(f"{error}:\n{self.told()}") from error

    def wait_for_another(self, before: int) -> None:
        """Wait until it has another main process, and serves."""
        self.wait_until(
            "another main process",
            lambda: self.show("ActiveState") == "active" and self.main_pid not in (0, before),
        )

    def wait_for_end(self, pid: int) -> None:
        """Wait until this process is gone."""
        self.wait_until(
            f"the end of process {pid}",
            lambda: self._debian.run("sh", "-c", f"test -e /proc/{pid} || echo gone") != "",
        )

    def told(self) -> str:
        """What the journal has of it."""
        return self._debian.run("journalctl", "--no-pager", "--unit=proxyd", "--lines=50")

    def forget(self) -> None:
        """Nothing to tidy up."""


def _make_cgroup(place: Path) -> Path:
    """A group of our own, below the one that we are in: what systemd gets to govern."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "cgroup2", "cgroup2", place], capture_output=True, text=True)
    if done.returncode:
        raise CannotBoot(f"no cgroup2: {done.stderr.strip()}")
    ours = [
        line[4:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::/")
    ]
    made = place / ours[0] / f"proxyd-deb-test-{secrets.token_hex(4)}"
    try:
        made.mkdir()
    except OSError as error:
        raise CannotBoot(f"no control group: {error}") from error
    return made


def _remove_cgroup(folder: Path) -> None:
    """Its last processes may still be on their way out."""
    with suppress(NeverHappened):
        wait_until(lambda: _removed(folder), "the end of a control group", 5)


def _removed(folder: Path) -> bool:
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()
