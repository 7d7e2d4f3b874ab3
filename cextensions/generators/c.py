"""What all generated C has in common: how names, comments and lists of macros are written."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator


def header(name: str, declared_in: str, body: Iterable[str]) -> Iterator[str]:
    """A whole header file; ``declared_in`` names the Python source."""
    guard = f"PX_GENERATED_{name.upper()}_H"
    yield made_from(declared_in)
    yield from (f"#ifndef {guard}", f"#define {guard}", "")
    yield from body
    yield from ("", "#endif")


def made_from(declared_in: str) -> str:
    """The first line of each generated file."""
    return f"/* Made by cextensions/generate.py from proxyd/{declared_in}. Do not edit. */"


def list_macro(name: str, rows: Iterable[str]) -> Iterator[str]:
    """An X-macro; ``rows`` are the arguments of each X."""
    *most, last = [f"    X({row})" for row in rows]
    yield f"#define {name}(X) \\"
    yield from (row + " \\" for row in most)
    yield last


def string(text: str | None) -> str:
    """A literal; NULL for None."""
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def snake(name: str) -> str:
    """SetHeader -> set_header."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def comment(words: str, indent: str = "") -> Iterator[str]:
    """A comment, as long as it needs to be."""
    lines = textwrap.wrap(words, 110 - len(indent) - 6)
    yield from (f"{indent}{' *' if number else '/*'} {line}" for number, line in enumerate(lines[:-1]))
    yield f"{indent}{' *' if lines[1:] else '/*'} {lines[-1]} */"
