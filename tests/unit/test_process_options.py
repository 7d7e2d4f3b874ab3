"""Finding things from a command line: nginx's rules for paths, and the pid file without a full compile."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxyd.process.options import Options
from proxyd.process.pidfile import find_pid_path


def test_paths_are_relative_to_the_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    options = Options.of("conf/x.conf", "here", (), "logs/e.log")
    assert options.prefix == f"{tmp_path}/here/"
    assert options.conf == f"{tmp_path}/here/conf/x.conf"
    assert options.error_log == f"{tmp_path}/here/logs/e.log"
    assert Options.of(None, "/p", (), "stderr").error_log == "stderr"
    assert Options.of(None, "/p").conf == "/p/proxyd.conf"
    assert Options.of("/abs.conf", "/p").conf == "/abs.conf"


def test_without_a_prefix_a_file_in_the_current_directory_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Options.of("site.conf", None).conf == "/etc/proxyd/site.conf"
    (tmp_path / "site.conf").touch()
    assert Options.of("site.conf", None).conf == f"{tmp_path}/site.conf"
    assert Options.of("site.conf", None).prefix == "/etc/proxyd/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pid /run/x.pid;", "/run/x.pid"),
        ("pid x.pid;", "{prefix}x.pid"),
        ("# pid /no;\nworker_processes 1;pid '/a b';", "/a b"),
        ("http { pid /no; }\npid\n\t/yes;", "/yes"),
        ("events { } include part/*.conf; pid /late;", "/from/include"),
        ("pid /run/x.pid; http { this is } not { a configuration", "/run/x.pid"),
        ("nonsense { } ; pid /run/x.pid;", "/run/x.pid"),
        ("", "{prefix}logs/proxyd.pid"),
        ('"never closed', "{prefix}logs/proxyd.pid"),
    ],
)
def test_the_pid_file_is_found_also_in_a_broken_configuration(
    tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part/a.conf").write_text("user nobody;")
    (tmp_path / "part/b.conf").write_text("pid /from/include;")
    (tmp_path / "p.conf").write_text(text)
    options = Options.of("p.conf", str(tmp_path))
    assert find_pid_path(options) == expected.replace("{prefix}", f"{tmp_path}/")


def test_a_pid_file_of_the_command_line_comes_first(tmp_path: Path) -> None:
    (tmp_path / "p.conf").write_text("pid /in/file;")
    for directive in ("pid /given;", "daemon off; pid /given"):
        assert find_pid_path(Options.of("p.conf", str(tmp_path), (directive,))) == "/given"


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "p.conf").write_text("include p.conf;")
    assert find_pid_path(Options.of("p.conf", str(tmp_path))) == f"{tmp_path}/logs/proxyd.pid"
