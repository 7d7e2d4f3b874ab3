"""Limits over several workers: what a rate lets in, what is counted after kills, what a decision costs."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from tests.e2e.test_limits import Holders, connections_limited, held, holding
from tests.e2e.watching import wait_for_service, workers_of
from tests.soak.sites import make, running, scratch
from tests.soak.table import Row
from tests.support.client import Client
from tests.support.peer import Peer, answering
from tests.support.server import Server

_ROOT = Path(__file__).resolve().parents[2]
_RATE, _BURST, _SECONDS = 100, 20, 10.0
_KILLING_SECONDS, _PLACES = 60.0, 40
_SOURCES = (
    *("shm/limit_table.c", "shm/limit_req.c", "shm/limit_place.c", "shm/limit_conn.c"),
    *("shm/robust.c", "shm/zone.c"),
)
_BASE = ("base/hash.c", "base/memory.c", "base/log.c")

_LIMITED = (
    f"limit_req_zone everybody zone=a:1m rate={_RATE}r/s;\n"
    "keepalive_requests 1000000;\n"
    "server {\n    listen 127.0.0.1:{port0} reuseport;\n    add_header Worker $pid always;\n"
    f"    location / {{ limit_req zone=a burst={_BURST} nodelay; limit_req_log_level info;\n"
    "        proxy_pass http://{backend}; }\n}\n"
)


def run(scale: float) -> list[Row]:
    """The run."""
    rows = [row for workers in (1, 2, 8) for row in _rate(workers, _SECONDS * scale)]
    return [*rows, *_kills(4, _KILLING_SECONDS * scale), *_bench()]


def _rate(workers: int, seconds: float) -> list[Row]:
    """More requests than the rate, all the time, over connections to all workers."""
    with scratch() as directory, Peer(answering("ok")) as backend:
        server = make(directory, _LIMITED, workers=workers, backend=backend.address)
        with running(server):
            wait_for_service(server, workers)
            admitted, times, seen = _ask(server, seconds)
    wanted = _let_in(times)
    with_workers = f"{workers} workers: "
    return [
        Row("limits", with_workers + "requests sent", len(times), f"to {seen} workers"),
        Row("limits", with_workers + f"let in by {_RATE} r/s in {times[-1] - times[0]:.1f} s", admitted),
        Row("limits", with_workers + "of that too many or too few", abs(admitted - wanted), "", "<= 1"),
    ]


def _ask(server: Server, seconds: float) -> tuple[int, list[float], int]:
    """How many were let in; when each was asked for, in seconds; how many workers answered."""
    clients = [Client(server.port()) for _ in range(32)]
    admitted, workers, times = 0, set(), [time.monotonic()]
    while times[-1] - times[0] < seconds:
        answer = clients[len(times) % len(clients)].get("/")
        workers.add(answer.header("Worker"))
        admitted += answer.status == 200
        times.append(time.monotonic())
    for client in clients:
        client.close()
    return admitted, times[:-1], len(workers)


def _let_in(times: list[float]) -> int:
    """How many of requests at these times the rule lets in: pauses of the machine, too, are in them."""
    excess, admitted, last = 0.0, 0, times[0]
    for now in times:
        after = max(0.0, excess - (now - last) * _RATE + (1 if admitted else 0))
        if after <= _BURST:
            excess, last, admitted = after, now, admitted + 1
    return admitted


def _kills(workers: int, seconds: float) -> list[Row]:
    """Connections come, go and lose their workers; between two kills a limit lets in what it may."""
    wrong = kills = rounds = 0
    with scratch() as directory, Peer(held, tolerant=True) as backend:
        http = connections_limited(_PLACES)
        server = make(directory, http, workers=workers, backend=backend.address)
        with running(server), holding(server, backend) as holders:
            wait_for_service(server, workers)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                free = _PLACES - len(holders.clients)
                let_in = holders.until_refused(_PLACES)
                wrong += let_in != free
                rounds += 1
                kills += _kill_some(server, workers, holders)
    return [
        Row("limits", "kills of workers that held connections", kills, f"in {seconds:g} s"),
        Row("limits", "times that the limit was filled again", rounds),
        Row("limits", "of them with a wrong number let in", wrong, "", "= 0"),
    ]


def _kill_some(server: Server, workers: int, holders: Holders) -> int:
    """Kill one or several workers; who had a place there has none any more."""
    victims = random.sample(workers_of(server, workers), random.randint(1, workers - 1))
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    workers_of(server, workers, without=victims)
    wait_for_service(server, workers)
    holders.drop_dead()
    return len(victims)


def _bench() -> list[Row]:
    """What a decision costs, and how far the table is from a true LRU."""
    engine = _ROOT / "cextensions"
    with scratch() as directory:
        program = directory / "limit_bench"
        flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-pthread", f"-I{engine}", "-o", str(program)]
        sources = [str(engine / name) for name in (*_SOURCES, *_BASE)]
        bench = str(_ROOT / "tests/soak/limit_bench.c")
        subprocess.run(["cc", *flags, bench, *sources], check=True)
        said = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    values = {name: float(value) for name, value in map(str.split, said.splitlines())}
    cost = [name for name in values if name.startswith(("req", "conn"))]
    ratio = values["req_million"] / values["req_empty"]
    return [
        *(Row("limits", f"a decision: {name}", values[name], "ns") for name in cost),
        *(
            Row(
                "limits",
                f"a limit_conn zone of {size} refuses with",
                values[f"room_{size}"],
                "in use",
                ">= 0.75",
            )
            for size in ("1m", "10m")
        ),
        Row("limits", "a million keys against none", round(ratio, 2), "times", "<= 1.15"),
        *(
            Row("limits", f"keys remembered: {name}", values[f"{name}_ours"], "", "", f"true LRU: {lru}")
            for name, lru in ((name[:-4], values[name]) for name in values if name.endswith("_lru"))
        ),
    ]
