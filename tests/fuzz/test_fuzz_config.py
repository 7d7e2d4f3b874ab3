"""The corpus and all that once broke the configuration language, and a few hundred new texts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz import fuzz_config

KEPT = sorted([*fuzz_config.CORPUS.glob("*"), *fuzz_config.REGRESSIONS.glob("*")])


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_kept_text_gives_a_plan_or_errors(path: Path) -> None:
    fuzz_config.check(path.read_bytes())


def test_every_beginning_of_a_text_gives_a_plan_or_errors() -> None:
    for name in ("guide_basic", "lexing", "map"):
        text = (fuzz_config.TESTS / "config" / "good" / f"{name}.conf").read_bytes()
        for end in range(0, len(text), 3):
            fuzz_config.check(text[:end])


@pytest.mark.parametrize("seed", range(4))
def test_mutated_text_gives_a_plan_or_errors(seed: int) -> None:
    chance, others = random.Random(seed), fuzz_config.seeds()
    for _ in range(150):
        text = fuzz_config.mutate(chance, chance.choice(others), others)
        try:
            fuzz_config.check(text)
        except Exception:
            fuzz_config.keep(text)
            raise
