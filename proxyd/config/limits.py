"""The limit Zones of a configuration, and what limit_req and limit_conn mean by them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from proxyd.config.check import Level
from proxyd.config.directives.limit import LimitSpec, ZoneSpec
from proxyd.config.errors import Report
from proxyd.config.objects import Objects
from proxyd.config.parser import Statement
from proxyd.config.plan import LimitConn, LimitReq, LimitZone, SharedZone
from proxyd.config.shapes import encode

_MAKERS = ("limit_req_zone", "limit_conn_zone")


class LimitZones:
    """All of them, by name."""

    def __init__(self, objects: Objects, report: Report) -> None:
        self.shared: list[SharedZone] = []
        self._objects = objects
        self._report = report
        self._specs: dict[str, ZoneSpec] = {}
        self._broken: set[str] = set()  # names in lines that are wrong, which is said where they stand
        self._digests: dict[str, bytes] = {}

    def declare(self, level: Level, statements: Sequence[Statement]) -> None:
        """Take in what the http block declares."""
        words = [word for line in statements if line.name in _MAKERS for word in line.args]
        named = {word[5:].partition(":")[0] for word in words if word.startswith("zone=")}
        specs: dict[int, ZoneSpec] = {}
        for maker in _MAKERS:
            lines = level.where.get(maker, ())
            specs.update(zip(map(id, lines), level.values.get(maker, ()), strict=True))
        for statement in statements:
            if id(statement) in specs:
                self._declare(specs[id(statement)], statement)
        self._broken = named - self._specs.keys()

    def _declare(self, spec: ZoneSpec, statement: Statement) -> None:
        first = self._specs.get(spec.name)
        if first is None:
            self._specs[spec.name] = spec
            self._add(spec, statement)
        elif (first.rate == 0) != (spec.rate == 0):
            self._wrong(statement, _other_use(spec.name), "choose another name")
        else:
            message = f'{statement.name} "{spec.name}" is already bound to key "{first.text}"'
            self._wrong(statement, message, "choose another name")

    def _add(self, spec: ZoneSpec, statement: Statement) -> None:
        kind = "connections" if spec.rate == 0 else "requests"
        facts = f"{kind} {spec.size} {spec.text}".encode("utf-8", "surrogateescape")
        key = f"zone:{spec.name}:{hashlib.blake2b(facts, digest_size=8).hexdigest()}"
        self.shared.append(
            SharedZone(key=key, connections=spec.rate == 0, size=spec.size, origin=statement.origin())
        )
        self._digests[spec.name] = self._objects.add(
            LimitZone(
                key=encode(key),
                name=encode(spec.name),
                source=spec.source,
                source_text=encode(spec.text),
                rate=spec.rate,
            )
        )

    def check(self, name: str, specs: Sequence[LimitSpec], where: Sequence[Statement]) -> None:
        """Find what is wrong with the limit_req or limit_conn lines of one level."""
        seen: set[str] = set()
        for spec, statement in zip(specs, where, strict=True):
            zone = self._specs.get(spec.zone)
            if spec.zone in seen:
                self._wrong(statement, f'"{name}" directive is duplicate', f'"{spec.zone}" is there already')
            seen.add(spec.zone)
            if zone is None and spec.zone in self._broken:
                continue
            if zone is None:
                hint = f"a line {name}_zone ... zone={spec.zone}:10m ... makes it"
                self._wrong(statement, f'zero size shared memory zone "{spec.zone}"', hint)
            elif (zone.rate == 0) != (name == "limit_conn"):
                self._wrong(statement, _other_use(spec.zone), f"it is of {_MAKERS[zone.rate == 0]}")

    def requests(self, specs: Sequence[LimitSpec]) -> list[LimitReq]:
        """What the engine reads of limit_req."""
        return [
            LimitReq(zone=self._digests[spec.zone], burst=spec.burst, delay=spec.delay)
            for spec in specs
            if spec.zone in self._digests
        ]

    def connections(self, specs: Sequence[LimitSpec]) -> list[LimitConn]:
        """What the engine reads of limit_conn."""
        return [
            LimitConn(zone=self._digests[spec.zone], connections=spec.connections)
            for spec in specs
            if spec.zone in self._digests
        ]

    def _wrong(self, statement: Statement, message: str, hint: str) -> None:
        self._report.at(statement, "emerg", message, hint)


def _other_use(name: str) -> str:
    return f'the shared memory zone "{name}" is already declared for a different use'
