"""return: an answer made here."""

from __future__ import annotations

from collections.abc import Sequence

from proxyd.config.directive import LOCATION, SERVER, Directive
from proxyd.config.plan import Return
from proxyd.config.shapes import Invalid, Scope, Shape, parse_number

_URL_STARTS = ("http://", "https://", "$scheme")


class ReturnShape(Shape):
    """A status and optionally a text or URL; or a URL alone, for 302."""

    least = 1
    most = 2
    hint = "a status from 100 to 999, a status and a text, or a URL"

    def read(self, args: Sequence[str], scope: Scope) -> Return:
        status = parse_number(args[0])
        if status is None and len(args) == 1 and args[0].startswith(_URL_STARTS):
            return Return(status=302, text=scope.template(args[0]))
        if status is None or not 100 <= status <= 999:
            raise Invalid(f'invalid return code "{args[0]}"', self.hint)
        return Return(status=status, text=scope.template(args[1], 1) if len(args) == 2 else None)

    def describe(self) -> str:
        return "code [text] | code URL | URL"


DIRECTIVES = (
    Directive(
        "return",
        SERVER | LOCATION,
        ReturnShape(),
        "Answers with this status and text; with a URL for 301, 302, 303, 307 and 308. 444 closes the "
        "connection without an answer. The first of several counts.",
        repeats=True,
    ),
)
