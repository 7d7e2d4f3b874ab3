"""map: a variable whose value is looked up by another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from proxyd.config.directive import HTTP, Directive
from proxyd.config.directives.server_name import is_well_formed
from proxyd.config.parser import Statement
from proxyd.config.plan import Map, MapEntry, MapRegex, Piece
from proxyd.config.shapes import Invalid, Scope, Shape, encode
from proxyd.config.template import NAME


class MapShape(Shape):
    """What is looked up, and the variable that is made."""

    least = 2
    most = 2
    hint = "a value to look up, and the variable to make"

    def read(self, args: Sequence[str], scope: Scope) -> str:
        """The name of the variable."""
        name = args[1][1:]
        if not args[1].startswith("$") or not NAME.match(name):
            raise Invalid(f'invalid variable name "{args[1]}"', 'a "$" and a name', 1)
        scope.template(args[0])
        return name.lower()

    def describe(self) -> str:
        return "text $variable"


@dataclass(slots=True)
class Rows:
    """The lines of a map, sorted by how they are looked for."""

    default: list[Piece] = field(default_factory=list)
    has_default: bool = False
    hostnames: bool = False
    volatile: bool = False
    exact: dict[str, MapEntry] = field(default_factory=dict)
    heads: dict[str, MapEntry] = field(default_factory=dict)
    tails: dict[str, MapEntry] = field(default_factory=dict)
    regexes: list[MapRegex] = field(default_factory=list)


def read_row(line: Statement, scope: Scope, rows: Rows) -> None:
    """Add one line of a map block. Raises Invalid; arguments are counted from the line's second word."""
    words = [line.name, *line.args]
    if len(words) == 1 and words[0] in ("hostnames", "volatile"):
        setattr(rows, words[0], True)
        return
    if len(words) != 2:
        raise Invalid("invalid number of the map parameters", "a value to look for, and the result", -1)
    key = words[0]
    if key == "default":
        if rows.has_default:
            raise Invalid("duplicate default map parameter", "one default is enough", -1)
        rows.default, rows.has_default = scope.template(words[1]), True
    elif key.startswith("~"):
        caseless = key.startswith("~*")
        regex = scope.regex(key[2 if caseless else 1 :], caseless, -1)
        rows.regexes.append(MapRegex(regex=regex, value=scope.template(words[1])))
    else:
        _add_key(key.removeprefix("\\"), scope.template(words[1]), rows)


def _add_key(key: str, value: list[Piece], rows: Rows) -> None:
    lower = key.lower()

    def entry(text: str) -> MapEntry:
        return MapEntry(key=encode(text), value=value)

    places: list[tuple[dict[str, MapEntry], str]] = [(rows.exact, lower)]
    if rows.hostnames:
        if not is_well_formed(lower):
            raise Invalid(
                f'invalid hostname or wildcard "{key}"', "a wildcard is first or last: *.a.b or a.*", -1
            )
        if lower.startswith("."):
            places = [(rows.exact, lower[1:]), (rows.heads, lower)]
        elif lower.startswith("*."):
            places = [(rows.heads, lower[1:])]
        elif lower.endswith(".*"):
            places = [(rows.tails, lower[:-1])]
    if any(text in table for table, text in places):
        raise Invalid(f'conflicting parameter "{key}"', "it is there already", -1)
    for table, text in places:
        table[text] = entry(text)


def finish(name: str, source: list[Piece], rows: Rows, slot: int) -> Map:
    """The Map of these rows."""
    return Map(
        name=encode(name),
        source=source,
        default=rows.default,
        hostnames=rows.hostnames,
        exact=list(rows.exact.values()),
        heads=list(rows.heads.values()),
        tails=list(rows.tails.values()),
        regexes=rows.regexes,
        volatile=rows.volatile,
        slot=slot,
    )


DIRECTIVES = (
    Directive(
        "map",
        HTTP,
        MapShape(),
        "Makes a variable. Lines of the block: a value to look for (in any case, or a `~` regular "
        "expression) and the result; `default`: the result when nothing fits; `hostnames`: values may be "
        "*.example.com, .example.com or www.example.*; `volatile`: looked up at each use.",
        block=True,
        repeats=True,
    ),
)
