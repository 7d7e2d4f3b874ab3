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
from typing import Any

from proxyd.config.check import Level
from proxyd.config.defaults import default_values
from proxyd.config.directives import ALL, static, symlinks
from proxyd.config.directives import types as types_theme
from proxyd.config.directives.headers import INHERIT
from proxyd.config.directives.proxy import HIDDEN
from proxyd.config.directives.proxy_rewrite import COOKIE_RULES, OFF
from proxyd.config.errors import Report
from proxyd.config.limits import LimitZones
from proxyd.config.logs import Logs
from proxyd.config.node import Node
from proxyd.config.objects import Objects
from proxyd.config.parser import Statement
from proxyd.config.plan import DocumentRoot, LimitConn, LimitReq, ProxyBind, RewriteRule, SetHeader, TempPath
from proxyd.config.proxy_buffers import check_buffers, temp_file_write_size
from proxyd.config.settings import FIELDS, Settings
from proxyd.config.shapes import encode
from proxyd.config.template import Names, Templates

_SETTING_NAMES = frozenset(directive.group or directive.name for directive in ALL if directive.setting)


class Inheritance:
    """Makes Nodes of Levels, and Settings of Nodes."""

    def __init__(
        self,
        objects: Objects,
        report: Report,
        templates: Templates,
        logs: Logs,
        path: Callable[[str], str],
    ) -> None:
        self.objects = objects
        self.report = report
        self.templates = templates
        self.logs = logs
        self.path = path
        self._nodes: dict[tuple[int, tuple[object, ...]], Node] = {}
        self.zones = LimitZones(objects, report)
        self._keep: list[Node] = []  # Nodes are known by their id: none may go away
        self.transparent = False  # whether a proxy_bind is, anywhere
        self.directories: dict[str, str] = {}  # for temporary files: path, and which directive names it
        self._types: dict[tuple[int, ...], bytes] = {}
        self._default_types = objects.add(types_theme.make_types(types_theme.DEFAULT))
        host = SetHeader(name=b"Host", value=templates.compile("$proxy_host"))
        self._default_set_headers = [host]
        self._default_root: DocumentRoot | None = None
        finishers = self._finishers()
        self._fields = [(name, finishers.get(name)) for name, _ in FIELDS]

    def _finishers(self) -> dict[str, Callable[[Node], Any]]:
        """For each field that is more than the value of its directive: what makes it of a Node."""
        logs = self.logs
        finishers: dict[str, Callable[[Node], Any]] = {
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
            "disable_symlinks": lambda node: node.values["disable_symlinks"] or symlinks.FOLLOWED,
            "max_ranges": lambda node: min(_or(node.values["max_ranges"], static.NO_LIMIT), static.NO_LIMIT),
            "access_log": _once(logs.access_logs, "access_log", "root"),
            "error_log": _once(logs.error_logs, "error_log"),
            "open_log_file_cache": _once(logs.cache, "open_log_file_cache"),
            "client_body_temp_path": lambda node: self._finish_temp_path(node, "client_body"),
            "proxy_temp_path": lambda node: self._finish_temp_path(node, "proxy"),
            "proxy_temp_file_write_size": temp_file_write_size,
            "limit_rate": lambda node: node.values["limit_rate"] or [],
            "limit_rate_after": lambda node: node.values["limit_rate_after"] or [],
            "proxy_limit_rate": lambda node: node.values["proxy_limit_rate"] or [],
            "proxy_set_header": _once(self._finish_set_header, "proxy_set_header"),
            "proxy_hide_header": _once(self._finish_hide_header, "proxy_hide_header", "proxy_pass_header"),
        }
        for name in COOKIE_RULES:
            finishers[name] = _once(functools.partial(_finish_rules, name), name)
        return finishers

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
        check_buffers(node, self.report)
        return Settings(*[values[name] if finish is None else finish(node) for name, finish in self._fields])

    # ---- fields that are more than the value of their directive

    def _check_own(self, own: dict[str, Any], where: dict[str, list[Statement]]) -> None:
        """Find what is wrong in a level even where nobody inherits it."""
        if "types" in own:
            self._read_types(where["types"])
        if "access_log" in own:
            self.logs.check(own["access_log"], where["access_log"])
        for name in ("limit_req", "limit_conn"):
            self.zones.check(name, own.get(name, ()), where.get(name, ()))
        bind = own.get("proxy_bind")
        self.transparent = self.transparent or (isinstance(bind, ProxyBind) and bind.transparent)

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


@functools.cache
def default_settings() -> Any:
    """The Settings of a server that sets nothing, in a file that sets nothing."""
    objects, report = Objects(), Report()
    templates = Templates(Names(lambda name: b""))
    logs = Logs(objects, report, templates, str)
    inheritance = Inheritance(objects, report, templates, logs, str)
    return inheritance.settings(inheritance.outermost())
