"""Inheritance: the values of http, server and location levels, finished as Settings.

A level sees its own values and, for each directive that it does not have, those of the level around it.
That holds for lists too: add_header, proxy_set_header, access_log and their like are taken from outside
only where a level has none.

Most locations of a large configuration set nothing, or what others set as well. So a level is a Node; a
level that sets nothing is the Node around it, levels around the same Node that set the same are one Node,
and a Node is finished to Settings once, when somebody needs it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxyd.config import parser
from proxyd.config.check import Level
from proxyd.config.directives import ALL, static
from proxyd.config.directives import types as types_theme
from proxyd.config.directives.headers import INHERIT
from proxyd.config.directives.log import DEFAULT_ACCESS_LOG, AccessLogSpec, ErrorLogSpec, LogFormat, Target
from proxyd.config.directives.proxy import HIDDEN
from proxyd.config.directives.proxy_rewrite import COOKIE_RULES, OFF
from proxyd.config.errors import Report, SourceFile
from proxyd.config.limits import LimitZones
from proxyd.config.objects import Objects
from proxyd.config.parser import Statement
from proxyd.config.plan import (
    ESCAPE_DEFAULT,
    AccessLog,
    Buffers,
    DocumentRoot,
    ErrorLog,
    LimitConn,
    LimitReq,
    LogCache,
    LogFile,
    OpenFile,
    RewriteRule,
    SetHeader,
    TempPath,
)
from proxyd.config.settings import FIELDS, Settings
from proxyd.config.shapes import encode
from proxyd.config.template import Names, Templates

_SETTING_NAMES = frozenset(directive.group or directive.name for directive in ALL if directive.setting)


@dataclass(eq=False, slots=True)
class Node:
    """The values that one level sees, by directive; and where each was set."""

    values: dict[str, Any]
    where: dict[str, list[Statement]]
    digest: bytes | None = None  # of its Settings, when finished


class Logs:
    """The log files of a configuration, each once."""

    def __init__(self, objects: Objects, report: Report) -> None:
        self.formats: dict[str, LogFormat] = {}
        self.broken: set[str] = set()  # names of formats that are wrong, which is said where they stand
        self.files: dict[str, OpenFile] = {}
        # Size, flush time and level of compression of those that gather lines.
        self.buffers: dict[str, tuple[int, int, int]] = {}
        self._objects = objects
        self._report = report

    def file(self, target: Target, origin: str, buffer: int = 0, flush: int = 0, gzip: int = 0) -> bytes:
        """The digest of a LogFile; the master will open it, unless it is a syslog server."""
        if target.syslog is None:
            key = f"log:{target.path}"
            self.files.setdefault(key, OpenFile(key=key, path=target.path, origin=origin))
        made = LogFile(path=encode(target.path), buffer=buffer, flush=flush, gzip=gzip, syslog=target.syslog)
        return self._objects.add(made)

    def claim_buffer(self, spec: AccessLogSpec, statement: Statement) -> None:
        """Note that a log gathers lines; it can do so in one way only."""
        if not spec.buffer or spec.target is None:
            return
        wanted = (spec.buffer, spec.flush, spec.gzip)
        if self.buffers.setdefault(spec.target.path, wanted) != wanted:
            self._report.add(
                "emerg",
                f'access_log "{statement.args[0]}" already defined with conflicting parameters',
                "a file has one buffer, one flush and one gzip",
                statement.source,
                statement.offset(),
            )


class Inheritance:
    """Makes Nodes of Levels, and Settings of Nodes."""

    def __init__(
        self,
        objects: Objects,
        report: Report,
        templates: Templates,
        logs: Logs,
        path: Callable[[str], str],
        error_log: list[tuple[ErrorLogSpec, str]],
    ) -> None:
        self.objects = objects
        self.report = report
        self.templates = templates
        self.logs = logs
        self.path = path
        self.error_log = [self._error_log(spec, origin) for spec, origin in error_log]
        self._nodes: dict[tuple[int, tuple[object, ...]], Node] = {}
        self.zones = LimitZones(objects, report)
        self._keep: list[Node] = []  # Nodes are known by their id: none may go away
        self.directories: dict[str, str] = {}  # for temporary files: path, and which directive names it
        self._types: dict[tuple[int, ...], bytes] = {}
        self._default_types = objects.add(types_theme.make_types(types_theme.DEFAULT))
        host = SetHeader(name=b"Host", value=templates.compile("$proxy_host"))
        self._default_set_headers = [host]
        self._default_root: DocumentRoot | None = None
        self._finishers: dict[str, Callable[[Node], Any]] = {
            "keepalive_timeout": lambda node: node.values["keepalive_timeout"][0],
            "keepalive_timeout_header": lambda node: node.values["keepalive_timeout"][1],
            "access_rules": lambda node: node.values["access"],
            "limit_req": _once(self._finish_limit_req, "limit_req"),
            "limit_conn": _once(self._finish_limit_conn, "limit_conn"),
            "types": self._finish_types,
            "proxy_redirect": _once(self._finish_redirect, "proxy_redirect"),
            "early_hints": lambda node: node.values["early_hints"] or [],
            "proxy_ignore_headers": lambda node: node.values["proxy_ignore_headers"] or 0,
            "root": self._finish_root,
            "index": lambda node: sum(node.values["index"] or [], []) or static.DEFAULT_INDEX,
            "internal": lambda node: bool(node.values["internal"]),
            "expires": lambda node: node.values["expires"] or static.DEFAULT_EXPIRES,
            "max_ranges": lambda node: _or(node.values["max_ranges"], static.NO_LIMIT),
            "access_log": _once(self._finish_access_log, "access_log", "root"),
            "error_log": _once(self._finish_error_log, "error_log"),
            "open_log_file_cache": _once(self._finish_log_cache, "open_log_file_cache"),
            "client_body_temp_path": lambda node: self._finish_temp_path(node, "client_body"),
            "proxy_temp_path": lambda node: self._finish_temp_path(node, "proxy"),
            "proxy_temp_file_write_size": _finish_temp_write,
            "limit_rate": lambda node: node.values["limit_rate"] or [],
            "limit_rate_after": lambda node: node.values["limit_rate_after"] or [],
            "proxy_limit_rate": lambda node: node.values["proxy_limit_rate"] or [],
            "proxy_set_header": _once(self._finish_set_header, "proxy_set_header"),
            "proxy_hide_header": _once(self._finish_hide_header, "proxy_hide_header", "proxy_pass_header"),
        }
        for name in COOKIE_RULES:
            self._finishers[name] = _once(functools.partial(_finish_rules, name), name)
        self._fields = [(name, self._finishers.get(name)) for name, _ in FIELDS]

    # ---- Nodes

    def outermost(self) -> Node:
        """What there is before http says anything: the defaults."""
        return Node(dict(default_values()), {})

    def node(self, around: Node, level: Level) -> Node:
        """The Node of a level inside another."""
        if not level.key:
            return around
        key = (id(around), level.key)
        found = self._nodes.get(key)
        if found is None:
            own = {name: value for name, value in level.values.items() if name in _SETTING_NAMES}
            where = {name: level.where[name] for name in own}
            values = {**around.values, **own}
            for name in ("add_header", "add_trailer"):
                _join(name, values, own, around.values)
            found = self._nodes[key] = Node(values, {**around.where, **where})
            self._keep.append(around)
            self._check_own(own, where)
        return found

    def digest(self, node: Node) -> bytes:
        """The digest of a Node's Settings."""
        if node.digest is None:
            node.digest = self.objects.add(self.settings(node))
        return node.digest

    def settings(self, node: Node) -> Any:
        """The Settings of a Node."""
        values = node.values
        self._check_buffers(node)
        return Settings(*[values[name] if finish is None else finish(node) for name, finish in self._fields])

    # ---- fields that are more than the value of their directive

    def _wrong(self, statement: Statement | None, message: str, hint: str = "", argument: int = -1) -> None:
        if statement is None:
            self.report.add("emerg", message, hint)
        else:
            self.report.add("emerg", message, hint, statement.source, statement.offset(argument))

    def _check_own(self, own: dict[str, Any], where: dict[str, list[Statement]]) -> None:
        """Find what is wrong in a level even where nobody inherits it."""
        if "types" in own:
            self._read_types(where["types"])
        if "access_log" in own:
            for spec, statement in zip(own["access_log"], where["access_log"], strict=True):
                self._check_access_log(spec, statement)
        for name in ("limit_req", "limit_conn"):
            self.zones.check(name, own.get(name, ()), where.get(name, ()))

    def _read_types(self, blocks: list[Statement]) -> bytes:
        key = tuple(id(block) for block in blocks)
        if key not in self._types:
            self._types[key] = self.objects.add(types_theme.read_types(blocks, self.report))
        return self._types[key]

    def _finish_types(self, node: Node) -> bytes:
        blocks = node.where.get("types")
        return self._default_types if blocks is None else self._read_types(blocks)

    def _finish_root(self, node: Node) -> DocumentRoot:
        given: DocumentRoot | None = node.values["root"]
        if given is not None:
            return given
        if self._default_root is None:
            self._default_root = static.default_root(self.path(static.DEFAULT_ROOT))
        return self._default_root

    def _check_access_log(self, spec: AccessLogSpec, statement: Statement) -> None:
        if spec.off:
            return
        self.logs.claim_buffer(spec, statement)
        if spec.format not in self.logs.formats and spec.format not in self.logs.broken:
            known = ", ".join(sorted(self.logs.formats))
            self._wrong(statement, f'unknown log format "{spec.format}"', f"there are: {known}", 1)

    def _finish_access_log(self, node: Node) -> list[AccessLog]:
        specs: list[AccessLogSpec] | None = node.values["access_log"]
        if specs is None:
            target = Target(self.path(DEFAULT_ACCESS_LOG))
            return [self._access_log(AccessLogSpec(target), "the default access_log")]
        if any(spec.off for spec in specs):
            return []
        statements = node.where["access_log"]
        return [
            self._access_log(spec, statement.origin(), rooted=node.values["root"] is not None)
            for spec, statement in zip(specs, statements, strict=True)
        ]

    def _access_log(self, spec: AccessLogSpec, origin: str, *, rooted: bool = False) -> AccessLog:
        log_format = self.logs.formats.get(spec.format)
        if log_format is None:  # it is wrong, or not there, which was said
            log_format = LogFormat(spec.format, [], ESCAPE_DEFAULT)
        file = None
        if spec.target is not None:
            file = self.logs.file(spec.target, origin, spec.buffer, spec.flush, spec.gzip)
        return AccessLog(
            file=file,
            path=spec.path or [],
            tests_root=rooted and spec.path is not None,
            format=log_format.pieces,
            escape=log_format.escape,
            condition=spec.condition,
        )

    def _finish_log_cache(self, node: Node) -> bytes | None:
        cache: LogCache | None = node.values["open_log_file_cache"]
        return None if cache is None else self.objects.add(cache)

    def _finish_error_log(self, node: Node) -> list[ErrorLog]:
        specs: list[ErrorLogSpec] | None = node.values["error_log"]
        if specs is None:
            return self.error_log
        statements = node.where["error_log"]
        return [
            self._error_log(spec, statement.origin())
            for spec, statement in zip(specs, statements, strict=True)
        ]

    def _error_log(self, spec: ErrorLogSpec, origin: str) -> ErrorLog:
        return ErrorLog(file=self.logs.file(spec.target, origin), level=spec.level)

    def _finish_redirect(self, node: Node) -> list[RewriteRule]:
        default = RewriteRule(by_default=True, pattern=[], regex=None, replacement=[])
        return _finish_rules("proxy_redirect", node) if node.values["proxy_redirect"] else [default]

    def _finish_limit_req(self, node: Node) -> list[LimitReq]:
        return self.zones.requests(node.values["limit_req"])

    def _finish_limit_conn(self, node: Node) -> list[LimitConn]:
        return self.zones.connections(node.values["limit_conn"])

    def _finish_set_header(self, node: Node) -> list[SetHeader]:
        headers: list[SetHeader] = node.values["proxy_set_header"] or []
        if any(header.name.lower() == b"host" for header in headers):
            return headers
        return headers + self._default_set_headers

    def _finish_hide_header(self, node: Node) -> list[bytes]:
        """In lower case: what is always hidden and what proxy_hide_header names, less proxy_pass_header."""
        hidden = [name.lower().encode() for name in HIDDEN]
        hidden += [name.lower() for name in node.values["proxy_hide_header"] or ()]
        passed = {name.lower() for name in node.values["proxy_pass_header"] or ()}
        return [name for name in dict.fromkeys(hidden) if name not in passed]

    def _finish_temp_path(self, node: Node, theme: str) -> TempPath:
        given: TempPath | None = node.values[f"{theme}_temp_path"]
        place = given or TempPath(path=encode(self.path(f"{theme}_temp")), levels=b"")
        origin = node.where[f"{theme}_temp_path"][0].origin() if given else ""
        path = place.path.decode("utf-8", "surrogateescape")
        self.directories[path] = self.directories.get(path) or origin
        return place

    def _check_buffers(self, node: Node) -> None:
        sizes = _Sizes.of(node)
        for check in (_too_few_buffers, _busy_too_small, _busy_too_large, _write_too_small, _file_too_small):
            found = check(sizes)
            if found:
                blame, message, hint = found
                self._wrong(_first_of(node, blame), message, hint)
                break


