"""plan.h and plan_kinds.h: the Plan's Structs and kinds of objects as C."""

from __future__ import annotations

from collections.abc import Iterator

from cextensions.generators.c import comment, snake
from proxyd.config import layout
from proxyd.config.layout import Field, Kind, Layout

SCALARS = {"bool": "bool", "int": "int64_t", "bytes": "px_slice", "str": "px_slice"}
C_KEYWORDS = {"default", "volatile", "return", "if", "break", "static"}
# Structs whose C twin has room for what the engine derives from it (a compiled pattern, a hash table, ...).
RUNTIME = {*layout.object_kinds(), "Regex", "Location", "ListenAddress"}


def struct_name(name: str) -> str:
    """The C type of a Struct."""
    return f"px_plan_{snake(name)}"


def member(name: str) -> str:
    """A field's name in C: the same, with "_" behind what C keeps for itself."""
    return name + "_" if name in C_KEYWORDS else name


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


def plan_h() -> Iterator[str]:
    """The structs."""
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
    for item in list_kinds():
        yield from ("", "typedef struct {")
        yield f"    {item_type(item)}*items;"
        yield "    uint32_t count;"
        yield f"}} {list_name(item)};"
    for declared in layout.layouts().values():
        yield from ("", *c_struct(declared))


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
    yield "};"


def plan_kinds_h() -> Iterator[str]:
    """The kinds of objects: numbers, names, sizes, readers."""
    kinds = layout.object_kinds()
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
    yield "extern const px_plan_kind_entry px_plan_kind_table[PX_PLAN_KINDS];"
