"""Logs: access_log, log_format, error_log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxyd.config.directive import EVERYWHERE, HTTP, MAIN, Directive
from proxyd.config.plan import ESCAPE_DEFAULT, ESCAPE_JSON, ESCAPE_NONE, AccessLog, ErrorLog, Piece
from proxyd.config.shapes import Invalid, Scope, Shape, parse_size, parse_time

ESCAPES = {"default": ESCAPE_DEFAULT, "json": ESCAPE_JSON, "none": ESCAPE_NONE}

LEVELS = {
    "emerg": 1,
    "alert": 2,
    "crit": 3,
    "error": 4,
    "warn": 5,
    "notice": 6,
    "info": 7,
    "debug": 8,
}
_OPTIONS = ("buffer", "flush", "gzip", "if")
# nginx can narrow its debug log to a part of itself.
_DEBUG_PARTS = ("debug_core", "debug_alloc", "debug_event", "debug_http", "debug_mutex")

COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
DEFAULT_ACCESS_LOG = "logs/access.log"
DEFAULT_ERROR_LOG = "logs/error.log"


@dataclass(frozen=True, slots=True)
class AccessLogSpec:
    """An access_log as written. ``path`` "": off."""

    path: str
    format: str = "combined"
    buffer: int = 0
    flush: int = 0


@dataclass(frozen=True, slots=True)
class ErrorLogSpec:
    """An error_log as written."""

    path: str
    level: int


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A log_format. The texts of a format are compiled one by one: "$a" "b" is not "$ab"."""

    name: str
    pieces: list[Piece]
    escape: int


def log_path(text: str, scope: Scope) -> str:
    """Where a log goes. Raises Invalid for targets that do not exist here."""
    for target in ("syslog:", "memory:"):
        if text.startswith(target):
            raise Invalid(
                f'"{scope.name}" directive invalid value "{text}"',
                f'nginx has "{target}", proxyd does not yet; a file or stderr',
            )
    if not text:
        raise Invalid(f'"{scope.name}" directive invalid value "{text}"', "a file or stderr")
    return "stderr" if text == "stderr" else scope.path(text)


class AccessLogShape(Shape):
    """A path, a format and buffering; or off."""

    least = 1
    most = None
    type = list[AccessLog]
    hint = "a path, then a format, then buffer=SIZE and flush=TIME; or off"

    def read(self, args: Sequence[str], scope: Scope) -> AccessLogSpec:
        if args[0] == "off":
            if len(args) > 1:
                raise Invalid(f'invalid parameter "{args[1]}"', 'nothing may follow "off"', 1)
            return AccessLogSpec("")
        if "$" in args[0]:
            raise Invalid(
                f'"access_log" directive invalid value "{args[0]}"',
                "nginx has variables in paths of logs, proxyd does not yet",
            )
        if len(args) > 1 and args[1].partition("=")[0] in _OPTIONS:
            raise Invalid(
                f'unknown log format "{args[1]}"', "the format comes first: access_log path combined ...", 1
            )
        options = {"buffer": 0, "flush": 0}
        for place, text in enumerate(args[2:], 2):
            self._option(text, place, options)
        if options["flush"] and not options["buffer"]:
            raise Invalid(
                f'no buffer is defined for access_log "{args[0]}"', "buffer=SIZE goes with flush", 0
            )
        return AccessLogSpec(log_path(args[0], scope), args[1] if len(args) > 1 else "combined", **options)

    def _option(self, text: str, place: int, options: dict[str, int]) -> None:
        key, _, value = text.partition("=")
        if key == "buffer" and "=" in text:
            size = parse_size(value, giga=False)
            if not size:
                raise Invalid(f'invalid buffer size "{value}"', "a size such as 16k", place)
            options["buffer"] = size
        elif key == "flush" and "=" in text:
            time = parse_time(value)
            if not time:
                raise Invalid(f'invalid flush time "{value}"', "a time such as 500ms, 5s", place)
            options["flush"] = time
        elif key in _OPTIONS:
            raise Invalid(f'invalid parameter "{text}"', f'nginx has "{key}", proxyd does not yet', place)
        else:
            raise Invalid(f'invalid parameter "{text}"', "buffer=SIZE or flush=TIME", place)

    def describe(self) -> str:
        return "path [format [buffer=size] [flush=time]] | off"


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
        return ErrorLogSpec(log_path(args[0], scope), level or LEVELS["error"])

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


DIRECTIVES = (
    Directive(
        "access_log",
        EVERYWHERE,
        AccessLogShape(),
        "A file that gets a line for each request, several files if it is repeated. `buffer`: lines are "
        "gathered up to that size; `flush`: for that long at most. Those of an outer level apply only "
        "where a level has none.",
        default=f"{DEFAULT_ACCESS_LOG} combined",
        setting=True,
        repeats=True,
    ),
    Directive(
        "error_log",
        MAIN | EVERYWHERE,
        ErrorLogShape(),
        "A file, or stderr, for what goes wrong: messages of this level and worse. Those of an outer "
        "level apply only where a level has none.",
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
)
