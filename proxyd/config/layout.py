"""The shape of a Plan as data: every Struct that the engine reads, its fields and their kinds, and a digest
of it all.

``cextensions/generate.py`` writes C from it; ``compile.py`` puts the digest into each Plan, and an engine
that was built from another one refuses it.
"""

from __future__ import annotations

import functools
import hashlib
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from proxyd.config import plan, variables
from proxyd.config.settings import Settings

CONSTANT_PREFIXES = (
    *("LOCATION", "REPORT", "ESCAPE", "BALANCE", "NEXT", "IGNORE", "KEEPALIVE", "IN_FILE"),
    *("SATISFY", "ALIAS", "IF", "EXPIRES", "SYMLINKS"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a field. ``what``: bool, int, bytes, str, struct, ref or list (of ``item``)."""

    what: str
    name: str = ""  # of the Struct that struct and ref mean
    optional: bool = False
    item: Kind | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a Struct."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Layout:
    """One Struct."""

    name: str
    doc: str
    fields: tuple[Field, ...]


def kind_of(annotation: Any) -> Kind:
    """The Kind of a Python annotation in plan/."""
    origin = get_origin(annotation)
    if origin is Annotated:
        ref = get_args(annotation)[1]
        assert isinstance(ref, plan.RefTo)
        return Kind("ref", ref.kind)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (part for part in get_args(annotation) if part is not type(None))
        kind = kind_of(inner)
        return Kind(kind.what, kind.name, True, kind.item)
    if origin is list:
        return Kind("list", item=kind_of(get_args(annotation)[0]))
    if annotation in (bool, int, bytes, str):
        return Kind(annotation.__name__)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return Kind("struct", annotation.__name__)
    raise TypeError(f"a Plan cannot hold {annotation}")


def layout_of(struct: Any) -> Layout:
    """The Layout of one Struct class."""
    hints = get_type_hints(struct, include_extras=True)
    fields = tuple(Field(name, kind_of(hints[name])) for name in struct.__struct_fields__)
    return Layout(struct.__name__, (struct.__doc__ or "").strip().split("\n")[0], fields)


@functools.cache
def layouts() -> dict[str, Layout]:
    """Every Struct that the engine reads by name, each after those that it holds where that is possible."""
    structs = [
        value
        for value in vars(plan).values()
        if isinstance(value, type) and issubclass(value, plan.S) and value is not plan.S
    ]
    return {struct.__name__: layout_of(struct) for struct in [*structs, Settings]}


def refs_of(name: str) -> set[str]:
    """The object kinds that an object of this kind refers to, also through the Structs that it holds."""
    found: set[str] = set()
    seen: set[str] = set()

    def visit(kind: Kind) -> None:
        if kind.what == "ref":
            found.add(kind.name)
        elif kind.what == "list" and kind.item is not None:
            visit(kind.item)
        elif kind.what == "struct" and kind.name not in seen:
            seen.add(kind.name)
            for field in layouts()[kind.name].fields:
                visit(field.kind)

    visit(Kind("struct", name))
    return found


@functools.cache
def object_kinds() -> tuple[str, ...]:
    """The kinds of objects, each after those that it refers to (a Map may refer to Maps); Root is last."""
    order: list[str] = []

    def visit(name: str) -> None:
        for other in sorted(refs_of(name) - {name}):
            visit(other)
        if name not in order:
            order.append(name)

    visit("Root")
    return tuple(order)


def constants() -> dict[str, int]:
    """The numbers that plan/ gives names to and C uses."""
    return {
        name: value
        for name, value in vars(plan).items()
        if isinstance(value, int) and name.startswith(CONSTANT_PREFIXES)
    }


@functools.cache
def digest() -> int:
    """Names this layout: 63 bits over all declarations that Python and C must agree about."""
    facts = repr(
        (
            sorted(((name, repr(declared.fields)) for name, declared in layouts().items())),
            object_kinds(),
            constants(),
            [(variable.name, variable.prefix) for variable in variables.VARIABLES],
        )
    )
    return int.from_bytes(hashlib.blake2b(facts.encode(), digest_size=8).digest(), "little") >> 1
