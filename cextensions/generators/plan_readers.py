"""plan_read.h and plan_read.c: for each Struct of the Plan the C function that reads it."""

from __future__ import annotations

from collections.abc import Iterator

from cextensions.generators.c import made_from, snake
from cextensions.generators.plan_structs import list_kinds, list_name, member, struct_name
from proxyd.config import layout
from proxyd.config.layout import Field, Kind, Layout


def plan_read_h() -> Iterator[str]:
    """Declarations of the readers."""
    yield from ('#include "generated/plan.h"', '#include "proxy/plan_reader.h"', "")
    yield "/* Each reads one Struct to *out, which is zeroed memory. False: in->error says why. */"
    for name in layout.layouts():
        yield f"bool px_plan_read_{snake(name)}(px_plan_reader *in, {struct_name(name)} *out);"


def plan_read_c() -> Iterator[str]:
    """The readers."""
    yield made_from("config/plan/ and the directive table")
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
