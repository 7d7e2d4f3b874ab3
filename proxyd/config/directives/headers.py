"""add_header: fields of answers."""

from __future__ import annotations

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import AddHeader
from proxyd.config.shapes import Text

DIRECTIVES = (
    Directive(
        "add_header",
        EVERYWHERE,
        Text(),
        "A field for answers with status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308; with `always` for all. "
        "Those of an outer level apply only where a level has none.",
        setting=True,
        fields=(("add_header", list[AddHeader]),),
        repeats=True,
    ),
)
