"""server and location: the blocks of http that requests are led through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxyd.config import plan
from proxyd.config.directive import HTTP, LOCATION, SERVER, Directive
from proxyd.config.plan import Regex
from proxyd.config.shapes import Invalid, Scope, Shape


@dataclass(frozen=True, slots=True)
class LocationSpec:
    """What a ``location`` says before its block."""

    kind: int  # plan.LOCATION_*
    name: str  # without the modifier
    regex: Regex | None = None

    @property
    def exact(self) -> bool:
        return self.kind == plan.LOCATION_EXACT

    @property
    def named(self) -> bool:
        return self.kind == plan.LOCATION_NAMED


MODIFIERS = ("=", "^~", "~*", "~")


class LocationShape(Shape):
    """A prefix, or a modifier and a prefix, path or pattern. The modifier may touch what follows it."""

    least = 1
    most = 2
    hint = 'a prefix, "= path", "^~ prefix", "~ regex", "~* regex" or "@name"'

    def read(self, args: Sequence[str], scope: Scope) -> LocationSpec:
        if len(args) == 2:
            modifier, name = args
            if modifier not in MODIFIERS:
                raise Invalid(f'invalid location modifier "{modifier}"', "one of =, ^~, ~, ~*")
        else:
            modifier = next((word for word in MODIFIERS if args[0].startswith(word)), "")
            name = args[0][len(modifier) :]
        if modifier == "=":
            return LocationSpec(plan.LOCATION_EXACT, name)
        if modifier == "^~":
            return LocationSpec(plan.LOCATION_PREFIX_FINAL, name)
        if modifier:
            return LocationSpec(plan.LOCATION_REGEX, name, scope.regex(name, modifier == "~*", len(args) - 1))
        if name.startswith("@"):
            return LocationSpec(plan.LOCATION_NAMED, name)
        return LocationSpec(plan.LOCATION_PREFIX, name)

    def describe(self) -> str:
        return "[= | ^~ | ~ | ~*] path | @name"


DIRECTIVES = (
    Directive(
        "server",
        HTTP,
        Shape(),
        "A virtual server: addresses, names, and what happens to requests for them.",
        block=True,
        repeats=True,
    ),
    Directive(
        "location",
        SERVER | LOCATION,
        LocationShape(),
        "What happens to requests for some paths. The order of looking: `=` path, the longest prefix "
        "(final if it has `^~`), regular expressions (`~`, or `~*` without regard to case) in their "
        "order, then that prefix.",
        block=True,
        repeats=True,
    ),
)
