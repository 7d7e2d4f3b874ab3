"""The one list of deliberate differences, differences.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

_LIST = Path(__file__).parent / "differences.toml"


def reasons() -> dict[str, str]:
    """Name and reason of each."""
    entries = tomllib.loads(_LIST.read_text())
    return {name: entry["reason"].strip() for name, entry in entries.items()}
