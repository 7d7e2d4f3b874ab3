"""Pages of docs/reference that are made from what is shared: counters and reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxyd.config.reference import MADE
from proxyd.shared import cells, counters, reasons

CELL_TITLES = {
    "server": "For each server, by its first name",
    "peer": "For each peer of an upstream",
    "zone": "For each zone of a limit",
}


def counters_page() -> Iterator[str]:
    """Every counter."""
    yield from (MADE, "", "# Counters", "")
    yield from (
        "A counter only grows; a gauge is what is so now. All are sums over the workers, and what those",
        "counted that died meanwhile stays in them. `proxyd status` shows them (`--json`: all, by name);",
        "`metrics` in a location serves them in the text format of Prometheus, each name with `proxyd_` in",
        "front.",
    )
    yield from ("", "| name | metric | unit | meaning |", "|---|---|---|---|")
    for counter in counters.COUNTERS:
        if counter.name.startswith("reason_"):
            continue
        name, label = counter.metric
        shown = name if label is None else f'{name}{{{label[0]}="{label[1]}"}}'
        if counter.name in counters.IN_SECONDS:
            shown = "-"
        yield f"| `{counter.name}` | `{shown}` | {counter.unit} | {counter.meaning} |"
    yield (
        '| `reason_CODE` | `requests_failed_total{reason="CODE"}` | requests | Failed: one for each '
        "[reason](reasons.md). |"
    )
    for kind, title in CELL_TITLES.items():
        yield from ("", f"## {title}", "", "| metric | labels | meaning |", "|---|---|---|")
        subject = "upstream, peer" if kind == "peer" else kind
        for metric, labels, meaning in _cell_rows(cells.KINDS[kind]):
            yield f"| `{metric}` | {', '.join([subject, *labels])} | {meaning} |"
    yield from ("", "Latencies are histograms; the bounds of their buckets are (in milliseconds)")
    yield ", ".join(map(str, cells.LATENCY_BOUNDS_MS)) + ". They are measured in whole milliseconds."
    yield from (
        "",
        "Beside these: `proxyd_peer_connections_active`, `proxyd_peer_up` and `proxyd_peer_fails` by",
    )
    yield "upstream and peer; `proxyd_limit_zone_keys` and `proxyd_limit_zone_capacity` by zone;"
    yield "`proxyd_connections` by state (reading, writing, waiting, as `stub_status` has them);"
    yield "`proxyd_build_info`, `proxyd_uptime_seconds`, `proxyd_start_time_seconds`,"
    yield "`proxyd_activated_time_seconds`, `proxyd_workers`."


def _cell_rows(kind: Iterable[cells.Cell]) -> Iterator[tuple[str, list[str], str]]:
    """Each metric once."""
    found: dict[str, tuple[list[str], str]] = {}
    for cell in kind:
        labels = [cell.label[0]] if cell.label else ["le"] if cell.count > 1 else []
        found[cell.metric] = (labels, cell.meaning)
    for metric, (labels, meaning) in found.items():
        yield metric, labels, meaning


SIDES = {
    "peer": "The peer, or the way to it",
    "client": "The client",
    "configuration": "What the configuration says",
    "proxyd": "proxyd and its machine",
}


def reasons_page() -> Iterator[str]:
    """Every reason code."""
    yield from (MADE, "", "# Why a request failed", "")
    yield from (
        "Each answer of 400 and above that proxyd makes itself, each answer that it had to cut off and",
        "each request that ended without one has a code. `$proxyd_reason` is it (`-`: nothing went",
        "wrong), lines of the error log end with it (`, reason: connect_refused`), and each code has a",
        "counter. An error that a backend answered with is the backend's own: its code is `-`. Where",
        "`error_page` shows another page, the code stays.",
    )
    for side, title in SIDES.items():
        yield from (
            "",
            f"## {title}",
            "",
            "| code | status | what happened | what to do |",
            "|---|---|---|---|",
        )
        for reason in reasons.REASONS:
            if reason.side == side:
                anchor = f'<a id="{reason.name}"></a>'
                yield f"| {anchor}`{reason.name}` | {reason.status} | {reason.meaning} | {reason.remedy} |"
