"""The Plan: a finished configuration as plain values, nothing left to inherit or look up.

This file declares what the engine reads. ``cextensions/generate.py`` turns every Struct here (and
``Settings``, made from the directive table) into a C struct ``px_plan_<name>`` and its reader: a field
exists once, here.

The engine's part of a Plan is a set of *objects*, each encoded on its own and named by the digest of its
bytes. Objects refer to each other by digest, so an object's digest covers everything below it (as in git).
A worker that already holds an object of that digest shares it with the Generation before; only what changed
is read. Objects are ordered so that an object comes after all that it refers to.

How Python types travel: ``bool``, ``int`` (signed 64 bit), ``bytes`` (px_slice), ``list[T]`` (items and
count), a Struct or ``Struct | None`` (pointer, NULL for None), ``Ref`` (16 bytes of digest; in C a pointer
to the object), ``Ref | None``. All Structs are arrays by position. Times are milliseconds, sizes are bytes,
unless the name says otherwise.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

DIGEST_BYTES = 16


class RefTo(msgspec.Struct, frozen=True):
    """Annotation: these 16 bytes are the digest of an object of the named kind."""

    kind: str


class S(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Base of everything that the engine reads: positional."""


SettingsRef = Annotated[bytes, RefTo("Settings")]
ServerRef = Annotated[bytes, RefTo("Server")]
ListenRef = Annotated[bytes, RefTo("Listen")]
UpstreamRef = Annotated[bytes, RefTo("Upstream")]
MapRef = Annotated[bytes, RefTo("Map")]
TypesRef = Annotated[bytes, RefTo("Types")]
LogFileRef = Annotated[bytes, RefTo("LogFile")]
LogCacheRef = Annotated[bytes, RefTo("LogCache")]
LimitZoneRef = Annotated[bytes, RefTo("LimitZone")]


class Buffers(S):
    """A number of buffers and the bytes of each."""

    number: int
    size: int


class Piece(S):
    """One part of a template: literal text, a built-in variable, a map's result, or a slot."""

    text: bytes = (
        b""  # the literal; the argument of a prefix variable: "x_forwarded_for" of $http_x_forwarded_for;
        # or the name of a variable that `set` makes
    )
    variable: int = -1  # number of the built-in variable (variables.py); -1: not one
    map: MapRef | None = None  # the result of this map
    slot: int = -1  # a value kept per request, by number: named captures and `set`; -1: not one
    capture: int = -1  # $1..$9 of the last regular expression that matched; -1: not one


Template = list[Piece]


class Regex(S):
    """A PCRE2 pattern; named groups are copied to slots after a match."""

    pattern: bytes
    caseless: bool
    groups: list[RegexGroup]


class RegexGroup(S):
    number: int  # of the capture group in the pattern
    slot: int


class MapEntry(S):
    key: bytes  # lower case; for wildcards without the "*": ".example.com", "www.example."
    value: list[Piece]


class MapRegex(S):
    regex: Regex
    value: list[Piece]


class Map(S):
    """A ``map`` block. Looked for: exactly, by longest leading, longest trailing wildcard, regex in order."""

    name: bytes
    source: list[Piece]
    default: list[Piece]
    hostnames: bool
    exact: list[MapEntry]
    heads: list[MapEntry]
    tails: list[MapEntry]
    regexes: list[MapRegex]
    volatile: bool
    slot: int  # what `set` gave the variable, if it did, counts instead; -1: no `set` has it


class TypeEntry(S):
    extension: bytes  # lower case, without the dot
    type: bytes


class Types(S):
    """A ``types`` block, after inheritance."""

    entries: list[TypeEntry]


class Syslog(S):
    """A syslog server and how its lines begin."""

    address: bytes  # 4 or 16 bytes of IP, or a unix path
    family: int  # 4, 6, or 1 for unix
    port: int
    facility: int
    severity: int  # of lines that have no level of their own
    tag: bytes
    hostname: bool  # the name of this machine stands in each line


class LogFile(S):
    """A file that log lines go to. The master opens it; its descriptor arrives under ``log:<path>``."""

    path: bytes
    buffer: int  # bytes gathered before a write; 0: written at the end of the loop turn
    flush: int  # longest time that a line stays in the buffer; 0: no limit
    gzip: int  # level at which each buffer is compressed; 0: not
    syslog: Syslog | None  # then there is no file, and no descriptor arrives


class LogCache(S):
    """``open_log_file_cache``: descriptors of logs whose path has variables, kept open by each worker."""

    most: int
    inactive: int
    valid: int  # how long a descriptor is used before its path is looked at again
    min_uses: int


class AccessLog(S):
    file: LogFileRef | None  # None: path says which, for each request
    path: list[Piece]
    tests_root: bool  # with a path: no line unless the root (or alias) of the request is a directory
    format: list[Piece]
    escape: int  # ESCAPE_*
    condition: list[Piece] | None  # ``if=``: no line when this is empty or "0"


ESCAPE_DEFAULT, ESCAPE_JSON, ESCAPE_NONE = 0, 1, 2


