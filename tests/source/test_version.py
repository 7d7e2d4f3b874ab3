"""The version is said in one place, and the package's changelog agrees."""

from __future__ import annotations

import re
from pathlib import Path

from proxyd import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_package_has_the_version_of_the_program() -> None:
    match = re.match(r"proxyd \(([^)]+)\)", (ROOT / "debian/changelog").read_text())
    assert match is not None
    assert match[1] == __version__
