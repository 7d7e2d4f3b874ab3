"""set: a variable's value. return: an answer made here."""

from __future__ import annotations

from collections.abc import Sequence

from proxyd.config import variables
from proxyd.config.directive import EVERYWHERE, LOCATION, SERVER, Directive
from proxyd.config.plan import Return, SetVariable
from proxyd.config.shapes import Flag, Invalid, Scope, Shape
from proxyd.config.template import NAME
from proxyd.config.units import parse_number

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
        text = scope.template(args[1], 1) if len(args) == 2 else None
        if status >= 400 and not text:  # as in nginx, an empty text leaves an error its page
            text = None
        return Return(status=status, text=text)

    def describe(self) -> str:
        return "code [text] | code URL | URL"


class SetShape(Shape):
    """A variable and its value."""

    least = 2
    most = 2
    hint = "a variable and its value"

    def read(self, args: Sequence[str], scope: Scope) -> SetVariable:
        name = args[0][1:].lower()
        if not args[0].startswith("$") or not NAME.match(name):
            raise Invalid(f'invalid variable name "{args[0]}"', 'a "$" and a name')
        number = variables.NUMBER.get(name)
        if number is not None and not variables.VARIABLES[number].settable:
            raise Invalid(f'the duplicate "{name}" variable', f"${name} is built in; choose another name")
        slot = -1 if number is not None else scope.slot(name)
        value = scope.template(args[1], 1)
        return SetVariable(slot=slot, variable=-1 if number is None else number, value=value)

    def describe(self) -> str:
        return "$variable value"


DIRECTIVES = (
    Directive(
        "set",
        SERVER | LOCATION,
        SetShape(),
        "Gives a variable a value. Runs in the order of the file, together with `return`: in the server "
        "before a location is chosen, then in the location. Of what is built in, $args and $limit_rate can "
        "be set, and names that begin like $http_ or $arg_: where no `set` has run, these say what they "
        "always say.",
        repeats=True,
    ),
    Directive(
        "uninitialized_variable_warn",
        EVERYWHERE,
        Flag(),
        "Whether a warning is logged when a variable is read that no `set` has given a value.",
        default="on",
        setting=True,
    ),
    Directive(
        "return",
        SERVER | LOCATION,
        ReturnShape(),
        "Answers with this status and text; with a URL for 301, 302, 303, 307 and 308. 444 closes the "
        "connection without an answer. The first of several counts.",
        repeats=True,
    ),
)
