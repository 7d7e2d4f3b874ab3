"""server_name: which host names a server takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from proxyd.config.directive import SERVER, Directive
from proxyd.config.plan import Regex
from proxyd.config.shapes import Invalid, Scope, Shape


@dataclass(frozen=True, slots=True)
class Name:
    """One name. ``text`` is in lower case; of a regular expression it is as written, with its "~"."""

    text: str
    regex: Regex | None = None


class ServerNames(Shape):
    """Names: exact, "*.example.com", ".example.com", "www.example.*", "~regex", or ""."""

    least = 1
    most = None
    hint = 'a name, "*.name", ".name", "name.*" or "~regex"'

    def read(self, args: Sequence[str], scope: Scope) -> list[Name]:
        return [self._one(text, place, scope) for place, text in enumerate(args)]

    def _one(self, text: str, place: int, scope: Scope) -> Name:
        if (text.startswith("*") and (len(text) < 3 or text[1] != ".")) or text == ".":
            raise Invalid(f'server name "{text}" is invalid', self.hint, place)
        if "/" in text and not text.startswith("~"):
            scope.warn(
                f'server name "{text}" has suspicious symbols', "a name has no path and no scheme", place
            )
        if text == "$hostname":
            return Name(os.uname().nodename.lower())
        if not text.startswith("~"):
            return Name(text.lower())
        if text == "~":
            raise Invalid('empty regex in server name "~"', 'the pattern follows the "~"', place)
        # Hosts are in lower case when they are matched; a pattern with capitals would never match otherwise.
        caseless = any("A" <= char <= "Z" for char in text)
        return Name(text, scope.regex(text[1:], caseless, place))

    def describe(self) -> str:
        return "name ..."


def is_well_formed(text: str) -> bool:
    """Whether a wildcard stands where one may stand: first or last, one only, a dot beside it."""
    if ".." in text or "\0" in text or text.count("*") > 1:
        return False
    if text.startswith("."):
        return "*" not in text and len(text) > 1
    return "*" not in text or (len(text) > 2 and (text.startswith("*.") or text.endswith(".*")))


DIRECTIVES = (
    Directive(
        "server_name",
        SERVER,
        ServerNames(),
        "Host names that this server takes. The order of looking: exact names, the longest wildcard at "
        "the front, the longest at the end, regular expressions in their order; then the address's "
        "default server.",
        default='""',
        repeats=True,
    ),
)
