"""add_header, and the rules for names and values of header fields that the configuration makes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import AddHeader
from proxyd.config.shapes import Choice, Invalid, Scope, Shape, encode

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # token of RFC 9110, section 5.6.2
_LINE_ENDS = re.compile(r"[ \t]*[\r\n]+[ \t\r\n]*")


def field_name(text: str, argument: int = 0) -> bytes:
    """The name of a header field. nginx would send anything; what is no name could pass for another field."""
    if not _NAME.match(text):
        hint = "without the colon" if _NAME.match(text.removesuffix(":")) else "letters, digits and dashes"
        raise Invalid(f'invalid header name "{text}"', hint, argument)
    return encode(text)


def field_value(text: str, scope: Scope, argument: int) -> str:
    """The text of a value. One that spans lines (long policies are written so) becomes one line."""
    if "\n" in text or "\r" in text:
        text = _LINE_ENDS.sub(" ", text).strip()
        scope.warn(
            f'the value in "{scope.name}" directive spans lines',
            "it is sent in one line, with a space for each line end",
            argument,
        )
    if "\0" in text:
        raise Invalid(f'"{scope.name}" directive invalid value', "a header cannot hold a zero byte", argument)
    return text


class AddHeaderShape(Shape):
    """Name, value, and optionally always."""

    least = 2
    most = 3
    type = list[AddHeader]
    hint = "a name and a value, and optionally always"

    def read(self, args: Sequence[str], scope: Scope) -> AddHeader:
        if len(args) == 3 and args[2] != "always":
            raise Invalid(f'invalid parameter "{args[2]}"', 'only "always" may follow the value', 2)
        value = scope.template(field_value(args[1], scope, 1), 1)
        return AddHeader(name=field_name(args[0]), value=value, always=len(args) == 3)

    def describe(self) -> str:
        return "name value [always]"


INHERIT = {"on": 0, "off": 1, "merge": 2}

DIRECTIVES = (
    Directive(
        "add_header_inherit",
        EVERYWHERE,
        Choice(INHERIT),
        "What becomes of add_header of an outer level: `on`: it applies where a level has none; `merge`: it "
        "applies behind the level's own; `off`: it does not apply.",
        default="on",
        setting=True,
        fields=(),  # done when levels are put together
    ),
    Directive(
        "add_header",
        EVERYWHERE,
        AddHeaderShape(),
        "A field for answers with status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308; with "
        "`always` for all. Those of an outer level apply only where a level has none.",
        setting=True,
        repeats=True,
    ),
)
