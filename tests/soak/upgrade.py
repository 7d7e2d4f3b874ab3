"""The program replaced and put back ten times under load (USR2, WINCH; HUP, QUIT), then replaced for good."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.e2e.load import Backend, Load
from tests.e2e.upgrading import (
    begin_upgrade,
    ended_at_last,
    master_of,
    old_pid_path,
    workers_of_master,
)
from tests.e2e.watching import wait_for_end, wait_for_service
from tests.soak.sites import command, make, scratch, site, tell_failures
from tests.soak.table import Row, percentile, waits
from tests.support.server import Server
from tests.support.waiting import wait_until

TUNNELS = 20
WORKERS = 2


def there_and_back(server: Server, load: Load) -> tuple[float, float]:
    """Upgrade, let the new master serve alone, go back; gives how long both took, in milliseconds."""
    started = time.monotonic()
    old, new = begin_upgrade(server, WORKERS)
    took = (time.monotonic() - started) * 1000
    os.kill(old, signal.SIGWINCH)
    wait_until(lambda: not workers_of_master(old), "the old workers to leave")
    load.wait_for(requests=200)
    started = time.monotonic()
    os.kill(old, signal.SIGHUP)
    wait_until(lambda: len(workers_of_master(old)) == WORKERS, "workers of the old master")
    os.kill(new, signal.SIGQUIT)
    wait_until(lambda: not workers_of_master(new), "the new workers to leave")
    back = (time.monotonic() - started) * 1000
    load.wait_for(requests=200)
    return took, back


def for_good(server: Server, load: Load) -> float:
    """`proxyd upgrade`; gives how long it took, in milliseconds, or 0 when it failed."""
    started = time.monotonic()
    status, said = command(server, "upgrade")
    if status:
        print(said)
        return 0.0
    took = (time.monotonic() - started) * 1000
    wait_for_service(server, WORKERS)
    load.wait_for(requests=200)
    return took


def run(scale: float) -> list[Row]:
    """The run."""
    times = max(1, round(10 * scale))
    with scratch() as directory, Backend() as backend:
        server = make(Path(directory), site(), workers=WORKERS, backend0=backend.address)
        server.start()
        with ended_at_last(server):
            wait_for_service(server, WORKERS)
            # A tunnel would keep the new master, and the way back is over only when it has gone.
            wishes = {"clients": 16, "fresh": 4, "downloads": 2, "pause": 0.01, "seconds": 60.0 + 20 * times}
            with (
                Load(server.port(), **wishes, download_bytes=2_000_000) as load,
                Load(server.port(), clients=0, tunnels=TUNNELS, seconds=60.0 + 20 * times) as tunnels,
            ):
                tunnels.wait_until_open(TUNNELS)
                trips = [_trip(server, load, tunnels) for _ in range(times)]
                ends = [for_good(server, load) for _ in range(times)]
                held, report = tunnels.stop(), load.stop()
            last = master_of(server.pid_path)
            wait_until(lambda: not old_pid_path(server).exists(), "the old masters to leave")
            if server.process is not None:
                server.wait_for_exit()
            log = server.log()
        wait_for_end(last)
    tell_failures(report)
    tell_failures(held)
    alarming = sum(log.count(f"[{level}]") for level in ("alert", "crit", "emerg"))
    counted = report.counted
    return [
        Row("upgrade", "ways to the new program and back", len(trips)),
        Row("upgrade", "upgrades by command that failed", ends.count(0.0), f"of {times}", "= 0"),
        Row("upgrade", "requests answered", report.requests),
        Row("upgrade", "failed requests and downloads", report.failed, "", "= 0"),
        Row("upgrade", "failed tunnels", held.failed, "", "= 0"),
        Row(
            "upgrade",
            "tunnels opened (more: dropped ones)",
            held.counted["tunnels_opened"],
            "",
            f"= {TUNNELS}",
        ),
        Row("upgrade", "alarming lines in the log", alarming, "", "= 0"),
        Row("upgrade", "until both serve, median", percentile([there for there, _ in trips], 0.5), "ms"),
        Row("upgrade", "the way back, median", percentile([back for _, back in trips], 0.5), "ms"),
        Row("upgrade", "proxyd upgrade, median", percentile(ends, 0.5), "ms"),
        Row(
            "upgrade", "longest wait of a request", counted["longest_ms"], "ms", note=waits(counted["waits"])
        ),
    ]


def _trip(server: Server, load: Load, tunnels: Load) -> tuple[float, float]:
    took = there_and_back(server, load)
    tunnels.wait_for(rounds=20)
    wait_until(lambda: not old_pid_path(server).exists(), "the new master to leave")
    return took
