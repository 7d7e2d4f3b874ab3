"""What the command line says about where things are, and the rules for paths, which are nginx's."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from proxyd.config.places import INSTALLED_PREFIX

DEFAULT_CONF = "proxyd.conf"


@dataclass(frozen=True)
class Options:
    """The options -c, -p, -g and -e; all paths absolute."""

    conf: str
    prefix: str
    directives: tuple[str, ...] = ()  # -g
    error_log: str | None = None  # -e
    command: tuple[str, ...] = field(default=("proxyd",), compare=False)  # as it was typed, for the title

    @classmethod
    def of(
        cls,
        conf: str | None,
        prefix: str | None,
        directives: tuple[str, ...] = (),
        error_log: str | None = None,
        command: tuple[str, ...] = ("proxyd",),
    ) -> Options:
        """Resolve what was typed: prefix from the current directory, the rest from the prefix."""
        root = os.path.join(os.path.abspath(prefix or INSTALLED_PREFIX), "")
        log = error_log if error_log in (None, "stderr") else os.path.join(root, error_log or "")
        return cls(_find_conf(root, conf, prefix is None), root, directives, log, command)


def _find_conf(root: str, conf: str | None, default_prefix: bool) -> str:
    """The file of -c below the prefix; without -p also one in the current directory, where nginx has none."""
    path = os.path.normpath(os.path.join(root, conf or DEFAULT_CONF))
    if conf and default_prefix and not os.path.exists(path) and os.path.exists(conf):
        return os.path.abspath(conf)
    return path
