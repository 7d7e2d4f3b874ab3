"""Take the samples of one scenario: all servers run at once, each is asked in turn, round after round.

Servers share one CPU and take turns on it, so that whatever disturbs the machine for some seconds disturbs
all of them; costs are compared only within a round.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from loadtests import idle, meter, wrk
from loadtests.processes import LoadTestError, free_ports, pinned, running
from loadtests.scenarios import Load, Scenario
from loadtests.servers import UNCOUNTED, Backends, Kind, Server, Setup, backend, server

WARM_UP_SECONDS = 1
TEACHING_SECONDS = 2  # and again, until all is known
IDLE_ROUNDS = 3  # memory differs far less between runs than time does
SPARE_FILES = 200


@dataclass(frozen=True)
class Options:
    """How much is measured, and where."""

    rounds: int
    seconds: int
    connections: int
    idle_connections: int
    files: int
    server_cpu: int
    load_cpu: int


@dataclass(frozen=True)
class Sample:
    """One measurement: what a request (or a connection) cost, and how it was served."""

    cost: float
    requests: int
    requests_per_second: float
    p50_us: float
    p99_us: float
    pss: int


@dataclass
class Samples:
    """The samples of one scenario by server name, in the order of the rounds."""

    scenario: Scenario
    by_server: dict[str, list[Sample]]
    failures: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def failure_of(self, kind: Kind) -> Iterator[None]:
        """Note a server's failure, so that the other figures of the run are not lost."""
        try:
            yield
        except LoadTestError as error:
            self.failures[kind.name] = str(error)
            click.echo(f"\n{self.scenario.name}, {kind.title}: {error}", err=True)


def able_to(kind: Kind, scenario: Scenario) -> bool:
    """Whether the scenario can be asked of this server."""
    return kind.name in scenario.only if scenario.only is not None else kind is not UNCOUNTED


def rounds_of(scenario: Scenario, options: Options) -> int:
    """How often a scenario is measured."""
    return min(options.rounds, IDLE_ROUNDS) if scenario.load is Load.IDLE else options.rounds


def seconds_of(scenario: Scenario, options: Options, servers: int) -> float:
    """About how long a scenario takes."""
    if scenario.load is Load.IDLE:
        return servers * rounds_of(scenario, options) * (1 + options.idle_connections / 4000)
    return servers * (WARM_UP_SECONDS + 1 + options.rounds * (options.seconds + 0.2))


@contextmanager
def backends(options: Options, work: Path) -> Iterator[Backends]:
    """Run both applications for as long as the block lasts."""
    http, echo = free_ports(2)
    directory = work / "echo"
    directory.mkdir()
    command = [sys.executable, "-m", "loadtests.websocket", "serve", str(echo)]
    with (
        backend(http, options.files, options.load_cpu, work),
        running(command, options.load_cpu, directory, [echo]),
    ):
        yield Backends(http, echo)


@dataclass(frozen=True)
class Bench:
    """Everything that is the same for all scenarios of a run."""

    kinds: Sequence[Kind]
    backends: Backends
    options: Options
    work: Path
    on_sample: Callable[[], None]

    def take(self, scenario: Scenario) -> Samples:
        """Measure one scenario on all servers that can do it."""
        able = [kind for kind in self.kinds if able_to(kind, scenario)]
        samples = Samples(scenario, {kind.name: [] for kind in able})
        if scenario.load is Load.IDLE:
            self._take_idle(samples, able)
        else:
            self._take_load(samples, able)
        return samples

    def _take_load(self, samples: Samples, kinds: Sequence[Kind]) -> None:
        scenario = samples.scenario
        setup = Setup(self.backends, 4096, self.options.files, many=scenario.many, keys=scenario.keys)
        with ExitStack() as stack:
            servers = []
            for kind in kinds:
                with samples.failure_of(kind):
                    one = stack.enter_context(server(kind, setup, self.options.server_cpu, self.work))
                    _teach_keys(scenario, one, self.options)
                    _run_load(scenario, one, self.options, WARM_UP_SECONDS)
                    servers.append(one)
            for turn in range(self.options.rounds):
                for one in _rotated(servers, turn):
                    samples.by_server[one.kind.name].append(_load_sample(scenario, one, self.options))
                    self.on_sample()

    def _take_idle(self, samples: Samples, kinds: Sequence[Kind]) -> None:
        setup = Setup(self.backends, _places(self.options.idle_connections), self.options.files)
        for _ in range(rounds_of(samples.scenario, self.options)):
            for kind in kinds:
                with (
                    samples.failure_of(kind),
                    server(kind, setup, self.options.server_cpu, self.work) as one,
                ):
                    samples.by_server[kind.name].append(_idle_sample(one, self.options))
                self.on_sample()


