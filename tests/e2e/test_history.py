"""What a reload says that it changed, the configurations that ran, and the way back to one."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import KIND, Serve, make_server, proxyd_only
from tests.support.client import Client
from tests.support.server import Server, command_of, environment
from tests.support.waiting import wait_until

pytestmark = proxyd_only("nginx keeps no history")

BEFORE = """
    limit_req_zone $binary_remote_addr zone=all:1m rate=100r/s;
    map $uri $kind { default one; }
    upstream app { server 127.0.0.1:3999; }
    server {
        listen 127.0.0.1:{port0};
        server_name a.example;
        location / { return 200 "old"; }
        location /limited { limit_req zone=all; return 200 ok; }
        location /app/ { proxy_pass http://app/; }
        location /gone { return 200 "$kind"; }
    }
    include {dir}/conf.d/*.conf;
"""

AFTER = """
    limit_req_zone $binary_remote_addr zone=all:1m rate=200r/s;
    map $uri $kind { default two; }
    upstream app { server 127.0.0.1:3999; server 127.0.0.1:3998; }
    server {
        listen 127.0.0.1:{port0};
        server_name a.example;
        location / { return 200 "new"; }
        location /limited { limit_req zone=all; return 200 ok; }
        location /app/ { proxy_pass http://app/; }
        location /more { return 200 "$kind"; }
    }
    include {dir}/conf.d/*.conf;
"""

NAMES = """
    server { listen 127.0.0.1:{port0}%s; server_name a.example; return 200 a; }
    server { listen 127.0.0.1:{port0}%s; server_name b.example %s; return 200 b; }
"""

OTHER = "server { listen 127.0.0.1:%s; server_name b.example; return 200 b; }\n"


def serve_before(serve: Serve, text: str = BEFORE) -> Server:
    """A server whose first configuration is kept: it is, a moment after its sockets are there."""
    server = serve(text)
    wait_until(lambda: json.loads(server.run("history", "--json").stdout), "a kept configuration")
    return server


def reload(server: Server) -> dict[str, Any]:
    done = server.run("reload", "--json")
    facts: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) is facts["done"]
    return facts


def history(server: Server) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(server.run("history", "--json").stdout)
    return rows


def answer(server: Server, host: str = "a.example") -> bytes:
    with Client(server.port()) as client:
        client.send(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return client.read_response().body


def test_a_reload_tells_what_is_different(serve: Serve) -> None:
    server = serve_before(serve)
    server.write_config(AFTER)
    changes = {(one["what"], one["kind"], one["name"]): one["details"] for one in reload(server)["changes"]}
    place = f"127.0.0.1:{server.port()}"
    assert changes == {
        ("changed", "server", f"a.example on {place}"): [
            "location / changed",
            "location /gone removed",
            "location /more added",
        ],
        ("changed", "upstream", "app"): ["server 127.0.0.1:3998 added"],
        ("changed", "map", "$kind"): [],
        ("changed", "zone", "all"): [],
    }


def test_a_reload_tells_which_names_and_which_default_are_different(serve: Serve) -> None:
    server = serve_before(serve, NAMES % (" default_server", "", "www.b.example"))
    server.write_config(NAMES % ("", " default_server", "*.b.example ~^b[0-9]$"))
    place = f"127.0.0.1:{server.port()}"
    assert {one["name"]: one["details"] for one in reload(server)["changes"]} == {
        f"a.example on {place}": [f"not the default on {place} any more"],
        f"b.example on {place}": [
            "name www.b.example removed",
            "name *.b.example added",
            "name ~^b[0-9]$ added",
            f"now the default on {place}",
        ],
    }


def test_a_reload_of_the_same_says_so(serve: Serve) -> None:
    server = serve_before(serve)
    said = server.run("reload").stdout
    assert "no server, location, upstream, map, zone or address is different" in said
    assert len(history(server)) == 1


def test_an_address_that_goes_and_a_server_that_comes(serve: Serve) -> None:
    server = serve_before(serve)
    folder = server.directory / "conf.d"
    folder.mkdir()
    (folder / "b.conf").write_text(OTHER % server.port(1))
    reload(server)
    (folder / "b.conf").unlink()
    found = {(one["what"], one["kind"]) for one in reload(server)["changes"]}
    assert found == {("removed", "server"), ("removed", "listen")}


def test_ten_configurations_are_kept(serve: Serve) -> None:
    server = serve("server { listen 127.0.0.1:{port0}; return 200 0; }")
    for number in range(1, 13):
        server.write_config(f"server {{ listen 127.0.0.1:{{port0}}; return 200 {number}; }}")
        server.signal(signal.SIGHUP)
        server.wait_for_log(f"reconfigured, generation {number + 1}$")
    assert reload(server)["changes"] == []  # so the last one is kept, too
    rows = history(server)
    assert [row["number"] for row in rows] == list(range(13, 3, -1))
    assert server.run("rollback", "4").returncode == 0
    assert answer(server) == b"3"


def test_the_way_back(serve: Serve) -> None:
    server = serve_before(serve)
    (folder := server.directory / "conf.d").mkdir()
    (folder / "b.conf").write_text(OTHER % server.port())
    server.write_config(AFTER)
    reload(server)
    assert (answer(server), answer(server, "b.example")) == (b"new", b"b")
    done = server.run("rollback")
    assert done.returncode == 0, done.stderr
    assert (answer(server), answer(server, "b.example")) == (b"old", b"old")
    assert not (folder / "b.conf").exists()
    assert (folder / ".b.conf.before-rollback").read_text() == OTHER % server.port()
    assert [row["note"] for row in history(server)] == ["rollback to 1", "reload", "start"]
    assert reload(server)["changes"] == []  # the files say the same as what runs
    assert server.run("rollback", "2").returncode == 0
    assert (answer(server), answer(server, "b.example")) == (b"new", b"b")


def test_the_way_back_where_every_file_of_a_folder_is_read(serve: Serve) -> None:
    """What a rollback keeps lies there, too, and once went on serving."""
    server = serve_before(
        serve, "server { listen 127.0.0.1:{port0}; return 200 none; } include {dir}/enabled/*;"
    )
    (folder := server.directory / "enabled").mkdir()
    (folder / "b").write_text(OTHER % server.port())
    reload(server)
    assert answer(server, "b.example") == b"b"
    done = server.run("rollback", "1")
    assert done.returncode == 0, done.stderr
    assert answer(server, "b.example") == b"none"
    assert (folder / ".b.before-rollback").exists()


def test_a_file_that_only_the_newer_one_names_stays(serve: Serve) -> None:
    """It may belong to others: /etc/mime.types."""
    server = serve_before(serve, "server { listen 127.0.0.1:{port0}; return 200 one; }")
    (shared := server.directory / "shared").write_text("types { text/plain txt; }")
    server.write_config("include {dir}/shared; server { listen 127.0.0.1:{port0}; return 200 two; }")
    reload(server)
    done = server.run("rollback", "1")
    assert (done.returncode, answer(server)) == (0, b"one"), done.stderr
    assert shared.read_text() == "types { text/plain txt; }"


def test_a_rollback_that_cannot_be_changes_nothing(directory: Path) -> None:
    server = make_server(directory, "server { listen 127.0.0.1:{port0}; include {dir}/inside; }")
    inside, missing = server.directory / "inside", server.directory / "missing"
    inside.write_text("return 200 one;")
    with server:
        missing.mkdir()
        inside.write_text(f"return 200 two; access_log {missing}/log;")
        reload(server)
        inside.write_text("return 200 three;")
        reload(server)
        shutil.rmtree(missing)
        done = server.run("rollback", "2")
        assert done.returncode == 1
        assert "the files are as they were" in done.stderr
        assert answer(server) == b"three"
        assert inside.read_text() == "return 200 three;"
        assert list(server.directory.glob("inside*")) == [inside]


def test_includes_find_after_a_rollback_what_they_found_before(serve: Serve) -> None:
    """Debian's folders of links, and patterns of two depths: neither finds what the other does."""
    site = "server {{ listen 127.0.0.1:{{port0}}; server_name {name}; return 200 {word}; }}\n"

    def put(path: str, name: str, word: str) -> Path:
        made = server.directory / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(server.fill_in(site.format(name=name, word=word)))
        return made

    server = serve(
        "include {dir}/enabled/*; include {dir}/conf.d/*.conf; include {dir}/conf.d/*/*.conf;\n"
        "server { listen 127.0.0.1:{port0}; return 200 none; }"
    )
    real = put("available/a", "a.example", "a1")
    (server.directory / "enabled").mkdir()
    (server.directory / "enabled/a").symlink_to("../available/a")
    put("conf.d/b.conf", "b.example", "b1")
    put("conf.d/deep/c.conf", "c.example", "c1")
    reload(server)
    put("available/a", "a.example", "a2")
    put("enabled/d", "d.example", "d2")
    put("conf.d/deep/c.conf", "c.example", "c2")
    put("conf.d/deep/e.conf", "e.example", "e2")
    put("conf.d/.hidden.conf", "e.example", "hidden")
    names = [f"{letter}.example" for letter in "abcde"]
    reload(server)
    assert [answer(server, name) for name in names] == [b"a2", b"b1", b"c2", b"d2", b"e2"]
    done = server.run("rollback")
    assert (done.returncode, done.stderr) == (0, "")
    assert [answer(server, name) for name in names] == [b"a1", b"b1", b"c1", b"a1", b"a1"]
    assert reload(server)["changes"] == []
    assert (server.directory / "enabled/a").readlink() == Path("../available/a")
    assert "a1" in real.read_text()


