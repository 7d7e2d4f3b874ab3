"""Symbolic links in the names of files."""

from __future__ import annotations

from collections.abc import Sequence

from proxyd.config import plan
from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import DisableSymlinks
from proxyd.config.shapes import Invalid, Scope, Shape

RULES = {
    "off": plan.SYMLINKS_FOLLOWED,
    "on": plan.SYMLINKS_REFUSED,
    "if_not_owner": plan.SYMLINKS_OF_OWNER,
}

FOLLOWED = DisableSymlinks(rule=plan.SYMLINKS_FOLLOWED, start=[])

_FROM = "from="


class SymlinksShape(Shape):
    """off, or on or if_not_owner [from=path]; in any order."""

    least = 1
    most = 2
    type = DisableSymlinks
    hint = "off, or on or if_not_owner, perhaps with from=PATH"

    def read(self, args: Sequence[str], scope: Scope) -> DisableSymlinks:
        rule: str | None = None
        start: str | None = None
        for place, text in enumerate(args):
            known, taken = (start, text[: len(_FROM)]) if text.startswith(_FROM) else (rule, text)
            if taken != _FROM and taken not in RULES:
                raise Invalid(f'invalid parameter "{text}"', self.hint, place)
            if known is not None:
                raise Invalid(f'duplicate parameters "{" ".join(args)}"', self.hint, place)
            if taken == _FROM:
                start = text.removeprefix(_FROM)
            else:
                rule = text
        if rule is None:
            raise Invalid(f'"{scope.name}" must have "off", "on" or "if_not_owner" parameter', self.hint)
        if rule == "off" and start is not None:
            raise Invalid('"from=" cannot be used with "off" parameter', self.hint)
        return DisableSymlinks(rule=RULES[rule], start=scope.template(start or "", self._place(args)))

    @staticmethod
    def _place(args: Sequence[str]) -> int:
        return next((place for place, text in enumerate(args) if text.startswith(_FROM)), 0)

    def describe(self) -> str:
        return "off | on | if_not_owner [from=path]"


DIRECTIVES = (
    Directive(
        "disable_symlinks",
        EVERYWHERE,
        SymlinksShape(),
        "What is done about symbolic links in the name of a file: they are followed (`off`), refused (`on`), "
        "or followed only to what belongs to the owner of the link. `from`: a beginning of the name that is "
        "taken as it is, usually `$document_root`. A file whose own name is such a link is answered with "
        "403, one behind a folder that is one with 404, as in nginx. It holds for logs whose path has "
        "variables, too.",
        default_note="off",
        setting=True,
    ),
)
