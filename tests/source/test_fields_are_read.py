"""A setting that is accepted and then ignored cannot ship: the engine reads each field of the Plan.

The reader in C is generated and reads all; what counts is that other code uses the field's name.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cextensions.generators.plan_structs import member
from proxyd.config.layout import layouts

ENGINE = Path(__file__).resolve().parents[2] / "cextensions"

# Fields without an effect, and why that is no lie.
NO_EFFECT: dict[str, str] = {}


@pytest.fixture(scope="module")
def used() -> set[str]:
    """Every name of a member that hand-written C takes from a struct."""
    files = [path for path in ENGINE.rglob("*.c") if path.parent.name != "generated"]
    files += [path for path in ENGINE.rglob("*.h") if path.parent.name != "generated"]
    return {name for path in files for name in re.findall(r"(?:->|\.)(\w+)", path.read_text())}


@pytest.mark.parametrize("struct", sorted(layouts()))
def test_the_engine_uses_every_field(struct: str, used: set[str]) -> None:
    unused = {field.name for field in layouts()[struct].fields if member(field.name) not in used}
    assert unused == {name for name in unused if f"{struct}.{name}" in NO_EFFECT}


def test_what_has_no_effect_is_there_and_unused(used: set[str]) -> None:
    for name in NO_EFFECT:
        struct, field = name.split(".")
        assert field in {known.name for known in layouts()[struct].fields}
        assert member(field) not in used