def test_two_servers_with_one_prefix_have_a_past_of_their_own(serve: Serve) -> None:
    server = serve_before(serve, "server { listen 127.0.0.1:{port0}; return 200 one; }")
    other = make_server(server.directory / "other", "server { listen 127.0.0.1:{port0}; return 200 other; }")
    command = [*command_of(KIND), "-c", str(other.config_path), "-p", f"{server.directory}/"]
    assert subprocess.run([*command, "start"], env=environment()).returncode == 0
    try:
        done = server.run("rollback")
        assert done.returncode == 1
        assert "there is no earlier configuration" in done.stderr
        assert [row["configuration"] for row in history(server)] == [str(server.config_path)]
    finally:
        assert subprocess.run([*command, "stop"], env=environment()).returncode == 0


@pytest.mark.parametrize("number", ["77", "0"])
def test_a_number_that_is_not_there(serve: Serve, number: str) -> None:
    server = serve_before(serve)
    done = server.run("rollback", number)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no configuration {number}; there are: 1" in done.stderr


def test_nobody_else_reads_the_history(serve: Serve) -> None:
    server = serve_before(serve)
    folder = server.directory / "history"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_a_history_that_cannot_be_written_is_told_in_the_error_log(directory: Path) -> None:
    server = make_server(directory, BEFORE)
    (server.directory / "history").write_text("in the way")
    with server:
        server.wait_for_log(r'\[warn\] .* this configuration is not in the history: ".*" cannot be read')
