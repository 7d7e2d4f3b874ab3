"""Upstreams: those with a block, and those that proxy_pass makes by naming a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxyd.config.balancing import Zones, read_balance
from proxyd.config.check import BAD, Checker
from proxyd.config.defaults import defaults_of
from proxyd.config.directive import UPSTREAM
from proxyd.config.directives.proxy import ProxyPassSpec
from proxyd.config.directives.upstream import (
    PeerOptions,
    make_peers,
)
from proxyd.config.hints import nearest
from proxyd.config.objects import Objects
from proxyd.config.parser import Statement
from proxyd.config.plan import BALANCE_ROUND_ROBIN, Peer, ProxyPass, Upstream
from proxyd.config.shapes import Invalid, encode

DEFAULT_PORT = "80"


@dataclass(frozen=True, slots=True)
class _Declared:
    """An upstream block."""

    name: str
    digest: bytes
    statement: Statement


class Upstreams:
    """All upstreams of a configuration."""

    def __init__(self, objects: Objects, checker: Checker) -> None:
        self.objects = objects
        self.checker = checker
        self.digests: list[bytes] = []
        self.zones = Zones()
        self.peers: set[tuple[bytes, bytes]] = (
            set()
        )  # names of upstream and peer: what needs a record in the Zone
        self._declared: dict[str, _Declared] = {}
        self._implicit: dict[str, bytes] = {}

    def declare(self, statement: Statement, value: bytes) -> None:
        """Compile an upstream block."""
        block = statement.block or []
        level = self.checker.check(block, UPSTREAM)
        if value is BAD:
            return
        name = statement.args[0]
        first = self._declared.get(name.lower())
        if first is not None:
            self.checker.wrong(
                statement, f'duplicate upstream "{name}"', f"the first is in {first.statement.origin()}", 0
            )
            return
        peers = [peer for line in level.values.get("server", ()) for peer in line]
        self._check_peers(statement, peers)
        balance = read_balance(self.checker, block, level)
        self.zones.claim(self.checker, block)
        digest = self._add(
            Upstream(
                name=encode(name),
                implicit=False,
                peers=peers,
                balance=balance.method,
                hash_key=balance.key,
                **_keepalive(level.values),
            )
        )
        self._declared[name.lower()] = _Declared(name, digest, statement)

    def _check_peers(self, statement: Statement, peers: list[Peer]) -> None:
        lines = statement.block or []
        if not any(line.name == "server" for line in lines):
            self.checker.wrong(
                statement, "no servers are inside upstream", "it needs a line: server host:port;"
            )
        elif peers and all(peer.backup for peer in peers):
            self.checker.wrong(
                statement, f'no servers in upstream "{statement.args[0]}"', "all are backup; one must not be"
            )

    def _add(self, upstream: Upstream) -> bytes:
        digest = self.objects.add(upstream)
        self.digests.append(digest)
        self.peers.update((upstream.name, peer.name) for peer in upstream.peers)
        return digest

    def proxy_pass(self, statement: Statement, spec: ProxyPassSpec, prefix_bytes: int) -> ProxyPass | None:
        """What a proxy_pass means. None: it is wrong, and reported."""
        try:
            return self._proxy_pass(statement, spec, prefix_bytes)
        except Invalid as error:
            close = (
                nearest(spec.address.host.lower(), self._declared)
                if "host not found" in error.message
                else ""
            )
            hint = f'did you mean the upstream "{close}"?' if close else error.hint
            self.checker.wrong(statement, error.message, hint, 0)
            return None

    def _proxy_pass(self, statement: Statement, spec: ProxyPassSpec, prefix_bytes: int) -> ProxyPass:
        address = spec.address
        host, port = address.authority, address.port_text or DEFAULT_PORT
        declared = self._declared.get(address.host.lower())
        if address.unix:
            host, port = "localhost", ""
            digest = self._implicit_upstream(f"unix:{address.unix}", spec.url, statement)
        elif declared is not None:
            if address.port_text:
                raise Invalid(
                    f'upstream "{address.host}" may not have port {address.port_text}',
                    f"its servers have ports; the upstream is in {declared.statement.origin()}",
                )
            digest = declared.digest
        else:
            digest = self._implicit_upstream(f"{address.host.lower()}:{port}", address.host, statement)
        if port == DEFAULT_PORT and not address.unix:
            host = address.host
        return ProxyPass(
            url=None,
            upstream=digest,
            tls=False,
            host=encode(host),
            port=encode(port),
            uri=None if address.uri is None else encode(address.uri),
            prefix_bytes=prefix_bytes,
        )

    def _implicit_upstream(self, name: str, shown: str, statement: Statement) -> bytes:
        digest = self._implicit.get(name)
        if digest is None:
            scope = self.checker.scope.at("proxy_pass", statement)
            digest = self._implicit[name] = self._add(
                Upstream(
                    name=encode(name),
                    implicit=True,
                    peers=make_peers(name, scope, PeerOptions(), shown),
                    balance=BALANCE_ROUND_ROBIN,
                    hash_key=[],
                    **_keepalive({}),
                )
            )
        return digest


def variable_proxy_pass(spec: ProxyPassSpec, prefix_bytes: int) -> ProxyPass:
    """A proxy_pass whose URL is made for each request."""
    return ProxyPass(
        url=spec.variables, upstream=None, tls=False, host=b"", port=b"", uri=None, prefix_bytes=prefix_bytes
    )


_KEEPALIVE = ("keepalive", "keepalive_requests", "keepalive_time", "keepalive_timeout")


def _keepalive(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an Upstream about idle connections."""
    values = {**defaults_of(UPSTREAM), **given}
    return {name: values[name] for name in _KEEPALIVE}
