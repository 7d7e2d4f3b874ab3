"""alias: a root whose meaning depends on the location that it stands in."""

from __future__ import annotations

import msgspec

from proxyd.config import plan
from proxyd.config.check import Checker, Level
from proxyd.config.directives.location import LocationSpec
from proxyd.config.plan import DocumentRoot
from proxyd.config.shapes import encode


def place_alias(level: Level, location: LocationSpec, checker: Checker) -> None:
    """Put the alias of a location, if it has one, in the place of its root."""
    given: DocumentRoot | None = level.values.get("alias")
    if given is None:
        return
    statement = level.where["alias"][0]
    if "root" in level.values:
        later, earlier = statement, level.where["root"][0]
        if later.offset() < earlier.offset():
            later, earlier = earlier, later
        checker.wrong(
            later,
            f'"{later.name}" directive is duplicate, "{earlier.name}" directive was specified earlier',
            "a location has a root or an alias",
        )
        return
    if location.named:
        checker.wrong(
            statement,
            'the "alias" directive cannot be used inside the named location',
            "its name is no part of a path",
        )
        return
    alias = plan.ALIAS_WHOLE if location.regex is not None else len(encode(location.name))
    level.values["root"] = msgspec.structs.replace(given, alias=alias)
    level.where["root"] = [statement]
    level.key = (*level.key, ("alias", alias, *statement.args))
