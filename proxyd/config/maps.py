"""The maps of a configuration: each is compiled when its variable is first used, so their order is free."""

from __future__ import annotations

import contextlib

from proxyd.config.check import Checker
from proxyd.config.directives.map import Rows, finish, read_row
from proxyd.config.objects import Objects
from proxyd.config.parser import Statement
from proxyd.config.plan import Piece
from proxyd.config.shapes import Invalid
from proxyd.config.template import Names


class Maps:
    """All map blocks, by their variable."""

    def __init__(self, objects: Objects) -> None:
        self.names = Names(self.digest)
        self._objects = objects
        self._statements: dict[str, Statement] = {}  # the last one of a name counts, as with nginx
        self._digests: dict[str, bytes] = {}
        self._under_way: set[str] = set()
        self._checker: Checker | None = None

    def declare(self, name: str, statement: Statement) -> None:
        """Make a name known, before anything is compiled."""
        self._statements[name] = statement
        self.names.maps.add(name)

    def use(self, checker: Checker) -> None:
        """How lines are checked; it needs the names, so it comes later."""
        self._checker = checker

    def digest(self, name: str) -> bytes:
        """The object of a map. Raises Invalid when it needs itself."""
        if name in self._under_way:
            raise Invalid(f'cycle while evaluating variable "{name}"', "this map leads back to itself")
        if name not in self._digests:
            self._under_way.add(name)
            self._digests[name] = self._compile(name, self._statements[name])
            self._under_way.discard(name)
        return self._digests[name]

    def check(self, name: str, statement: Statement) -> None:
        """Compile a map even if nobody uses it, for its errors."""
        if self._statements.get(name) is statement:
            with contextlib.suppress(Invalid):  # said where the cycle was met
                self.digest(name)
        else:
            self._compile(name, statement)

    def _compile(self, name: str, statement: Statement) -> bytes:
        checker = self._checker
        assert checker is not None
        outside = (checker.scope.name, checker.scope.statement)
        source: list[Piece] = []
        try:
            source = checker.scope.at("map", statement).template(statement.args[0])
        except Invalid as error:
            checker.wrong(statement, error.message, error.hint, error.argument)
        rows = Rows()
        for line in statement.block or ():
            self._row(line, rows, checker)
        checker.scope.back(outside)
        return self._objects.add(finish(name, source, rows, self.names.slots.get(name, -1)))

    def _row(self, line: Statement, rows: Rows, checker: Checker) -> None:
        if line.block is not None:
            checker.wrong(line, 'unexpected "{"', "a map has no blocks inside")
            return
        try:
            read_row(line, checker.scope.at("map", line), rows)
        except Invalid as error:
            checker.wrong(line, error.message, error.hint, error.argument)
