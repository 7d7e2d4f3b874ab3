"""Headers of numbers and names: variables, log levels, counters and cells, reasons, the version."""

from __future__ import annotations

from collections.abc import Iterator

from cextensions.generators.c import comment, list_macro, string
from proxyd import __version__
from proxyd.about import NGINX_VERSION
from proxyd.config.levels import LEVELS
from proxyd.config.variables import VARIABLES
from proxyd.shared.cells import KINDS, LATENCY_BOUNDS_MS, LATENCY_BUCKETS, SLOT_CELLS, Cell, offsets
from proxyd.shared.counters import COUNTERS, IN_SECONDS
from proxyd.shared.reasons import REASONS


def version_h() -> Iterator[str]:
    """What this is."""
    yield f'#define PX_VERSION "{__version__}"'
    yield "/* The nginx whose language this is. */"
    yield f'#define PX_LANGUAGE "{NGINX_VERSION}"'


def variables_h() -> Iterator[str]:
    """Numbers of the built-in variables."""
    yield "enum px_variable {"
    for number, variable in enumerate(VARIABLES):
        family = "..." if variable.prefix else ""
        yield from comment(f"${variable.name}{family}: {variable.doc}", "    ")
        yield f"    PX_VAR_{variable.constant} = {number},"
    yield from ("    PX_VARIABLES", "};", "")
    yield "/* X(constant, name) for each, in the order of the numbers. */"
    rows = [f"PX_VAR_{variable.constant}, {string(variable.name)}" for variable in VARIABLES]
    yield from list_macro("PX_VARIABLE_LIST", rows)


def log_levels_h() -> Iterator[str]:
    """Numbers of the log levels."""
    yield "enum px_log_level {"
    yield from (f"    PX_LOG_{name.upper()} = {number}," for name, number in LEVELS.items())
    yield from ("};", "")
    yield "/* X(constant, name) for each, in the order of the numbers. */"
    rows = [f"PX_LOG_{name.upper()}, {string(name)}" for name in LEVELS]
    yield from list_macro("PX_LOG_LEVEL_LIST", rows)


def reasons_h() -> Iterator[str]:
    """Numbers of the reasons."""
    yield from ("typedef enum px_reason {", "    PX_REASON_NONE,")
    for reason in REASONS:
        yield f"    PX_REASON_{reason.name.upper()}, /* {reason.side}: {reason.status} */"
    yield from ("    PX_REASONS", "} px_reason;", "")
    yield "/* X(constant, name) for each, in the order of the numbers; not of NONE. */"
    rows = [f"PX_REASON_{reason.name.upper()}, {string(reason.name)}" for reason in REASONS]
    yield from list_macro("PX_REASON_LIST", rows)


def counters_h() -> Iterator[str]:
    """Numbers of the counters, how the metrics page shows them, and the cells of slots."""
    yield "enum px_counter {"
    for counter in COUNTERS:
        yield f"    /* {counter.kind}, {counter.unit}: {counter.meaning} */"
        yield f"    PX_COUNTER_{counter.name.upper()},"
    yield from ("    PX_COUNTERS", "};", "")
    yield "/* X(constant, name) for each, in the order of the numbers. */"
    rows = [f"PX_COUNTER_{counter.name.upper()}, {string(counter.name)}" for counter in COUNTERS]
    yield from list_macro("PX_COUNTER_LIST", rows)
    yield from ("", "/* Of a px_reason that is not NONE. */")
    first = f"PX_COUNTER_REASON_{REASONS[0].name.upper()}"
    yield f"#define PX_COUNTER_OF_REASON(reason) ({first} + (int)(reason)-1)"
    yield from ("", *_metrics(), "", *_cells())


def _metrics() -> Iterator[str]:
    yield "/* X(constant, metric, type, label, value, help); label NULL: none. A family's stand together. */"
    rows = []
    for counter in COUNTERS:
        if counter.name not in IN_SECONDS:
            name, label = counter.metric
            texts = [name, counter.kind, *(label or (None, None)), counter.metric_help]
            rows.append(f"PX_COUNTER_{counter.name.upper()}, {', '.join(map(string, texts))}")
    yield from list_macro("PX_COUNTER_METRICS", rows)


def _cells() -> Iterator[str]:
    yield f"#define PX_SLOT_CELLS {SLOT_CELLS}"
    yield f"#define PX_LATENCY_BUCKETS {LATENCY_BUCKETS}"
    yield f"#define PX_LATENCY_BOUNDS_MS {', '.join(map(str, LATENCY_BOUNDS_MS))}"
    for kind, cells in KINDS.items():
        yield from ("", *_cells_of(kind, cells))


def _cells_of(kind: str, cells: tuple[Cell, ...]) -> Iterator[str]:
    at = offsets(cells)
    yield f"/* Cells of a slot that belongs to a {kind}. */"
    yield f"enum px_{kind}_cell {{"
    yield from (f"    PX_{kind.upper()}_CELL_{cell.name.upper()} = {at[cell.name]}," for cell in cells)
    yield from ("};", "")
    yield "/* X(first cell, number of cells, metric, label, value, meaning); label NULL: none. */"
    rows = []
    for cell in cells:
        texts = [cell.metric, *(cell.label or (None, None)), cell.meaning]
        rows.append(f"{at[cell.name]}, {cell.count}, {', '.join(map(string, texts))}")
    yield from list_macro(f"PX_{kind.upper()}_CELL_LIST", rows)
