"""Whoever lets a request fail says why: proxyd/shared/reasons.py has the codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxyd.shared.reasons import NUMBER, REASONS

ENGINE = Path(__file__).resolve().parents[2] / "cextensions"
SOURCES = sorted(path for path in ENGINE.rglob("*.c") if path.parent.name != "generated")

# A reason is set so few lines above one of these calls, or handed to px_request_fail.
_LINES_ABOVE = 6
_CALL = re.compile(r"\b(px_request_send_error|px_request_close|px_request_truncate)\(")
# Where they are defined, and where one calls the next for the reason that it was given.
_PASSING_ON = re.compile(
    r"^(px_step|void) px_request_(send_error|close|truncate)\(|return px_request_close\(r, status\)"
)


def unexplained(path: Path) -> list[str]:
    """Calls that end a request without a reason near them."""
    lines = path.read_text().split("\n")
    found = []
    for number, line in enumerate(lines):
        if not _CALL.search(line) or _PASSING_ON.search(line.strip()):
            continue
        if "reason" not in "\n".join(lines[max(0, number - _LINES_ABOVE) : number + 1]).lower():
            found.append(f"{path.relative_to(ENGINE)}:{number + 1}: {line.strip()}")
    return found


def test_each_failure_names_its_reason() -> None:
    found = [where for path in SOURCES for where in unexplained(path)]
    assert not found, "use px_request_fail(r, status, PX_REASON_...), or set r->reason before: " + str(found)


def test_each_code_is_used_somewhere() -> None:
    text = "\n".join(path.read_text() for path in SOURCES) + (ENGINE / "proxy/request.h").read_text()
    used = set(re.findall(r"PX_REASON_(\w+)", text))
    assert not {name for name in NUMBER if name.upper() not in used}


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.name)
def test_codes_are_declared_well(reason: object) -> None:
    name, meaning, remedy = (getattr(reason, key) for key in ("name", "meaning", "remedy"))
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    for text in (meaning, remedy):
        assert text[0].isupper() or text[0] in "`c"
        assert text.endswith((".", "?"))
        assert "|" not in text