class ErrorLog(S):
    file: LogFileRef
    level: int  # 1 emerg, 2 alert, 3 crit, 4 error, 5 warn, 6 notice, 7 info, 8 debug


class TempPath(S):
    """A directory for temporary files; levels: how many digits of a file's name each directory below has."""

    path: bytes
    levels: bytes


# client_body_in_file_only.
IN_FILE_OFF, IN_FILE_ON, IN_FILE_CLEAN = 0, 1, 2


class AddHeader(S):
    name: bytes
    value: list[Piece]
    always: bool


class SetHeader(S):
    """``proxy_set_header``: a value that comes out empty means: do not send this header."""

    name: bytes
    value: list[Piece]


class LimitZone(S):
    """A ``limit_req_zone`` or ``limit_conn_zone``, made by the master; its descriptor comes as ``key``."""

    key: bytes
    name: bytes
    source: list[Piece]
    source_text: bytes  # as written, for messages
    rate: int  # thousandths of a request per second; 0: of connections


class LimitReq(S):
    zone: LimitZoneRef
    burst: int  # thousandths of a request
    delay: int  # the same: above it requests are delayed


class LimitConn(S):
    zone: LimitZoneRef
    connections: int


class AccessRule(S):
    """``allow`` or ``deny``. The first one that fits decides."""

    deny: bool
    family: int  # 4, 6 or 1 for unix; 0: all
    network: bytes  # packed; the bits behind the prefix are 0
    prefix: int


SATISFY_ALL, SATISFY_ANY = 0, 1


# How much of a request's path is replaced by an alias, where that is no number of bytes.
ALIAS_NONE, ALIAS_WHOLE = -1, -2


class DocumentRoot(S):
    """``root`` or ``alias``: what stands in front of a request's path in the name of a file."""

    path: list[Piece]
    prefix: bytes  # stands in front of the path if that turns out to be relative; empty: it is absolute
    alias: int  # ALIAS_NONE: a root; ALIAS_WHOLE: path is all of the name; else the bytes that path replaces


class IndexFile(S):
    """A name of ``index``."""

    name: list[Piece]


class TryFile(S):
    name: list[Piece]
    directory: bool  # a directory is looked for


class TryFiles(S):
    """``try_files``: names, and what happens if none of them is there."""

    files: list[TryFile]
    fallback: list[Piece]  # a path or @name
    code: int  # or this status; -1: none


IF_MODIFIED_SINCE_OFF, IF_MODIFIED_SINCE_EXACT, IF_MODIFIED_SINCE_BEFORE = 0, 1, 2

EXPIRES_OFF, EXPIRES_ACCESS, EXPIRES_MODIFIED, EXPIRES_DAILY, EXPIRES_EPOCH, EXPIRES_MAX = 0, 1, 2, 3, 4, 5
EXPIRES_VARIABLE = 6


class Expires(S):
    """``expires``."""

    kind: int  # EXPIRES_*; EXPIRES_VARIABLE: value says so
    seconds: int  # may be negative
    modified: bool  # counted from the file's time
    value: list[Piece]


class ErrorPage(S):
    """``error_page``: what answers in place of these statuses."""

    statuses: list[int]
    overwrite: int  # the status of the answer; 0: the answer's own; -1: the error's
    uri: list[Piece]  # a path, @name, or a URL


# proxy_next_upstream: on what a Request may go to the next Peer. 0: never.
NEXT_ERROR, NEXT_TIMEOUT, NEXT_INVALID_HEADER, NEXT_NON_IDEMPOTENT = 1, 2, 4, 8
NEXT_403, NEXT_404, NEXT_429, NEXT_500, NEXT_502, NEXT_503, NEXT_504 = 16, 32, 64, 128, 256, 512, 1024

# proxy_ignore_headers: fields of an answer that are not obeyed.
IGNORE_X_ACCEL_REDIRECT, IGNORE_X_ACCEL_EXPIRES, IGNORE_X_ACCEL_LIMIT_RATE = 1, 2, 4
IGNORE_X_ACCEL_BUFFERING, IGNORE_X_ACCEL_CHARSET, IGNORE_EXPIRES = 8, 16, 32
IGNORE_CACHE_CONTROL, IGNORE_SET_COOKIE, IGNORE_VARY = 64, 128, 256

# keepalive_disable
KEEPALIVE_MSIE6, KEEPALIVE_SAFARI = 1, 2

# lingering_close; numbers as in http/h1_server.h
LINGERING = {"off": 0, "on": 1, "always": 2}


class RewriteRule(S):
    """``proxy_redirect``, ``proxy_cookie_*``: what a text begins with, or is, and what comes in its place."""

    by_default: bool  # as proxy_pass has it
    pattern: list[Piece]
    regex: Regex | None  # in the place of pattern
    replacement: list[Piece]


class Words(S):
    """One text of several."""

    value: list[Piece]


class CookieRule(S):
    """``proxy_cookie_flags``."""

    name: list[Piece]
    regex: Regex | None  # in the place of name
    flags: list[Words]  # "secure", "nosamesite", ...


