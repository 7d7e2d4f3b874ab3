"""Units and kinds of values, each parsed in one place."""

import pytest

from proxyd.config import shapes
from proxyd.config.units import parse_number, parse_size, parse_time

DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("90", 90_000),
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("2h", 7_200_000),
        ("1d", DAY),
        ("1w", 7 * DAY),
        ("1h 30m", 5_400_000),
        ("1h30m", 5_400_000),
        ("1w 1d 1h 1m 1s 1ms", 8 * DAY + 3_661_001),
        ("1h 5", 3_605_000),
        ("1s 1", 2_000),
        ("30s ", 30_000),
    ],
)
def test_time_is_read_in_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_time(text) == milliseconds


@pytest.mark.parametrize(("text", "days"), [("1M", 30), ("1y", 365), ("1y 1M 1d", 396)])
def test_seconds_reach_up_to_years(text: str, days: int) -> None:
    assert parse_time(text, seconds=True) == days * DAY
    assert parse_time(text) is None


@pytest.mark.parametrize(
    "text",
    ["", " ", "s", "5x", "-1", "+1", "1.5s", "1m1h", "1s1s", "1s 1s", "5 s", "1e3", "٣s", "1h\n", "9" * 30],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert parse_time(text) is None


def test_seconds_take_no_milliseconds() -> None:
    assert parse_time("100ms", seconds=True) is None


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("512", 512), ("8k", 8192), ("8K", 8192), ("1m", 1 << 20), ("3M", 3 << 20)]
)
def test_size_is_read_in_bytes(text: str, size: int) -> None:
    assert parse_size(text, giga=False) == size


def test_gigabytes_are_for_offsets_only() -> None:
    assert parse_size("2g", giga=True) == 2 << 30
    assert parse_size("2g", giga=False) is None


@pytest.mark.parametrize(
    "text", ["", "k", "-1", "1t", "1kb", "1.5k", " 1", "9223372036854775808", "9007199254740993g"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    assert parse_size(text, giga=True) is None


@pytest.mark.parametrize("text", ["", "-1", "x", "1_0", "٣", "9223372036854775808"])
def test_what_is_no_number_is_refused(text: str) -> None:
    assert parse_number(text) is None
    assert parse_number("9223372036854775807") == shapes.INT64_MAX
