"""One run of wrk: a fixed request over a number of connections, from one thread on one CPU."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.processes import LoadTestError, pinned

SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Load:
    """What is sent."""

    url: str
    connections: int
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    body_bytes: int = 0
    keys: int = 0
    """?k= with one of so many numbers, drawn for each request ..."""
    keys_from: int | None = None
    """... or, from this one on, one after the other."""
    refused: bool = False
    """Nearly all answers are to be refusals."""


@dataclass(frozen=True)
class Outcome:
    """What came back."""

    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    bytes: int = 0


def run(load: Load, *, cpu: int, seconds: int, stop_after: int = 0) -> Outcome:
    """Send `load` for `seconds`, or until `stop_after` answers came; any failed request is an error."""
    command: list[str | Path] = ["wrk", "--threads", "1", "--connections", str(load.connections)]
    command += ["--duration", f"{seconds}s", "--timeout", "10s", "--latency", "--script", SCRIPT]
    for name, value in load.headers.items():
        command += ["--header", f"{name}: {value}"]
    env = os.environ | {
        "WRK_METHOD": load.method,
        "WRK_BODY_BYTES": str(load.body_bytes),
        "WRK_KEYS": str(load.keys),
        "WRK_KEYS_FROM": "" if load.keys_from is None else str(load.keys_from),
        "WRK_STOP_AFTER": str(stop_after),
    }
    done = subprocess.run(
        pinned(cpu, [*command, load.url]), env=env, capture_output=True, text=True, timeout=seconds + 30
    )
    for line in done.stdout.splitlines():
        if line.startswith("result "):
            return _outcome(json.loads(line.removeprefix("result ")), load)
    raise LoadTestError(f"wrk gave no result for {load.url}:\n{done.stdout}{done.stderr}")


def _outcome(result: dict[str, float], load: Load) -> Outcome:
    wanted = result["refused"] > result["requests"] * 0.9 if load.refused else not result["refused"]
    if not wanted or result["failed"] or not result["requests"]:
        raise LoadTestError(
            f"{load.url}: {result['requests']} answers, {result['refused']} of them no success, "
            f"{result['failed']} broken connections"
        )
    return Outcome(
        int(result["requests"]), result["seconds"], result["p50_us"], result["p99_us"], int(result["bytes"])
    )
