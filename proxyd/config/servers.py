"""server and location blocks: what is inside each, and which of them contradict each other."""

from __future__ import annotations

from typing import Any

from proxyd.config import plan
from proxyd.config.alias import place_alias
from proxyd.config.check import BAD, Checker, Level
from proxyd.config.directive import LIMIT_EXCEPT, LOCATION, SERVER
from proxyd.config.directives.listen import Endpoint, ListenSpec
from proxyd.config.directives.location import LocationSpec
from proxyd.config.directives.proxy import ProxyPassSpec
from proxyd.config.directives.server_name import Name
from proxyd.config.inherit import Inheritance
from proxyd.config.listens import CompiledServer, Listens
from proxyd.config.node import Node
from proxyd.config.objects import Objects
from proxyd.config.parser import Statement
from proxyd.config.plan import LimitExcept, Location, ProxyPass, Return, Server, SetVariable
from proxyd.config.rules import check_rules
from proxyd.config.shapes import encode
from proxyd.config.upstreams import Upstreams, variable_proxy_pass

MOST_NESTED_LOCATIONS = 24  # what the reader in C allows, with room to spare

_URI_IN_PROXY_PASS = (
    '"proxy_pass" cannot have URI part in location given by regular expression, or inside named location, '
    'or inside "if" statement, or inside "limit_except" block'
)


