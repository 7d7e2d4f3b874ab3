"""Write what is declared in Python into C and into the reference pages.

    python cextensions/generate.py            write cextensions/generated/ and docs/reference/
    python cextensions/generate.py --check    write nothing; exit 1 and name the files that are stale

The declarations: proxyd/config/plan/ and the directive table (Structs), proxyd/config/variables.py,
proxyd/shared/counters.py, proxyd/shared/reasons.py, proxyd/shared/layout.py.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from proxyd import __version__  # noqa: E402
from proxyd.about import NGINX_VERSION  # noqa: E402
from proxyd.config import layout, reference, variables  # noqa: E402
from proxyd.config.layout import Field, Kind, Layout  # noqa: E402
from proxyd.shared import cells, counters, reasons  # noqa: E402
from proxyd.shared import layout as shm_layout  # noqa: E402

MADE = "/* Made by cextensions/generate.py from proxyd/config/{}. Do not edit. */"
SCALARS = {"bool": "bool", "int": "int64_t", "bytes": "px_slice", "str": "px_slice"}
C_KEYWORDS = {"default", "volatile", "return", "if", "break", "static"}
# Structs whose C twin has room for what the engine derives from it (a compiled pattern, a hash table, ...).
RUNTIME = {*layout.object_kinds(), "Regex", "Location", "ListenAddress"}


def snake(name: str) -> str:
    """SetHeader -> set_header."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def struct_name(name: str) -> str:
    """The C type of a Struct."""
    return f"px_plan_{snake(name)}"


def member(name: str) -> str:
    """A field's name in C: the same, with "_" behind what C keeps for itself."""
    return name + "_" if name in C_KEYWORDS else name


def comment(words: str, indent: str = "") -> Iterator[str]:
    """A comment, as long as it needs to be."""
    lines = textwrap.wrap(words, 110 - len(indent) - 6)
    yield from (f"{indent}{' *' if number else '/*'} {line}" for number, line in enumerate(lines[:-1]))
    yield f"{indent}{' *' if lines[1:] else '/*'} {lines[-1]} */"


def list_name(item: Kind) -> str:
    """The C type of a list of such items."""
    if item.what == "struct":
        return f"{struct_name(item.name)}_list"
    if item.what == "ref":
        return f"{struct_name(item.name)}_ref_list"
    return f"px_plan_{item.what}_list"


def c_declaration(field: Field) -> str:
    """One member of a C struct."""
    kind, name = field.kind, member(field.name)
    if kind.what in SCALARS:
        note = " /* data is NULL: None */" if kind.optional else ""
        return f"{SCALARS[kind.what]} {name};{note}"
    star = "*" if kind.optional else ""
    note = " /* NULL: None */" if kind.optional else ""
    if kind.what == "list":
        assert kind.item is not None
        return f"{list_name(kind.item)} {star}{name};{note}"
    if kind.what == "ref":
        return f"const {struct_name(kind.name)} *{name};{note}"
    return f"{struct_name(kind.name)} *{name};{note}"


def item_type(item: Kind) -> str:
    """The C type of the items of a list, without the final star of the array."""
    if item.what in SCALARS:
        return SCALARS[item.what] + " "
    if item.what == "ref":
        return f"const {struct_name(item.name)} *"
    return f"{struct_name(item.name)} "


def list_kinds() -> list[Kind]:
    """Each kind of item of which there are lists, once."""
    found: dict[str, Kind] = {}
    for declared in layout.layouts().values():
        for field in declared.fields:
            if field.kind.item is not None:
                found.setdefault(list_name(field.kind.item), field.kind.item)
    return [found[name] for name in sorted(found)]


def fewest_bytes(kind: Kind) -> int:
    """How few bytes of msgpack a value of this kind can take."""
    if kind.optional or kind.what in ("bool", "int", "list", "str"):
        return 1
    if kind.what == "bytes":
        return 2
    if kind.what == "ref":
        return 18
    fields = layout.layouts()[kind.name].fields
    header = 1 if len(fields) < 16 else 3
    return header + sum(fewest_bytes(field.kind) for field in fields)


# ---- plan.h


