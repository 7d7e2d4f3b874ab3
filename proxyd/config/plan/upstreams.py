"""Upstreams: the peers, how one is picked, and which upstream a location has."""

from __future__ import annotations

from proxyd.config.plan.base import Piece, S, UpstreamRef

BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONN, BALANCE_IP_HASH = 0, 1, 2
BALANCE_HASH, BALANCE_HASH_CONSISTENT, BALANCE_RANDOM, BALANCE_RANDOM_TWO = 3, 4, 5, 6


class Peer(S):
    """One address of a ``server`` line of an upstream."""

    name: bytes  # as $upstream_addr shows it: "10.0.0.1:3000", "unix:/run/app.sock"
    server: bytes  # as the operator wrote it: what `hash ... consistent` knows the peer by
    address: bytes  # 4 or 16 bytes of IP, or a unix path
    family: int  # 4, 6, or 1 for unix
    port: int
    weight: int
    max_conns: int  # connections in use, of all workers together; 0: any number
    max_fails: int
    fail_timeout: int
    backup: bool
    down: bool


class Upstream(S):
    """An ``upstream`` block, or the implicit one of ``proxy_pass http://host:port``, named host:port."""

    name: bytes
    implicit: bool
    peers: list[Peer]
    balance: int  # BALANCE_*
    hash_key: list[Piece]  # of BALANCE_HASH and BALANCE_HASH_CONSISTENT
    keepalive: int  # idle connections kept per worker
    keepalive_requests: int
    keepalive_time: int
    keepalive_timeout: int


class ProxyPass(S):
    url: list[Piece] | None  # of a proxy_pass with variables: nothing else is known of it
    upstream: UpstreamRef | None
    tls: bool
    host: bytes  # $proxy_host, also the default Host: "backend", "127.0.0.1:3000"
    port: bytes  # $proxy_port: "80"
    uri: bytes | None  # None: the client's URI goes on unchanged
    prefix_bytes: int  # length of the location's prefix that uri replaces
