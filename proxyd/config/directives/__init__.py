"""All declarations, by theme. A new theme is added to THEMES; everything else follows from its DIRECTIVES."""

from __future__ import annotations

from proxyd.config.directive import Directive
from proxyd.config.directives import core, headers, log, proxy, types

THEMES = {"core": core, "types": types, "headers": headers, "log": log, "proxy": proxy}

ALL: tuple[Directive, ...] = tuple(directive for theme in THEMES.values() for directive in theme.DIRECTIVES)
