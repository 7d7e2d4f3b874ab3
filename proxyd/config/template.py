"""Text with $variables to the Pieces that the engine puts together: $name, ${name}, $1 to $9."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from proxyd.config import variables
from proxyd.config.plan import Piece
from proxyd.config.shapes import Invalid, encode

NAME = re.compile(r"[A-Za-z0-9_]+\Z")
_PART = re.compile(r"\$(?:([1-9])|\{([A-Za-z0-9_]*)(\}?)|([A-Za-z0-9_]*))")


# Of the families, what people write most.
_OFTEN = (
    *("http_host", "http_user_agent", "http_referer", "http_cookie", "http_upgrade", "http_connection"),
    *(
        "http_authorization",
        "http_origin",
        "http_x_forwarded_for",
        "http_x_forwarded_proto",
        "http_x_real_ip",
    ),
    *("sent_http_content_type", "sent_http_location", "upstream_http_location", "upstream_http_content_type"),
)


class Names:
    """All $names of this configuration: built in, made by ``map``, captured by regular expressions."""

    def __init__(self, map_digest: Callable[[str], bytes]) -> None:
        self.slots: dict[str, int] = {}  # named captures and what `set` makes
        self._assigned: set[str] = set()
        self.maps: set[str] = set()
        self._map_digest = map_digest
        self._pieces: dict[str, Piece] = {}

    def capture(self, name: str) -> int:
        """The slot of a named capture."""
        return self.slots.setdefault(name.lower(), len(self.slots))

    def assigned(self, name: str) -> int:
        """The slot of a variable that ``set`` makes. Where none has run, reading it warns."""
        self._assigned.add(name.lower())
        return self.capture(name)

    def piece(self, name: str) -> Piece:
        """The Piece of one variable. Raises Invalid for a name that nobody knows."""
        name = name.lower()
        found = self._pieces.get(name)
        if found is None:
            found = self._pieces[name] = self._find(name)
        return found

    def _find(self, name: str) -> Piece:
        if name in self.maps:
            return Piece(map=self._map_digest(name))
        built_in = _built_in(name)
        if name in self.slots:
            if built_in is not None and name in self._assigned:
                return Piece(text=built_in.text, variable=built_in.variable, slot=self.slots[name])
            return Piece(text=encode(name) if name in self._assigned else b"", slot=self.slots[name])
        if built_in is not None:
            return built_in
        raise Invalid(f'unknown "{name}" variable', self._hint(name))

    def _hint(self, name: str) -> str:
        if variables.is_known_to_nginx(name):
            return "nginx has it, proxyd does not yet"
        known = [*variables.NUMBER, *self.maps, *self.slots, *_OFTEN]
        close = difflib.get_close_matches(name, known, 1, 0.75)
        return f'did you mean "${close[0]}"?' if close else "no `map`, `set` or (?<name>...) makes it"


def _built_in(name: str) -> Piece | None:
    number = variables.NUMBER.get(name)
    if number is not None and not variables.VARIABLES[number].prefix:
        return Piece(variable=number)
    for prefix in variables.PREFIXES:
        if name.startswith(prefix):
            return Piece(text=encode(name[len(prefix) :]), variable=variables.NUMBER[prefix])
    return None


class Templates:
    """Compiles templates, each text once."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._done: dict[str, list[Piece]] = {}

    def compile(self, text: str) -> list[Piece]:
        """The Pieces of a text. Raises Invalid."""
        pieces = self._done.get(text)
        if pieces is None:
            pieces = self._done[text] = self._compile(text) if "$" in text else literal(text)
        return pieces

    def _compile(self, text: str) -> list[Piece]:
        pieces: list[Piece] = []
        done = 0
        for part in _PART.finditer(text):
            if part.start() > done:
                pieces.append(Piece(text=encode(text[done : part.start()])))
            done = part.end()
            digit, braced, brace, plain = part.groups()
            if digit:
                pieces.append(Piece(capture=int(digit)))
                continue
            if braced and not brace:
                raise Invalid(f'the closing bracket in "{braced}" variable is missing', 'write "${name}"')
            if not (braced or plain):
                raise Invalid("invalid variable name", 'a name, {name} or a digit belongs after "$"')
            pieces.append(self.names.piece(braced or plain))
        if done < len(text):
            pieces.append(Piece(text=encode(text[done:])))
        return pieces


def literal(text: str) -> list[Piece]:
    """The Pieces of text without variables."""
    return [Piece(text=encode(text))] if text else []
