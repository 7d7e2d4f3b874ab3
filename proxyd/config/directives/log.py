"""Logs: access_log, log_format, error_log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxyd.config.directive import EVERYWHERE, HTTP, LIMIT_EXCEPT, MAIN, Directive
from proxyd.config.levels import LEVELS
from proxyd.config.plan import (
    ESCAPE_DEFAULT,
    ESCAPE_JSON,
    ESCAPE_NONE,
    AccessLog,
    ErrorLog,
    LogCache,
    LogCacheRef,
    Piece,
    Syslog,
)
from proxyd.config.shapes import Flag, Invalid, Scope, Shape
from proxyd.config.syslog import PREFIX as SYSLOG
from proxyd.config.syslog import parse_syslog
from proxyd.config.units import parse_number, parse_size, parse_time

ESCAPES = {"default": ESCAPE_DEFAULT, "json": ESCAPE_JSON, "none": ESCAPE_NONE}

_OPTIONS = ("buffer", "flush", "gzip", "if")
_FASTEST = 1
_GZIP_BUFFER = 64 * 1024  # of "gzip" without "buffer"
# nginx can narrow its debug log to a part of itself.
_DEBUG_PARTS = ("debug_core", "debug_alloc", "debug_event", "debug_http", "debug_mutex")

COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
DEFAULT_ACCESS_LOG = "logs/access.log"
DEFAULT_ERROR_LOG = "logs/error.log"


@dataclass(frozen=True, slots=True)
class Target:
    """Where lines go: a file, or a syslog server; ``path`` is its name in either case."""

    path: str
    syslog: Syslog | None = None


@dataclass(slots=True)
class AccessLogSpec:
    """An access_log as written. ``target`` None: off, or there are variables in its ``path``."""

    target: Target | None
    format: str = "combined"
    path: list[Piece] | None = None
    buffer: int = 0
    flush: int = 0
    gzip: int = 0
    condition: list[Piece] | None = None

    @property
    def off(self) -> bool:
        """Whether this is "off"."""
        return self.target is None and self.path is None


@dataclass(frozen=True, slots=True)
class ErrorLogSpec:
    """An error_log as written."""

    target: Target
    level: int


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A log_format. The texts of a format are compiled one by one: "$a" "b" is not "$ab"."""

    name: str
    pieces: list[Piece]
    escape: int


def read_target(text: str, scope: Scope) -> Target:
    """Where a log goes. Raises Invalid."""
    if text.startswith(SYSLOG):
        return Target(text, parse_syslog(text.removeprefix(SYSLOG), scope))
    if not text:
        raise Invalid(f'"{scope.name}" directive invalid value "{text}"', "a file, stderr or syslog:...")
    return Target("stderr" if text == "stderr" else scope.path(text))


class AccessLogShape(Shape):
    """A path, a format and buffering; or off."""

    least = 1
    most = None
    type = list[AccessLog]
    hint = "a path, then a format, then buffer=SIZE, flush=TIME, gzip[=LEVEL], if=CONDITION; or off"

    def read(self, args: Sequence[str], scope: Scope) -> AccessLogSpec:
        if args[0] == "off":
            if len(args) > 1:
                raise Invalid(f'invalid parameter "{args[1]}"', 'nothing may follow "off"', 1)
            return AccessLogSpec(None)
        if "$" in args[0] and not args[0].startswith(SYSLOG):
            spec = AccessLogSpec(None, path=scope.template(scope.path(args[0])))
        else:
            spec = AccessLogSpec(read_target(args[0], scope))
        if len(args) > 1:
            spec.format = args[1]
            if args[1].partition("=")[0] in _OPTIONS:
                hint = "the format comes first: access_log path combined ..."
                raise Invalid(f'unknown log format "{args[1]}"', hint, 1)
        for place, text in enumerate(args[2:], 2):
            self._option(text, place, spec, scope)
        self._check(args[0], spec)
        return spec

    def _option(self, text: str, place: int, spec: AccessLogSpec, scope: Scope) -> None:
        key, sign, value = text.partition("=")
        if key == "buffer" and sign:
            size = parse_size(value, giga=False)
            if not size:
                raise Invalid(f'invalid buffer size "{value}"', "a size such as 16k", place)
            spec.buffer = size
        elif key == "flush" and sign:
            time = parse_time(value)
            if not time:
                raise Invalid(f'invalid flush time "{value}"', "a time such as 500ms, 5s", place)
            spec.flush = time
        elif key == "gzip":
            level = parse_number(value) if sign else _FASTEST
            if level is None or not 1 <= level <= 9:
                raise Invalid(f'invalid compression level "{value}"', "1 (fast) to 9 (small)", place)
            spec.gzip = level
            spec.buffer = spec.buffer or _GZIP_BUFFER
        elif key == "if" and sign:
            spec.condition = scope.template(value, place)
        else:
            hint = "buffer=SIZE, flush=TIME, gzip[=LEVEL] or if=CONDITION"
            raise Invalid(f'invalid parameter "{text}"', hint, place)

    def _check(self, path: str, spec: AccessLogSpec) -> None:
        if spec.flush and not spec.buffer:
            raise Invalid(f'no buffer is defined for access_log "{path}"', "buffer=SIZE goes with flush")
        if spec.buffer and spec.path is not None:
            raise Invalid("buffered logs cannot have variables in name", "which file is known with each line")
        if spec.buffer and spec.target is not None and spec.target.syslog is not None:
            raise Invalid("logs to syslog cannot be buffered", "each line is a message of its own")

    def describe(self) -> str:
        return "path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off"


