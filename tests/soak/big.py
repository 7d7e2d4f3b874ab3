"""1,000 servers with 10,000 locations: how long a reload takes, and how long a request waits for it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.load import Backend, Load, Report
from tests.e2e.support import memory_kilobytes
from tests.e2e.watching import wait_for_service
from tests.soak.sites import command, make, running, scratch, site, tell_failures
from tests.soak.table import Row, percentile, waits
from tests.support.client import fetch
from tests.support.server import Server

SERVERS, LOCATIONS = 1000, 10

_BUSY = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"


def configuration(word: str) -> str:
    """All of it. The word changes one server."""
    parts = ["upstream app { server {backend0}; keepalive 16; }\n", site(word)]
    for number in range(SERVERS):
        locations = "".join(
            f"    location /p{place}/ {{ proxy_pass http://app; proxy_set_header Host $host;"
            f" proxy_read_timeout {place + 1}s; }}\n"
            for place in range(LOCATIONS)
        )
        parts.append(
            f"server {{ listen 127.0.0.1:{{port0}}; server_name s{number}.example.com;\n{locations}}}\n"
        )
    return "".join(parts)


def under_load(port: int, work: object) -> Report:
    """What the load says about the time that this work takes."""
    assert callable(work)
    with Load(port, clients=4, pause=0.004, post_every=0) as load:
        load.wait_for(requests=200)
        work()
        load.wait_for(requests=50)
        return load.stop()


def processor_ms(pid: int) -> float:
    """The time that a process has run, in milliseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def without_load(server: Server, pids: list[int], times: int) -> tuple[list[float], list[float]]:
    """How long reloads take when nothing else runs, and how long each keeps a worker from serving."""
    took: list[float] = []
    cost: list[float] = []
    for number in range(times):
        server.write_config(configuration(f"alone{number}"))
        before = [processor_ms(pid) for pid in pids]
        started = time.monotonic()
        status, said = command(server, "reload")
        took.append((time.monotonic() - started) * 1000)
        assert status == 0, said
        cost += [processor_ms(pid) - then for pid, then in zip(pids, before, strict=True)]
    return took, cost


def compute(seconds: float) -> None:
    """Keep a processor busy, as compiling does: the comparison for what requests wait."""
    subprocess.run([sys.executable, "-c", _BUSY, str(seconds)], check=True)


def run(scale: float) -> list[Row]:
    """The run."""
    times = max(3, round(20 * scale))
    took: list[float] = []
    rows: list[Row] = []
    with scratch() as directory, Backend() as backend:
        server = make(directory, configuration("0"), workers=2, backend0=backend.address)
        begin = time.monotonic()
        with running(server):
            pids = wait_for_service(server, 2)
            rows.append(Row("big", "start", (time.monotonic() - begin) * 1000, "ms"))
            rows.append(Row("big", "size of the file", server.config_path.stat().st_size / 1000, "kB"))
            before = sum(map(memory_kilobytes, pids))

            def reload_often() -> None:
                for number in range(1, times + 1):
                    server.write_config(configuration(str(number)))
                    started = time.monotonic()
                    status, said = command(server, "reload")
                    took.append((time.monotonic() - started) * 1000)
                    assert status == 0, said
                    assert fetch(server.port()).header("X-Config") == b"%d" % number

            report = under_load(server.port(), reload_often)
            alone, cost = without_load(server, pids, times)
            quiet = under_load(server.port(), lambda: compute(sum(took) / 1000))
            rows.append(Row("big", "memory of a worker", before / len(pids), "kB"))
            after = sum(map(memory_kilobytes, pids))
            rows.append(Row("big", f"memory of a worker after {times} reloads", after / len(pids), "kB"))
    tell_failures(report)
    return [
        *rows,
        Row("big", "time of a reload, median", percentile(alone, 0.5), "ms", "< 500"),
        Row("big", "time of a reload, longest", max(alone), "ms"),
        Row("big", "processor time of a worker for a reload, longest", max(cost), "ms", "< 20"),
        Row("big", "time of a reload under load, median", percentile(took, 0.5), "ms"),
        Row("big", "failed requests", report.failed, "", "= 0"),
        Row(
            "big",
            "longest wait of a request during reloads",
            report.counted["longest_ms"],
            "ms",
            "< 20",
            waits(report.counted["waits"]),
        ),
        Row(
            "big",
            "the same beside a busy processor, without reloads",
            quiet.counted["longest_ms"],
            "ms",
            "",
            waits(quiet.counted["waits"]),
        ),
    ]
