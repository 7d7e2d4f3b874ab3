"""100 kills of each: a worker under load, a backend, the helper, the master."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from pathlib import Path

from tests.e2e.load import Backend, Load
from tests.e2e.watching import status_of, wait_for_end, wait_for_service, workers_of
from tests.soak.sites import counts_left, make, running, scratch, site, tell_failures
from tests.soak.table import Row, waits
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer
from tests.support.server import Server
from tests.support.waiting import wait_until

_HELPER_KILLS_PER_SERVER = 3  # the master starts a helper that keeps dying ever more slowly


def workers(times: int) -> list[Row]:
    """Random workers, with every kind of load."""
    logged = "log_format bare '$request_uri'; access_log {dir}/buffered.log bare buffer=8k;\n"
    with scratch() as directory, Backend() as backend:
        server = make(directory, logged + site(), workers=2, access_log="", backend0=backend.address)
        with running(server):
            wait_for_service(server, 2)
            killed: list[int] = []
            load = Load(server.port(), clients=8, fresh=2, downloads=2, tunnels=8, seconds=600)
            with load:
                load.wait_until_open(8)
                for _ in range(times):
                    victim = random.choice(workers_of(server, 2))
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)
                    workers_of(server, 2, without=[victim])
                    load.wait_for(requests=50)
                    load.wait_until_open(8)
                report = load.stop()
            left = counts_left(server)
            deaths = status_of(server)["worker_deaths"]
        lines = Counter((directory / "buffered.log").read_text().split("\n")[:-1])
    names = {None, *map(str, killed)}
    strange = [one for one in report.failures if one.kind != "ended" or one.worker not in names]
    if strange:
        tell_failures(report)
    excused = {
        f"/small/{one.who}/{int(one.what.rpartition('/')[2]) - 1}"
        for one in report.failures
        if "/small/" in one.what
    }
    # Those who come with a new connection each time do not notice that a worker died behind their answer.
    kept = {who: numbers for who, numbers in report.done.items() if not who.startswith("f")}
    answered = {f"/small/{who}/{one}" for who, numbers in kept.items() for one in numbers}
    requests = {line for line in lines if line.startswith("/small/")}
    return [
        Row("workers", "kills", times),
        Row("workers", "deaths that the master counted", deaths, "", f"= {times}"),
        Row("workers", "requests answered", report.requests),
        Row("workers", "connections cut, by a kill", report.failed - len(strange)),
        Row("workers", "other failures", len(strange), "", "= 0"),
        Row("workers", "counted as running at rest", sum(left.values()), "", "= 0", str(left or "")),
        Row("workers", "log lines lost", len(answered - excused - requests), "", "= 0"),
        Row("workers", "log lines doubled", sum(lines[line] > 1 for line in requests), "", "= 0"),
        Row(
            "workers",
            "longest wait of a request",
            report.counted["longest_ms"],
            "ms",
            "",
            waits(report.counted["waits"]),
        ),
    ]


def backends(times: int) -> list[Row]:
    """Two backends that are killed in turn: no GET may notice."""
    group = "upstream group { server {backend0} max_fails=0; server {backend1} max_fails=0; keepalive 8; }\n"
    with scratch() as directory, Backend("one") as one, Backend("two") as two:
        server = make(
            directory, site("0", group, "group"), workers=2, backend0=one.address, backend1=two.address
        )
        with running(server):
            wait_for_service(server, 2)
            with Load(server.port(), clients=8, post_every=0, seconds=600) as load:
                load.wait_for(requests=50)
                for number in range(times):
                    victim = (one, two)[number % 2]
                    victim.kill()
                    load.wait_for(requests=15)
                    victim.start()
                    load.wait_for(requests=5)
                report = load.stop()
            left = counts_left(server)
    tell_failures(report)
    return [
        Row("backends", "kills", times),
        Row("backends", "requests answered", report.requests),
        Row("backends", "GETs that saw it", report.failed, "", "= 0"),
        Row("backends", "counted as running at rest", sum(left.values()), "", "= 0", str(left or "")),
        Row("backends", "longest wait of a request", report.counted["longest_ms"], "ms"),
    ]


def helpers(times: int) -> list[Row]:
    """The helper, a few times in each of several servers."""
    killed = failed = replaced = requests = 0
    with scratch() as directory, Backend() as backend:
        while killed < times:
            server = make(directory / f"server{killed}", site(), backend0=backend.address)
            with running(server), Load(server.port(), clients=4, tunnels=2) as load:
                load.wait_for(requests=10, tunnels_opened=2)
                for _ in range(_HELPER_KILLS_PER_SERVER):
                    victim = _helper_of(server)
                    os.kill(victim, signal.SIGKILL)
                    wait_for_end(victim)
                    killed += 1
                    replaced += _helper_of(server) != victim
                report = load.stop()
                failed += report.failed
                requests += report.requests
                tell_failures(report)
    return [
        Row("helper", "kills", killed),
        Row("helper", "started again", replaced, "", f"= {killed}"),
        Row("helper", "requests answered", requests),
        Row("helper", "failed requests and tunnels", failed, "", "= 0"),
    ]


def _helper_of(server: Server) -> int:
    return wait_until(
        lambda: next((pid for pid, title in server.children().items() if "helper" in title), 0), "the helper"
    )


def masters(times: int) -> list[Row]:
    """The master: what runs finishes, and another master has the address meanwhile."""
    unanswered = unbound = lingering = 0
    with scratch() as directory:
        for number in range(times):
            done = _kill_master(directory / f"server{number}")
            unanswered += not done["answered"]
            unbound += not done["bound"]
            lingering += not done["left"]
    return [
        Row("master", "kills", times),
        Row("master", "requests in progress that were not answered", unanswered, "", "= 0"),
        Row("master", "addresses that the next master did not get", unbound, "", "= 0"),
        Row("master", "processes that did not leave", lingering, "", "= 0"),
    ]


def _late(connection: Connection) -> None:
    connection.receive()
    connection.wait_for("answer")
    connection.respond("late")


def _kill_master(directory: Path) -> dict[str, bool]:
    with Peer(_late) as peer:
        server = make(directory / "one", site(), workers=2, backend0=peer.address)
        server.start()
        children = [*wait_for_service(server, 2), _helper_of(server)]
        with Client(server.port()) as client:
            client.request("/")
            peer.wait_for_requests(1)
            os.kill(server.pid, signal.SIGKILL)
            assert server.process is not None
            server.process.wait()
            hello = "server { listen 127.0.0.1:{port0}; return 200 next; }"
            another = make(directory / "two", hello, port0=str(server.port()))
            with running(another):
                # The workers that are left have the address until they notice.
                bound = bool(wait_until(lambda: fetch(server.port()).body == b"next", "the next master"))
                peer.tell("answer")
                answered = client.read_response().body == b"late"
        try:
            wait_for_end(*children)
            left = True
        except AssertionError:
            left = False
        return {"bound": bound, "answered": answered, "left": left}


def run(scale: float) -> list[Row]:
    """The runs."""
    times = max(3, round(100 * scale))
    rows: list[Row] = []
    for part in (workers, backends, helpers, masters):
        rows += part(times)
    return rows
