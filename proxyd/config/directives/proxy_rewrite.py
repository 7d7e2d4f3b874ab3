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


def _plain(pattern: str, replacement: str, scope: Scope) -> RewriteRule:
    return RewriteRule(
        by_default=False,
        pattern=scope.template(pattern),
        regex=None,
        replacement=scope.template(replacement, 1),
    )


def _regex(pattern: str, caseless: bool, replacement: str, scope: Scope) -> RewriteRule:
    regex = scope.regex(pattern, caseless)  # before the replacement, which may name its captures
    return RewriteRule(by_default=False, pattern=[], regex=regex, replacement=scope.template(replacement, 1))


def _with_case(args: Sequence[str], scope: Scope) -> RewriteRule:
    """~ respects case, ~* does not."""
    pattern, replacement = args
    if pattern.startswith("~*"):
        return _regex(pattern[2:], True, replacement, scope)
    if pattern.startswith("~"):
        return _regex(pattern[1:], False, replacement, scope)
    return _plain(pattern, replacement, scope)


class _RuleShape(Shape):
    """One word that stands alone, or a rule."""

    least = 1
    most = 2
    type: Any = list[RewriteRule]

    def read(self, args: Sequence[str], scope: Scope) -> object:
        return self.word(args[0]) if len(args) == 1 else self.rule(args, scope)

    def word(self, word: str) -> object:
        """What a single argument means."""
        if word == OFF:
            return OFF
        raise Invalid(f'invalid parameter "{word}"', self.hint)

    def rule(self, args: Sequence[str], scope: Scope) -> object:
        """What several arguments mean: here a beginning and its replacement."""
        return _with_case(args, scope)


class RedirectShape(_RuleShape):
    """off, default, or what a redirect begins with and what it shall begin with instead."""

    hint = "off, default, or a beginning and its replacement; ~ or ~* makes the first a regular expression"

    def word(self, word: str) -> object:
        if word == "default":
            return RewriteRule(by_default=True, pattern=[], regex=None, replacement=[])
        return super().word(word)

    def describe(self) -> str:
        return "off | default | redirect replacement"


class CookiePathShape(_RuleShape):
    """off, or the beginning of a path and its replacement."""

    hint = "off, or a path and its replacement; ~ or ~* makes the first a regular expression"

    def describe(self) -> str:
        return "off | path replacement"


class CookieDomainShape(_RuleShape):
    """off, or a domain and its replacement. Dots in front do not count."""

    hint = "off, or a domain and its replacement; ~ makes the first a regular expression"

    def rule(self, args: Sequence[str], scope: Scope) -> object:
        domain, replacement = args
        if domain.startswith("~"):
            return _regex(domain[1:], True, replacement, scope)
        return _plain(domain.removeprefix("."), replacement.removeprefix("."), scope)

    def describe(self) -> str:
        return "off | domain replacement"


class CookieFlagsShape(_RuleShape):
    """off, or the name of a cookie and what flags it shall have, and not have."""

    most = 4
    type = list[CookieRule]
    hint = "off, or a cookie and secure, httponly, samesite=strict|lax|none, nosecure, nohttponly, nosamesite"

    def rule(self, args: Sequence[str], scope: Scope) -> object:
        name, *flags = args
        for argument, flag in enumerate(flags, 1):
            if "$" not in flag and (not _FLAGS.match(flag) or flag.lower() == "samesite"):
                raise Invalid(f'invalid parameter "{flag}"', self.hint, argument)
        regex = scope.regex(name[1:], True) if name.startswith("~") else None
        return CookieRule(
            name=scope.template(name) if regex is None else [],
            regex=regex,
            flags=[Words(value=scope.template(flag, place)) for place, flag in enumerate(flags, 1)],
        )

    def describe(self) -> str:
        return "off | cookie [flag ...]"


def _directive(name: str, shape: _RuleShape, doc: str, default_note: str = "off") -> Directive:
    return Directive(name, EVERYWHERE, shape, doc, default_note=default_note, setting=True, repeats=True)


COOKIE_RULES = ("proxy_cookie_domain", "proxy_cookie_path", "proxy_cookie_flags")
RULES = ("proxy_redirect", *COOKIE_RULES)

DIRECTIVES = (
    _directive(
        "proxy_redirect",
        RedirectShape(),
        "What Location and Refresh of an answer begin with, and what clients get instead; the first rule "
        "that fits counts. `default`: what proxy_pass says becomes the location's name. Those of an outer "
        "level apply only where a level has none.",
        "default, unless proxy_pass has variables",
    ),
    _directive(
        "proxy_cookie_domain",
        CookieDomainShape(),
        "The domain of Set-Cookie in an answer, and what clients get instead.",
    ),
    _directive(
        "proxy_cookie_path",
        CookiePathShape(),
        "What the path of Set-Cookie in an answer begins with, and what clients get instead.",
    ),
    _directive(
        "proxy_cookie_flags",
        CookieFlagsShape(),
        "Flags that are added to cookies of an answer, and taken from them.",
    ),
)
