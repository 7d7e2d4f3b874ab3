"""proxy_redirect, proxy_cookie_*: what becomes of names and paths in an upstream's answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import CookieRule, RewriteRule, Words
from proxyd.config.shapes import Invalid, Scope, Shape

OFF = "off"  # of a list of rules: it stands alone

_FLAGS = re.compile(r"(no)?(secure|httponly|samesite)\Z|samesite=(strict|lax|none)\Z", re.IGNORECASE)


def _rule(
    args: Sequence[str], scope: Scope, pattern: str, replacement: str, regex: bool, caseless: bool
) -> RewriteRule:
    if regex:
        compiled = scope.regex(pattern, caseless)
        return RewriteRule(
            by_default=False, pattern=[], regex=compiled, replacement=scope.template(replacement, 1)
        )
    return RewriteRule(
        by_default=False,
        pattern=scope.template(pattern),
        regex=None,
        replacement=scope.template(replacement, 1),
    )


class RedirectShape(Shape):
    """off, default, or what a redirect begins with and what it shall begin with instead."""

    least = 1
    most = 2
    type = list[RewriteRule]
    hint = "off, default, or a beginning and its replacement; ~ or ~* makes the first a regular expression"

    def read(self, args: Sequence[str], scope: Scope) -> RewriteRule | str:
        if len(args) == 1:
            if args[0] == "default":
                return RewriteRule(by_default=True, pattern=[], regex=None, replacement=[])
            if args[0] == OFF:
                return OFF
            raise Invalid(f'invalid parameter "{args[0]}"', self.hint)
        return _with_case(args, scope)

    def describe(self) -> str:
        return "off | default | redirect replacement"


def _with_case(args: Sequence[str], scope: Scope) -> RewriteRule:
    """~ respects case, ~* does not."""
    pattern = args[0]
    if not pattern.startswith("~"):
        return _rule(args, scope, pattern, args[1], False, False)
    caseless = pattern.startswith("~*")
    return _rule(args, scope, pattern[2 if caseless else 1 :], args[1], True, caseless)


class CookiePathShape(Shape):
    """off, or the beginning of a path and its replacement."""

    least = 1
    most = 2
    type = list[RewriteRule]
    hint = "off, or a path and its replacement; ~ or ~* makes the first a regular expression"

    def read(self, args: Sequence[str], scope: Scope) -> RewriteRule | str:
        if len(args) == 2:
            return self.pair(args, scope)
        if args[0] == OFF:
            return OFF
        raise Invalid(f'invalid parameter "{args[0]}"', self.hint)

    def pair(self, args: Sequence[str], scope: Scope) -> RewriteRule:
        """A path and its replacement."""
        return _with_case(args, scope)

    def describe(self) -> str:
        return "off | path replacement"


class CookieDomainShape(CookiePathShape):
    """off, or a domain and its replacement. Dots in front do not count."""

    hint = "off, or a domain and its replacement; ~ makes the first a regular expression"

    def pair(self, args: Sequence[str], scope: Scope) -> RewriteRule:
        if args[0].startswith("~"):
            return _rule(args, scope, args[0][1:], args[1], True, True)
        return _rule(args, scope, args[0].removeprefix("."), args[1].removeprefix("."), False, False)

    def describe(self) -> str:
        return "off | domain replacement"


class CookieFlagsShape(Shape):
    """off, or the name of a cookie and what flags it shall have, and not have."""

    least = 1
    most = 4
    type = list[CookieRule]
    hint = "off, or a cookie and secure, httponly, samesite=strict|lax|none, nosecure, nohttponly, nosamesite"

    def read(self, args: Sequence[str], scope: Scope) -> CookieRule | str:
        if len(args) == 1:
            if args[0] == OFF:
                return OFF
            raise Invalid(f'invalid parameter "{args[0]}"', self.hint)
        for argument, flag in enumerate(args[1:], 1):
            if "$" not in flag and (not _FLAGS.match(flag) or flag.lower() == "samesite"):
                raise Invalid(f'invalid parameter "{flag}"', self.hint, argument)
        name: dict[str, Any] = {"name": [], "regex": None}
        if args[0].startswith("~"):
            name["regex"] = scope.regex(args[0][1:], True)
        else:
            name["name"] = scope.template(args[0])
        flags = [Words(value=scope.template(flag, place)) for place, flag in enumerate(args[1:], 1)]
        return CookieRule(**name, flags=flags)

    def describe(self) -> str:
        return "off | cookie [flag ...]"


COOKIE_RULES = ("proxy_cookie_domain", "proxy_cookie_path", "proxy_cookie_flags")
RULES = ("proxy_redirect", *COOKIE_RULES)

DIRECTIVES = (
    Directive(
        "proxy_redirect",
        EVERYWHERE,
        RedirectShape(),
        "What Location and Refresh of an answer begin with, and what clients get instead; the first rule "
        "that fits counts. `default`: what proxy_pass says becomes the location's name. Those of an outer "
        "level apply only where a level has none.",
        default_note="default, unless proxy_pass has variables",
        setting=True,
        repeats=True,
    ),
    Directive(
        "proxy_cookie_domain",
        EVERYWHERE,
        CookieDomainShape(),
        "The domain of Set-Cookie in an answer, and what clients get instead.",
        default_note="off",
        setting=True,
        repeats=True,
    ),
    Directive(
        "proxy_cookie_path",
        EVERYWHERE,
        CookiePathShape(),
        "What the path of Set-Cookie in an answer begins with, and what clients get instead.",
        default_note="off",
        setting=True,
        repeats=True,
    ),
    Directive(
        "proxy_cookie_flags",
        EVERYWHERE,
        CookieFlagsShape(),
        "Flags that are added to cookies of an answer, and taken from them.",
        default_note="off",
        setting=True,
        repeats=True,
    ),
)
