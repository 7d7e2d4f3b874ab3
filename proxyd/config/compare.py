"""What differs between two configurations, in the operator's terms: servers, upstreams, maps, zones.

Objects are compared by digest, so that what did not change costs nothing. A digest covers all that an object
refers to; so that a changed upstream is not told once for each location that uses it, references are first
replaced by what they stand for (`_canonical`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from proxyd.config import layout
from proxyd.config.change import Change
from proxyd.config.plan import (
    DIGEST_BYTES,
    LOCATION_EXACT,
    LOCATION_NAMED,
    LOCATION_PREFIX_FINAL,
    LOCATION_REGEX,
    EnginePlan,
    LimitZone,
    Listen,
    ListenAddress,
    Location,
    Map,
    PlanObject,
    Server,
    Upstream,
)

# With more differences than this, references are not followed: each place that changed is told.
_MOST_FOLLOWED = 500

# What is told by itself when it changes, rather than wherever it is used.
_NAMED: dict[str, type[Upstream | Map | LimitZone]] = {
    "Upstream": Upstream,
    "Map": Map,
    "LimitZone": LimitZone,
}

_MODIFIERS = {LOCATION_EXACT: "= ", LOCATION_PREFIX_FINAL: "^~ ", LOCATION_REGEX: "~ ", LOCATION_NAMED: ""}


def compare(before: bytes, after: bytes) -> list[Change]:
    """What is different in the second engine plan. Plans of another build tell nothing: no changes."""
    old, new = _decode(before), _decode(after)
    if old is None or new is None:
        return []
    known = {item.digest for item in old.objects} & {item.digest for item in new.objects}
    one, two = _Side(old, known), _Side(new, known)
    return [
        *_plain("listen", one.listens(), two.listens()),
        *_servers(one.servers(), two.servers()),
        *_upstreams(one.upstreams(), two.upstreams()),
        *_plain("map", one.maps(), two.maps()),
        *_plain("zone", one.zones(), two.zones()),
    ]


def _decode(plan: bytes) -> EnginePlan | None:
    try:
        decoded = msgspec.msgpack.decode(plan, type=EnginePlan)
    except msgspec.DecodeError:
        return None
    return decoded if decoded.layout == layout.digest() else None


class _Side:
    """One of the two plans."""

    def __init__(self, plan: EnginePlan, known: set[bytes]) -> None:
        self.objects = plan.objects
        self._same = dict(_canonical([item for item in plan.objects if item.digest not in known]))

    def listens(self) -> dict[str, bytes]:
        """By key; what servers a socket has is told with the servers."""
        return {
            listen.key.decode("utf-8", "replace").removeprefix("listen:"): b"" for listen in self._listens()
        }

    def upstreams(self) -> dict[str, tuple[bytes, Upstream]]:
        """Those that have a block."""
        found = [(item, msgspec.msgpack.decode(item.body, type=Upstream)) for item in self._of("Upstream")]
        return {_text(each.name): (item.digest, each) for item, each in found if not each.implicit}

    def maps(self) -> dict[str, bytes]:
        """By the variable."""
        found = [(item, msgspec.msgpack.decode(item.body, type=Map)) for item in self._of("Map")]
        return {f"${_text(each.name)}": self._digest(item) for item, each in found}

    def zones(self) -> dict[str, bytes]:
        """Zones of limits."""
        found = [(item, msgspec.msgpack.decode(item.body, type=LimitZone)) for item in self._of("LimitZone")]
        return {_text(each.name): self._digest(item) for item, each in found}

    def servers(self) -> dict[str, tuple[bytes, Server, _Place]]:
        """By name and addresses."""
        places = self._places()
        found: dict[str, tuple[bytes, Server, _Place]] = {}
        for item in self._of("Server"):
            server = msgspec.msgpack.decode(self._body(item), type=Server)
            place = places.get(item.digest, _Place())
            ports = ", ".join(place.sockets) or "nowhere"
            label = name = f"{_text(server.name) or 'without a name'} on {ports}"
            number = 2
            while label in found:
                label, number = f"{name} ({number})", number + 1
            found[label] = (self._digest(item), server, place)
        return found

    def _places(self) -> dict[bytes, _Place]:
        places: dict[bytes, _Place] = {}
        for listen in self._listens():
            key = _text(listen.key).removeprefix("listen:")
            for address in listen.addresses:
                default = places.setdefault(address.default, _Place())
                default.sockets[key] = default.first[key] = None
                for name, digest in _names(address):
                    place = places.setdefault(digest, _Place())
                    place.sockets[key] = place.names[name] = None
        return places

    def _listens(self) -> Iterator[Listen]:
        return (msgspec.msgpack.decode(item.body, type=Listen) for item in self._of("Listen"))

    def _of(self, kind: str) -> Iterator[PlanObject]:
        return (item for item in self.objects if item.kind == kind)

    def _digest(self, item: PlanObject) -> bytes:
        found = self._same.get(item.digest)
        return item.digest if found is None else found.digest

    def _body(self, item: PlanObject) -> bytes:
        found = self._same.get(item.digest)
        return item.body if found is None else found.body


@dataclass
class _Place:
    """By what a server is found; dicts for their order."""

    sockets: dict[str, None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)  # as server_name has them
    first: dict[str, None] = field(
        default_factory=dict
    )  # the sockets where it serves what no name is found for

    def differs(self, after: _Place) -> Iterator[str]:
        """What is to be told, a line each."""
        yield from (f"name {name} removed" for name in self.names if name not in after.names)
        yield from (f"name {name} added" for name in after.names if name not in self.names)
        yield from (f"not the default on {key} any more" for key in self.first if key not in after.first)
        yield from (f"now the default on {key}" for key in after.first if key not in self.first)


def _names(address: ListenAddress) -> Iterator[tuple[str, bytes]]:
    yield from ((_text(each.name) or '""', each.server) for each in address.exact)
    yield from ((f"*{_text(each.name)}", each.server) for each in address.heads)
    yield from ((f"{_text(each.name)}*", each.server) for each in address.tails)
    yield from ((f"~{_text(each.regex.pattern)}", each.server) for each in address.regexes)


@dataclass(frozen=True)
class _Same:
    """An object whose references were replaced."""

    digest: bytes
    body: bytes


def _canonical(items: list[PlanObject]) -> Iterator[tuple[bytes, _Same]]:
    """The same objects with each reference to a named one replaced by its kind and name.

    A digest has the same length everywhere, and does not occur by chance, so it is replaced as bytes.
    """
    if len(items) > _MOST_FOLLOWED:
        return
    replaced: dict[bytes, bytes] = {}
    for item in items:
        body = item.body
        for digest, other in replaced.items():
            body = body.replace(digest, other)
        name = _name_of(item)
        same = _hash(item.kind.encode() + body)
        replaced[item.digest] = same if name is None else _hash(f"{item.kind} ".encode() + name)
        yield item.digest, _Same(same, body)


def _name_of(item: PlanObject) -> bytes | None:
    kind = _NAMED.get(item.kind)
    return None if kind is None else msgspec.msgpack.decode(item.body, type=kind).name


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


def _plain(kind: str, old: dict[str, bytes], new: dict[str, bytes]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield Change("removed", kind, name)
        elif name not in old:
            yield Change("added", kind, name)
        elif old[name] != new[name]:
            yield Change("changed", kind, name)


def _servers(
    old: dict[str, tuple[bytes, Server, _Place]], new: dict[str, tuple[bytes, Server, _Place]]
) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield Change("removed", "server", name)
        elif name not in old:
            yield Change("added", "server", name)
        else:
            (before, one, here), (after, two, there) = old[name], new[name]
            details = list(here.differs(there))
            if before != after:
                details += [*_own(one, two), *_locations(one.locations, two.locations, "")]
            if before != after or details:
                yield Change("changed", "server", name, details)


def _own(old: Server, new: Server) -> Iterator[str]:
    if old.settings != new.settings:
        yield "settings changed"
    if (old.sets, old.ret, old.try_files) != (new.sets, new.ret, new.try_files):
        yield "rewriting changed"


def _locations(old: Iterable[Location], new: Iterable[Location], indent: str) -> Iterator[str]:
    one, two = ({_label(each): each for each in side} for side in (old, new))
    for label in [*one, *[label for label in two if label not in one]]:
        if label not in two:
            yield f"{indent}location {label} removed"
        elif label not in one:
            yield f"{indent}location {label} added"
        elif one[label] != two[label]:
            inside = list(_locations(one[label].locations, two[label].locations, indent))
            bare = [msgspec.structs.replace(each[label], locations=[]) for each in (one, two)]
            if bare[0] != bare[1]:
                yield f"{indent}location {label} changed"
            yield from inside


def _label(location: Location) -> str:
    return _MODIFIERS.get(location.kind, "") + _text(location.name)


def _upstreams(
    old: dict[str, tuple[bytes, Upstream]], new: dict[str, tuple[bytes, Upstream]]
) -> Iterator[Change]:
    heads = ({name: digest for name, (digest, _) in side.items()} for side in (old, new))
    for change in _plain("upstream", *heads):
        details = []
        if change.what == "changed":
            one, two = (
                {_text(peer.name): peer for peer in side[change.name][1].peers} for side in (old, new)
            )
            details += [f"server {name} removed" for name in one if name not in two]
            details += [f"server {name} added" for name in two if name not in one]
            details += [f"server {name} changed" for name in one if name in two and one[name] != two[name]]
        yield Change(change.what, change.kind, change.name, details)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
