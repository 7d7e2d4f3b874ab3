"""Text to statements: what follows nginx's rules of quoting, and what is found out about broken text."""

from __future__ import annotations

import pytest

from proxyd.config.errors import Report, SourceFile
from proxyd.config.parser import FileSystem, Loader, Statement


class Files(FileSystem):
    """Files in memory."""

    def __init__(self, texts: dict[str, bytes]) -> None:
        self.texts = texts
        self.reads: list[str] = []

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        try:
            return self.texts[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    def expand(self, pattern: str) -> list[str]:
        return sorted(path for path in self.texts if path.startswith(pattern.rstrip("*")))


def parse(text: str, **others: bytes) -> tuple[list[Statement], list[str]]:
    """Statements of a text, and what was said."""
    report = Report()
    loader = Loader("", report, Files(dict(others)))
    statements = loader.parse(SourceFile("x", text.encode(), 0))
    return statements, [str(diagnostic) for diagnostic in report.diagnostics()]


def words(text: str) -> list[list[str]]:
    """Name and arguments of each statement, of a text that is in order."""
    statements, said = parse(text)
    assert said == []
    return [[statement.name, *statement.args] for statement in statements]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b c;", ["a", "b", "c"]),
        ("a\tb\r\nc ;", ["a", "b", "c"]),
        ("a 'b c' \"d;e\";", ["a", "b c", "d;e"]),
        ("a b'c d\"e;", ["a", "b'c", 'd"e']),
        ("a b#c;", ["a", "b#c"]),
        ("a b}c;", ["a", "b}c"]),
        ("a ${b}c $d;", ["a", "${b}c", "$d"]),
        (r"a \;b \{ \ c;", ["a", r"\;b", r"\{", r"\ c"]),
        (r'a "\"\\\t\n\r\x" \"q;', ["a", '"\\\t\n\r\\x', '"q']),
        ('a "";', ["a", ""]),
        ('a "two\nlines";', ["a", "two\nlines"]),
        ("# c\na # c } ; {\n b;", ["a", "b"]),
        ("a ~^/(x|y)$;", ["a", "~^/(x|y)$"]),
    ],
)
def test_words_follow_the_rules_of_quoting(text: str, expected: list[str]) -> None:
    assert words(text) == [expected]


def test_blocks_nest() -> None:
    (outer,), said = parse("a{b{c d;}}")
    assert said == []
    assert outer.block is not None and outer.block[0].block is not None
    assert outer.block[0].block[0].args == ["d"]


def test_a_place_is_told_by_line_and_column() -> None:
    (statement,), _ = parse("\n\n  abc\tdef\n    'ghi';")
    places = [statement.source.locate(statement.offset(number)) for number in (-1, 0, 1)]
    assert places == [(3, 3), (3, 7), (4, 5)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (";", 'unexpected ";"'),
        ("{a;}", 'unexpected "{"'),
        ("}", 'unexpected "}"'),
        ("a { b }", 'unexpected "}"'),
        ('a "b"c;', 'unexpected "c"'),
        ("a {", 'unexpected end of file, expecting "}"'),
        ("a b", 'unexpected end of file, expecting ";" or "}"'),
        ("a 'b;", 'unexpected end of file, expecting ";" or "}"'),
        ("a b\\", 'unexpected end of file, expecting ";" or "}"'),
        ("include;", 'invalid number of arguments in "include" directive'),
        ("include a {}", 'directive "include" is not terminated by ";"'),
        ("include none;", 'open() "none" failed (2: No such file or directory)'),
    ],
)
def test_broken_text_is_told_in_nginx_words(text: str, said: str) -> None:
    _, found = parse(text)
    assert len(found) == 1
    assert said in found[0]


def test_the_parser_goes_on_behind_an_error() -> None:
    statements, said = parse("; a { b } } c d;")
    assert [statement.name for statement in statements] == ["a", "c"]
    assert len(said) == 3


def test_every_cut_of_a_text_is_parsed_or_refused() -> None:
    text = "a { b \"c d\" 'e' ${f}; # g\n include h; }\n"
    whole, _ = parse(text, h=b"i j;")
    for end in range(len(text)):
        statements, said = parse(text[:end], h=b"i j;")
        complete = end >= len(text) - 1 or text[:end].strip() == ""
        assert (said == []) == complete, text[:end]
    assert whole[0].block is not None and [inner.name for inner in whole[0].block] == ["b", "i"]


def test_a_file_that_is_included_often_is_read_once() -> None:
    files = Files({"p": b"a b;"})
    loader = Loader("", Report(), files)
    statements = loader.parse(SourceFile("x", b"include p; include p; c { include p; }", 0))
    assert [statement.name for statement in statements] == ["a", "a", "c"]
    assert files.reads == ["p"]


def test_files_of_a_pattern_come_in_order_and_may_be_none() -> None:
    files = Files({"d/b": b"b;", "d/a": b"a;"})
    loader = Loader("d", Report(), files)
    statements = loader.parse(SourceFile("x", b"include *; include nothing*;", 0))
    assert [statement.name for statement in statements] == ["a", "b"]
    assert loader.report.diagnostics() == []


def test_an_include_that_leads_back_is_found() -> None:
    report = Report()
    loader = Loader("", report, Files({"a": b"include b;", "b": b"include a;"}))
    assert loader.load("a") == []
    assert [diagnostic.message for diagnostic in report.diagnostics()] == ['"a" includes itself']


def test_very_deep_nesting_is_refused_once() -> None:
    statements, said = parse("a{" * 5000 + "}" * 5000)
    assert len(said) == 1 and "nested too deeply" in said[0]
    assert len(statements) == 1


def test_bytes_that_are_no_text_come_through() -> None:
    report = Report()
    statements = Loader("", report, Files({})).parse(SourceFile("x", b"a \xff\xfe;", 0))
    assert statements[0].args[0].encode("utf-8", "surrogateescape") == b"\xff\xfe"
    report.add("emerg", statements[0].args[0])
    assert "\\xff\\xfe" in str(report.diagnostics()[0])
