"""Finding things from a command line: nginx's rules for paths, and the pid file without a full compile."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxyd.process import table, tallies
from proxyd.process.known import KnownPeer
from proxyd.process.options import Options
from proxyd.process.pidfile import find_pid_path
from proxyd.process.status import _connections
from proxyd.process.table import render
from proxyd.process.tallies import percentile_ms
from proxyd.shared.cells import LATENCY_BUCKETS, SLOT_CELLS
from proxyd.shared.counters import COUNTERS
from proxyd.shared.segments import PeerState, peer_key


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


BUSY = [7] + [0] * (SLOT_CELLS - 1)
"""Cells of a peer that was tried seven times."""


def test_the_status_page_shows_everything_and_no_zeros() -> None:
    known = [KnownPeer("backend", f"10.0.0.{number}:80", 1, 10000, number == 2, False) for number in (1, 2)]
    generation = cast(Any, SimpleNamespace(peers=known))
    zone = SimpleNamespace(peers=lambda: [PeerState(0, peer_key(b"backend", b"10.0.0.1:80"), 0, 0, 0)])
    crew = cast(Any, SimpleNamespace(zone=zone, ledgers=[SimpleNamespace(active=lambda: [3])]))
    counters = {counter.name: 0 for counter in COUNTERS} | {"requests": 1234}
    worker = {
        "pid": 5,
        "index": 0,
        "state": "serving",
        "generation": 2,
        "seconds": 7200.0,
        "counters": counters,
    }
    status = {
        "version": "1",
        "pid": 4,
        "configuration": "/x.conf",
        "started": "then",
        "activated": "now",
        "generation": 2,
        "reloads": 1,
        "reloads_failed": 0,
        "worker_deaths": 3,
        "helper_deaths": 0,
        "listen": ["0.0.0.0:80", "unix:/s"],
        "helper": {"pid": 6},
        "workers": [worker],
        "given_up": [1],
        "counters": counters,
        "connections": _connections(counters),
        "servers": [],
        "zones": [],
        "peers": tallies.peers([crew], generation, {peer_key(b"backend", b"10.0.0.1:80"): BUSY}),
    }
    text = render(status)
    lines = [line.split() for line in text.splitlines()]
    assert ["0", "5", "serving", "2", "2h", "0", "0", "1234"] in lines
    assert ["requests", "1234", "requests"] in lines
    assert ["backend", "10.0.0.1:80", "up", "3", "0", "7", *"000---"] in lines
    assert ["backend", "10.0.0.2:80", "down", "-", "-", *"0000---"] in lines
    assert "0.0.0.0:80, unix:/s" in text and "workers 1; see the error log" in text
    assert not any(line[:1] == ["bytes_sent"] for line in lines)
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_a_percentile_is_the_bound_of_its_bucket() -> None:
    buckets = [0] * LATENCY_BUCKETS
    assert percentile_ms(buckets, 50) is None
    buckets[0], buckets[3], buckets[-1] = 90, 9, 1
    assert [percentile_ms(buckets, percent) for percent in (50, 90, 99)] == [1, 1, 8]
    assert percentile_ms(buckets, 100) is None  # longer than any bound


def test_of_many_rows_the_weightiest_are_shown_and_how_many_more_there_are() -> None:
    rows = [{"name": f"n{number}", "weight": number % 50} for number in range(100)]

    def section(everything: bool) -> str:
        return table._section(
            ["name", "weight"],
            lambda row: list(row.values()),
            rows,
            lambda row: int(row["weight"]),
            everything,
        )[0]

    some = section(False).splitlines()
    assert len(some) == 22 and some[1].split() == ["n40", "40"] and "80 more" in some[-1]
    assert len(section(True).splitlines()) == 101