class ErrorLogShape(Shape):
    """A path and a level."""

    least = 1
    most = None
    type = list[ErrorLog]
    hint = "a path and a level: " + ", ".join(reversed(LEVELS))

    def read(self, args: Sequence[str], scope: Scope) -> ErrorLogSpec:
        level = 0
        for place, text in enumerate(args[1:], 1):
            found = LEVELS["debug"] if text in _DEBUG_PARTS else LEVELS.get(text)
            if found is None:
                raise Invalid(f'invalid log level "{text}"', "one of " + ", ".join(reversed(LEVELS)), place)
            if level and level != found:
                raise Invalid(f'duplicate log level "{text}"', "a level includes all that are worse", place)
            level = found
        if args[0].startswith("memory:"):
            message = f'"{scope.name}" directive invalid value "{args[0]}"'
            raise Invalid(message, 'nginx has "memory:", proxyd does not yet; a file, stderr or syslog:...')
        return ErrorLogSpec(read_target(args[0], scope), level or LEVELS["error"])

    def describe(self) -> str:
        return "path [level]"


class LogFormatShape(Shape):
    """A name, optionally how values are escaped, and pieces of text that are joined."""

    least = 2
    most = None
    hint = "a name and a text with $variables"

    def read(self, args: Sequence[str], scope: Scope) -> LogFormat:
        escape, texts = ESCAPE_DEFAULT, list(args[1:])
        if texts[0].startswith("escape="):
            word = texts.pop(0).removeprefix("escape=")
            if word not in ESCAPES:
                raise Invalid(f'unknown log format escaping "{word}"', "one of " + ", ".join(ESCAPES), 1)
            escape = ESCAPES[word]
        pieces: list[Piece] = []
        for place, text in enumerate(texts, len(args) - len(texts)):
            pieces += scope.template(text, place)
        return LogFormat(args[0], pieces, escape)

    def describe(self) -> str:
        return "name [escape=default|json|none] text ..."


class LogCacheShape(Shape):
    """off, or max=N with more."""

    least = 1
    most = 4
    hint = "max=NUMBER, then inactive=TIME, min_uses=NUMBER, valid=TIME; or off"

    def read(self, args: Sequence[str], scope: Scope) -> LogCache | None:
        found = LogCache(most=0, inactive=10_000, valid=60_000, min_uses=1)
        for place, text in enumerate(args):
            key, sign, value = text.partition("=")
            if text == "off":
                continue
            number = parse_time(value, seconds=True) if key in ("inactive", "valid") else parse_number(value)
            name = {"max": "most"}.get(key, key)
            if not sign or name not in LogCache.__struct_fields__ or key == "most" or number is None:
                raise Invalid(f'invalid "{scope.name}" parameter "{text}"', self.hint, place)
            setattr(found, name, number)
        if "off" in args:
            return None
        if not found.most:
            raise Invalid(f'"{scope.name}" must have "max" parameter', self.hint)
        return found

    def describe(self) -> str:
        return "max=number [inactive=time] [min_uses=number] [valid=time] | off"


DIRECTIVES = (
    Directive(
        "access_log",
        EVERYWHERE | LIMIT_EXCEPT,
        AccessLogShape(),
        "A file, or `syslog:`, that gets a line for each request; several if it is repeated. `buffer`: lines "
        "are gathered up to that size; `flush`: for that long at most; `gzip`: and then compressed; `if`: no "
        'line when the condition is empty or "0". A path may hold variables: then each worker opens the '
        "file itself, as an unprivileged user. Those of an outer level apply only where a level has none.",
        default=f"{DEFAULT_ACCESS_LOG} combined",
        setting=True,
        repeats=True,
    ),
    Directive(
        "error_log",
        MAIN | EVERYWHERE,
        ErrorLogShape(),
        "A file, stderr or `syslog:` for what goes wrong: messages of this level and worse. At `debug` each "
        "step of a request is told. Those of an outer level apply only where a level has none.",
        default=f"{DEFAULT_ERROR_LOG} error",
        setting=True,
        repeats=True,
    ),
    Directive(
        "log_format",
        HTTP,
        LogFormatShape(),
        "Names a format for access_log. `combined` exists already.",
        default=f"combined '{COMBINED}'",
        repeats=True,
    ),
    Directive(
        "open_log_file_cache",
        EVERYWHERE,
        LogCacheShape(),
        "Each worker keeps up to `max` files open whose paths in access_log have variables, those used at "
        "least `min_uses` times; not used for `inactive`, one is closed; after `valid` its path is looked "
        "at again. Reopening the logs closes them all.",
        default="off",
        setting=True,
        fields=(("open_log_file_cache", LogCacheRef | None),),
    ),
    Directive(
        "log_subrequest",
        EVERYWHERE,
        Flag(),
        "Log lines for subrequests.",
        default="off",
        nothing="proxyd makes no subrequests that could be logged.",
    ),
)