def _places(connections: int) -> int:
    """worker_connections for so many idle ones: nginx closes idle connections when a sixteenth is left."""
    return connections * 16 // 15 + SPARE_FILES


def _rotated(servers: list[Server], turn: int) -> list[Server]:
    """Each round begins with another server, so that none always follows the same one."""
    shift = turn % len(servers) if servers else 0
    return servers[shift:] + servers[:shift]


def _load_sample(scenario: Scenario, one: Server, options: Options) -> Sample:
    before = meter.cpu_times(one.pid)
    outcome = _run_load(scenario, one, options, options.seconds)
    spent = meter.cpu_spent(before, meter.cpu_times(one.pid))
    return Sample(
        cost=spent / 1000 / outcome.requests,
        requests=outcome.requests,
        requests_per_second=outcome.requests / outcome.seconds,
        p50_us=outcome.p50_us,
        p99_us=outcome.p99_us,
        pss=meter.memory(one.pid).pss,
    )


def load_of(scenario: Scenario, one: Server, connections: int) -> wrk.Load:
    """The scenario as wrk's task."""
    port = one.bare_port if scenario.bare else one.keys_port if scenario.keys else one.port
    return wrk.Load(
        f"http://127.0.0.1:{port}{scenario.path}",
        connections,
        scenario.headers,
        scenario.method,
        scenario.body_bytes,
        keys=scenario.keys,
        refused=scenario.refused,
    )


def _teach_keys(scenario: Scenario, one: Server, options: Options) -> None:
    """Ask once with each key."""
    asked = 0
    load = load_of(scenario, one, options.connections)
    while asked < scenario.keys:
        outcome = wrk.run(replace(load, keys_from=asked), cpu=options.load_cpu, seconds=TEACHING_SECONDS)
        asked += outcome.requests


def _run_load(scenario: Scenario, one: Server, options: Options, seconds: int) -> wrk.Outcome:
    if scenario.load is Load.WEBSOCKET:
        return _run_websocket(one, options, seconds)
    outcome = wrk.run(load_of(scenario, one, options.connections), cpu=options.load_cpu, seconds=seconds)
    if outcome.bytes < outcome.requests * scenario.answer_bytes:
        raise LoadTestError(f"{outcome.requests} answers have only {outcome.bytes} bytes")
    return outcome


def _run_websocket(one: Server, options: Options, seconds: int) -> wrk.Outcome:
    command = [sys.executable, "-m", "loadtests.websocket", "load"]
    command += [str(one.port), str(options.connections), str(seconds)]
    done = subprocess.run(
        pinned(options.load_cpu, command), capture_output=True, text=True, timeout=seconds + 60
    )
    if done.returncode:
        raise LoadTestError(f"WebSocket load through {one.kind.title}: {done.stderr.strip()}")
    return wrk.Outcome(**json.loads(done.stdout))


def _idle_sample(one: Server, options: Options) -> Sample:
    """What each of many connections adds to the server's own memory, after a few have warmed it up."""
    with idle.connections(one.port, 1):
        pass
    before = meter.memory(one.pid)
    with idle.connections(one.port, options.idle_connections):
        after = meter.memory(one.pid)
    return Sample(
        cost=(after.own - before.own) / options.idle_connections,
        requests=options.idle_connections,
        requests_per_second=0,
        p50_us=0,
        p99_us=0,
        pss=after.pss,
    )