def _join(name: str, values: dict[str, Any], own: dict[str, Any], around: dict[str, Any]) -> None:
    """The list of a level and that of the level around it, as name_inherit says."""
    how = values[f"{name}_inherit"]
    if how == INHERIT["off"] and name not in own:
        values[name] = []
    elif how == INHERIT["merge"] and name in own:
        values[name] = own[name] + around[name]


def _finish_rules(name: str, node: Node) -> list[Any]:
    rules: list[Any] = node.values[name]
    return [] if OFF in rules else rules


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _once(finish: Callable[[Node], Any], *names: str) -> Callable[[Node], Any]:
    """The same, but worked out once for all Nodes that have the same values of these directives."""
    done: dict[tuple[int, ...], tuple[Any, Node]] = {}  # the Node keeps the values that are known by their id

    def find(node: Node) -> Any:
        key = tuple([id(node.values[name]) for name in names])
        if key not in done:
            done[key] = (finish(node), node)
        return done[key][0]

    return find


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The sizes of one level that must agree with each other."""

    buffers: Buffers
    largest: int  # of all single buffers
    busy: int
    write: int
    file: int

    @classmethod
    def of(cls, node: Node) -> _Sizes:
        values = node.values
        buffers: Buffers = values["proxy_buffers"]
        largest = max(values["proxy_buffer_size"], buffers.size)
        busy: int | None = values["proxy_busy_buffers_size"]
        return cls(
            buffers,
            largest,
            2 * largest if busy is None else busy,
            _finish_temp_write(node),
            values["proxy_max_temp_file_size"],
        )


_Wrong = tuple[tuple[str, ...], str, str]  # directives to blame, message, hint
_LARGEST = 'maximum of the value of "proxy_buffer_size" and one of the "proxy_buffers"'


def _finish_temp_write(node: Node) -> int:
    given: int | None = node.values["proxy_temp_file_write_size"]
    if given is not None:
        return given
    buffers: Buffers = node.values["proxy_buffers"]
    single: int = node.values["proxy_buffer_size"]
    return 2 * max(single, buffers.size)


def _too_few_buffers(sizes: _Sizes) -> _Wrong | None:
    if sizes.buffers.number >= 2:
        return None
    return ("proxy_buffers",), 'there must be at least 2 "proxy_buffers"', ""


def _busy_too_small(sizes: _Sizes) -> _Wrong | None:
    if sizes.busy >= sizes.largest:
        return None
    return (
        ("proxy_busy_buffers_size", "proxy_buffer_size", "proxy_buffers"),
        f'"proxy_busy_buffers_size" must be equal to or greater than the {_LARGEST}',
        f"{sizes.busy} is less than {sizes.largest}",
    )


def _busy_too_large(sizes: _Sizes) -> _Wrong | None:
    room = (sizes.buffers.number - 1) * sizes.buffers.size
    if sizes.busy <= room:
        return None
    return (
        ("proxy_busy_buffers_size", "proxy_buffers", "proxy_buffer_size"),
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one buffer',
        f"{sizes.busy} is more than {room}; more or larger proxy_buffers help",
    )


def _write_too_small(sizes: _Sizes) -> _Wrong | None:
    if sizes.write >= sizes.largest:
        return None
    return (
        ("proxy_temp_file_write_size", "proxy_buffer_size", "proxy_buffers"),
        f'"proxy_temp_file_write_size" must be equal to or greater than the {_LARGEST}',
        f"{sizes.write} is less than {sizes.largest}",
    )


def _file_too_small(sizes: _Sizes) -> _Wrong | None:
    if sizes.file == 0 or sizes.file >= sizes.largest:
        return None
    return (
        ("proxy_max_temp_file_size", "proxy_buffer_size", "proxy_buffers"),
        '"proxy_max_temp_file_size" must be equal to zero to disable temporary files usage or must be equal '
        f"to or greater than the {_LARGEST}",
        f"{sizes.file} is less than {sizes.largest}",
    )


def _first_of(node: Node, names: tuple[str, ...]) -> Statement | None:
    for name in names:
        if name in node.where:
            return node.where[name][0]
    return None


@functools.cache
def default_settings() -> Any:
    """The Settings of a server that sets nothing, in a file that sets nothing."""
    objects, report = Objects(), Report()
    logs, templates = Logs(objects, report), Templates(Names(lambda name: b""))
    inheritance = Inheritance(objects, report, templates, logs, lambda path: path, [])
    return inheritance.settings(inheritance.outermost())


@functools.cache
def default_values() -> dict[str, Any]:
    """The value of each setting that nobody has set; None where it is made when Settings are finished."""
    values: dict[str, Any] = {}
    for directive in ALL:
        if directive.setting:
            values[directive.group or directive.name] = [] if directive.repeats else None
            if directive.default is not None and not directive.repeats:
                values[directive.name] = _read_default(directive.name, directive.default, directive.shape)
    for name in ("access_log", "error_log"):
        values[name] = None
    return values


def _read_default(name: str, text: str, shape: Any) -> Any:
    """A default goes the same way as what an operator writes."""
    source = SourceFile("default", f"{name} {text};".encode(), 0)
    (statement,) = parser.Loader("", Report(), parser.FileSystem()).parse(source)
    return shape.read(statement.args, _DefaultScope(name))


class _DefaultScope:
    """What the shape of a default may ask: its name. No default has variables or paths."""

    def __init__(self, name: str) -> None:
        self.name = name
