"""What holds for every declaration of a directive."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxyd.config import layout, status
from proxyd.config.directive import Context, Directive
from proxyd.config.directives import ALL, THEMES
from proxyd.config.inherit import default_settings
from proxyd.config.settings import FIELDS
from proxyd.config.status import NginxDirective

GOOD = Path(__file__).resolve().parents[1] / "config" / "good"


by_name = pytest.mark.parametrize("directive", ALL, ids=lambda directive: directive.name)


def nginx_line(directive: Directive) -> NginxDirective:
    """The line of nginx's table for a declaration."""
    for line in status.nginx_directives():
        if line.name == directive.name and line.known_contexts & directive.contexts:
            return line
    raise AssertionError(f"nginx has no {directive.name} there")


def bounds(arguments: str) -> tuple[int, int | None]:
    """Least and most arguments of a line: "12", "1+", "on|off", "block 2"."""
    words = arguments.removeprefix("block").replace("on|off", "1").strip()
    digits = [int(digit) for digit in re.findall(r"\d", words)] or [0]
    return min(digits), None if "+" in words else max(digits)


# Directives of proxyd that nginx has not.
OURS = {"metrics"}


@pytest.mark.parametrize(
    "directive", [one for one in ALL if one.name not in OURS], ids=lambda directive: directive.name
)
def test_declaration_agrees_with_nginx(directive: Directive) -> None:
    line = nginx_line(directive)
    assert directive.contexts & ~nginx_contexts(directive) == Context(0)
    assert directive.block == line.arguments.startswith("block")
    least, most = bounds(line.arguments)
    assert directive.shape.least >= least
    assert most is None or (directive.shape.most is not None and directive.shape.most <= most)


def nginx_contexts(directive: Directive) -> Context:
    """Everywhere where nginx has a directive of this name (error_log is of two modules)."""
    found = Context(0)
    for line in status.nginx_directives():
        if line.name == directive.name:
            found |= line.known_contexts
    return found


@by_name
def test_declaration_is_documented(directive: Directive) -> None:
    assert directive.doc.endswith(".")
    assert directive.nothing == "" or directive.nothing.endswith(".")


@by_name
def test_directive_is_used_in_a_good_configuration(directive: Directive) -> None:
    text = "\n".join(path.read_text() for path in GOOD.rglob("*") if path.suffix in (".conf", ".inc"))
    assert re.search(rf"(^|[\s{{;])\"?{directive.name}[\s;\"{{]", text)


def test_a_directive_is_declared_once_per_context() -> None:
    for context in Context:
        names = [directive.name for directive in ALL if context in directive.contexts]
        assert len(names) == len(set(names))


def test_every_theme_has_its_module() -> None:
    folder = Path(__file__).resolve().parents[2] / "proxyd" / "config" / "directives"
    modules = {path.stem.rstrip("_") for path in folder.glob("*.py") if path.stem != "__init__"}
    assert modules == set(THEMES)


def test_defaults_are_those_that_are_documented() -> None:
    settings = default_settings()
    assert settings.proxy_read_timeout == 60_000
    assert settings.client_max_body_size == 1 << 20
    assert settings.keepalive_timeout == 75_000
    assert settings.proxy_http_version == 11
    assert [header.name for header in settings.proxy_set_header] == [b"Host"]


def test_every_field_of_settings_has_a_directive() -> None:
    names = {directive.name for directive in ALL}
    for field, _ in FIELDS:
        assert field in names or field in ("keepalive_timeout_header", "access_rules")


def test_the_table_of_nginx_is_whole() -> None:
    table = status.nginx_directives()
    assert len(table) == 780
    assert {line.status() for line in table} == {"works", "nothing to do", "refused"}
    refused = {line.name for line in table if line.status() == "refused"}
    assert {"gzip", "ssl_certificate", "fastcgi_pass", "proxy_cache"} <= refused


def test_layout_digest_is_a_positive_int64_and_covers_every_struct() -> None:
    assert 0 < layout.digest() < 2**63
    assert layout.object_kinds()[-1] == "Root"
    order = layout.object_kinds()
    for kind in order:
        for other in layout.refs_of(kind) - {kind}:
            assert order.index(other) < order.index(kind)
