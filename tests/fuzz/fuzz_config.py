"""Fuzzes the configuration language: text that was mutated must give a Plan or errors, never an exception.

    python -m tests.fuzz.fuzz_config [--seconds 60] [--seed N]

What breaks a property lands in tests/fuzz/regressions/config/; test_fuzz_config.py replays it from then on.
Seeds: the golden configurations and tests/fuzz/corpus/config/.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
import traceback
from pathlib import Path

from proxyd.config.compile import Compiled, compile_file
from proxyd.config.directives import ALL
from proxyd.config.dump import readable
from proxyd.config.parser import FileSystem
from proxyd.config.variables import VARIABLES

TESTS = Path(__file__).resolve().parents[1]
CORPUS = TESTS / "fuzz" / "corpus" / "config"
REGRESSIONS = TESTS / "fuzz" / "regressions" / "config"

WORDS = r"""
; { } " ' \ $ ${ # = ^~ @ *. .* ~ ~* (?<n>.) / on off 0 -1 1k 9999999999999999999 1h 5ms
http:// https:// unix:/x [::1]:80 127.0.0.1:80 *:80 80-90 localhost default hostnames volatile
weight=1 buffer=1k flush=1s escape=json always default_server reuseport backlog=1
"""
DICTIONARY = [
    *(f"{directive.name} ".encode() for directive in ALL),
    *(f"${variable.name}".encode() for variable in VARIABLES),
    *(word.encode() for word in WORDS.split()),
    *(b" { ", b"; ", b"\n", b"\r\n", b"\t", b"\0", b"\xef\xbb\xbf", b"\xff", b"\xc3\xa4"),
    *(b"include a;", b"include *;", b"include self;", b"1h 30m"),
]


class Memory(FileSystem):
    """A few files that a fuzzed text may include."""

    def __init__(self, text: bytes) -> None:
        self.files = {"self": text, "a": b"server_tokens off;\n", "b": b"listen 80;", "broken": b"a { 'b"}

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[path]

    def expand(self, pattern: str) -> list[str]:
        return ["a", "b"] if pattern == "*" else []


def resolve(host: str, port: int) -> list[tuple[int, bytes]]:
    """Half of all hosts exist."""
    return [(4, bytes(4))] if len(host) % 2 else []


def run(text: bytes) -> Compiled:
    """Compile a text that stands in a file named "self"."""
    return compile_file("self", prefix="/p", resolve=resolve, cpus=2, root=True, files=Memory(text))


def check(text: bytes) -> None:
    """The properties that hold for any text."""
    compiled = run(text)
    errors = [found for found in compiled.diagnostics if found.level == "emerg"]
    assert (compiled.plan is None) == bool(errors)
    lines = {source.path: source.text.count("\n") + 1 for source in compiled.files}
    for found in compiled.diagnostics:
        shown = str(found)
        assert shown.isprintable(), shown
        shown.encode()  # what cannot be written to a terminal was escaped
        if found.file:
            assert 1 <= found.line <= lines[found.file] and found.column >= 1, shown
    if compiled.plan is not None:
        readable(compiled.plan)  # decodes every object, strictly
        again = run(text)
        assert again.plan == compiled.plan, "two compiles of one text differ"


def seeds() -> list[bytes]:
    """What mutations start from."""
    good = sorted(TESTS.glob("config/good/*.conf"))
    files = [*good * 4, *sorted(TESTS.glob("config/bad/*.conf")), *sorted(CORPUS.glob("*"))]
    return [path.read_bytes() for path in files]


def mutate(chance: random.Random, text: bytes, others: list[bytes]) -> bytes:
    """A few small changes, or the half of another text."""
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice((1, 2, 5, 20, 100)))
        kind = chance.randrange(7)
        if kind == 0:
            text = text[:at] + text[end:]
        elif kind == 1:
            text = text[:end] + text[at:end] + text[end:]
        elif kind == 2:
            text = text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
        elif kind == 3:
            other = chance.choice(others)
            start = chance.randrange(len(other) + 1)
            text = text[:at] + other[start : start + chance.choice((10, 100, 1000))] + text[at:]
        else:
            text = text[:at] + chance.choice(DICTIONARY) + text[at:]
    return text


def keep(text: bytes) -> Path:
    """Keep an input that broke something."""
    REGRESSIONS.mkdir(parents=True, exist_ok=True)
    path = REGRESSIONS / hashlib.sha1(text).hexdigest()[:16]
    path.write_bytes(text)
    return path


def main() -> int:
    """Fuzz for some time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    chance, others = random.Random(options.seed), seeds()
    end, runs = time.monotonic() + options.seconds, 0
    while time.monotonic() < end:
        text = mutate(chance, chance.choice(others), others)
        try:
            check(text)
        except Exception:
            traceback.print_exc()
            print(f"seed {options.seed}, run {runs}: kept {keep(text)}")
            return 1
        runs += 1
    print(f"config: {runs} texts, seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
