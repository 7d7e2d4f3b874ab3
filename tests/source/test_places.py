"""Where an installed proxyd has its files: proxyd/config/places.py says it, the package and its configuration
repeat it in languages of their own."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from proxyd.config.places import DEFAULT_PID, HISTORY, INSTALLED_PREFIX, place

ROOT = Path(__file__).resolve().parents[2]
PID = place(INSTALLED_PREFIX, DEFAULT_PID)
LOGS = place(INSTALLED_PREFIX, "logs")
FOLDERS = {
    str(PurePath(PID).parent),
    LOGS,
    *(str(PurePath(place(INSTALLED_PREFIX, name)).parent) for name in (HISTORY, "proxy_temp")),
}


def text(name: str) -> str:
    return (ROOT / name).read_text()


def test_the_package_makes_the_folders_at_boot() -> None:
    assert {line.split()[1] for line in text("debian/proxyd.tmpfiles").splitlines()} == FOLDERS


def test_purging_the_package_removes_them() -> None:
    removed = re.findall(r"^\s*rm -rf (.+)$", text("debian/proxyd.postrm"), re.MULTILINE)
    assert {*FOLDERS, INSTALLED_PREFIX.rstrip("/")} <= {path for line in removed for path in line.split()}


def test_the_rules_of_logrotate_are_about_the_logs() -> None:
    assert text("debian/proxyd.logrotate").startswith(f"{LOGS}/*.log {{")


def test_the_configuration_that_is_shipped_names_them() -> None:
    shipped = text("conf/proxyd.conf")
    assert f"\npid {PID};\n" in shipped
    logs = re.findall(r"^\s*(?:error|access)_log (\S+)", shipped, re.MULTILINE)
    assert logs and {str(PurePath(path).parent) for path in logs} == {LOGS}


def test_the_pages_are_installed_where_they_are_looked_for() -> None:
    target = dict(line.split() for line in text("debian/proxyd.install").splitlines())["conf/html"]
    assert f"/{target}/html" == place(INSTALLED_PREFIX, "html")
