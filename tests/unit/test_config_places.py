"""Where relative paths lead."""

from __future__ import annotations

import pytest

from proxyd.config.places import INSTALLED_PREFIX, place


@pytest.mark.parametrize(
    ("path", "installed"),
    [
        ("logs/error.log", "/var/log/proxyd/error.log"),
        ("logs/proxyd.pid", "/run/proxyd/proxyd.pid"),
        ("client_body_temp", "/var/lib/proxyd/client_body_temp"),
        ("proxy_temp/1", "/var/lib/proxyd/proxy_temp/1"),
        ("history", "/var/lib/proxyd/history"),
        ("html", "/usr/share/proxyd/html"),
        ("sites/logs", "/etc/proxyd/sites/logs"),
        ("/srv/logs/x", "/srv/logs/x"),
    ],
)
def test_the_system_s_folders_only_where_proxyd_is_installed(path: str, installed: str) -> None:
    assert place(INSTALLED_PREFIX, path) == installed
    assert place("/srv/own/", path) == (path if path.startswith("/") else f"/srv/own/{path}")
