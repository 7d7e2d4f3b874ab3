"""The manual pages: each command, option and directive is in them, and roff reads them as they are meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proxyd import cli
from proxyd.config.directives import ALL

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """proxyd(8) and proxyd.conf(5)."""
    folder = tmp_path_factory.mktemp("manual")
    subprocess.run([sys.executable, ROOT / "docs/manual.py", folder], check=True, timeout=60)
    return (folder / "proxyd.8").read_text(), (folder / "proxyd.conf.5").read_text()


def section(page: str, command: str) -> str:
    """What is said about one command."""
    return page.split(f"\\fBproxyd {command}")[1].split("\\fBproxyd ")[0]


def test_each_command_is_there_with_its_own_options(pages: tuple[str, str]) -> None:
    assert "[NUMBER]" in section(pages[0], "rollback").split("\n")[0]
    assert "-s stop | quit | reload | reopen" in pages[0].replace("\\-", "-")
    for name, command in cli.proxyd.commands.items():
        text = section(pages[0], name).replace("\\-", "-")
        for option in command.params:
            if option.opts[0] in ("--json", "--all", "-q"):
                assert f"\\fB{option.opts[0]}\\fR" in text, name


def test_each_directive_is_there(pages: tuple[str, str]) -> None:
    missing = [directive.name for directive in ALL if f"\\fB{directive.name}" not in pages[1]]
    assert not missing


@pytest.mark.parametrize("page", [0, 1])
def test_lines_begin_with_text_or_with_a_request(pages: tuple[str, str], page: int) -> None:
    """A line that begins with a blank, and an empty one, break a paragraph where none ends."""
    filled = pages[page].split("\n.nf\n")
    text = filled[0] + "".join(part.split("\n.fi\n")[1] for part in filled[1:])
    wrong = [line for line in text.rstrip("\n").split("\n") if not line or line[0].isspace()]
    assert not wrong
