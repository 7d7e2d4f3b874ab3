"""How files may be read: by threads, past the page cache, from old knowledge. There is nothing to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.shapes import Duration, Flag, Invalid, Number, OneArgument, Scope, Shape, Size, encode
from proxyd.config.units import parse_number, parse_time

_FRESH = (
    "Each request looks at the file itself, so that a change is seen at once; descriptors are not kept. "
    "What nginx does besides, to answer from old knowledge of a file, is not done."
)


class Aio(OneArgument):
    """off, or by whom files are read."""

    type = bytes
    hint = "off, on, threads or threads=POOL"

    def value(self, text: str, scope: Scope) -> bytes:
        if not re.fullmatch(r"on|off|threads(=.+)?", text):
            raise self.wrong(text, scope, "invalid value")
        scope.template(text)
        return encode(text)

    def describe(self) -> str:
        return "on | off | threads[=pool]"


class SizeOrOff(Size):
    """A size, or none."""

    def __init__(self) -> None:
        super().__init__()
        self.hint = "a size such as 512k, 4m, or off"

    def value(self, text: str, scope: Scope) -> int:
        return 0 if text == "off" else super().value(text, scope)

    def describe(self) -> str:
        return "size | off"


class FileCache(Shape):
    """off, or max=N and perhaps inactive=TIME."""

    least = 1
    most = 2
    hint = "max=NUMBER, then inactive=TIME; or off"

    def read(self, args: Sequence[str], scope: Scope) -> bool:
        for place, text in enumerate(args):
            key, _, value = text.partition("=")
            known = {"max": parse_number(value), "inactive": parse_time(value, seconds=True)}
            if text != "off" and (known.get(key) is None or known["max"] == 0):
                raise Invalid(f'invalid "{scope.name}" parameter "{text}"', self.hint, place)
        if not any(text == "off" or text.startswith("max=") for text in args):
            raise Invalid(f'"{scope.name}" must have the "max" parameter', self.hint)
        return True

    def describe(self) -> str:
        return "off | max=number [inactive=time]"


def _nothing(name: str, shape: Shape, doc: str, why: str) -> Directive:
    return Directive(name, EVERYWHERE, shape, doc, setting=True, fields=(), nothing=why)


DIRECTIVES = (
    _nothing(
        "aio",
        Aio(),
        "Whether files are read without waiting for the disk, and by which threads.",
        "Files are sent by sendfile, piece by piece and in turn with other connections, without threads; "
        "what clients get is the same.",
    ),
    _nothing(
        "aio_write",
        Flag(),
        "Whether temporary files are written by those threads, too.",
        "The page cache takes what is written; no thread is needed.",
    ),
    _nothing(
        "read_ahead",
        Size(),
        "How much of a file the kernel shall read in advance.",
        "The kernel sees that files are read from front to back, and reads ahead by itself.",
    ),
    _nothing(
        "directio",
        SizeOrOff(),
        "From which size on files are read past the page cache.",
        "Files of any size are sent by sendfile, which needs the page cache; what clients get is the same.",
    ),
    _nothing(
        "directio_alignment",
        Size(),
        "Alignment of reads past the page cache.",
        "No file is read past the page cache.",
    ),
    _nothing("open_file_cache", FileCache(), "How many descriptors and facts of files are kept.", _FRESH),
    _nothing("open_file_cache_valid", Duration(), "After how long a kept file is looked at again.", _FRESH),
    _nothing("open_file_cache_min_uses", Number(), "How often a file must be asked for to be kept.", _FRESH),
    _nothing("open_file_cache_errors", Flag(), "Whether errors are kept, too.", _FRESH),
)
