"""error_page: other answers in place of errors; and how redirects that are made here name this server."""

from __future__ import annotations

from collections.abc import Sequence

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import ErrorPage
from proxyd.config.shapes import Flag, Invalid, Scope, Shape
from proxyd.config.units import parse_number


class ErrorPageShape(Shape):
    """Statuses, perhaps "=" and the status of the answer, and where that comes from."""

    least = 2
    most = None
    type = list[ErrorPage]
    hint = "one or several statuses, perhaps =status, and a path, @name or URL"

    def read(self, args: Sequence[str], scope: Scope) -> ErrorPage:
        *codes, uri = args
        overwrite = -1
        if codes[-1].startswith("="):
            overwrite = self._overwrite(codes)
            codes.pop()
        statuses = [self._status(text, place) for place, text in enumerate(codes)]
        return ErrorPage(statuses=statuses, overwrite=overwrite, uri=scope.template(uri, len(args) - 1))

    def _overwrite(self, codes: Sequence[str]) -> int:
        """The status of "=200"; 0 of "="."""
        text, place = codes[-1], len(codes) - 1
        number = parse_number(text[1:]) if len(text) > 1 else 0
        if place == 0 or number is None or number > 999:
            raise Invalid(f'invalid value "{text}"', self.hint, place)
        return number

    def _status(self, text: str, place: int) -> int:
        number = parse_number(text)
        if number is None or number == 499:
            raise Invalid(f'invalid value "{text}"', self.hint, place)
        if not 300 <= number <= 599:
            raise Invalid(f'value "{text}" must be between 300 and 599', self.hint, place)
        return number

    def describe(self) -> str:
        return "code ... [=[response]] uri"


DIRECTIVES = (
    Directive(
        "error_page",
        EVERYWHERE,
        ErrorPageShape(),
        "What answers in place of an error: a path of this server, a named location, or a URL to which "
        "clients are sent (302). With `=` the status is that of what answers, with `=200` it is 200. Those "
        "of an outer level apply only where a level has none.",
        setting=True,
        repeats=True,
    ),
    Directive(
        "recursive_error_pages",
        EVERYWHERE,
        Flag(),
        "Whether an error on the way to an error_page has an error_page, too.",
        default="off",
        setting=True,
    ),
    Directive(
        "proxy_intercept_errors",
        EVERYWHERE,
        Flag(),
        "Whether an upstream's answer of 300 and above that has an error_page is replaced by it.",
        default="off",
        setting=True,
    ),
    Directive(
        "absolute_redirect",
        EVERYWHERE,
        Flag(),
        "Whether the Location of a redirect that is made here gets a scheme and a host.",
        default="on",
        setting=True,
    ),
    Directive(
        "server_name_in_redirect",
        EVERYWHERE,
        Flag(),
        "Whether that host is the first server_name; off: the one that the client asked for.",
        default="off",
        setting=True,
    ),
    Directive(
        "port_in_redirect",
        EVERYWHERE,
        Flag(),
        "Whether the port at which the client arrived is in it.",
        default="on",
        setting=True,
    ),
)
