"""What comes before an answer and behind it: early hints, trailers."""

from __future__ import annotations

from collections.abc import Sequence

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.directives.headers import INHERIT, AddHeaderShape, field_name
from proxyd.config.plan import AddHeader, Words
from proxyd.config.shapes import Choice, Flag, Invalid, Scope, Shape

# They frame a message or say how it is to be read: too late behind it (RFC 9110 6.5.1).
_NEVER_BEHIND = frozenset(
    "connection content-encoding content-length content-range content-type host keep-alive te trailer "
    "transfer-encoding upgrade".split()
)


class AddTrailerShape(AddHeaderShape):
    """Name, value, and optionally always."""

    def read(self, args: Sequence[str], scope: Scope) -> AddHeader:
        name = field_name(args[0])
        if name.decode().lower() in _NEVER_BEHIND:
            raise Invalid(
                f'"{scope.name}" directive invalid value "{args[0]}"',
                "this field means nothing behind a body",
            )
        return super().read(args, scope)


class Conditions(Shape):
    """Texts, of which one must be neither empty nor 0."""

    least = 1
    most = None
    type = list[Words]
    hint = "texts with variables"

    def read(self, args: Sequence[str], scope: Scope) -> list[Words]:
        return [Words(value=scope.template(text, place)) for place, text in enumerate(args)]

    def describe(self) -> str:
        return "string ..."


DIRECTIVES = (
    Directive(
        "add_trailer",
        EVERYWHERE,
        AddTrailerShape(),
        "A field behind the body of answers with status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308; "
        "with `always` of all. An answer that gets one is sent in chunks; HTTP/1.0 has none. Those of an "
        "outer level apply only where a level has none.",
        setting=True,
        repeats=True,
    ),
    Directive(
        "add_trailer_inherit",
        EVERYWHERE,
        Choice(INHERIT),
        "As add_header_inherit, for add_trailer.",
        default="on",
        setting=True,
        fields=(),
    ),
    Directive(
        "proxy_pass_trailers",
        EVERYWHERE,
        Flag(),
        "Whether fields behind a chunked answer of an upstream are sent on, but for hidden ones. It "
        'must be asked for them: proxy_set_header TE "trailers"; proxy_set_header Connection "te".',
        default="off",
        setting=True,
    ),
    Directive(
        "early_hints",
        EVERYWHERE,
        Conditions(),
        "When an upstream's `103 Early Hints` is sent on: if one of the strings is neither empty nor `0`.",
        default_note="never",
        setting=True,
    ),
)
