"""types: media types by extension."""

from __future__ import annotations

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import TypesRef
from proxyd.config.shapes import Shape

DIRECTIVES = (
    Directive(
        "types",
        EVERYWHERE,
        Shape(),
        "Media types by extension of the path, one type and its extensions per line.",
        default_note="text/html html; image/gif gif; image/jpeg jpg",
        setting=True,
        fields=(("types", TypesRef),),
        block=True,
        repeats=True,
    ),
)
