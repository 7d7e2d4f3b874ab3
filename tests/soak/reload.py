"""200 reloads in 60 s, each changing something, under load with keep-alive clients, downloads and tunnels."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.e2e.load import Backend, Load
from tests.e2e.support import memory_kilobytes
from tests.e2e.watching import status_of, wait_for_service
from tests.soak.sites import command, make, running, scratch, site, tell_failures
from tests.soak.table import Row, percentile, waits
from tests.support.client import Client, fetch
from tests.support.server import Server
from tests.support.waiting import wait_until

WAYS = ("reload", "-s reload", "HUP")
TUNNELS = 100


def changed(number: int) -> str:
    """The configuration of this reload: each differs from the one before in another part as well."""
    more = [
        "",
        "server { listen 127.0.0.1:{port1}; return 200 extra; }\n",
        f"upstream spare {{ server 127.0.0.1:1 weight={1 + number % 7}; }}\n",
        f"server {{ listen 127.0.0.1:{{port0}}; server_name s{number}.example; return 204; }}\n",
        "log_format other '$uri'; access_log {dir}/other.log other buffer=8k flush=1s;\n",
    ][number % 5]
    return site(str(number), more)


def reload_by(way: str, server: Server, number: int) -> str:
    """Reload; gives what went wrong, or nothing."""
    if way == "HUP":
        server.signal(signal.SIGHUP)
        wait_until(lambda: f"reconfigured, generation {number + 1}\n" in server.log(), f"reload {number}")
        return ""
    status, said = command(server, *way.split())
    return "" if status == 0 else f"{way}: {said}"


def memory(pids: list[int]) -> int:
    """Of all workers, in kilobytes."""
    return sum(map(memory_kilobytes, pids))


def reloads(server: Server, port: int, times: int, seconds: float, pids: list[int]) -> dict[str, list[float]]:
    """Reload so often in so many seconds; gives for each how long it took, the memory, and what failed."""
    measured: dict[str, list[float]] = {"took": [], "memory": [], "returned": [], "wrong": []}
    begin = time.monotonic()
    with Client(port) as kept:
        for number in range(1, times + 1):
            server.write_config(changed(number))
            started = time.monotonic()
            problem = reload_by(WAYS[number % 3], server, number)
            ended = time.monotonic()
            measured["returned"].append(ended)
            measured["took"].append((ended - started) * 1000)
            measured["memory"].append(memory(pids))
            answers = [fetch(port).header("X-Config"), kept.get("/").header("X-Config")]
            if problem or answers != [b"%d" % number] * 2:
                measured["wrong"].append(number)
                print(f"reload {number}: {problem} {answers}")
            time.sleep(max(0.0, begin + seconds * number / times - time.monotonic()))  # the pace of the load
    measured["whole"] = [time.monotonic() - begin]
    return measured


def run(scale: float) -> list[Row]:
    """The run."""
    times, seconds = max(5, round(200 * scale)), 60.0 * max(scale, 5 / 200)
    with scratch() as directory, Backend() as backend:
        server = make(Path(directory), site(), workers=2, backend0=backend.address)
        with running(server):
            pids = wait_for_service(server, 2)
            wishes = {"clients": 16, "fresh": 2, "downloads": 4, "tunnels": TUNNELS, "pause": 0.01}
            with Load(server.port(), **wishes, seconds=seconds + 60, download_bytes=4_000_000) as load:
                load.wait_until_open(TUNNELS)
                measured = reloads(server, server.port(), times, seconds, pids)
                report = load.stop()
            stale = sum(
                report.sent_last(str(number)) >= returned
                for number, returned in enumerate(measured["returned"])
            )
            same = server.worker_pids() == pids
            live = max(row["counters"]["generations_live"] for row in status_of(server)["workers"])
    tell_failures(report)
    tenth = max(1, len(measured["memory"]) // 10)
    # The second half: in the first one the pools of blocks grow to what the load needs.
    middle = len(measured["memory"]) // 2
    early = percentile(measured["memory"][middle : middle + tenth], 0.5)
    late = percentile(measured["memory"][-tenth:], 0.5)
    counted = report.counted
    return [
        Row("reload", "reloads", times, f"in {measured['whole'][0]:.0f} s"),
        Row(
            "reload",
            "reloads that failed, or came back before they were active",
            len(measured["wrong"]),
            "",
            "= 0",
        ),
        Row("reload", "requests answered", report.requests),
        Row("reload", "failed requests, downloads, tunnels", report.failed, "", "= 0"),
        Row(
            "reload",
            "tunnels opened (more than asked for: dropped ones)",
            counted["tunnels_opened"],
            "",
            f"= {TUNNELS}",
        ),
        Row("reload", "rounds through tunnels", counted["rounds"]),
        Row("reload", "bytes of slow downloads", counted["downloaded"]),
        Row("reload", "connections that the server asked to close", counted["announced_ends"], "", "= 0"),
        Row("reload", "old configurations that answered after reload had returned", stale, "", "= 0"),
        Row("reload", "the same workers", int(same), "", "= 1"),
        Row("reload", "generations alive in a worker at the end", live, "", "<= 2"),
        Row("reload", "time of a reload, median", percentile(measured["took"], 0.5), "ms"),
        Row("reload", "time of a reload, longest", max(measured["took"]), "ms"),
        Row("reload", "memory of the workers, half way", early, "kB"),
        Row("reload", "memory of the workers, at the end", late, "kB"),
        Row("reload", "growth per reload, in the second half", (late - early) / (times * 0.45), "kB", "< 2"),
        Row("reload", "longest wait of a request", counted["longest_ms"], "ms", note=waits(counted["waits"])),
    ]
