"""The logs of a configuration: which files there are, and what a level's access_log and error_log come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxyd.config.check import Level
from proxyd.config.directives.log import (
    COMBINED,
    DEFAULT_ACCESS_LOG,
    AccessLogSpec,
    ErrorLogSpec,
    LogFormat,
    Target,
)
from proxyd.config.errors import Report
from proxyd.config.node import Node
from proxyd.config.objects import Objects
from proxyd.config.parser import Statement
from proxyd.config.plan import ESCAPE_DEFAULT, AccessLog, ErrorLog, LogCache, LogFile, OpenFile
from proxyd.config.shapes import encode
from proxyd.config.template import Templates


class Logs:
    """All of them, each file once."""

    def __init__(
        self, objects: Objects, report: Report, templates: Templates, path: Callable[[str], str]
    ) -> None:
        self.files: dict[str, OpenFile] = {}
        # Size, flush time and level of compression of those that gather lines.
        self.buffers: dict[str, tuple[int, int, int]] = {}
        self.main: list[ErrorLog] = []  # the error_log of the main context
        combined = LogFormat("combined", templates.compile(COMBINED), ESCAPE_DEFAULT)
        self._formats = {combined.name: combined}
        self._broken: set[str] = set()  # names of formats that are wrong, which is said where they stand
        self._objects = objects
        self._report = report
        self._path = path

    def use_main(self, specs: Sequence[tuple[ErrorLogSpec, str]]) -> None:
        """Take in the error_log of the main context, each with its origin."""
        self.main = [self._error_log(spec, origin) for spec, origin in specs]

    def declare_formats(self, level: Level, statements: Sequence[Statement]) -> None:
        """Take in what the http block declares."""
        found = level.values.get("log_format", ())
        for log_format, at in zip(found, level.where.get("log_format", ()), strict=True):
            name = log_format.name
            if name in self._formats:
                self._wrong(at, f'duplicate "log_format" name "{name}"', "choose another name", 0)
            self._formats[name] = log_format
        named = {line.args[0] for line in statements if line.name == "log_format" and line.args}
        self._broken = named - self._formats.keys()

    def check(self, specs: Sequence[AccessLogSpec], where: Sequence[Statement]) -> None:
        """Find what is wrong with the access_log lines of one level."""
        for spec, statement in zip(specs, where, strict=True):
            if spec.off:
                continue
            self._claim_buffer(spec, statement)
            if spec.format not in self._formats and spec.format not in self._broken:
                known = ", ".join(sorted(self._formats))
                self._wrong(statement, f'unknown log format "{spec.format}"', f"there are: {known}", 1)

    def access_logs(self, node: Node) -> list[AccessLog]:
        """What the engine reads of access_log."""
        specs: list[AccessLogSpec] | None = node.values["access_log"]
        if specs is None:
            target = Target(self._path(DEFAULT_ACCESS_LOG))
            return [self._access_log(AccessLogSpec(target), "the default access_log")]
        if any(spec.off for spec in specs):
            return []
        rooted = node.values["root"] is not None
        return [
            self._access_log(spec, statement.origin(), rooted=rooted)
            for spec, statement in zip(specs, node.where["access_log"], strict=True)
        ]

    def error_logs(self, node: Node) -> list[ErrorLog]:
        """What the engine reads of error_log."""
        specs: list[ErrorLogSpec] | None = node.values["error_log"]
        if specs is None:
            return self.main
        return [
            self._error_log(spec, statement.origin())
            for spec, statement in zip(specs, node.where["error_log"], strict=True)
        ]

    def cache(self, node: Node) -> bytes | None:
        """What the engine reads of open_log_file_cache."""
        cache: LogCache | None = node.values["open_log_file_cache"]
        return None if cache is None else self._objects.add(cache)

    def _access_log(self, spec: AccessLogSpec, origin: str, *, rooted: bool = False) -> AccessLog:
        log_format = self._formats.get(spec.format)
        if log_format is None:  # it is wrong, or not there, which was said
            log_format = LogFormat(spec.format, [], ESCAPE_DEFAULT)
        file = None
        if spec.target is not None:
            file = self._file(spec.target, origin, spec.buffer, spec.flush, spec.gzip)
        return AccessLog(
            file=file,
            path=spec.path or [],
            tests_root=rooted and spec.path is not None,
            format=log_format.pieces,
            escape=log_format.escape,
            condition=spec.condition,
        )

    def _error_log(self, spec: ErrorLogSpec, origin: str) -> ErrorLog:
        return ErrorLog(file=self._file(spec.target, origin), level=spec.level)

    def _file(self, target: Target, origin: str, buffer: int = 0, flush: int = 0, gzip: int = 0) -> bytes:
        """The digest of a LogFile; the master will open it, unless it is a syslog server."""
        if target.syslog is None:
            key = f"log:{target.path}"
            self.files.setdefault(key, OpenFile(key=key, path=target.path, origin=origin))
        made = LogFile(path=encode(target.path), buffer=buffer, flush=flush, gzip=gzip, syslog=target.syslog)
        return self._objects.add(made)

    def _claim_buffer(self, spec: AccessLogSpec, statement: Statement) -> None:
        """Note that a log gathers lines; it can do so in one way only."""
        if not spec.buffer or spec.target is None:
            return
        wanted = (spec.buffer, spec.flush, spec.gzip)
        if self.buffers.setdefault(spec.target.path, wanted) != wanted:
            self._wrong(
                statement,
                f'access_log "{statement.args[0]}" already defined with conflicting parameters',
                "a file has one buffer, one flush and one gzip",
            )

    def _wrong(self, statement: Statement, message: str, hint: str, argument: int = -1) -> None:
        self._report.at(statement, "emerg", message, hint, argument)
