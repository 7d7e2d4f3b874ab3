"""From samples to what people look at: summaries, a table, JSON and a picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtests.measure import Sample, Samples
from loadtests.scenarios import Unit
from loadtests.servers import UNCOUNTED

COLUMNS = ("", "cost", "spread", "req/s", "p50 ms", "p99 ms", "PSS MB", "ratio", "spread")
ALIGN = "{:<10}{:>9}  {:<17}{:>8}{:>9}{:>9}{:>9}{:>8}  {}"


@dataclass(frozen=True)
class Spread:
    """Several readings of one thing."""

    median: float
    q1: float
    q3: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One server in one scenario. `ratio`: its cost divided by the base server's, round by round."""

    server: str
    cost: Spread
    requests_per_second: float
    p50_us: float
    p99_us: float
    pss: int
    ratio: Spread | None


@dataclass(frozen=True)
class Machine:
    """Where and with what the numbers were made."""

    cpu: str
    cpus: int
    kernel: str
    system: str
    date: str
    load_average: float
    versions: dict[str, str]
    options: dict[str, Any]


def spread(values: Sequence[float]) -> Spread:
    """Median, quartiles and extremes."""
    if len(values) == 1:
        return Spread(*[values[0]] * 5)
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, q1, q3, min(values), max(values))


def rows(samples: Samples, base: str) -> list[Row]:
    """One row per server, compared with `base` where that one took part."""
    own = samples.by_server.get(base, [])
    return [
        _row(name, taken, own if name != base else []) for name, taken in samples.by_server.items() if taken
    ]


def _row(name: str, taken: list[Sample], base: list[Sample]) -> Row:
    ratios = [theirs.cost / ours.cost for theirs, ours in zip(taken, base, strict=False) if ours.cost > 0]
    return Row(
        server=name,
        cost=spread([sample.cost for sample in taken]),
        requests_per_second=statistics.median(sample.requests_per_second for sample in taken),
        p50_us=statistics.median(sample.p50_us for sample in taken),
        p99_us=statistics.median(sample.p99_us for sample in taken),
        pss=max(sample.pss for sample in taken),
        ratio=spread(ratios) if ratios else None,
    )


def heading(machine: Machine, base: str) -> str:
    """The lines above the table."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{machine.cpu}, {machine.cpus} CPUs, Linux {machine.kernel}, {machine.system}\n"
        f"{machine.date}, load average before: {machine.load_average:.2f}\n"
        f"{versions}\n"
        f"cost: median and [quartiles]; ratio: cost divided by {base}'s in the same round, "
        "median and [lowest..highest]\n"
    )


def table(samples: Samples, base: str, titles: dict[str, str]) -> str:
    """One scenario as text; a server that cannot do it gets a dash."""
    by_name = {row.server: row for row in rows(samples, base)}
    scenario = samples.scenario
    lines = [f"{scenario.title}  ({scenario.unit.value})", ALIGN.format(*COLUMNS).rstrip()]
    for name, title in titles.items():
        if name == UNCOUNTED.name and name not in by_name:
            continue
        cells = _cells(by_name[name], scenario.unit) if name in by_name else ["-"]
        lines.append(ALIGN.format(title, *cells, *[""] * (len(COLUMNS) - 1 - len(cells))).rstrip())
    return "\n".join(lines) + "\n"


def _cells(row: Row, unit: Unit) -> list[str]:
    digits = 2 if unit is Unit.CPU else 0
    cost = row.cost
    cells = [f"{cost.median:.{digits}f}", f"[{cost.q1:.{digits}f}..{cost.q3:.{digits}f}]"]
    if row.requests_per_second:
        cells += [f"{row.requests_per_second:.0f}", f"{row.p50_us / 1000:.2f}", f"{row.p99_us / 1000:.2f}"]
    else:
        cells += ["", "", ""]
    cells.append(f"{row.pss / 1e6:.1f}")
    if row.ratio:
        cells += [f"{row.ratio.median:.2f}", f"[{row.ratio.low:.2f}..{row.ratio.high:.2f}]"]
    return cells


def as_json(machine: Machine, all_samples: Sequence[Samples], base: str) -> dict[str, Any]:
    """Everything, raw samples included."""
    return {
        "machine": asdict(machine),
        "base": base,
        "scenarios": [
            {
                "name": samples.scenario.name,
                "title": samples.scenario.title,
                "unit": samples.scenario.unit.value,
                "rows": [asdict(row) for row in rows(samples, base)],
                "samples": {
                    name: [asdict(one) for one in taken] for name, taken in samples.by_server.items()
                },
            }
            for samples in all_samples
        ],
    }


def picture(
    path: Path, machine: Machine, all_samples: Sequence[Samples], base: str, titles: dict[str, str]
) -> None:
    """A PNG: one panel per scenario, a bar per server, whiskers from the lowest to the highest sample."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(3, len(all_samples))
    height = -(-len(all_samples) // columns)
    figure, axes = pyplot.subplots(height, columns, figsize=(5 * columns, 2.3 * height + 0.8), squeeze=False)
    panels = [panel for line in axes for panel in line]
    for panel, samples in zip(panels, all_samples, strict=False):
        _draw(panel, samples, base, titles)
    for panel in panels[len(all_samples) :]:
        panel.set_axis_off()
    figure.suptitle("Cost of a proxied request (less is better)", fontsize=13)
    versions = ", ".join(
        f"{titles[name]} {version}" for name, version in machine.versions.items() if name in titles
    )
    figure.supxlabel(f"{versions} - {machine.cpu}, Linux {machine.kernel}, {machine.date[:10]}", fontsize=8)
    title_inches = 0.35
    figure.tight_layout(rect=(0, 0, 1, 1 - title_inches / figure.get_figheight()))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


COLOURS = {
    "proxyd": "#d1495b",
    "nginx": "#00798c",
    "haproxy": "#30638e",
    "caddy": "#8d96a3",
    "uncounted": "#edae49",
}


def _draw(panel: Any, samples: Samples, base: str, titles: dict[str, str]) -> None:
    drawn = rows(samples, base)
    if not drawn:
        return
    names = [titles[row.server] for row in drawn]
    medians = [row.cost.median for row in drawn]
    whiskers = [
        [max(0.0, row.cost.median - row.cost.low) for row in drawn],
        [max(0.0, row.cost.high - row.cost.median) for row in drawn],
    ]
    panel.barh(
        names,
        medians,
        xerr=whiskers,
        color=[COLOURS[row.server] for row in drawn],
        ecolor="#444444",
        capsize=2,
    )
    for position, row in enumerate(drawn):
        note = f" {row.cost.median:.1f}" + (f"  (x {row.ratio.median:.2f})" if row.ratio else "")
        panel.text(row.cost.high, position, note, va="center", fontsize=8)
    panel.set_xlim(0, max(row.cost.high for row in drawn) * 1.45)
    panel.invert_yaxis()
    panel.set_title(samples.scenario.title, fontsize=9)
    panel.set_xlabel(samples.scenario.unit.value, fontsize=8)
    panel.tick_params(labelsize=8)
