"""Looking at a server's processes: who lives, who serves, what `proxyd status` counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.server import Server
from tests.support.waiting import wait_until

WITHOUT_SETUID = ["setpriv", "--bounding-set=-setuid", "--"]
"""Put before a command: root, but not allowed to become somebody else."""


def is_alive(pid: int) -> bool:
    """Whether there is such a process, a zombie not counted. (One that ends loses its title first, then its
    descriptors, whose end others wait for.)
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_for_end(*pids: int) -> None:
    """Wait until none of them is alive."""
    wait_until(lambda: not any(map(is_alive, pids)), lambda: f"the end of {list(filter(is_alive, pids))}")


def workers_of(server: Server, count: int = 1, without: list[int] | None = None) -> list[int]:
    """Wait until the server has so many workers, none of them in `without`; gives their pids."""

    def found() -> list[int] | None:
        pids = server.worker_pids()
        return pids if len(pids) == count and not set(pids) & set(without or ()) else None

    return wait_until(found, lambda: f"{count} workers; there are {server.children()}")


def status_of(server: Server) -> dict[str, Any]:
    """What `proxyd status` tells."""
    done = server.run("status", "--json")
    assert done.returncode == 0, done.stderr
    status: dict[str, Any] = json.loads(done.stdout)
    return status


def wait_for_service(server: Server, count: int = 1) -> list[int]:
    """Wait until so many workers of proxyd serve what the master does; gives their pids."""

    def serving() -> list[int] | None:
        status = status_of(server)
        rows = [row for row in status["workers"] if row["state"] == "serving"]
        current = [row["pid"] for row in rows if row["generation"] == status["generation"]]
        return sorted(current) if len(current) == count else None

    return wait_until(serving, lambda: f"{count} serving workers; {status_of(server)['workers']}")
