"""Lists of rules (proxy_redirect, proxy_cookie_*): which of them contradict each other."""

from __future__ import annotations

from typing import Any

from proxyd.config.check import Checker, Level
from proxyd.config.directives.proxy import ProxyPassSpec
from proxyd.config.directives.proxy_rewrite import OFF, RULES
from proxyd.config.parser import Statement
from proxyd.config.plan import RewriteRule


def check_rules(checker: Checker, level: Level) -> None:
    """The rules of one level of http."""
    for name in RULES:
        if name in level.values:
            _check_alone(checker, name, level.values[name], level.where[name])
    for rule, statement in zip(
        level.values.get("proxy_redirect", ()), level.where.get("proxy_redirect", ()), strict=True
    ):
        if isinstance(rule, RewriteRule) and rule.by_default:
            _check_default(checker, level, statement)


def _check_alone(checker: Checker, name: str, rules: list[Any], where: list[Statement]) -> None:
    if OFF not in rules or len(rules) == 1:
        return
    second = max(1, rules.index(OFF))
    checker.wrong(where[second], f'"{name}" directive is duplicate', '"off" stands alone')


def _check_default(checker: Checker, level: Level, statement: Statement) -> None:
    found = level.where.get("proxy_pass")
    value: ProxyPassSpec | None = level.values.get("proxy_pass")
    behind = found and (found[0].source is not statement.source or found[0].offset() < statement.offset())
    if not behind or value is None:
        checker.wrong(
            statement,
            '"proxy_redirect default" should be placed after the "proxy_pass" directive',
            "it is what holds where nothing is said",
        )
    elif value.variables is not None:
        checker.wrong(
            statement,
            '"proxy_redirect default" cannot be used with "proxy_pass" directive with variables',
            "write what Location begins with, and what it shall begin with",
        )
