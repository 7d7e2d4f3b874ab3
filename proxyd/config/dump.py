"""A Plan as text that people can read: what ``python -m proxyd.config FILE`` prints, and what golden tests
compare.

Templates are shown as they were written, objects by kind and number ("Settings 2"), and of Settings only
what differs from the defaults.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec

from proxyd.config import layout, plan, variables
from proxyd.config.inherit import default_settings
from proxyd.config.layout import Field, Kind
from proxyd.config.plan import EnginePlan, Piece, Plan
from proxyd.config.settings import Settings

_STRUCTS: dict[str, Any] = {name: getattr(plan, name, None) or Settings for name in layout.layouts()}
_LOCATION_KINDS = ("prefix", "^~", "=", "regex", "named")


def readable(found: Plan) -> dict[str, Any]:
    """The whole Plan."""
    engine = msgspec.msgpack.decode(found.engine, type=EnginePlan)
    return {
        "process": msgspec.to_builtins(found.process),
        "sockets": [msgspec.to_builtins(socket) for socket in found.sockets],
        "files": [msgspec.to_builtins(file) for file in found.files],
        "objects": _Reader(engine).objects(),
    }


class _Reader:
    """Renders the objects of one Plan."""

    def __init__(self, engine: EnginePlan) -> None:
        self.engine = engine
        self.names: dict[bytes, str] = {}
        self.maps: dict[bytes, str] = {}
        counts: dict[str, int] = {}
        for found in engine.objects:
            counts[found.kind] = counts.get(found.kind, 0) + 1
            self.names[found.digest] = f"{found.kind} {counts[found.kind]}"

    def objects(self) -> dict[str, Any]:
        """Every object by its name."""
        result = {}
        for found in self.engine.objects:
            struct = msgspec.msgpack.decode(found.body, type=_STRUCTS[found.kind])
            if found.kind == "Map":
                self.maps[found.digest] = struct.name.decode("utf-8", "replace")
            result[self.names[found.digest]] = self.struct(found.kind, struct)
        return result

    def struct(self, name: str, struct: Any) -> Any:
        """A Struct: its fields, without those that say nothing."""
        if name == "Buffers":
            return f"{struct.number} of {struct.size}"
        if name == "TempPath":
            return " ".join([_text(struct.path), *map(str, struct.levels)])
        if name == "Regex":
            groups = {group.number: group.slot for group in struct.groups}
            shown = ("~* " if struct.caseless else "~ ") + _text(struct.pattern)
            return {"pattern": shown, "slots": groups} if groups else shown
        fields: dict[str, Any] = {}
        defaults = default_settings() if name == "Settings" else None
        for field in layout.layouts()[name].fields:
            value = getattr(struct, field.name)
            rendered = self.value(field, value)
            if rendered not in (None, []) and (
                defaults is None or not _is_default(value, getattr(defaults, field.name))
            ):
                fields[field.name] = rendered
        if name == "Location":
            fields["kind"] = _LOCATION_KINDS[struct.kind]
        return fields

    def value(self, field: Field, value: Any) -> Any:
        """The value of a field."""
        if value is not None and field.name == "address" and field.kind.what == "bytes":
            return _address(value)
        return self.of_kind(field.kind, value)

    def of_kind(self, kind: Kind, value: Any) -> Any:
        """A value of a kind."""
        if value is None or kind.what in ("bool", "int", "str"):
            return value
        if kind.what == "bytes":
            return _text(value)
        if kind.what == "ref":
            return self.names.get(value, "missing")
        if kind.what == "struct":
            return self.struct(kind.name, value)
        assert kind.item is not None
        if kind.item.name == "Piece":
            return self.template(value)
        return [self.of_kind(kind.item, item) for item in value]

    def template(self, pieces: list[Piece]) -> str:
        """A template as it might have been written."""
        return "".join(self.piece(piece) for piece in pieces)

    def piece(self, piece: Piece) -> str:
        """One Piece."""
        if piece.map is not None:
            return f"${{{self.maps.get(piece.map, 'missing')}}}"
        if piece.slot >= 0:
            return f"${{slot {piece.slot}}}"
        if piece.capture >= 0:
            return f"${{{piece.capture}}}"
        if piece.variable >= 0:
            return f"${{{variables.VARIABLES[piece.variable].name}{_text(piece.text)}}}"
        return _text(piece.text)


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, plan.TempPath):  # the default knows no prefix
        return not value.levels and value.path.endswith(b"/" + default.path)
    return bool(value == default)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _address(raw: bytes) -> str:
    if len(raw) in (4, 16):
        return str(ipaddress.ip_address(raw))
    return _text(raw)
