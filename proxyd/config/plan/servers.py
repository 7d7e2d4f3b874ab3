"""From a listening socket to a location: the graph that a request walks, and its root."""

from __future__ import annotations

from proxyd.config.plan.base import ListenRef, Piece, Regex, S, ServerRef, SettingsRef, UpstreamRef
from proxyd.config.plan.documents import TryFiles
from proxyd.config.plan.logs import ErrorLog
from proxyd.config.plan.maps import SetVariable
from proxyd.config.plan.upstreams import ProxyPass

# keepalive_disable
KEEPALIVE_MSIE6, KEEPALIVE_SAFARI = 1, 2

# lingering_close; numbers as in http/h1_server.h
LINGERING = {"off": 0, "on": 1, "always": 2}


class AddHeader(S):
    name: bytes
    value: list[Piece]
    always: bool


class Return(S):
    """``return``. 444 closes the connection. With 301, 302, 303, 307 and 308 the text is the Location."""

    status: int
    text: list[Piece] | None


class LimitExcept(S):
    """``limit_except``: all methods but these have these settings."""

    methods: list[bytes]  # upper case; HEAD is there when GET is
    settings: SettingsRef


REPORT_NONE, REPORT_STUB_STATUS, REPORT_METRICS = 0, 1, 2
LOCATION_PREFIX, LOCATION_PREFIX_FINAL, LOCATION_EXACT, LOCATION_REGEX, LOCATION_NAMED = 0, 1, 2, 3, 4


class Location(S):
    """A ``location`` block; nested ones below it. Regex children keep the file's order."""

    kind: int  # LOCATION_*; PREFIX_FINAL is "^~"
    name: bytes  # the prefix, path or pattern as written, or "@name"
    regex: Regex | None
    settings: SettingsRef
    slash_redirect: bool  # the name without its final "/" answers 301 to the name (proxy_pass)
    sets: list[SetVariable]
    ret: Return | None
    proxy: ProxyPass | None
    limit_except: LimitExcept | None
    try_files: TryFiles | None
    report: int  # REPORT_*
    locations: list[Location]


class Server(S):
    """A ``server`` block of http. ``settings`` serve until a location is found, and where none is."""

    name: bytes  # the first server_name: $server_name
    listen: bytes  # its first address as logs show it: with the name, what it is counted by
    settings: SettingsRef
    sets: list[SetVariable]
    ret: Return | None
    try_files: TryFiles | None  # this and what follows: where no location is found
    report: int  # REPORT_*
    locations: list[Location]


class ServerName(S):
    name: bytes  # lower case; wildcards without the "*": ".example.com" (leading), "www.example." (trailing)
    server: ServerRef


class ServerRegex(S):
    regex: Regex
    server: ServerRef


class ListenAddress(S):
    """The servers of one address:port, looked for exactly, by leading and trailing wildcard, by regex."""

    address: bytes  # packed IP of the local end, or empty: every address that has no entry of its own
    default: ServerRef
    exact: list[ServerName]
    heads: list[ServerName]
    tails: list[ServerName]
    regexes: list[ServerRegex]


class Listen(S):
    """One listening socket. The master binds it; its descriptor arrives under ``key``."""

    key: bytes
    port: int  # 0 for unix
    addresses: list[ListenAddress]  # more than one: the local address of the connection decides


class Network(S):
    """Addresses that begin alike."""

    address: bytes  # 4 or 16 bytes; none: every unix socket
    bits: int  # how many of them count


class Root(S):
    """What a Generation starts from; always the last object."""

    listens: list[ListenRef]
    upstreams: list[UpstreamRef]
    servers: list[ServerRef]  # each once, in the order of the file
    slots: int  # how many per-request slots there are
    worker_connections: int
    multi_accept: bool
    shutdown_timeout: int  # 0: wait for ever
    error_log: list[ErrorLog]  # of the main context
    debug_connection: list[Network]
