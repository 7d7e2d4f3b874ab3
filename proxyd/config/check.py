"""Checks statements against the declarations: known, allowed here, terminated rightly, right number and
shape of arguments.

What comes out is a Level: the values of one block, by directive. What several values together mean is
checked where they come together, in inherit.py and compile.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxyd.config import pcre, status, variables
from proxyd.config.directive import EVERYWHERE, LIMIT_EXCEPT, Context, Directive
from proxyd.config.directives import ALL, BY_CONTEXT
from proxyd.config.errors import Report
from proxyd.config.hints import lookalike, missing_semicolon, of_unknown
from proxyd.config.parser import Statement
from proxyd.config.plan import Piece, Regex, RegexGroup
from proxyd.config.shapes import Bits, Invalid, encode
from proxyd.config.template import Templates

Resolve = Callable[[str, int], list[tuple[int, bytes]]]
BAD: Any = object()  # the value of arguments that are wrong

# Of event methods that Linux does not have.
_OTHER_SYSTEMS = {
    *("acceptex_read", "post_acceptex", "iocp_threads", "devpoll_changes", "devpoll_events"),
    *("eventport_events", "kqueue_changes", "kqueue_events"),
}


class Level:
    """One block after its check."""

    __slots__ = ("values", "where", "blocks", "key")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}  # by directive; a list for those that repeat
        self.where: dict[str, list[Statement]] = {}  # the statements, in the same order
        self.blocks: list[tuple[Directive, Statement, Any]] = []  # blocks, with what stands before them
        self.key: tuple[object, ...] = ()  # equal for levels that set the same


class Scope:
    """What shapes may ask while they read (see shapes.Scope); one for a whole compile."""

    def __init__(
        self,
        report: Report,
        templates: Templates,
        resolve: Resolve,
        path: Callable[[str], str],
        cpus: int,
        root: bool,
    ) -> None:
        self.name = ""
        self.cpus = cpus
        self.root = root
        self.said = False  # whether the value being read caused a warning, which belongs to its place
        self.statement: Statement | None = None
        self._report = report
        self._templates = templates
        self._resolve = resolve
        self._path = path
        self._addresses: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
        self._regexes: dict[tuple[str, bool], Regex] = {}

    def at(self, name: str, statement: Statement) -> Scope:
        """The same scope, for another statement."""
        self.name = name
        self.statement = statement
        return self

    def back(self, before: tuple[str, Statement | None]) -> None:
        """Return to what was read before, when a use of a map made that map be read in between."""
        self.name, self.statement = before

    def template(self, text: str, argument: int = 0) -> list[Piece]:
        """Compile text with $variables."""
        try:
            return self._templates.compile(text)
        except Invalid as error:
            error.argument = argument
            raise

    def regex(self, pattern: str, caseless: bool, argument: int = 0) -> Regex:
        """Check a regular expression and give its named groups their slots."""
        found = self._regexes.get((pattern, caseless))
        if found is not None:
            return found
        raw = encode(pattern)
        checked = pcre.check(raw, caseless)
        if checked.error:
            rest = raw[checked.at :].decode("utf-8", "replace")
            where = f' at "{rest}"' if rest else ""
            raise Invalid(f'pcre2_compile() failed: {checked.error} in "{pattern}"{where}', "", argument)
        names = self._templates.names
        for name in checked.groups:
            if name.lower() in names.maps or name.lower() in variables.NUMBER:
                raise Invalid(f'the duplicate "{name}" variable', "name the group differently", argument)
        groups = [
            RegexGroup(number=number, slot=names.capture(name)) for name, number in checked.groups.items()
        ]
        regex = Regex(pattern=raw, caseless=caseless, groups=groups)
        self._regexes[(pattern, caseless)] = regex
        return regex

    def slot(self, name: str) -> int:
        """The slot of a variable that ``set`` makes."""
        return self._templates.names.assigned(name)

    def path(self, text: str) -> str:
        """A path made absolute."""
        return self._path(text)

    def resolve(self, host: str, port: int) -> list[tuple[int, bytes]]:
        """Addresses of a host, asked for once."""
        key = (host.lower(), port)
        if key not in self._addresses:
            try:
                self._addresses[key] = self._resolve(host, port)
            except (OSError, UnicodeError):
                self._addresses[key] = []
        return self._addresses[key]

    def warn(self, message: str, hint: str = "", argument: int = 0) -> None:
        """Note something that is no error."""
        self.said = True
        statement = self.statement
        assert statement is not None
        self._report.at(statement, "warn", message, hint, argument)


class Checker:
    """Checks blocks, one by one."""

    def __init__(self, report: Report, scope: Scope) -> None:
        self.report = report
        self.scope = scope
        # A value is read once for all statements that are written alike. Contexts of http share their values.
        shared: dict[tuple[str, ...], Any] = {}
        self._read: dict[Context, dict[tuple[str, ...], Any]] = {
            context: shared if context in EVERYWHERE else {} for context in Context
        }

    def wrong(self, statement: Statement, message: str, hint: str = "", argument: int = -1) -> None:
        """Report an error in a statement."""
        self.report.at(statement, "emerg", message, hint, argument)

    def check(self, statements: list[Statement], context: Context) -> Level:
        """Check the statements of one block. What is wrong is reported and left out."""
        table, read = BY_CONTEXT[context], self._read[context]
        level = Level()
        values, where = level.values, level.where
        keys: list[object] = []
        for statement in statements:
            name = statement.name
            directive = table.get(name)
            if directive is None:
                self.unknown(statement, context)
                continue
            if (statement.block is not None) is not directive.block:
                self.wrong_end(statement, directive)
                continue
            key = (name, *statement.args)
            value = read.get(key)
            if value is None:
                value = self.value(directive, statement)
                if not self.scope.said:
                    read[key] = value
            if directive.block:
                level.blocks.append((directive, statement, value))
            if value is BAD:
                continue
            if directive.repeats:
                values.setdefault(directive.group or name, []).append(value)
                where.setdefault(directive.group or name, []).append(statement)
            elif name in values and isinstance(directive.shape, Bits):
                values[name] = directive.shape.merged(values[name], value)
            elif name in values:
                self.duplicate(statement, where[name][0])
                continue
            else:
                values[name] = value
                where[name] = [statement]
            if directive.setting:
                keys.append(key if not directive.block else id(statement))
        level.key = tuple(keys)
        return level

    def value(self, directive: Directive, statement: Statement) -> Any:
        """The value of a statement's arguments, or BAD."""
        shape, count = directive.shape, len(statement.args)
        self.scope.said = False
        if count < shape.least or (shape.most is not None and count > shape.most):
            self.scope.said = True  # each place has its own hint
            self.wrong(
                statement,
                f'invalid number of arguments in "{statement.name}" directive',
                missing_semicolon(statement)
                or lookalike(statement.args)
                or shape.hint
                or self._takes(directive),
            )
            return BAD
        try:
            value = shape.read(statement.args, self.scope.at(statement.name, statement))
            if shape.most is None and (hint := missing_semicolon(statement)):
                self.scope.warn(f'"{statement.name}" directive has the name of a directive in it', hint, -1)
            return value
        except Invalid as error:
            self.scope.said = True
            hint = missing_semicolon(statement) or error.hint
            self.wrong(statement, error.message, hint, error.argument)
            for other in error.others:
                self.wrong(statement, other.message, other.hint, other.argument)
            return BAD

    def _takes(self, directive: Directive) -> str:
        shown = directive.shape.describe()
        return f"it takes {shown}" if shown else "it takes none"

    def duplicate(self, statement: Statement, first: Statement) -> None:
        """A directive that may stand once stands here again."""
        same_file = first.source is statement.source
        line = first.source.locate(first.offset())[0]
        place = f"line {line}" if same_file else f"{first.source.path}:{line}"
        self.wrong(statement, f'"{statement.name}" directive is duplicate', f"it is in {place} already")

    def wrong_end(self, statement: Statement, directive: Directive) -> None:
        """A block where none belongs, or none where one belongs."""
        if directive.block:
            self.wrong(statement, f'directive "{statement.name}" has no opening "{{"', "it has a block")
            return
        hint = missing_semicolon(statement) or "it has no block"
        self.wrong(statement, f'directive "{statement.name}" is not terminated by ";"', hint)

    def unknown(self, statement: Statement, context: Context) -> None:
        """A directive that does not exist, not yet, or not here."""
        name = statement.name
        places = Context(0)
        for directive in ALL:
            if directive.name == name:
                places |= directive.contexts
        if context is LIMIT_EXCEPT and status.nginx_allows(name, "limit_except"):
            hint = "nginx has it inside limit_except, proxyd does not yet"
            self.wrong(statement, f'"{name}" directive is not allowed here', hint)
        elif places:
            self.wrong(
                statement, f'"{name}" directive is not allowed here', f"it belongs into {places.words()}"
            )
        elif name in status.nginx_names():
            hint = (
                "nginx has it on other systems"
                if name in _OTHER_SYSTEMS
                else "nginx has it, proxyd does not yet"
            )
            self.wrong(statement, f'unknown directive "{name}"', hint)
        else:
            self.wrong(statement, f'unknown directive "{name}"', of_unknown(statement, context))