class ProxyBind(S):
    """``proxy_bind``: the text of an address; one without variables is right."""

    address: list[Piece]


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


BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONN, BALANCE_IP_HASH = 0, 1, 2
BALANCE_HASH, BALANCE_HASH_CONSISTENT, BALANCE_RANDOM, BALANCE_RANDOM_TWO = 3, 4, 5, 6


class Return(S):
    """``return``. 444 closes the connection. With 301, 302, 303, 307 and 308 the text is the Location."""

    status: int
    text: list[Piece] | None


class SetVariable(S):
    """``set``: gives a variable its value, in the order of the file and before ``return``."""

    slot: int  # -1: it is a built-in one
    variable: int  # number of the built-in variable that is changed; -1: none
    value: list[Piece]


class ProxyPass(S):
    url: list[Piece] | None  # of a proxy_pass with variables: nothing else is known of it
    upstream: UpstreamRef | None
    tls: bool
    host: bytes  # $proxy_host, also the default Host: "backend", "127.0.0.1:3000"
    port: bytes  # $proxy_port: "80"
    uri: bytes | None  # None: the client's URI goes on unchanged
    prefix_bytes: int  # length of the location's prefix that uri replaces


REPORT_NONE, REPORT_STUB_STATUS, REPORT_METRICS = 0, 1, 2

LOCATION_PREFIX, LOCATION_PREFIX_FINAL, LOCATION_EXACT, LOCATION_REGEX, LOCATION_NAMED = 0, 1, 2, 3, 4


class LimitExcept(S):
    """``limit_except``: all methods but these have these settings."""

    methods: list[bytes]  # upper case; HEAD is there when GET is
    settings: SettingsRef


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
    settings: SettingsRef
    sets: list[SetVariable]
    ret: Return | None
    try_files: TryFiles | None  # where no location is found
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


class PlanObject(S):
    kind: str  # the Struct's name
    digest: bytes
    body: bytes  # msgpack of the Struct


class EnginePlan(S):
    """What travels to a worker. ``layout`` is the digest of all declarations: another layout is refused."""

    layout: int
    objects: list[PlanObject]


class Keepalive(msgspec.Struct, frozen=True):
    """Probes on silent connections, with times in seconds; 0: as the system has it."""

    on: bool
    idle: int = 0
    interval: int = 0
    count: int = 0


class ListenSocket(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the master binds. None: as the system has it."""

    key: str  # same as Listen.key
    family: int  # 4, 6 or 1 for unix
    address: str  # "0.0.0.0", "::", "/run/x.sock"
    port: int
    backlog: int
    reuseport: bool
    ipv6only: bool
    origin: str  # "site.conf:3", for messages
    rcvbuf: int | None = None
    sndbuf: int | None = None
    fastopen: int | None = None
    deferred: bool = False
    multipath: bool = False
    keepalive: Keepalive | None = None


class OpenFile(msgspec.Struct, frozen=True):
    """A log file that the master opens for appending, under ``log:<path>``."""

    key: str
    path: str  # absolute, or "stderr"
    origin: str


class TempDirectory(msgspec.Struct, frozen=True):
    """A directory that the master makes, for temporary files of workers."""

    path: str
    origin: str  # of the directive; empty: nobody gave it


class SharedZone(msgspec.Struct, frozen=True):
    """A limit Zone that the master makes. The key says name, size, kind and what is counted apart."""

    key: str
    connections: bool
    size: int
    origin: str


class CpuAffinity(msgspec.Struct, frozen=True):
    """Numbers of processors. Without ``auto`` a mask per worker; with it at most one, of those to use."""

    auto: bool
    masks: list[list[int]]

    def of(self, worker: int, usable: list[int]) -> list[int]:
        """The processors for the worker of this index, where these are usable."""
        if not self.auto:
            return self.masks[min(worker, len(self.masks) - 1)]
        allowed = self.masks[0] if self.masks else usable
        return [allowed[worker % len(allowed)]] if allowed else []


class Process(msgspec.Struct, frozen=True, omit_defaults=True):
    """What concerns processes; a change of these needs new ones."""

    user: str | None
    group: str | None
    worker_processes: int  # "auto" is resolved
    worker_rlimit_nofile: int | None
    worker_shutdown_timeout: int
    worker_connections: int
    pid: str
    daemon: bool
    error_log: str  # the path of the first main error_log
    error_level: int
    log_buffer_bytes: int  # all buffers of access logs together: what a worker's Ledger must hold
    peers: int  # how many records the Zone of peers needs: of peers, servers and limits
    cpu_affinity: CpuAffinity | None = None
    priority: int = 0
    rlimit_core: int | None = None
    working_directory: str | None = None
    env: list[str] = []  # NAME, or NAME=value


class Plan(msgspec.Struct, frozen=True):
    """All that came out of one compile."""

    process: Process
    sockets: list[ListenSocket]
    files: list[OpenFile]
    zones: list[SharedZone]
    engine: bytes  # msgpack of EnginePlan
    directories: list[TempDirectory] = []
