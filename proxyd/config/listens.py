"""Which sockets there are, and which servers answer at each address of each socket.

Servers that listen on the same address share it. Addresses of one port share a socket if one of them is the
wildcard ("*:80"), except those that have options of their own (then they have a socket of their own, as
with nginx).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from proxyd.config.address import IPV4, IPV6, UNIX, show_ip
from proxyd.config.check import Checker
from proxyd.config.directives.listen import Endpoint, ListenSpec, Options
from proxyd.config.directives.server_name import Name, is_well_formed
from proxyd.config.objects import Objects
from proxyd.config.parser import Statement
from proxyd.config.plan import Listen, ListenAddress, ListenSocket, ServerName, ServerRegex
from proxyd.config.shapes import encode


@dataclass(eq=False, slots=True)
class CompiledServer:
    """A server block, ready to be listed under its addresses."""

    digest: bytes
    names: list[tuple[Name, Statement]]
    statement: Statement


@dataclass(eq=False, slots=True)
class _Place:
    """One address, and what servers say about it."""

    endpoint: Endpoint
    servers: list[CompiledServer] = field(default_factory=list)
    default: CompiledServer | None = None
    default_at: Statement | None = None
    options: Options | None = None
    options_at: Statement | None = None
    first_at: Statement | None = None


class Listens:
    """Gathers addresses from servers, then makes sockets of them."""

    def __init__(self, objects: Objects, checker: Checker) -> None:
        self.objects = objects
        self.checker = checker
        self._places: dict[Endpoint, _Place] = {}

    # ---- gathering

    def add(self, server: CompiledServer, listens: list[tuple[ListenSpec, Statement]]) -> None:
        """Note all addresses of a server."""
        own: dict[Endpoint, Statement] = {}
        for spec, statement in listens:
            for endpoint in spec.endpoints:
                if endpoint in own:
                    self.checker.wrong(
                        statement, f"a duplicate listen {endpoint}", "this server has it already", 0
                    )
                else:
                    own[endpoint] = statement
                    self._add_one(server, endpoint, spec, statement)

    def _add_one(
        self, server: CompiledServer, endpoint: Endpoint, spec: ListenSpec, statement: Statement
    ) -> None:
        place = self._places.setdefault(endpoint, _Place(endpoint))
        place.first_at = place.first_at or statement
        place.servers.append(server)
        if spec.options is not None:
            if place.options_at is not None:
                self.checker.wrong(
                    statement,
                    f"duplicate listen options for {endpoint}",
                    f"they are in {place.options_at.origin()}; one server gives them for all",
                    0,
                )
            place.options, place.options_at = spec.options, statement
        if spec.default_server:
            if place.default_at is not None:
                self.checker.wrong(
                    statement,
                    f"a duplicate default server for {endpoint}",
                    f"the first is in {place.default_at.origin()}",
                    0,
                )
            place.default, place.default_at = server, statement

    # ---- sockets

    def finish(self) -> tuple[list[bytes], list[ListenSocket]]:
        """Digests of the Listen objects, and the sockets that the master binds."""
        digests: list[bytes] = []
        sockets: list[ListenSocket] = []
        for group in self._groups():
            digest, socket = self._socket(group)
            digests.append(digest)
            sockets.append(socket)
        return digests, sockets

    def _groups(self) -> list[list[_Place]]:
        """The addresses of each socket; the one that it is bound to is last."""
        wildcards = {
            (place.endpoint.family, place.endpoint.port): place
            for place in self._places.values()
            if place.endpoint.wildcard
        }
        groups: dict[Endpoint, list[_Place]] = {}
        for endpoint, place in self._places.items():
            owner = wildcards.get((endpoint.family, endpoint.port))
            if owner is None or place.options is not None:
                owner = place
            groups.setdefault(owner.endpoint, [])
            if owner is not place:
                groups[owner.endpoint].append(place)
        return [[*group, self._places[endpoint]] for endpoint, group in groups.items()]

    def _socket(self, group: list[_Place]) -> tuple[bytes, ListenSocket]:
        bound = group[-1]
        endpoint, options = bound.endpoint, bound.options or Options()
        addresses = [
            self._address(place, b"" if place is bound else place.endpoint.packed) for place in group
        ]
        key = f"listen:{endpoint}"
        digest = self.objects.add(Listen(key=encode(key), port=endpoint.port, addresses=addresses))
        statement = bound.first_at
        return digest, ListenSocket(
            key=key,
            family=endpoint.family,
            address=_plain_address(endpoint),
            port=endpoint.port,
            backlog=options.backlog,
            reuseport=options.reuseport,
            ipv6only=options.ipv6only if endpoint.family == IPV6 else False,
            origin=statement.origin() if statement is not None else "the default listen",
            rcvbuf=options.rcvbuf,
            sndbuf=options.sndbuf,
            fastopen=options.fastopen,
            deferred=options.deferred,
            multipath=options.multipath,
            keepalive=options.keepalive,
        )

    # ---- names

    def _address(self, place: _Place, address: bytes) -> ListenAddress:
        default = place.default or place.servers[0]
        table = ListenAddress(
            address=address, default=default.digest, exact=[], heads=[], tails=[], regexes=[]
        )
        seen: set[tuple[str, str]] = set()
        for server in place.servers:
            for name, statement in server.names:
                if name.regex is not None:
                    table.regexes.append(ServerRegex(regex=name.regex, server=server.digest))
                else:
                    self._add_name(table, place, seen, name.text, server, statement)
        return table

    def _add_name(
        self,
        table: ListenAddress,
        place: _Place,
        seen: set[tuple[str, str]],
        text: str,
        server: CompiledServer,
        statement: Statement,
    ) -> None:
        if not is_well_formed(text):
            self._malformed(place, text, statement)
            return
        keys = _name_keys(text)
        if any(key in seen for key in keys):
            message = f'conflicting server name "{text}" on {place.endpoint}, ignored'
            self.checker.report.at(statement, "warn", message, "another server_name of this address has it")
            return
        seen.update(keys)
        kinds = {"exact": table.exact, "head": table.heads, "tail": table.tails}
        for kind, key in keys:
            kinds[kind].append(ServerName(name=encode(key), server=server.digest))

    def _malformed(self, place: _Place, text: str, statement: Statement) -> None:
        """nginx looks only where there is a choice of servers; elsewhere such a name takes no effect."""
        self.checker.report.at(
            statement,
            "emerg" if len(place.servers) > 1 else "warn",
            f'invalid server name or wildcard "{text}" on {place.endpoint}',
            "a wildcard is first or last, with a dot beside it",
        )


def _name_keys(text: str) -> list[tuple[str, str]]:
    """Under which keys a name is looked for: (kind, key)."""
    if text.startswith("*."):
        return [("head", text[1:])]
    if text.startswith("."):
        return [("exact", text[1:]), ("head", text)]
    if text.endswith(".*"):
        return [("tail", text[:-1])]
    return [("exact", text)]


def _plain_address(endpoint: Endpoint) -> str:
    if endpoint.family == UNIX:
        return endpoint.packed.decode("utf-8", "surrogateescape")
    shown = show_ip(endpoint.family, endpoint.packed)
    return shown if endpoint.family == IPV4 else shown[1:-1]
