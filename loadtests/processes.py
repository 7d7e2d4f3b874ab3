"""Processes of a measurement: pinned to a CPU, awaited until they answer, ended by pid whatever happens."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loadtests import meter

START_SECONDS = 20.0
STOP_SECONDS = 10.0


class LoadTestError(Exception):
    """A measurement that cannot be made, with the reason."""


def free_ports(count: int) -> list[int]:
    """Ports that the kernel says are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def raise_file_limit() -> int:
    """Allow this process and its children as many open files as the system lets us; gives that number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def pinned(cpu: int, command: Sequence[str | Path]) -> list[str]:
    """`command`, run on one CPU only; its children inherit that."""
    return ["taskset", "--cpu-list", str(cpu), *map(str, command)]


@contextmanager
def running(command: Sequence[str | Path], cpu: int, directory: Path, ports: Sequence[int]) -> Iterator[int]:
    """Run `command` on `cpu` until the block ends; gives its pid once all `ports` accept connections."""
    output = directory / "output.txt"
    env = os.environ | {
        "HOME": str(directory),
        "XDG_DATA_HOME": str(directory),
        "XDG_CONFIG_HOME": str(directory),
    }
    with output.open("ab") as stream:
        process = subprocess.Popen(
            pinned(cpu, command),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=env,
            start_new_session=True,
        )
    try:
        for port in ports:
            _await_port(process, port, output)
        yield process.pid
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started."""
    pids = meter.tree(process.pid)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in pids:
            _kill(pid)
        process.wait()


def _await_port(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if _ended_within(process, 0.02):
                break
    raise LoadTestError(f"{process.args!r} does not serve port {port}:\n{output.read_text()[-2000:]}")


def _ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
