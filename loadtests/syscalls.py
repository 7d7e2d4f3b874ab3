"""Count system calls per proxied request: strace -c on the worker of nginx and of proxyd.

python -m loadtests.syscalls
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from loadtests import measure, meter, wrk
from loadtests.measure import Options
from loadtests.processes import LoadTestError, raise_file_limit
from loadtests.scenarios import SCENARIOS, Load, Scenario
from loadtests.servers import KINDS, Backends, Kind, Setup, server, version

LIMIT_SECONDS = 12  # wrk stays for all of it, also when the requests are through
TRACEABLE = [scenario.name for scenario in SCENARIOS if scenario.load is Load.WRK]


@click.command(context_settings={"max_content_width": 110})
@click.option("--scenario", "-s", "wanted", default="small", show_default=True, type=click.Choice(TRACEABLE))
@click.option("--server", "asked", multiple=True, default=["nginx", "proxyd"], type=click.Choice(list(KINDS)))
@click.option("--requests", default=20_000, show_default=True, type=click.IntRange(1))
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1))
@click.option("--server-cpu", default=0, show_default=True)
@click.option("--load-cpu", default=1, show_default=True)
def main(
    wanted: str, asked: tuple[str, ...], requests: int, connections: int, server_cpu: int, load_cpu: int
) -> None:
    """System calls per request, by name. Upstream keepalive is as large as --connections."""
    if shutil.which("strace") is None:
        raise click.ClickException("strace is not installed (make bench installs it)")
    options = Options(1, LIMIT_SECONDS, connections, 0, raise_file_limit(), server_cpu, load_cpu)
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == wanted)
    click.echo(f"{scenario.title}; {connections} connections, {requests} requests")
    with (
        tempfile.TemporaryDirectory(prefix="proxyd-load-") as name,
        measure.backends(options, Path(name)) as found,
    ):
        for kind in (KINDS[name] for name in asked):
            if version(kind) is None:
                click.echo(f"\n{kind.title} is not installed or does not start: left out")
                continue
            try:
                calls, served = _count(kind, scenario, found, options, requests, Path(name))
            except LoadTestError as error:
                raise click.ClickException(str(error)) from None
            click.echo(_table(kind, calls, served))


def _count(
    kind: Kind, scenario: Scenario, found: Backends, options: Options, requests: int, work: Path
) -> tuple[dict[str, int], int]:
    """The calls of the worker by name while it served so many requests."""
    setup = Setup(found, 4096, options.files, keepalive=options.connections, many=scenario.many)
    with server(kind, setup, options.server_cpu, work) as one:
        load = measure.load_of(scenario, one, options.connections)
        wrk.run(load, cpu=options.load_cpu, seconds=1)
        result = work / "strace.txt"
        with _tracing(meter.busiest(one.pid), result):
            outcome = wrk.run(load, cpu=options.load_cpu, seconds=LIMIT_SECONDS, stop_after=requests)
        return _parse(result.read_text()), outcome.requests


@contextmanager
def _tracing(pid: int, result: Path) -> Iterator[None]:
    """Count the system calls of a process while the block runs, which starts once strace is attached."""
    command = ["strace", "-c", "-f", "-p", str(pid), "-o", str(result)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert tracer.stderr is not None
        line = tracer.stderr.readline()
        if "attached" not in line:
            raise LoadTestError(f"strace: {line.strip()}")
        yield
    finally:
        if tracer.poll() is None:
            os.kill(tracer.pid, signal.SIGINT)
        tracer.wait()


def _parse(text: str) -> dict[str, int]:
    """Calls by name from the table of strace -c: % time, seconds, usecs/call, calls, [errors], syscall."""
    rows = (line.split() for line in text.splitlines())
    return {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit() and row[-1] != "total"}


def _table(kind: Kind, calls: dict[str, int], served: int) -> str:
    lines = [f"\n{kind.title} {version(kind)}: {sum(calls.values()) / served:.2f} calls per request"]
    for name, count in sorted(calls.items(), key=lambda item: -item[1]):
        if count * 1000 >= served:
            lines.append(f"  {name:<16}{count / served:8.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
