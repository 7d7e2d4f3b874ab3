"""What the runs share: a directory, a server under load, and what it counts."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.load import REPORTING, TUNNELS, TUNNELS_MAP, Report
from tests.e2e.support import make_server, proxying
from tests.e2e.watching import status_of
from tests.support.server import Server
from tests.support.waiting import wait_until

_RUNNING = (
    *("requests_active", "connections_active", "upstream_connections_active", "tunnels_active"),
    "limit_conn_held",
)


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that workers can enter; removed when all went well."""
    path = Path(tempfile.mkdtemp(prefix="proxyd-soak-"))
    path.chmod(0o755)
    try:
        yield path
    except BaseException:
        print(f"what the servers left: {path}", file=sys.stderr)
        raise
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start it, and stop it however this ends."""
    server.start()
    try:
        yield server
    finally:
        server.__exit__()


def site(word: str = "0", more: str = "", backend: str = "{backend0}") -> str:
    """What a load needs; the word tells one configuration from the next."""
    server = REPORTING.replace("{word}", word)
    return (
        "keepalive_requests 1000000;\n"
        + TUNNELS_MAP
        + proxying(TUNNELS, server=server, backend=backend)
        + more
    )


def make(directory: Path, http: str, **arguments: Any) -> Server:
    """A server that is not started."""
    return make_server(directory, http, **arguments)


def counts_left(server: Server) -> dict[str, int]:
    """What is counted as running once nothing runs: waits for zeros, gives what stays."""

    def left() -> dict[str, int]:
        status = status_of(server)
        counted = {name: status["counters"][name] for name in _RUNNING if status["counters"][name]}
        peers = {f"active of {row['peer']}": row["active"] for row in status["peers"] if row.get("active")}
        return {**counted, **peers}

    try:
        wait_until(lambda: not left(), "zeros")
    except AssertionError:
        return left()
    return {}


def tell_failures(report: Report) -> None:
    """Show them on stderr: the table has their number alone."""
    if report.failed:
        print(report.tell_failures(), file=sys.stderr)


def command(server: Server, *arguments: str) -> tuple[int, str]:
    """Run a command of proxyd; gives the exit status and what it said."""
    done: subprocess.CompletedProcess[str] = server.run(*arguments, limit=60)
    return done.returncode, done.stderr
