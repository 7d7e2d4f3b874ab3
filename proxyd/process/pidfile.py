"""Where a running proxyd is to be found: the pid file that the configuration names.

Commands need it quickly, and also while the configuration is broken (to stop a proxyd whose file somebody
spoilt). So only the statements outside of blocks are looked at.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator

from proxyd.config.lexer import DOUBLE, OPEN_QUOTE, PUNCTUATION, SINGLE, TOKEN, unescape
from proxyd.config.places import DEFAULT_PID, place
from proxyd.process.options import Options


def find_pid_path(options: Options) -> str:
    """The path of the pid file; raises OSError when the configuration cannot be read."""
    texts = [" ".join(options.directives)]
    with open(options.conf, encoding="utf-8", errors="surrogateescape") as file:
        texts.append(file.read())
    directory = os.path.dirname(os.path.abspath(options.conf))
    for text in texts:
        for words in _outer_statements(text, directory, {options.conf}):
            if words[0] == "pid" and len(words) == 2:
                return place(options.prefix, words[1])
    return place(options.prefix, DEFAULT_PID)


def _outer_statements(text: str, directory: str, seen: set[str]) -> Iterator[list[str]]:
    """The statements outside of blocks, those of included files (each once) in their place."""
    for words in _statements(text):
        if words[0] != "include" or len(words) != 2:
            yield words
            continue
        for path in sorted(glob.glob(os.path.join(directory, words[1]))):
            if path not in seen:
                seen.add(path)
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    yield from _outer_statements(file.read(), directory, seen)


def _statements(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    nesting = 0
    for match in TOKEN.finditer(text):
        kind = match.lastindex
        if kind == PUNCTUATION:
            mark = match[PUNCTUATION]
            if mark == ";" and words and nesting == 0:
                yield words
            nesting += {"{": 1, "}": -1}.get(mark, 0)
            words = []
        elif kind is None or kind == OPEN_QUOTE:
            break
        elif nesting == 0:
            words.append(unescape(match[DOUBLE] or match[SINGLE] or match[kind]))
    if words and nesting == 0:
        yield words  # -g "pid x" may lack its semicolon
