"""Latency of a healthy client: alone, and beside 2,000 idle and 500 slow ones."""

from __future__ import annotations

import time

from tests.e2e.crowd import CONFIG, EVENTS, MAIN, Crowd, allow_descriptors
from tests.soak.sites import make, running, scratch
from tests.soak.table import Row
from tests.support.client import Client
from tests.support.peer import Peer, answering

_SECONDS = 10.0


def run(scale: float = 1.0) -> list[Row]:
    """p50 and p99, quiet and loaded."""
    idle, slow = 2000, 500
    allow_descriptors(8192)
    with scratch() as directory, Peer(answering("small")) as peer, Crowd(idle, slow) as crowd:
        server = make(
            directory, CONFIG, main=MAIN, events=EVENTS, backend0=peer.address, backend1=crowd.backend
        )
        with running(server), Client(server.port()) as client:
            _latencies(client, 0.5)
            quiet = _latencies(client, _SECONDS * scale)
            crowd.come(server.port())
            loaded = _latencies(client, _SECONDS * scale)
            left = crowd.leave()
    return [
        Row("slow", "p50 quiet", _percentile(quiet, 50), "us"),
        Row("slow", "p50 loaded", _percentile(loaded, 50), "us"),
        Row("slow", "p99 quiet", _percentile(quiet, 99), "us"),
        Row("slow", "p99 loaded", _percentile(loaded, 99), "us"),
        Row(
            "slow",
            "p99 loaded / quiet",
            round(_percentile(loaded, 99) / _percentile(quiet, 99), 2),
            "",
            "<= 2",
            f"{idle} idle, {slow} slow connections",
        ),
        Row("slow", "idle connections that were closed", left["asked"] - left["answered"], "", "= 0"),
    ]


def _latencies(client: Client, seconds: float) -> list[float]:
    found: list[float] = []
    end = time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        assert client.get("/small").body == b"small"
        found.append((time.perf_counter() - begin) * 1e6)
    return sorted(found)


def _percentile(ordered: list[float], percent: int) -> float:
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)
