"""The documentation: every piece of configuration in it means what the text says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxyd.config.compile import Compiled, compile_file

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^( *)```(nginx|nginx-refused)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# What a piece may stand in, tried in this order.
_FRAMES = (
    "%s",
    "events {} %s",
    "events {} http { %s }",
    "events {} http { server { %s } }",
    "events {} http { server { location / { %s } } }",
    "events {} http { upstream u { %s } }",
    "events { %s }",
)
_MISPLACED = re.compile(r'directive is not allowed here|no "events" section')


@dataclass(frozen=True)
class Piece:
    """One fenced block."""

    where: str
    text: str
    refused: bool  # marked nginx-refused: something in it is not there yet


def pieces() -> Iterator[Piece]:
    """All blocks of all pages."""
    for page in PAGES:
        content = page.read_text()
        for found in _FENCE.finditer(content):
            line = content.count("\n", 0, found.start()) + 1
            yield Piece(f"{page.relative_to(ROOT)}:{line}", found[3], found[2] == "nginx-refused")


def compiled(folder: Path, text: str) -> Compiled:
    """Compile it as the main file of a folder that looks like /etc/proxyd."""
    path = folder / "proxyd.conf"
    path.write_text(text)
    return compile_file(
        str(path),
        prefix=str(folder),
        resolve=lambda host, port: [(4, b"\x0a\x00\x00\x01")],
        cpus=2,
        root=True,
    )


def framed(folder: Path, text: str) -> Compiled:
    """Compile it in the first frame in which its outermost directives may stand."""
    for frame in _FRAMES:
        result = compiled(folder, frame % ("\n" + text + "\n"))
        if not any(_MISPLACED.search(str(found)) for found in result.diagnostics):
            break
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What /etc/proxyd has besides proxyd.conf."""
    shutil.copy(ROOT / "conf/mime.types", tmp_path)
    (tmp_path / "conf.d").mkdir()
    return tmp_path


def complaint(folder: Path, piece: Piece) -> str | None:
    """What is wrong with a piece. None: nothing."""
    result = framed(folder, piece.text.replace("user proxyd;", "user root;"))
    said = "\n".join(str(found) for found in result.diagnostics)
    if piece.refused:
        return None if result.plan is None and "proxyd does not yet" in said else f"is accepted\n{said}"
    return None if result.plan is not None and not said else f"is not accepted\n{said}"


def test_configuration_in_the_documentation_is_accepted_or_refused_as_it_says(folder: Path) -> None:
    found = list(pieces())
    assert len(found) > 15
    wrong = [f"{piece.where} {said}" for piece in found if (said := complaint(folder, piece))]
    assert not wrong, "\n".join(wrong)


def test_pages_are_in_the_navigation() -> None:
    """mkdocs tells of pages that are missing there, but does not fail."""
    navigation = (ROOT / "mkdocs.yml").read_text()
    missing = [
        name
        for page in PAGES
        if page.is_relative_to(ROOT / "docs")
        and (name := page.relative_to(ROOT / "docs").as_posix()) not in navigation
    ]
    assert not missing


_REFUSED_AND_SAID = re.compile(
    r"^```nginx-refused\n(.*?)^```\n\n    \$ proxyd -t\n((?:    [^\n]*\n)+)", re.MULTILINE | re.DOTALL
)


def test_what_is_said_to_be_printed_for_what_is_refused_is_printed(folder: Path) -> None:
    found = [(page, *match) for page in PAGES for match in _REFUSED_AND_SAID.findall(page.read_text())]
    assert len(found) >= 4
    (folder / "proxyd.conf").write_text("events {} http { include conf.d/*.conf; }")
    for page, text, expected in found:
        (folder / "conf.d/app.conf").write_text(text)
        result = compiled(folder, (folder / "proxyd.conf").read_text())
        said = "".join(f"    {line}\n" for line in map(str, result.diagnostics))
        said += "    proxyd: configuration file /etc/proxyd/proxyd.conf test failed\n"
        assert said.replace(str(folder), "/etc/proxyd") == expected, page.name
