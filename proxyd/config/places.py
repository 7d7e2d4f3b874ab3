"""Where relative paths of a configuration lead: below the prefix, which is nginx's rule.

An installed proxyd has the prefix /etc/proxyd, where programs must not write. There the folders that nginx
keeps below its prefix are where the system has such things, as if they were links.
"""

from __future__ import annotations

import os

INSTALLED_PREFIX = "/etc/proxyd/"
DEFAULT_PID = "logs/proxyd.pid"
HISTORY = "history"

_INSTALLED = {
    DEFAULT_PID: "/run/proxyd/proxyd.pid",
    "logs": "/var/log/proxyd",
    "client_body_temp": "/var/lib/proxyd/client_body_temp",
    "proxy_temp": "/var/lib/proxyd/proxy_temp",
    "html": "/usr/share/proxyd/html",
    HISTORY: "/var/lib/proxyd/history",
}


def place(prefix: str, path: str) -> str:
    """A path as the operator wrote it, or as it is by default, made absolute."""
    if prefix == INSTALLED_PREFIX and not os.path.isabs(path):
        folder, slash, rest = path.partition("/")
        if path in _INSTALLED:
            return _INSTALLED[path]
        if folder in _INSTALLED:
            return _INSTALLED[folder] + slash + rest
    return os.path.join(prefix, path)