class Servers:
    """Compiles server blocks."""

    def __init__(
        self,
        objects: Objects,
        checker: Checker,
        inheritance: Inheritance,
        upstreams: Upstreams,
        listens: Listens,
        default_port: int,
    ) -> None:
        self.objects = objects
        self.checker = checker
        self.inheritance = inheritance
        self.upstreams = upstreams
        self.listens = listens
        self.digests: list[bytes] = []  # of all servers, in the order of the file
        self.default_listen = ListenSpec((Endpoint(4, bytes(4), default_port),))

    def server(self, statement: Statement, http: Node) -> None:
        """Compile one server block and enter it under its addresses."""
        level = self.checker.check(statement.block or [], SERVER)
        check_rules(self.checker, level)
        node = self.inheritance.node(http, level)
        names = self._names(level, statement)
        listens = self._listens(level, statement)
        digest = self.objects.add(
            Server(
                name=encode(server_variable(names[0][0])),
                listen=encode(str(listens[0][0].endpoints[0])) if listens else b"",
                settings=self.inheritance.digest(node),
                sets=_sets(level, statement),
                ret=_first_return(level),
                try_files=level.values.get("try_files"),
                report=_report(level),
                locations=self._locations(level, node, None, 0),
            )
        )
        self.digests.append(digest)
        server = CompiledServer(digest, names, statement)
        self.listens.add(server, listens)

    def _names(self, level: Level, statement: Statement) -> list[tuple[Name, Statement]]:
        lists = level.values.get("server_name", ())
        where = level.where.get("server_name", ())
        found = [(name, at) for names, at in zip(lists, where, strict=True) for name in names]
        return found or [(Name(""), statement)]

    def _listens(self, level: Level, statement: Statement) -> list[tuple[ListenSpec, Statement]]:
        specs = level.values.get("listen", ())
        if not specs and not any(line.name == "listen" for line in statement.block or ()):
            return [(self.default_listen, statement)]
        return list(zip(specs, level.where.get("listen", ()), strict=True))

    # ---- locations

    def _locations(self, level: Level, node: Node, around: LocationSpec | None, depth: int) -> list[Location]:
        seen: dict[tuple[str, str], Statement] = {}
        found = []
        for _, statement, spec in level.blocks:
            if statement.name != "location":
                continue
            if isinstance(spec, LocationSpec):
                self._check_place(statement, spec, around, depth)
                self._check_duplicate(statement, spec, seen)
            found.append(self._location(statement, spec, node, depth))
        return found

    def _location(self, statement: Statement, spec: Any, around: Node, depth: int) -> Location:
        level = self.checker.check(statement.block or [], LOCATION)
        check_rules(self.checker, level)
        known = spec if spec is not BAD else LocationSpec(plan.LOCATION_PREFIX, "/")
        place_alias(level, known, self.checker)
        node = self.inheritance.node(around, level)
        proxy = self._proxy(level, known)
        return Location(
            kind=known.kind,
            name=encode(known.name),
            regex=known.regex,
            settings=self.inheritance.digest(node),
            slash_redirect=(
                proxy is not None
                and known.name.endswith("/")
                and known.kind not in (plan.LOCATION_REGEX, plan.LOCATION_NAMED)
            ),
            sets=_sets(level, statement),
            ret=_first_return(level),
            proxy=proxy,
            limit_except=self._limit_except(level, node),
            try_files=level.values.get("try_files"),
            report=_report(level),
            locations=self._locations(level, node, known, depth + 1) if level.blocks else [],
        )

    def _limit_except(self, level: Level, around: Node) -> LimitExcept | None:
        found = [
            (statement, value) for _, statement, value in level.blocks if statement.name == "limit_except"
        ]
        for statement, _ in found[1:]:
            self.checker.duplicate(statement, found[0][0])
        if not found or found[0][1] is BAD:
            return None
        inside = self.checker.check(found[0][0].block or [], LIMIT_EXCEPT)
        node = self.inheritance.node(around, inside)
        return LimitExcept(methods=found[0][1], settings=self.inheritance.digest(node))

    def _proxy(self, level: Level, spec: LocationSpec) -> ProxyPass | None:
        value: ProxyPassSpec | None = level.values.get("proxy_pass")
        if value is None:
            return None
        statement = level.where["proxy_pass"][0]
        if value.variables is not None:
            return variable_proxy_pass(value, len(encode(spec.name)))
        if value.address.uri is not None and spec.kind in (plan.LOCATION_REGEX, plan.LOCATION_NAMED):
            self.checker.wrong(statement, _URI_IN_PROXY_PASS, f'leave "{value.address.uri}" out', 0)
            return None
        return self.upstreams.proxy_pass(statement, value, len(encode(spec.name)))

    def _check_place(
        self, statement: Statement, spec: LocationSpec, around: LocationSpec | None, depth: int
    ) -> None:
        name, wrong = spec.name, self.checker.wrong
        if depth == MOST_NESTED_LOCATIONS:
            wrong(statement, "locations are nested too deeply", f"at most {MOST_NESTED_LOCATIONS}")
        if around is None:
            return
        if around.exact:
            wrong(
                statement,
                f'location "{name}" cannot be inside the exact location "{around.name}"',
                "nothing is below one single path",
            )
        elif around.named:
            wrong(
                statement,
                f'location "{name}" cannot be inside the named location "{around.name}"',
                "put it into the server",
            )
        elif spec.named:
            wrong(
                statement,
                f'named location "{name}" can be on the server level only',
                "put it into the server",
            )
        elif spec.regex is None and not name.startswith(around.name):
            wrong(
                statement,
                f'location "{name}" is outside location "{around.name}"',
                f'requests get here only if their path begins with "{around.name}"',
            )

    def _check_duplicate(
        self, statement: Statement, spec: LocationSpec, seen: dict[tuple[str, str], Statement]
    ) -> None:
        """Two locations that want the same requests. Of the same regular expressions the first is used."""
        if spec.regex is not None:
            return
        group = "named" if spec.named else "exact" if spec.exact else "prefix"
        first = seen.setdefault((group, spec.name), statement)
        if first is statement:
            return
        message = f'duplicate location "{spec.name}"'
        hint = f"the first is in {first.origin()}"
        self.checker.report.at(statement, "warn" if spec.named else "emerg", message, hint)


def _report(level: Level) -> int:
    if "stub_status" in level.values:
        return plan.REPORT_STUB_STATUS
    return plan.REPORT_METRICS if "metrics" in level.values else plan.REPORT_NONE


def _first_return(level: Level) -> Return | None:
    found: list[Return] = level.values.get("return", [])
    return found[0] if found else None


def _sets(level: Level, statement: Statement) -> list[SetVariable]:
    """The ``set`` lines of a block that run: those in front of its first ``return``."""
    values: list[SetVariable] = level.values.get("set", [])
    if not values or "return" not in level.where:
        return values
    order = {id(line): number for number, line in enumerate(statement.block or ())}
    end = order[id(level.where["return"][0])]
    return [value for value, at in zip(values, level.where["set"], strict=True) if order[id(at)] < end]


def server_variable(name: Name) -> str:
    """What $server_name says: the name as written, without the dot of ".example.com"."""
    return name.text.removeprefix(".")
