"""The levels of a log and their numbers: for error_log, limit_*_log_level and syslog, and for the lines that
each process writes. C has them from here (generated/log_levels.h).
"""

from __future__ import annotations

from typing import Final

NAMES: Final = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")
"""The worst first, which is also the order of RFC 3164's severities."""

LEVELS: Final = {name: number for number, name in enumerate(NAMES, 1)}
