"""What each directive is where nobody gives it, from the directive table."""

from __future__ import annotations

import functools
from typing import Any

from proxyd.config import parser
from proxyd.config.directive import Context
from proxyd.config.directives import ALL
from proxyd.config.errors import Report, SourceFile


@functools.cache
def default_values() -> dict[str, Any]:
    """The value of each setting that nobody has set; None where it is made when Settings are finished."""
    values: dict[str, Any] = {}
    for directive in ALL:
        if directive.setting:
            values[directive.group or directive.name] = [] if directive.repeats else None
            if directive.default is not None and not directive.repeats:
                values[directive.name] = _read_default(directive.name, directive.default, directive.shape)
    for name in ("access_log", "error_log"):
        values[name] = None
    return values


@functools.cache
def defaults_of(context: Context) -> dict[str, Any]:
    """The value of each directive of main, events or upstream that has a default."""
    return {
        directive.name: _read_default(directive.name, directive.default, directive.shape)
        for directive in ALL
        if context in directive.contexts
        and directive.default is not None
        and not (directive.setting or directive.repeats or directive.nothing)
    }


def _read_default(name: str, text: str, shape: Any) -> Any:
    """A default goes the same way as what an operator writes."""
    source = SourceFile("default", f"{name} {text};".encode(), 0)
    (statement,) = parser.Loader("", Report(), parser.FileSystem()).parse(source)
    return shape.read(statement.args, _DefaultScope(name))


class _DefaultScope:
    """What the shape of a default may ask: its name. No default has variables or paths."""

    def __init__(self, name: str) -> None:
        self.name = name
