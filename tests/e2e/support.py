"""What the e2e tests share: which server is under test, and how it is started and looked at."""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from tests.support.messages import Ended
from tests.support.server import Server, command_of, environment
from tests.support.waiting import wait_until

KIND = cast(Literal["nginx", "proxyd"], os.environ.get("E2E_SERVER", "proxyd"))

Serve = Callable[..., Server]
"""serve(http, **arguments of Server): a started server, stopped and checked at the end of the test"""

# What nginx 1.31, whose defaults proxyd has, does without being told; and no temporary files.
_AS_PROXYD_IS = "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_max_temp_file_size 0;\n"

_NEVER_IN_A_LOG = re.compile(r"\[(alert|crit|emerg)\]|exited on signal|AddressSanitizer|runtime error")


def proxyd_only(why: str) -> pytest.MarkDecorator:
    """Skip a test when nginx is in proxyd's place; `why` says what is different there."""
    return pytest.mark.skipif(KIND == "nginx", reason=f"not so in nginx: {why}")


SANITIZED = "asan" in os.environ.get("PROXYD_CMD", "")


def plain_only(why: str) -> pytest.MarkDecorator:
    """Skip a test when the engine runs under sanitizers; `why` says what they take for themselves."""
    return pytest.mark.skipif(SANITIZED, reason=f"not under sanitizers: {why}")


def make_server(directory: Path, http: str, **arguments: Any) -> Server:
    """A server of the kind under test, not started."""
    defaults = _AS_PROXYD_IS if KIND == "nginx" else ""
    return Server(KIND, directory, defaults + http, **arguments)


@contextmanager
def starting(directory: Path) -> Iterator[tuple[Serve, list[Server]]]:
    """What starts servers below a directory, and those that it started; at the end they are stopped."""
    servers: list[Server] = []
    with ExitStack() as stack:

        def start(http: str, **arguments: Any) -> Server:
            server = make_server(directory / f"server{len(servers)}", http, **arguments)
            servers.append(server)
            return stack.enter_context(server)

        yield start, servers


def quit_in_order(server: Server) -> None:
    """End it once all requests are finished. (nginx then calls closing idle connections an alert.)"""
    if server.kind == "proxyd" and server.process is not None and server.process.poll() is None:
        assert server.stop(signal.SIGQUIT) == 0


def check_it_lived_well(server: Server) -> None:
    """No process of it died or complained about itself."""
    everything = server.log() + (server.directory / "stderr").read_text("latin-1")
    said = [line for line in everything.split("\n") if _NEVER_IN_A_LOG.search(line)]
    assert not said, f"{server.kind} said:\n" + "\n".join(said)


def stranger() -> dict[str, Any]:
    """Arguments of subprocess that make a process an unprivileged user's. Skips where none can be had."""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    nobody = pwd.getpwnam("nobody")
    identity: dict[str, Any] = {
        "user": nobody.pw_uid,
        "group": nobody.pw_gid,
        "extra_groups": [],
        "env": environment(),
    }
    try:
        subprocess.run([*command_of(KIND), "-v"], **identity, cwd="/", capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this checkout, or its Python, lies where no other user may look: {error}")
    return identity


class Pace:
    """Moments of ours between which less time must pass than the server has patience."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._last = time.monotonic()
        self.late = False

    def mark(self) -> None:
        """A moment that the server has seen, at the latest now."""
        now = time.monotonic()
        self.late = self.late or now - self._last > self._patience
        self._last = now


def in_time(patience: float, attempt: Callable[[Pace], None]) -> None:
    """Do what a server with so much patience must not give up; again where it failed and we were late.

    A machine may stand still for longer than any timeout that a test can wait for.
    """
    for tries_left in reversed(range(5)):
        pace = Pace(patience)
        try:
            attempt(pace)
            return
        except (AssertionError, Ended):
            pace.mark()
            if not pace.late or not tries_left:
                raise


@contextmanager
def asleep(pid: int) -> Iterator[None]:
    """A process that sees what we do only when we have done all of it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def only_worker(server: Server) -> int:
    """The pid of the worker, once it runs."""
    (pid,) = wait_until(server.worker_pids, "a worker")
    return pid


def memory_kilobytes(pid: int) -> int:
    """The memory that a process was given, files apart. Under sanitizers, whose memory is not its own: 0.

    Pages shared with a parent count whole: a share in them would change whenever some other process ends.
    """
    if SANITIZED:
        return 0
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    matched = re.search(r"^Anonymous:\s+(\d+) kB", text, re.MULTILINE)
    assert matched, text
    return int(matched[1])


def proxying(more: str = "", *, backend: str = "{backend0}", server: str = "") -> str:
    """The shortest configuration that proxies: one server, one location."""
    return (
        f"server {{ listen 127.0.0.1:{{port0}}; {server}\n"
        f"    location / {{ {more} proxy_pass http://{backend}; }}\n"
        f"}}\n"
    )
