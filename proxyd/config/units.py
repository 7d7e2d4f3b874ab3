"""Numbers, sizes and times as a configuration writes them. Each unit is parsed here, once.

None: the text is no such thing.
"""

from __future__ import annotations

import re

INT64_MAX = 2**63 - 1


def parse_number(text: str) -> int | None:
    """Decimal digits only, 64 bits."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    number = int(text)
    return number if number <= INT64_MAX else None


_SIZE_UNITS = {"k": 10, "m": 20, "g": 30}


def parse_size(text: str, giga: bool) -> int | None:
    """Bytes of "8k". nginx knows "g" only where a value is an offset."""
    shift = _SIZE_UNITS.get(text[-1:].lower(), 0)
    if shift == 30 and not giga:
        return None
    number = parse_number(text[:-1] if shift else text)
    if number is None or number << shift > INT64_MAX:
        return None
    return number << shift


# The units in the order in which they may follow each other. A month has 30 days, a year 365.
_SECONDS_UNITS = {
    "y": 365 * 86_400_000,
    "M": 30 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "": 1_000,
}
_MSEC_UNITS = {
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
    "": 1_000,
}
_TIME_PART = re.compile(r"([0-9]{1,15})(ms|[yMwdhms]?) *")
LONGEST_TIME = 2**53  # 285,000 years: sums of times stay far from the end of 64 bits


def parse_time(text: str, seconds: bool = False) -> int | None:
    """Milliseconds of "30s", "1h 30m" or "90" (seconds). Each unit at most once, from large to small."""
    units = _SECONDS_UNITS if seconds else _MSEC_UNITS
    order = list(units)
    total, rank, at = 0, -1, 0
    while at < len(text) or at == 0:
        part = _TIME_PART.match(text, at)
        if part is None:
            return None
        digits, unit = part.groups()
        if unit not in units or order.index(unit) <= rank:
            return None
        rank = order.index(unit)
        total += int(digits) * units[unit]
        at = part.end()
    return total if total <= LONGEST_TIME else None
