"""Measure proxyd beside nginx, HAProxy and Caddy in one run.

python -m loadtests.compare                      everything: nine rounds, about a quarter of an hour
python -m loadtests.compare -s small -s bare     two scenarios
python -m loadtests.compare --rounds 3           a quick look
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from loadtests import measure, report
from loadtests.measure import Options, Samples
from loadtests.processes import LoadTestError, raise_file_limit
from loadtests.scenarios import SCENARIOS, Scenario
from loadtests.servers import KINDS, NGINX, Kind, version

RESULTS = Path(__file__).with_name("results")


@click.command(context_settings={"max_content_width": 110})
@click.option("--scenario", "-s", "wanted", multiple=True, type=click.Choice([s.name for s in SCENARIOS]))
@click.option("--server", "asked", multiple=True, type=click.Choice(list(KINDS)), help="Only these servers.")
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1))
@click.option(
    "--seconds", default=2, show_default=True, type=click.IntRange(1), help="Length of one measurement."
)
@click.option("--connections", default=32, show_default=True, help="32: what upstream keepalive 32 can hold.")
@click.option("--idle-connections", default=10_000, show_default=True, type=click.IntRange(1))
@click.option("--server-cpu", default=0, show_default=True, help="CPU of the server under test.")
@click.option("--load-cpu", default=1, show_default=True, help="CPU of wrk and of the applications behind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where files go, without suffix. [loadtests/results/DATE]",
)
def main(
    wanted: tuple[str, ...],
    asked: tuple[str, ...],
    rounds: int,
    seconds: int,
    connections: int,
    idle_connections: int,
    server_cpu: int,
    load_cpu: int,
    as_json: bool,
    output: Path | None,
) -> None:
    """CPU per request, speed, latency and memory of proxyd, nginx, HAProxy and Caddy, side by side."""
    try:
        files = raise_file_limit()
        idle_connections = min(idle_connections, files - 2 * measure.SPARE_FILES)
        options = Options(rounds, seconds, connections, idle_connections, files, server_cpu, load_cpu)
        scenarios = [scenario for scenario in SCENARIOS if not wanted or scenario.name in wanted]
        kinds, machine = _survey(asked, options)
        all_samples = _measure(scenarios, kinds, options)
    except LoadTestError as error:
        raise click.ClickException(str(error)) from None
    titles = {kind.name: kind.title for kind in kinds}
    base = kinds[0].name
    text = (
        report.heading(machine, base) + "\n" + "\n".join(report.table(s, base, titles) for s in all_samples)
    )
    found = json.dumps(report.as_json(machine, all_samples, base), indent=1)
    click.echo(found if as_json else text)
    stem = output or RESULTS / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".txt").write_text(text)
    stem.with_suffix(".json").write_text(found + "\n")
    report.picture(stem.with_suffix(".png"), machine, all_samples, base, titles)
    click.echo(f"Written: {stem}.txt .json .png", err=True)
    if any(samples.failures for samples in all_samples):
        raise click.ClickException("not everything could be measured, see above")


def _survey(asked: tuple[str, ...], options: Options) -> tuple[list[Kind], report.Machine]:
    """Which of the wanted servers are here, and what machine this is."""
    for tool in ("wrk", "taskset", NGINX.command[0]):
        if shutil.which(tool) is None:
            raise LoadTestError(f"{tool} is not installed (make bench installs it)")
    if not {options.server_cpu, options.load_cpu} <= os.sched_getaffinity(0):
        raise LoadTestError(
            f"CPUs {options.server_cpu} and {options.load_cpu} are needed; see --server-cpu, --load-cpu"
        )
    versions = {name: version(kind) for name, kind in KINDS.items() if not asked or name in asked}
    for name, found in versions.items():
        if found is None:
            click.echo(f"{KINDS[name].title} is not installed or does not start: left out", err=True)
    present = {name: found for name, found in versions.items() if found is not None}
    if not present:
        raise LoadTestError("there is no server to measure")
    return [KINDS[name] for name in present], _machine(present, options)


def _machine(versions: dict[str, str], options: Options) -> report.Machine:
    return report.Machine(
        cpu=_cpu_model(),
        cpus=os.cpu_count() or 1,
        kernel=platform.release(),
        system=platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        date=datetime.now(UTC).isoformat(timespec="minutes"),
        load_average=os.getloadavg()[0],
        versions=versions,
        options=asdict(options),
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _measure(scenarios: list[Scenario], kinds: list[Kind], options: Options) -> list[Samples]:
    estimate = sum(
        measure.seconds_of(s, options, sum(measure.able_to(kind, s) for kind in kinds)) for s in scenarios
    )
    names = ", ".join(kind.title for kind in kinds)
    click.echo(
        f"{len(scenarios)} scenarios, {names}: about {estimate / 60:.0f} min {estimate % 60:.0f} s", err=True
    )
    os.sched_setaffinity(0, {options.load_cpu})
    total = sum(measure.rounds_of(s, options) * sum(measure.able_to(k, s) for k in kinds) for s in scenarios)
    with (
        tempfile.TemporaryDirectory(prefix="proxyd-load-") as name,
        measure.backends(options, Path(name)) as found,
        click.progressbar(length=total, label="Measuring", file=sys.stderr) as bar,
    ):
        bench = measure.Bench(kinds, found, options, Path(name), on_sample=lambda: bar.update(1))
        return [bench.take(scenario) for scenario in scenarios]


if __name__ == "__main__":
    main()