def plan_h() -> Iterator[str]:
    """The structs."""
    yield MADE.format("plan/ and the directive table")
    yield from ("#ifndef PX_GENERATED_PLAN_H", "#define PX_GENERATED_PLAN_H", "")
    yield from ("#include <stdbool.h>", "#include <stdint.h>", "", '#include "base/slice.h"', "")
    yield "/* Names the declarations that this was made from; a Plan carries the same number. */"
    yield f"#define PX_PLAN_LAYOUT INT64_C({layout.digest()})"
    yield ""
    yield from comment(
        "A list without items has items == NULL. Times are milliseconds, sizes are bytes. References "
        "(const) belong to other objects; all else lives as long as its object. runtime is the engine's "
        "own: NULL after reading."
    )
    yield ""
    yield from c_constants()
    for name in layout.layouts():
        yield f"typedef struct {struct_name(name)} {struct_name(name)};"
    yield ""
    for item in list_kinds():
        yield "typedef struct {"
        yield f"    {item_type(item)}*items;"
        yield "    uint32_t count;"
        yield f"}} {list_name(item)};"
        yield ""
    for declared in layout.layouts().values():
        yield from c_struct(declared)
    yield "#endif"


def c_constants() -> Iterator[str]:
    """The constants of plan/, one enum per prefix."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for name, value in layout.constants().items():
        groups.setdefault(name.split("_")[0], []).append((name, value))
    for members in groups.values():
        yield "enum {"
        for name, value in members:
            yield f"    PX_{name} = {value},"
        yield from ("};", "")


def c_struct(declared: Layout) -> Iterator[str]:
    """One struct."""
    if declared.doc:
        yield from comment(declared.doc)
    yield f"struct {struct_name(declared.name)} {{"
    for field in declared.fields:
        yield f"    {c_declaration(field)}"
    if declared.name in RUNTIME:
        yield "    void *runtime;"
    yield from ("};", "")


# ---- plan_kinds.h


def plan_kinds_h() -> Iterator[str]:
    """The kinds of objects: numbers, names, sizes, readers."""
    kinds = layout.object_kinds()
    yield MADE.format("plan/")
    yield from ("#ifndef PX_GENERATED_PLAN_KINDS_H", "#define PX_GENERATED_PLAN_KINDS_H", "")
    yield from ('#include "generated/plan_read.h"', "")
    yield "/* Each kind comes after all that it refers to. */"
    yield "enum px_plan_kind {"
    yield from (f"    PX_PLAN_{snake(name).upper()}," for name in kinds)
    yield from ("    PX_PLAN_KINDS", "};", "")
    yield from (
        "typedef struct px_plan_kind_entry {",
        "    const char *name; /* as PlanObject.kind has it */",
    )
    yield "    size_t size;      /* of the C struct */"
    yield "    bool (*read)(px_plan_reader *in, void *out); /* out: size bytes, zeroed */"
    yield from ("} px_plan_kind_entry;", "")
    yield from ("extern const px_plan_kind_entry px_plan_kind_table[PX_PLAN_KINDS];", "", "#endif")


# ---- plan_read.h, plan_read.c


def plan_read_h() -> Iterator[str]:
    """Declarations of the readers."""
    yield MADE.format("plan/ and the directive table")
    yield from ("#ifndef PX_GENERATED_PLAN_READ_H", "#define PX_GENERATED_PLAN_READ_H", "")
    yield from ('#include "generated/plan.h"', '#include "proxy/plan_reader.h"', "")
    yield "/* Each reads one Struct to *out, which is zeroed memory. False: in->error says why. */"
    for name in layout.layouts():
        yield f"bool px_plan_read_{snake(name)}(px_plan_reader *in, {struct_name(name)} *out);"
    yield from ("", "#endif")


def plan_read_c() -> Iterator[str]:
    """The readers."""
    yield MADE.format("plan/ and the directive table")
    yield from ('#include "generated/plan_read.h"', "", '#include "generated/plan_kinds.h"', "")
    for item in list_kinds():
        yield from list_reader(item)
    for declared in layout.layouts().values():
        yield from struct_reader(declared)
    for kind in layout.object_kinds():
        yield f"static bool read_{snake(kind)}_object(px_plan_reader *in, void *out)"
        yield from ("{", f"    return px_plan_read_{snake(kind)}(in, out);", "}", "")
    yield "const px_plan_kind_entry px_plan_kind_table[PX_PLAN_KINDS] = {"
    for kind in layout.object_kinds():
        constant = f"PX_PLAN_{snake(kind).upper()}"
        yield f'    [{constant}] = {{"{kind}", sizeof({struct_name(kind)}), read_{snake(kind)}_object}},'
    yield "};"


def list_reader_name(item: Kind) -> str:
    """The static function that reads such a list."""
    return "read_" + list_name(item).removeprefix("px_plan_")


def list_reader(item: Kind) -> Iterator[str]:
    """A static function that reads one kind of list."""
    yield f"static bool {list_reader_name(item)}(px_plan_reader *in, {list_name(item)} *out)"
    yield "{"
    yield f"    if (!px_plan_enter_list(in, {fewest_bytes(item)}, &out->count)) {{"
    yield from ("        return false;", "    }")
    yield "    out->items = px_plan_items(in, out->count, sizeof *out->items);"
    yield "    for (uint32_t i = 0; i < out->count; i++) {"
    yield "        px_plan_index(in, i);"
    yield f"        if (!({read_value(item, 'out->items[i]')})) {{"
    yield from ("            return false;", "        }", "    }")
    yield from ("    return px_plan_leave(in);", "}", "")


def struct_reader(declared: Layout) -> Iterator[str]:
    """The function that reads one Struct."""
    name = declared.name
    optional_lists = [field for field in declared.fields if field.kind.what == "list" and field.kind.optional]
    structs = [field for field in declared.fields if field.kind.what == "struct"]
    for field in [*optional_lists, *structs]:
        yield from pointer_reader(name, field)
    yield f"bool px_plan_read_{snake(name)}(px_plan_reader *in, {struct_name(name)} *out)"
    yield "{"
    yield f'    return px_plan_enter_struct(in, "{name}", {len(declared.fields)})'
    for field in declared.fields:
        yield f'           && px_plan_field(in, "{field.name}")'
        yield f"           && {read_field(name, field)}"
    yield from ("           && px_plan_leave(in);", "}", "")


def pointer_reader(owner: str, field: Field) -> Iterator[str]:
    """A static function that reads what a pointer member points to."""
    kind = field.kind
    if kind.what == "struct":
        target, value = struct_name(kind.name), f"px_plan_read_{snake(kind.name)}(in, *out)"
    else:
        assert kind.item is not None
        target, value = list_name(kind.item), f"{list_reader_name(kind.item)}(in, *out)"
    yield f"static bool read_{snake(owner)}_{field.name}(px_plan_reader *in, {target} **out)"
    yield "{"
    if kind.optional:
        yield from ("    if (px_plan_none(in)) {", "        return true;", "    }")
    yield "    *out = px_plan_items(in, 1, sizeof **out);"
    yield from (f"    return {value};", "}", "")


def read_field(owner: str, field: Field) -> str:
    """The C expression that reads one member."""
    kind, target = field.kind, f"out->{member(field.name)}"
    if kind.what == "struct" or (kind.what == "list" and kind.optional):
        return f"read_{snake(owner)}_{field.name}(in, &{target})"
    value = read_value(kind, target)
    return f"(px_plan_none(in) || {value})" if kind.optional else value


def read_value(kind: Kind, target: str) -> str:
    """The C expression that reads a value that is no pointer member."""
    if kind.what == "ref":
        return f"({target} = px_plan_ref(in, PX_PLAN_{snake(kind.name).upper()})) != NULL"
    if kind.what == "struct":
        return f"px_plan_read_{snake(kind.name)}(in, &{target})"
    if kind.what == "list":
        assert kind.item is not None
        return f"{list_reader_name(kind.item)}(in, &{target})"
    return f"px_plan_{kind.what}(in, &{target})"


# ---- variables.h


def variables_h() -> Iterator[str]:
    """Numbers of the built-in variables."""
    yield MADE.format("variables.py")
    yield from ("#ifndef PX_GENERATED_VARIABLES_H", "#define PX_GENERATED_VARIABLES_H", "")
    yield "enum px_variable {"
    for number, variable in enumerate(variables.VARIABLES):
        family = "..." if variable.prefix else ""
        yield from comment(f"${variable.name}{family}: {variable.doc}", "    ")
        yield f"    PX_VAR_{variable.constant} = {number},"
    yield from ("    PX_VARIABLES", "};", "")
    yield "/* X(constant, name) for each, in the order of the numbers. */"
    yield "#define PX_VARIABLE_LIST(X) \\"
    items = [f'    X(PX_VAR_{variable.constant}, "{variable.name}")' for variable in variables.VARIABLES]
    yield from (item + " \\" for item in items[:-1])
    yield from (items[-1], "", "#endif")


# ---- version.h


def version_h() -> Iterator[str]:
    """What this is."""
    yield MADE.format("__init__.py").replace("config/", "")
    yield from ("#ifndef PX_GENERATED_VERSION_H", "#define PX_GENERATED_VERSION_H", "")
    yield f'#define PX_VERSION "{__version__}"'
    yield "/* The nginx whose language this is. */"
    yield f'#define PX_LANGUAGE "{NGINX_VERSION}"'
    yield from ("", "#endif")


# ---- docs/reference


CELL_TITLES = {
    "server": "For each server, by its first name",
    "peer": "For each peer of an upstream",
    "zone": "For each zone of a limit",
}


def counters_page() -> Iterator[str]:
    """Every counter."""
    yield from (reference.MADE, "", "# Counters", "")
    yield from (
        "A counter only grows; a gauge is what is so now. All are sums over the workers, and what those",
        "counted that died meanwhile stays in them. `proxyd status` shows them (`--json`: all, by name);",
        "`metrics` in a location serves them in the text format of Prometheus, each name with `proxyd_` in",
        "front.",
    )
    yield from ("", "| name | metric | unit | meaning |", "|---|---|---|---|")
    for counter in counters.COUNTERS:
        name, label = counter.metric
        shown = name if label is None else f'{name}{{{label[0]}="{label[1]}"}}'
        if counter.name in counters.IN_SECONDS:
            shown = "-"
        yield f"| `{counter.name}` | `{shown}` | {counter.unit} | {counter.meaning} |"
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
    yield from (reference.MADE, "", "# Why a request failed", "")
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


# ---- all files


def text(lines: Iterable[str]) -> str:
    """Lines to the text of a file."""
    return "\n".join(lines) + "\n"


def outputs() -> dict[str, str]:
    """Every generated file, by its path from the root."""
    return {
        "cextensions/generated/plan.h": text(plan_h()),
        "cextensions/generated/plan_kinds.h": text(plan_kinds_h()),
        "cextensions/generated/plan_read.h": text(plan_read_h()),
        "cextensions/generated/plan_read.c": text(plan_read_c()),
        "cextensions/generated/variables.h": text(variables_h()),
        "cextensions/generated/counters.h": counters.emit_c_header(),
        "cextensions/generated/version.h": text(version_h()),
        "cextensions/generated/reasons.h": reasons.emit_c_header(),
        "cextensions/generated/shm_layout.h": shm_layout.emit_c_header(),
        "docs/reference/directives.md": reference.directives_page(),
        "docs/reference/variables.md": reference.variables_page(),
        "docs/reference/nginx.md": reference.nginx_page(),
        "docs/reference/counters.md": text(counters_page()),
        "docs/reference/reasons.md": text(reasons_page()),
    }


def stale(files: dict[str, str]) -> list[str]:
    """Those that differ from what is on disk."""
    return [
        name
        for name, content in files.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text() != content
    ]


def main(arguments: list[str]) -> int:
    """Write, or check."""
    wrong = stale(files := outputs())
    for name in wrong:
        if "--check" in arguments:
            print(f"{name} is stale: run `make generate`", file=sys.stderr)
        else:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(files[name])
            print(f"wrote {name}")
    return 1 if wrong and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
