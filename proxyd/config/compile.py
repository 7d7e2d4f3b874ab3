"""Text to Plan: the order in which the parts of the compiler work.

    parse        lexer, parser: files to statements
    names        which $names there are: they may be used before they are declared
    check        statements to values, by the declarations
    put together maps, upstreams, servers with their locations, sockets; inherit.py finishes the settings
    encode       objects by digest, and what concerns processes

Nothing here opens a socket or starts a process. Files are read only if the configuration names them.
"""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from typing import Any

import msgspec

from proxyd.config import layout
from proxyd.config.check import BAD, Checker, Level, Resolve, Scope
from proxyd.config.defaults import defaults_of
from proxyd.config.directive import EVENTS, HTTP, MAIN
from proxyd.config.directives.log import (
    DEFAULT_ERROR_LOG,
    ErrorLogSpec,
    Target,
)
from proxyd.config.errors import Diagnostic, Report, SourceFile
from proxyd.config.inherit import Inheritance
from proxyd.config.levels import LEVELS
from proxyd.config.listens import Listens
from proxyd.config.logs import Logs
from proxyd.config.maps import Maps
from proxyd.config.names import NameFinder
from proxyd.config.objects import Objects
from proxyd.config.parser import FileSystem, Loader, Statement
from proxyd.config.places import place
from proxyd.config.plan import EnginePlan, ListenSocket, Plan, Process, Root, TempDirectory
from proxyd.config.rules import check_rules
from proxyd.config.servers import Servers
from proxyd.config.template import Templates
from proxyd.config.upstreams import Upstreams

COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came out. ``plan`` is None if anything was wrong."""

    plan: Plan | None
    diagnostics: list[Diagnostic]
    files: list[SourceFile]  # what was read, in order, for -T


@dataclass(frozen=True, slots=True)
class Options:
    """What the compiler is told besides the text."""

    prefix: str  # what relative paths of logs and the pid file start from
    overrides: str  # directives of -g
    resolve: Resolve
    cpus: int
    root: bool  # whether the master will have super-user privileges
    error_log: str  # of -e: used where the configuration names none


def compile_file(
    path: str,
    *,
    prefix: str,
    overrides: str = "",
    resolve: Resolve,
    cpus: int,
    test: bool = False,
    root: bool | None = None,
    error_log: str = "",
    files: FileSystem | None = None,
) -> Compiled:
    """Compile the configuration in a file.

    ``resolve`` looks up a host: family and packed address of each. ``test`` changes nothing here: what a
    test does besides (opening logs, binding sockets) is the caller's. ``files`` stands in for the file
    system.
    """
    options = Options(
        prefix, overrides, resolve, cpus, os.geteuid() == 0 if root is None else root, error_log
    )
    # Nothing here is garbage before it is finished, and looking for it took half of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _Compiler(path, options, files or FileSystem()).run()
    finally:
        if collecting:
            gc.enable()


class _Compiler:
    """One compile."""

    def __init__(self, path: str, options: Options, files: FileSystem) -> None:
        self.path = path
        self.options = options
        self.report = Report()
        self.objects = Objects()
        self.loader = Loader(os.path.dirname(path), self.report, files)
        self.maps = Maps(self.objects)
        self.templates = Templates(self.maps.names)
        scope = Scope(
            self.report, self.templates, options.resolve, self.full_path, options.cpus, options.root
        )
        self.checker = Checker(self.report, scope)
        self.maps.use(self.checker)
        self.logs = Logs(self.objects, self.report, self.templates, self.full_path)
        self.upstreams = Upstreams(self.objects, self.checker)
        self.listens = Listens(self.objects, self.checker)
        self.servers: list[bytes] = []  # each once

    def full_path(self, path: str) -> str:
        """A path of the configuration, made absolute."""
        return place(self.options.prefix, path)

    def run(self) -> Compiled:
        """Compile."""
        statements = self._overrides() + self.loader.load(self.path)
        broken = self.report.failed
        main = self.checker.check(statements, MAIN)
        blocks = {statement.name: statement for _, statement, _ in reversed(main.blocks)}
        if not broken and not any(statement.name == "events" for statement in statements):
            self.report.add("emerg", 'no "events" section in configuration', 'add a line: "events {}"')
        events = self.checker.check(_inside(blocks.get("events")), EVENTS)
        inheritance = self._inheritance(main)
        self._http(_inside(blocks.get("http")), inheritance)
        plan = self._plan(main, events, inheritance)
        return Compiled(None if self.report.failed else plan, self.report.diagnostics(), self.loader.sources)

    def _overrides(self) -> list[Statement]:
        """The statements of -g."""
        if not self.options.overrides:
            return []
        text = self.options.overrides.encode("utf-8", "surrogateescape")
        statements = self.loader.parse(SourceFile(COMMAND_LINE, text, -1))
        for statement in statements:
            if statement.block is not None:
                self.checker.wrong(statement, "block directives are not supported in -g option")
        return [statement for statement in statements if statement.block is None]

    def _inheritance(self, main: Level) -> Inheritance:
        given: list[ErrorLogSpec] = main.values.get("error_log", [])
        logs = [(spec, at.origin()) for spec, at in zip(given, main.where.get("error_log", ()), strict=True)]
        if not logs:
            path = self.options.error_log or DEFAULT_ERROR_LOG
            full = path if path == "stderr" else self.full_path(path)
            logs = [(ErrorLogSpec(Target(full), LEVELS["error"]), "the default error_log")]
        self.main_log = logs[0][0]
        self.logs.use_main(logs)
        return Inheritance(self.objects, self.report, self.templates, self.logs, self.full_path)

    # ---- http

    def _http(self, statements: list[Statement], inheritance: Inheritance) -> None:
        NameFinder(self.maps, self.checker).find(statements)
        level = self.checker.check(statements, HTTP)
        self.logs.declare_formats(level, statements)
        for directive, statement, value in level.blocks:
            if directive.name == "map" and value is not BAD:
                self.maps.check(value, statement)
            elif directive.name == "upstream":
                self.upstreams.declare(statement, value)
        self.upstreams.zones.finish(self.checker)
        check_rules(self.checker, level)
        inheritance.zones.declare(level, statements)
        node = inheritance.node(inheritance.outermost(), level)
        servers = Servers(
            self.objects,
            self.checker,
            inheritance,
            self.upstreams,
            self.listens,
            80 if self.options.root else 8000,
        )
        for directive, statement, _ in level.blocks:
            if directive.name == "server":
                servers.server(statement, node)
        self.servers = list(dict.fromkeys(servers.digests))

    # ---- the Plan

    def _plan(self, main: Level, events: Level, inheritance: Inheritance) -> Plan:
        digests, sockets = self.listens.finish()
        main_values = {**defaults_of(MAIN), **main.values}
        events_values = {**defaults_of(EVENTS), **events.values}
        connections = events_values["worker_connections"]
        self._check_connections(connections, events, sockets)
        self.objects.add(
            Root(
                listens=digests,
                upstreams=self.upstreams.digests,
                servers=self.servers,
                slots=len(self.maps.names.slots),
                worker_connections=connections,
                multi_accept=events_values["multi_accept"],
                shutdown_timeout=main_values["worker_shutdown_timeout"],
                error_log=self.logs.main,
                debug_connection=[
                    one for found in events.values.get("debug_connection", ()) for one in found
                ],
            )
        )
        engine = EnginePlan(layout=layout.digest(), objects=self.objects.all())
        return Plan(
            process=self._process(main, main_values, connections, inheritance),
            sockets=sockets,
            files=list(self.logs.files.values()),
            zones=inheritance.zones.shared,
            engine=msgspec.msgpack.encode(engine),
            directories=[
                TempDirectory(path=path, origin=origin) for path, origin in inheritance.directories.items()
            ],
        )

    def _check_connections(self, connections: int, events: Level, sockets: list[ListenSocket]) -> None:
        if connections >= len(sockets) + 1:
            return
        message = f"{connections} worker_connections are not enough for {len(sockets)} listening sockets"
        at = events.where.get("worker_connections")
        self.report.at(at[0] if at else None, "emerg", message, "one for each, and one more", 0)

    def _process(
        self, main: Level, values: dict[str, Any], connections: int, inheritance: Inheritance
    ) -> Process:
        user, group = values.get("user") or (None, None)
        pid: bytes = values["pid"]
        workers = values["worker_processes"] if values["master_process"] else 1
        self._check_affinity(main, workers)
        directory = values.get("working_directory")
        return Process(
            user=user,
            group=group,
            worker_processes=workers,
            worker_rlimit_nofile=values.get("worker_rlimit_nofile"),
            worker_shutdown_timeout=values["worker_shutdown_timeout"],
            worker_connections=connections,
            pid=self.full_path(pid.decode("utf-8", "surrogateescape")),
            daemon=values["daemon"],
            error_log=self.main_log.target.path,
            error_level=self.main_log.level,
            log_buffer_bytes=sum(size for size, *_ in self.logs.buffers.values()),
            peers=len(self.upstreams.peers) + len(self.servers) + len(inheritance.zones.shared),
            cpu_affinity=values.get("worker_cpu_affinity"),
            priority=values["worker_priority"],
            rlimit_core=values.get("worker_rlimit_core"),
            working_directory=self.full_path(directory.decode("utf-8", "surrogateescape"))
            if directory
            else None,
            env=values.get("env", []),
            transparent=inheritance.transparent,
        )

    def _check_affinity(self, main: Level, workers: int) -> None:
        affinity = main.values.get("worker_cpu_affinity")
        if affinity is None or affinity.auto or len(affinity.masks) in (1, workers):
            return
        self.report.at(
            main.where["worker_cpu_affinity"][0],
            "warn",
            'the number of "worker_processes" is not equal to the number of "worker_cpu_affinity" masks, '
            "using last mask for remaining worker processes",
            f"there are {workers} and {len(affinity.masks)}",
        )


def _inside(statement: Statement | None) -> list[Statement]:
    return statement.block or [] if statement is not None else []
