"""nginx does what the cases have recorded, and proxyd does the same, up to the listed differences."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.conformance import transcript
from tests.conformance.case import CASES, Case, all_cases, load
from tests.conformance.differences import reasons
from tests.conformance.run import judged_kind, reference_is_here, run

EVERY_CASE = pytest.mark.parametrize(
    "path", all_cases(), ids=lambda path: str(path.relative_to(CASES).with_suffix(""))
)


def explained(case: Case, expected: list[str], seen: list[str]) -> str:
    """The difference for a reader, with the command that shows more."""
    difference = "\n".join(difflib.unified_diff(expected, seen, "expected", "seen", lineterm="", n=2))
    return f"{case.about}\n\n{difference}\n\npython -m tests.conformance {case.name}"


@pytest.mark.skipif(not reference_is_here(), reason="needs the nginx of the recorded transcripts")
@EVERY_CASE
def test_nginx_does_what_is_recorded(path: Path) -> None:
    case = load(path)
    seen = run(case, "nginx")
    assert case.recorded, f"nothing is recorded yet: python -m tests.conformance --record {case.name}"
    assert seen == case.recorded, explained(case, case.recorded, seen)


@EVERY_CASE
def test_proxyd_does_the_same(path: Path) -> None:
    case = load(path)
    kind = judged_kind()
    expected = case.expected() if kind == "proxyd" else case.recorded
    seen = run(case, kind)
    assert seen == expected, explained(case, expected, seen)


def test_every_difference_is_in_the_list_and_used() -> None:
    used = {differs.reason for path in all_cases() for differs in load(path).differs}
    assert used == set(reasons())


@EVERY_CASE
def test_stated_differences_fit_the_recorded_transcript(path: Path) -> None:
    case = load(path)
    assert (case.expected() != case.recorded) == bool(case.differs)


def test_a_number_of_the_case_is_not_taken_for_a_port() -> None:
    names = transcript.Names({"43200"})
    names.add_port(43200, "{port0}")
    names.add_port(43201, "{port1}")
    assert names.hide_in("+43200 minutes, a:43201/") == "+43200 minutes, a:{port1}/"


def test_there_are_at_least_100_cases() -> None:
    assert len(all_cases()) >= 100
