"""The $names that a configuration makes, found before anything is compiled: they may be used in front of what
makes them."""

from __future__ import annotations

from proxyd.config import pcre, variables
from proxyd.config.check import Checker
from proxyd.config.directives.proxy_rewrite import RULES
from proxyd.config.maps import Maps
from proxyd.config.parser import Statement
from proxyd.config.shapes import encode
from proxyd.config.template import NAME


class NameFinder:
    """Finds maps, what ``set`` makes, and named groups of regular expressions."""

    def __init__(self, maps: Maps, checker: Checker) -> None:
        self._maps = maps
        self._names = maps.names
        self._checker = checker

    def find(self, statements: list[Statement]) -> None:
        """All names that the statements of the http block declare."""
        for statement in statements:
            if statement.block is None:
                self._in_rule(statement)
                continue
            if statement.name == "map" and len(statement.args) == 2:
                self._map(statement)
            elif statement.name == "server":
                self._inside_server(statement.block)

    def _map(self, statement: Statement) -> None:
        name = statement.args[1].removeprefix("$").lower()
        if name in variables.NUMBER:
            self._checker.wrong(
                statement, f'the duplicate "{name}" variable', f"${name} is built in; choose another name", 1
            )
            return
        if name in self._names.maps:
            message = f'the variable "${name}" is made by two maps'
            self._checker.report.at(statement, "warn", message, "the last one counts", 1)
        self._maps.declare(name, statement)
        for line in statement.block or ():
            self._groups(line.name)

    def _inside_server(self, statements: list[Statement]) -> None:
        for statement in statements:
            if statement.name == "set" and statement.args:
                self._set(statement)
            elif statement.name == "location":
                if statement.args:
                    self._groups(statement.args[-1])
                if statement.block:
                    self._inside_server(statement.block)
            elif statement.name == "server_name":
                for text in statement.args:
                    self._groups(text)
            else:
                self._in_rule(statement)

    def _in_rule(self, statement: Statement) -> None:
        if statement.name in RULES and statement.args and statement.args[0].startswith("~"):
            self._groups(statement.args[0][1:].removeprefix("*"))

    def _set(self, statement: Statement) -> None:
        name = statement.args[0].removeprefix("$").lower()
        if NAME.match(name) and name not in variables.NUMBER:
            self._names.assigned(name)

    def _groups(self, text: str) -> None:
        if "(?" not in text:
            return
        names = self._names
        for name in pcre.check(encode(text), False).groups:
            if name.lower() not in variables.NUMBER and name.lower() not in names.maps:
                names.capture(name)
