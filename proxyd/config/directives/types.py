"""types: media types by extension."""

from __future__ import annotations

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.errors import Report
from proxyd.config.parser import Statement
from proxyd.config.plan import TypeEntry, Types, TypesRef
from proxyd.config.shapes import Shape, encode

DEFAULT = {"html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"}


def read_types(blocks: list[Statement], report: Report) -> Types:
    """All ``types`` blocks of one level, together."""
    found: dict[str, str] = {}
    for block in blocks:
        for line in block.block or ():
            if line.block is not None:
                report.at(line, "emerg", 'unexpected "{"', "a type and its extensions")
            for place, word in enumerate(line.args):
                extension = word.lower()
                if extension in found:
                    report.at(
                        line,
                        "warn",
                        f'duplicate extension "{word}", content type: "{line.name}", '
                        f'previous content type: "{found[extension]}"',
                        argument=place,
                    )
                found[extension] = line.name
    return make_types(found)


def make_types(found: dict[str, str]) -> Types:
    """The Types of a dictionary from extension to type; sorted, so that equal ones are the same object."""
    entries = [TypeEntry(extension=encode(key), type=encode(found[key])) for key in sorted(found)]
    return Types(entries=entries)


DIRECTIVES = (
    Directive(
        "types",
        EVERYWHERE,
        Shape(),
        "Media types by extension of the path: on each line a type and its extensions. Those of an outer "
        "level apply only where a level has none.",
        default_note="text/html html; image/gif gif; image/jpeg jpg",
        setting=True,
        fields=(("types", TypesRef),),
        block=True,
        repeats=True,
    ),
)
