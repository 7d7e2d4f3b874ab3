"""Files served by proxyd itself: where they are, which one is meant, how long clients may keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxyd.config import plan
from proxyd.config.directive import EVERYWHERE, LOCATION, SERVER, Directive
from proxyd.config.plan import DocumentRoot, Expires, IndexFile, Piece, TryFile, TryFiles
from proxyd.config.shapes import Choice, Flag, Invalid, Number, OneArgument, Scope, Shape, encode
from proxyd.config.units import parse_number, parse_time

DEFAULT_ROOT = "html"

_OWN_ROOTS = ("document_root", "realpath_root")

IF_MODIFIED_SINCE = {
    "off": plan.IF_MODIFIED_SINCE_OFF,
    "exact": plan.IF_MODIFIED_SINCE_EXACT,
    "before": plan.IF_MODIFIED_SINCE_BEFORE,
}


def document_root(text: str, alias: int, scope: Scope) -> DocumentRoot:
    """A path, perhaps with variables. Relative ones start from the prefix."""
    first = text.split("$", 1)[0]
    if text.startswith("$"):  # only a request tells whether it is relative
        return DocumentRoot(path=scope.template(text), prefix=encode(scope.path("")), alias=alias)
    full = scope.path(first) + text[len(first) :]
    return DocumentRoot(path=scope.template(full), prefix=b"", alias=alias)


def default_root(path: str) -> DocumentRoot:
    """The root where nothing says another one. ``path`` is absolute, or empty: the root of all."""
    return DocumentRoot(path=[Piece(text=encode(path))] if path else [], prefix=b"", alias=plan.ALIAS_NONE)


def _check_own_roots(text: str, scope: Scope) -> None:
    for name in _OWN_ROOTS:
        if f"${name}" in text or f"${{{name}}}" in text:
            raise Invalid(
                f'the ${name} variable cannot be used in the "{scope.name}" directive',
                "it is what this directive says",
            )


class RootShape(OneArgument):
    """A directory."""

    type = DocumentRoot
    hint = "a directory"

    def value(self, text: str, scope: Scope) -> DocumentRoot:
        _check_own_roots(text, scope)
        if "\0" in text:
            raise Invalid(f'"{scope.name}" directive invalid value', "a path has no zero byte")
        if text == "/":
            return default_root("")
        return document_root(text.removesuffix("/"), plan.ALIAS_NONE, scope)

    def describe(self) -> str:
        return "path"


class AliasShape(OneArgument):
    """A path. What it replaces is known where its location is."""

    hint = "a path"

    def value(self, text: str, scope: Scope) -> DocumentRoot:
        _check_own_roots(text, scope)
        return document_root(text, 0, scope)

    def describe(self) -> str:
        return "path"


class IndexShape(Shape):
    """Names of files."""

    least = 1
    most = None
    type = list[IndexFile]
    hint = "one or several names of files"

    def read(self, args: Sequence[str], scope: Scope) -> list[IndexFile]:
        files = []
        for place, text in enumerate(args):
            if not text:
                raise Invalid('index "" in "index" directive is invalid', self.hint, place)
            if text.startswith("/") and place != len(args) - 1:
                scope.warn(
                    f'only the last index in "index" directive should be absolute ("{text}")',
                    "what follows it is never used",
                    place,
                )
            files.append(IndexFile(name=scope.template(text, place)))
        return files

    def describe(self) -> str:
        return "file ..."


class TryFilesShape(Shape):
    """Files to look for, and what to do when there is none."""

    least = 2
    most = None
    hint = "files to look for, and a path, @name or =code for the case that none is there"

    def read(self, args: Sequence[str], scope: Scope) -> TryFiles:
        *names, last = args
        files = []
        for place, text in enumerate(names):
            directory = text.endswith("/")
            name = text[:-1] if directory else text
            files.append(TryFile(name=scope.template(name, place), directory=directory))
        if not last.startswith("="):
            return TryFiles(files=files, fallback=scope.template(last, len(names)), code=-1)
        code = parse_number(last[1:])
        if code is None or code > 999:
            raise Invalid(f'invalid code "{last}"', "a status of three digits", len(names))
        return TryFiles(files=files, fallback=[], code=code)

    def describe(self) -> str:
        return "file ... uri | file ... =code"


@dataclass(frozen=True, slots=True)
class _Time:
    kind: int
    seconds: int


class ExpiresShape(Shape):
    """[modified] time | epoch | max | off, also as the value of a variable."""

    least = 1
    most = 2
    type = Expires
    hint = "a time such as 30d, -1, @15h30m, modified +24h; epoch, max or off"

    def read(self, args: Sequence[str], scope: Scope) -> Expires:
        if len(args) == 2 and args[0] != "modified":
            raise Invalid(f'"{scope.name}" directive invalid value "{args[0]}"', self.hint, 0)
        modified = len(args) == 2
        text = args[-1]
        if "$" in text:
            value = scope.template(text, len(args) - 1)
            return Expires(kind=plan.EXPIRES_VARIABLE, seconds=0, modified=modified, value=value)
        time = self._time(text, modified, len(args) - 1, scope)
        return Expires(kind=time.kind, seconds=time.seconds, modified=modified, value=[])

    def _time(self, text: str, modified: bool, place: int, scope: Scope) -> _Time:
        words = {"epoch": plan.EXPIRES_EPOCH, "max": plan.EXPIRES_MAX, "off": plan.EXPIRES_OFF}
        if not modified and text in words:
            return _Time(words[text], 0)
        daily = text.startswith("@")
        if daily and modified:
            raise Invalid(
                f'"{scope.name}" directive daily time cannot be used with "modified" parameter',
                self.hint,
                place,
            )
        minus = text.startswith("-")
        time = parse_time(text[1:] if text[:1] in ("@", "+", "-") and text else text, seconds=True)
        if time is None:
            raise Invalid(f'"{scope.name}" directive invalid value "{text}"', self.hint, place)
        seconds = time // 1000
        if daily and seconds > 24 * 60 * 60:
            raise Invalid(
                f'"{scope.name}" directive daily time value must be less than 24 hours', self.hint, place
            )
        kind = plan.EXPIRES_DAILY if daily else plan.EXPIRES_MODIFIED if modified else plan.EXPIRES_ACCESS
        return _Time(kind, -seconds if minus else seconds)

    def describe(self) -> str:
        return "[modified] time | epoch | max | off"


DIRECTIVES = (
    Directive(
        "root",
        EVERYWHERE,
        RootShape(),
        "The directory in which the path of a request is looked for. A relative one is below the prefix.",
        default_note=DEFAULT_ROOT,
        setting=True,
    ),
    Directive(
        "alias",
        LOCATION,
        AliasShape(),
        "What stands in a file's name for the location's own: `location /i/ { alias /data/; }` finds /i/a "
        "in /data/a. In a location with a regular expression: the whole name of the file.",
    ),
    Directive(
        "index",
        EVERYWHERE,
        IndexShape(),
        'Files that answer for a path that ends with "/": the first that is there. Names may have variables; '
        "an absolute one is a path of its own.",
        default_note="index.html",
        setting=True,
        repeats=True,
    ),
    Directive(
        "try_files",
        SERVER | LOCATION,
        TryFilesShape(),
        'Looks for files below the root, for directories where a name ends with "/", and goes on with the '
        "first that is there. The last argument is what happens if none is: another path, a named location, "
        "or an answer with this status.",
    ),
    Directive(
        "internal",
        LOCATION,
        Shape(),
        "Clients that ask for this location get 404: only error_page, try_files, index and X-Accel-Redirect "
        "lead here.",
        default_note="off",
        setting=True,
    ),
    Directive(
        "etag",
        EVERYWHERE,
        Flag(),
        "Whether files have an ETag, made of their time and size.",
        default="on",
        setting=True,
    ),
    Directive(
        "if_modified_since",
        EVERYWHERE,
        Choice(IF_MODIFIED_SINCE),
        "When If-Modified-Since is answered with 304: if it names the very time of the file, if that is not "
        "later, or never.",
        default="exact",
        setting=True,
    ),
    Directive(
        "max_ranges",
        EVERYWHERE,
        Number(),
        "How many ranges a request may ask for; with more it gets the whole. 0: ranges are not served.",
        default_note="no limit",
        setting=True,
    ),
    Directive(
        "expires",
        EVERYWHERE,
        ExpiresShape(),
        "Expires and Cache-Control of answers with status 200, 201, 204, 206, 301, 302, 303, 304, 307 or "
        "308: from now, from the file's time (`modified`), or until a time of day (`@`).",
        default_note="off",
        setting=True,
    ),
    Directive(
        "log_not_found",
        EVERYWHERE,
        Flag(),
        "Whether files that are not there are noted in the error log.",
        default="on",
        setting=True,
    ),
)

# For index and its like: what there is where nothing is said.
DEFAULT_INDEX = [IndexFile(name=[Piece(text=b"index.html")])]
DEFAULT_EXPIRES = Expires(kind=plan.EXPIRES_OFF, seconds=0, modified=False, value=[])
NO_LIMIT = 2**31 - 1
