"""Text with $variables to Pieces."""

from __future__ import annotations

import pytest

from proxyd.config import variables
from proxyd.config.plan import Piece
from proxyd.config.shapes import Invalid
from proxyd.config.template import Names, Templates


@pytest.fixture
def templates() -> Templates:
    names = Names(lambda name: b"digest of " + name.encode())
    names.maps.update({"a_map", "arg_own"})
    names.capture("group")
    return Templates(names)


def variable(name: str, text: bytes = b"") -> Piece:
    return Piece(text=text, variable=variables.NUMBER[name])


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("plain", [Piece(text=b"plain")]),
        ("$host", [variable("host")]),
        ("${host}name", [variable("host"), Piece(text=b"name")]),
        ("a$host:$uri", [Piece(text=b"a"), variable("host"), Piece(text=b":"), variable("uri")]),
        ("$HOST", [variable("host")]),
        ("$http_x_forwarded_for", [variable("http_", b"x_forwarded_for")]),
        ("$http_", [variable("http_", b"")]),
        ("$sent_http_a", [variable("sent_http_", b"a")]),
        ("$upstream_http_a", [variable("upstream_http_", b"a")]),
        ("$arg_q", [variable("arg_", b"q")]),
        ("$arg_own", [Piece(map=b"digest of arg_own")]),
        ("$a_map", [Piece(map=b"digest of a_map")]),
        ("$group", [Piece(slot=0)]),
        ("$1$9", [Piece(capture=1), Piece(capture=9)]),
        ("$12", [Piece(capture=1), Piece(text=b"2")]),
    ],
)
def test_text_becomes_pieces(templates: Templates, text: str, pieces: list[Piece]) -> None:
    assert templates.compile(text) == pieces


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("$", "invalid variable name", ""),
        ("a$ b", "invalid variable name", ""),
        ("${}", "invalid variable name", ""),
        ("${host", 'the closing bracket in "host" variable is missing', ""),
        ("${ho-st}", 'the closing bracket in "ho" variable is missing', ""),
        ("$hsot", 'unknown "hsot" variable', 'did you mean "$host"?'),
        ("$grup", 'unknown "grup" variable', 'did you mean "$group"?'),
        ("$0", 'unknown "0" variable', ""),
        ("$geoip_city", 'unknown "geoip_city" variable', "nginx has it, proxyd does not yet"),
    ],
)
def test_what_is_no_variable_is_refused(templates: Templates, text: str, said: str, hint: str) -> None:
    with pytest.raises(Invalid) as caught:
        templates.compile(text)
    assert caught.value.message == said
    assert hint in caught.value.hint


def test_a_text_is_compiled_once(templates: Templates) -> None:
    assert templates.compile("a$host") is templates.compile("a$host")


def test_numbers_of_variables_are_their_places() -> None:
    names = [variable.name for variable in variables.VARIABLES]
    assert len(set(names)) == len(names)
    assert all(variables.NUMBER[name] == place for place, name in enumerate(names))
    assert all(name.endswith("_") for name in variables.PREFIXES)
