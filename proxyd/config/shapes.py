"""Shapes: how the arguments of a directive are written. Each kind of value is parsed here, once.

A shape says how many arguments it takes, reads them to the value that the Plan holds, and describes itself,
for hints in errors and for the reference pages. Shapes know nothing of particular directives; what belongs
to one directive alone is a shape beside its declaration in directives/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from proxyd.config.plan import Buffers, Piece, Regex
from proxyd.config.units import INT64_MAX, parse_number, parse_size, parse_time


class Invalid(Exception):
    """The arguments are wrong. ``message`` has nginx's words; ``hint`` says what would be right."""

    def __init__(self, message: str, hint: str = "", argument: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.argument = argument  # which argument is to be pointed at, from 0; -1: the directive's name
        self.others: list[Invalid] = []  # what else is wrong with the same statement


def read_each(args: Iterable[tuple[int, str]], read: Callable[[str, int], None]) -> None:
    """Read arguments one by one, with their places; all that are wrong are told at once."""
    wrong: list[Invalid] = []
    for place, text in args:
        try:
            read(text, place)
        except Invalid as error:
            wrong.append(error)
    if wrong:
        wrong[0].others = wrong[1:]
        raise wrong[0]


class Scope(Protocol):
    """What a shape may ask of the compiler while it reads."""

    @property
    def name(self) -> str:
        """The directive that is being read."""

    @property
    def root(self) -> bool:
        """Whether the master will have super-user privileges."""

    @property
    def cpus(self) -> int:
        """How many processors there are."""

    def template(self, text: str, argument: int = 0) -> list[Piece]:
        """Compile text with $variables."""

    def regex(self, pattern: str, caseless: bool, argument: int = 0) -> Regex:
        """Check a regular expression; its named groups become variables."""

    def slot(self, name: str) -> int:
        """The slot of a variable that ``set`` makes."""

    def path(self, text: str) -> str:
        """A path as the operator wrote it, made absolute."""

    def resolve(self, host: str, port: int) -> list[tuple[int, bytes]]:
        """Addresses of a host: family (4, 6) and packed bytes. Empty: not found."""

    def warn(self, message: str, hint: str = "", argument: int = 0) -> None:
        """Tell the operator something that is no error."""


class Shape:
    """Base of all shapes. Also the shape of what takes no arguments."""

    least: int = 0  # number of arguments
    most: int | None = 0  # None: any number
    type: Any = bool  # in the Plan
    hint: str = ""

    def read(self, args: Sequence[str], scope: Scope) -> Any:
        """The value of these arguments. Their number is already right. Raises Invalid."""
        return True

    def describe(self) -> str:
        """The arguments as documentation shows them."""
        return ""


class OneArgument(Shape):
    """Base of shapes that take exactly one argument."""

    least = 1
    most = 1

    def read(self, args: Sequence[str], scope: Scope) -> Any:
        return self.value(args[0], scope)

    def value(self, text: str, scope: Scope) -> Any:
        """The value of the one argument."""
        raise NotImplementedError

    def wrong(self, text: str, scope: Scope, said: str = "invalid value") -> Invalid:
        """nginx's words for a value of the wrong shape, and which value it is."""
        return Invalid(f'"{scope.name}" directive {said} "{text}"', self.hint)


class Text(OneArgument):
    """Text that is taken as it is."""

    type = bytes

    def __init__(self, word: str = "text") -> None:
        self.word = word

    def value(self, text: str, scope: Scope) -> bytes:
        return encode(text)

    def describe(self) -> str:
        return self.word


class Flag(OneArgument):
    """on or off."""

    type = bool
    hint = "on or off"

    def value(self, text: str, scope: Scope) -> bool:
        lower = text.lower()
        if lower == "on":
            return True
        if lower == "off":
            return False
        raise Invalid(f'invalid value "{text}" in "{scope.name}" directive, it must be "on" or "off"')

    def describe(self) -> str:
        return "on | off"


class Number(OneArgument):
    """A decimal number within bounds."""

    type = int

    def __init__(self, least: int = 0, most: int = INT64_MAX, word: str = "number") -> None:
        self.minimum = least
        self.maximum = most
        self.word = word
        upper = "" if most == INT64_MAX else f" to {most}"
        self.hint = f"a number from {least}{upper}" if upper else f"a number, at least {least}"

    def value(self, text: str, scope: Scope) -> int:
        number = parse_number(text)
        if number is None:
            raise self.wrong(text, scope, "invalid number")
        if not self.minimum <= number <= self.maximum:
            raise self.wrong(text, scope, "invalid value")
        return number

    def describe(self) -> str:
        return self.word


class Size(OneArgument):
    """A number of bytes with an optional unit."""

    type = int

    def __init__(self, giga: bool = False, least: int = 0) -> None:
        self.giga = giga
        self.minimum = least
        self.hint = "a size such as 512, 8k, 1m" + (", 2g" if giga else "")

    def value(self, text: str, scope: Scope) -> int:
        size = parse_size(text, self.giga)
        if size is None:
            raise self.wrong(text, scope)
        if size < self.minimum:
            raise Invalid(
                f'"{scope.name}" directive invalid value "{text}"', f"at least {self.minimum} bytes"
            )
        return size

    def describe(self) -> str:
        return "size"


class Duration(OneArgument):
    """A length of time, in milliseconds in the Plan.

    nginx reads two kinds: times that may be given in "ms" and go up to weeks, and whole seconds that go up
    to years.
    """

    type = int

    def __init__(self, seconds: bool = False) -> None:
        self.seconds = seconds
        self.hint = "a time such as 30s, 5m, 1h 30m" if seconds else "a time such as 500ms, 30s, 5m"

    def value(self, text: str, scope: Scope) -> int:
        time = parse_time(text, self.seconds)
        if time is None:
            raise self.wrong(text, scope)
        return time

    def describe(self) -> str:
        return "time"


class Choice(OneArgument):
    """One word of several; the Plan holds its number (or text)."""

    def __init__(self, words: Mapping[str, Any], plan_type: Any = int) -> None:
        self.words = words
        self.type = plan_type
        self.hint = "one of " + ", ".join(words)

    def value(self, text: str, scope: Scope) -> Any:
        found = self.words.get(text.lower())
        if found is None:
            raise Invalid(f'invalid value "{text}"', self.hint)
        return found

    def describe(self) -> str:
        return " | ".join(self.words)


class Bits(Shape):
    """Any number of words, or at most some, each a bit. A word for 0 ("off") undoes all others."""

    least = 1
    type = int

    def __init__(self, words: Mapping[str, int], most: int | None = None) -> None:
        self.most = most
        self.words = {word.lower(): bit for word, bit in words.items()}
        self.shown = tuple(words)
        self.hint = "any of " + ", ".join(words)

    def read(self, args: Sequence[str], scope: Scope) -> int:
        bits = 0
        seen: set[str] = set()
        for argument, text in enumerate(args):
            bit = self.words.get(text.lower())
            if bit is None:
                raise Invalid(f'invalid value "{text}"', self.hint, argument)
            if text.lower() in seen:
                scope.warn(f'duplicate value "{text}"', "once is enough", argument)
            seen.add(text.lower())
            bits |= bit
        return 0 if any(self.words[word] == 0 for word in seen) else bits

    def merged(self, first: int, second: int) -> int:
        """Of two statements in one block, which say together what one with all their words would."""
        return 0 if first == 0 or second == 0 else first | second

    def describe(self) -> str:
        return " | ".join(self.shown) + " ..."


class BufferCount(Shape):
    """A number of buffers and the size of each."""

    least = 2
    most = 2
    type = Buffers
    hint = "a number and a size, such as 8 4k"

    def read(self, args: Sequence[str], scope: Scope) -> Buffers:
        number = parse_number(args[0])
        if not number or number > 2**31 - 1:
            raise Invalid(f'"{scope.name}" directive invalid value "{args[0]}"', self.hint, 0)
        size = parse_size(args[1], giga=False)
        if not size:
            raise Invalid(f'"{scope.name}" directive invalid value "{args[1]}"', self.hint, 1)
        return Buffers(number=number, size=size)

    def describe(self) -> str:
        return "number size"


class TemplateText(OneArgument):
    """Text with $variables."""

    type = list[Piece]

    def __init__(self, word: str = "text") -> None:
        self.word = word

    def value(self, text: str, scope: Scope) -> list[Piece]:
        return scope.template(text)

    def describe(self) -> str:
        return self.word


def encode(text: str) -> bytes:
    """Configuration text as the bytes that stood in the file."""
    return text.encode("utf-8", "surrogateescape")
