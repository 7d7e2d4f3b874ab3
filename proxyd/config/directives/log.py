"""Logs: access_log, log_format, error_log."""

from __future__ import annotations

from proxyd.config.directive import EVERYWHERE, Directive
from proxyd.config.plan import AccessLog, ErrorLog
from proxyd.config.shapes import Text

DIRECTIVES = (
    Directive(
        "access_log",
        EVERYWHERE,
        Text("path"),
        "A file that gets a line for each request.",
        default="logs/access.log combined",
        setting=True,
        fields=(("access_log", list[AccessLog]),),
        repeats=True,
    ),
    Directive(
        "error_log",
        EVERYWHERE,
        Text("path"),
        "A file for what goes wrong, from a level on.",
        default="logs/error.log error",
        setting=True,
        fields=(("error_log", list[ErrorLog]),),
        repeats=True,
    ),
)
