"""What the pages for contributors name is there, and each folder is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
FILE = re.compile(r"\b(?:[\w-]+/)*[\w-]+\.(?:py|pyi|c|h|md|toml|yml)\b(?!\.)")


MADE = {"build", "__pycache__"}
OTHERS = {"Python.h"}


def files() -> list[str]:
    """All files of the project, by their path; not those that a build or a tool makes."""
    found = [path.name for path in TOP.iterdir() if path.is_file()]
    for folder in TOP.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and not folder.name.endswith(".egg-info"):
            found += [str(path.relative_to(TOP)) for path in folder.rglob("*") if path.is_file()]
    return [path for path in found if not MADE & set(path.split("/"))]


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_each_file_that_is_named_exists(page: str) -> None:
    known = ["/" + path for path in files()]
    named = set(FILE.findall((TOP / page).read_text())) - OTHERS
    assert named
    assert [name for name in sorted(named) if not any(path.endswith("/" + name) for path in known)] == []


def test_each_folder_of_the_code_is_explained() -> None:
    page = (TOP / "ARCHITECTURE.md").read_text().partition("## The folders")[2].partition("\n## ")[0]
    explained = {name for row in re.findall(r"^\| ([^|]+) \|", page, re.M) for name in row.split(", ")}
    folders = {"/".join(path.split("/")[:2]) for path in files() if path.count("/") >= 2}
    code = {name for name in folders if name.startswith(("proxyd/", "cextensions/"))}
    assert code - explained == set()
    tops = {path.split("/")[0] for path in files() if "/" in path}
    assert {top for top in tops if not any(name.split("/")[0] == top for name in explained)} == set()
