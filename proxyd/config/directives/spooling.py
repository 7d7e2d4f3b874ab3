"""What is too large for memory, or too slow for a connection: bodies in temporary files, and rates."""

from __future__ import annotations

from collections.abc import Sequence

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import IN_FILE_CLEAN, IN_FILE_OFF, IN_FILE_ON, Piece, TempPath
from proxyd.config.shapes import Choice, Flag, Invalid, OneArgument, Scope, Shape, Size, encode
from proxyd.config.units import parse_size

NAME_DIGITS = 10  # of the name of a temporary file, from whose end levels of directories take theirs


class TempPathShape(Shape):
    """A directory, and how many digits name each level of directories below it."""

    least = 1
    most = 4
    type = TempPath
    hint = "a directory, and up to three levels of one to three digits"

    def read(self, args: Sequence[str], scope: Scope) -> TempPath:
        levels = [self._level(text, scope, place) for place, text in enumerate(args[1:], 1)]
        if sum(levels) > NAME_DIGITS:
            raise Invalid(f'"{scope.name}" directive invalid value "{args[-1]}"', self.hint, len(args) - 1)
        return TempPath(path=encode(scope.path(args[0])).rstrip(b"/") or b"/", levels=bytes(levels))

    def _level(self, text: str, scope: Scope, place: int) -> int:
        if text not in ("1", "2", "3"):
            raise Invalid(f'"{scope.name}" directive invalid value "{text}"', self.hint, place)
        return int(text)

    def describe(self) -> str:
        return "path [level1 [level2 [level3]]]"


class SizeText(OneArgument):
    """A size that may hold variables."""

    type = list[Piece]
    hint = "a size such as 512, 8k, 1m, or a variable"

    def value(self, text: str, scope: Scope) -> list[Piece]:
        if "$" not in text and parse_size(text, giga=False) is None:
            raise self.wrong(text, scope)
        return scope.template(text)

    def describe(self) -> str:
        return "size"


IN_FILE = {"off": IN_FILE_OFF, "on": IN_FILE_ON, "clean": IN_FILE_CLEAN}

DIRECTIVES = (
    Directive(
        "client_body_temp_path",
        EVERYWHERE,
        TempPathShape(),
        "Where bodies of requests go that are larger than client_body_buffer_size. The levels are used for "
        "files that keep their name (client_body_in_file_only); others have none, and are gone with the "
        "request, or with the process.",
        default_note="client_body_temp",
        setting=True,
    ),
    Directive(
        "client_body_in_file_only",
        EVERYWHERE,
        Choice(IN_FILE),
        "Whether each body of a request that is read whole goes into a file: on keeps the files, clean "
        "removes them with the request.",
        default="off",
        setting=True,
    ),
    Directive(
        "client_body_in_single_buffer",
        EVERYWHERE,
        Flag(),
        "Whether a body is kept in one piece.",
        default="off",
        setting=True,
        fields=(),
        nothing="$request_body puts the pieces together when somebody asks for it.",
    ),
    Directive(
        "proxy_temp_path",
        EVERYWHERE,
        TempPathShape(),
        "Where the rest of an answer goes that its client does not take as fast as the upstream gives it. "
        "The files have no names, so that levels have nothing to do.",
        default_note="proxy_temp",
        setting=True,
    ),
    Directive(
        "proxy_max_temp_file_size",
        EVERYWHERE,
        Size(),
        "How much of one answer may go into a temporary file; then the upstream waits for the client. 0: "
        "nothing.",
        default="1024m",
        setting=True,
    ),
    Directive(
        "proxy_temp_file_write_size",
        EVERYWHERE,
        Size(),
        "How much of an answer is written to its temporary file at once.",
        default_note="twice the larger of proxy_buffer_size and one of proxy_buffers",
        setting=True,
    ),
    Directive(
        "limit_rate",
        EVERYWHERE,
        SizeText(),
        "Bytes per second of one answer to its client; 0: no limit. X-Accel-Limit-Rate of an answer comes "
        "first.",
        default_note="0",
        setting=True,
    ),
    Directive(
        "limit_rate_after",
        EVERYWHERE,
        SizeText(),
        "Bytes of an answer that limit_rate does not count.",
        default_note="0",
        setting=True,
    ),
    Directive(
        "proxy_limit_rate",
        EVERYWHERE,
        SizeText(),
        "Bytes per second that are read of one answer of an upstream, where answers are buffered; 0: no "
        "limit.",
        default_note="0",
        setting=True,
    ),
    Directive(
        "proxy_ignore_client_abort",
        EVERYWHERE,
        Flag(),
        "Whether the upstream's answer is awaited even though the client has gone; else its connection is "
        "closed.",
        default="off",
        setting=True,
    ),
)
