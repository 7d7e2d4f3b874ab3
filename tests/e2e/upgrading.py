"""Replacing a server's program: who its masters are, and how they end."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.watching import is_alive, wait_for_end, wait_for_service
from tests.support.server import Server, child_pids, process_title
from tests.support.waiting import wait_until

_STARTED = re.compile(r"start new binary process (\d+)")


def master_of(path: Path) -> int:
    """The pid in a pid file; 0: there is none."""
    try:
        return int(path.read_text() or 0)
    except FileNotFoundError:
        return 0


def old_pid_path(server: Server) -> Path:
    """Where the pid of a master is that was told to make place."""
    return server.pid_path.with_name(server.pid_path.name + ".oldbin")


def begin_upgrade(server: Server, workers: int = 1) -> tuple[int, int]:
    """USR2; gives the pids of the old and the new master, which both serve."""
    old = master_of(server.pid_path)
    os.kill(old, signal.SIGUSR2)
    wait_until(lambda: master_of(server.pid_path) not in (0, old), lambda: f"a new master; {server.output()}")
    new = master_of(server.pid_path)
    assert master_of(old_pid_path(server)) == old
    wait_for_service(server, workers)
    return old, new


@contextmanager
def upgrade_at_a_gate(server: Server, site: str) -> Iterator[tuple[int, int, int]]:
    """USR2, for a new master that gets no further than this site's first line, which it reads from a pipe.

    Gives the old and the new master and our end of the pipe; once that is closed the new one goes on.
    """
    gate = server.directory / "gate"
    os.mkfifo(gate)
    server.write_config(f"include {gate};\n{site}")
    old = master_of(server.pid_path)
    os.kill(old, signal.SIGUSR2)
    end = wait_until(lambda: _reader_of(gate), "a new master that reads its configuration")
    said = wait_until(lambda: _STARTED.search(server.log()), "the number of the new master")
    try:
        yield old, int(said[1]), end
    finally:
        with suppress(OSError):
            os.close(end)


def _reader_of(gate: Path) -> int | None:
    """A descriptor to write to a pipe with, if somebody reads it."""
    try:
        return os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None


def workers_of_master(pid: int) -> list[int]:
    """The workers of one master that do not leave."""
    titles = {child: process_title(child) for child in child_pids(pid)}
    return sorted(c for c, title in titles.items() if "worker process" in title and "shutting" not in title)


def finish(old: int) -> None:
    """Let the old master leave, and wait for its end."""
    os.kill(old, signal.SIGQUIT)
    wait_for_end(old)


@contextmanager
def ended_at_last(server: Server) -> Iterator[Server]:
    """Around a test: whoever is the master at its end is told to leave, and does."""
    try:
        yield server
    except BaseException:
        server.kill()  # all are in one process group
        raise
    for path in (server.pid_path, old_pid_path(server)):
        pid = master_of(path)
        if pid and is_alive(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
            if server.process is not None and server.process.pid == pid:
                server.wait_for_exit()
            wait_for_end(pid)
    if server.process is not None:
        server.process.poll()
