"""Compiling as a whole: what is shared, what a change changes, and what the caller decides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxyd.config.compile import Compiled, compile_file
from proxyd.config.plan import EnginePlan, Listen, Plan, Root, Server


def compiled(directory: Path, text: str, **options: Any) -> Compiled:
    """Compile a text."""
    path = directory / "proxyd.conf"
    path.write_text(text)
    options = {"prefix": "/p", "resolve": lambda host, port: [], "cpus": 2, "root": True, **options}
    return compile_file(str(path), **options)


def plan_of(directory: Path, text: str, **options: Any) -> Plan:
    """The Plan of a text that is in order."""
    result = compiled(directory, text, **options)
    assert result.plan is not None, [str(found) for found in result.diagnostics]
    return result.plan


def objects(plan: Plan) -> dict[bytes, str]:
    """Kind of each object by digest."""
    engine = msgspec.msgpack.decode(plan.engine, type=EnginePlan)
    return {found.digest: found.kind for found in engine.objects}


def bodies(plan: Plan, kind: Any) -> list[Any]:
    """All objects of a kind."""
    engine = msgspec.msgpack.decode(plan.engine, type=EnginePlan)
    return [
        msgspec.msgpack.decode(found.body, type=kind)
        for found in engine.objects
        if found.kind == kind.__name__
    ]


def servers(count: int, changed: int = -1) -> str:
    """Many servers with ten locations each, of which some set something."""
    text = ["events {} http { access_log off;"]
    for number in range(count):
        timeout = 7 if number == changed else 5
        text.append(f"server {{ listen 8480; server_name s{number}; proxy_read_timeout 9s;")
        text += [f"location /{place} {{ proxy_pass http://127.0.0.1:3000; }}" for place in range(8)]
        text.append(
            f"location /a {{ proxy_read_timeout {timeout}s; }} location /b {{ proxy_read_timeout 5s; }} }}"
        )
    return "\n".join([*text, "}"])


def test_locations_that_set_nothing_or_the_same_share_their_settings(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, servers(100))
    assert list(objects(plan).values()).count("Settings") == 2
    for server in bodies(plan, Server):
        assert all(location.settings == server.settings for location in server.locations[:8])
        assert server.locations[8].settings == server.locations[9].settings != server.settings


def test_a_change_of_one_server_changes_what_leads_to_it_and_no_more(tmp_path: Path) -> None:
    before, after = (objects(plan_of(tmp_path, servers(50, changed))) for changed in (-1, 20))
    new = sorted(kind for digest, kind in after.items() if digest not in before)
    assert new == ["Listen", "Root", "Server", "Settings"]


def test_an_object_comes_after_all_that_it_refers_to(tmp_path: Path) -> None:
    text = """events {} http {
        map $x $y { a $z; } map $host $z { b c; } map $z $x { d e; }
        upstream u { server 10.0.0.1; }
        server { listen 8480; add_header A $y; location / { proxy_pass http://u; } }
    }"""
    engine = msgspec.msgpack.decode(plan_of(tmp_path, text).engine, type=EnginePlan)
    seen: set[bytes] = set()
    known = {found.digest for found in engine.objects}
    for found in engine.objects:
        for digest in known - seen - {found.digest}:
            assert digest not in found.body
        seen.add(found.digest)
    assert engine.objects[-1].kind == "Root"


def test_compiling_again_gives_the_same_bytes(tmp_path: Path) -> None:
    assert plan_of(tmp_path, servers(5)) == plan_of(tmp_path, servers(5))


def test_g_directives_come_before_the_file(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "events {}", overrides="daemon off; worker_processes 7;")
    assert not plan.process.daemon
    assert plan.process.worker_processes == 7
    result = compiled(tmp_path, "daemon on;\nevents {}", overrides="daemon off;")
    assert [str(found) for found in result.diagnostics] == [
        f'proxyd: [emerg] "daemon" directive is duplicate (it is in command line:1 already) '
        f"in {tmp_path}/proxyd.conf:1:1"
    ]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ("http {}", "block directives are not supported in -g option in command line:1:1"),
        (
            "daemon off",
            'unexpected end of parameter, expecting ";" (";" is missing after "off") in command line:1:1',
        ),
        ("demon off;", 'unknown directive "demon", did you mean "daemon"? in command line:1:1'),
    ],
)
def test_g_directives_are_checked(tmp_path: Path, overrides: str, said: str) -> None:
    result = compiled(tmp_path, "events {}", overrides=overrides)
    assert result.plan is None
    assert said in [str(found).removeprefix("proxyd: [emerg] ") for found in result.diagnostics]


def test_e_names_the_log_of_a_file_that_names_none(tmp_path: Path) -> None:
    assert plan_of(tmp_path, "events {}").process.error_log == "/p/logs/error.log"
    assert plan_of(tmp_path, "events {}", error_log="stderr").process.error_log == "stderr"
    assert plan_of(tmp_path, "events {}", error_log="x").process.error_log == "/p/x"
    plan = plan_of(tmp_path, "error_log y debug; events {}", error_log="x")
    assert (plan.process.error_log, plan.process.error_level) == ("/p/y", 8)


def test_without_root_the_default_port_is_8000_and_user_is_ignored(tmp_path: Path) -> None:
    result = compiled(tmp_path, "user nobody; events {} http { server {} }", root=False)
    assert result.plan is not None
    assert [socket.key for socket in result.plan.sockets] == ["listen:0.0.0.0:8000"]
    assert result.plan.process.user is None
    assert [found.level for found in result.diagnostics] == ["warn"]
    assert plan_of(tmp_path, "events {} http { server {} }").sockets[0].port == 80


def test_a_host_is_looked_up_once(tmp_path: Path) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[tuple[int, bytes]]:
        asked.append((host, port))
        return [(4, b"\x0a\0\0\1"), (6, bytes(15) + b"\1")]

    text = """events {} http {
        upstream u { server app:3000; }
        server { location /1 { proxy_pass http://app:3000; } location /2 { proxy_pass http://APP:3000; } }
    }"""
    plan = plan_of(tmp_path, text, resolve=resolve)
    assert asked == [("app", 3000)]
    assert plan.process.peers == 5  # and one for the server


def test_a_resolver_that_fails_is_a_host_not_found(tmp_path: Path) -> None:
    def resolve(host: str, port: int) -> list[tuple[int, bytes]]:
        raise OSError("no such name")

    result = compiled(tmp_path, "events {} http { upstream u { server app; } }", resolve=resolve)
    assert 'host not found in upstream "app"' in str(result.diagnostics[0])


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    result = compile_file(str(tmp_path / "none"), prefix="/p", resolve=lambda host, port: [], cpus=1)
    assert result.plan is None
    assert str(result.diagnostics[0]).endswith('none" failed (2: No such file or directory)')


def test_all_files_that_were_read_are_told_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.inc").write_text("# b")
    (tmp_path / "a.inc").write_text("# a")
    result = compiled(tmp_path, "include *.inc; events {} include a.inc;")
    assert [Path(source.path).name for source in result.files] == ["proxyd.conf", "a.inc", "b.inc"]
    assert result.files[1].content == b"# a"


def test_slots_and_buffers_are_counted(tmp_path: Path) -> None:
    text = """events {} http {
        access_log a combined buffer=16k;
        server { listen 8480; server_name ~^(?<one>.)(?<two>.)$; location ~ (?<one>x) { return 200 $two; } }
        server { listen 8481; access_log b combined buffer=1m; access_log a combined buffer=16k; }
    }"""
    plan = plan_of(tmp_path, text)
    assert bodies(plan, Root)[0].slots == 2
    assert plan.process.log_buffer_bytes == 16 * 1024 + 1024 * 1024


def test_names_are_in_lower_case_and_sorted_by_how_they_are_looked_for(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "events {} http { server { listen 8480; server_name A.B *.C.d .E f.*; } }")
    (address,) = bodies(plan, Listen)[0].addresses
    assert [name.name for name in address.exact] == [b"a.b", b"e"]
    assert [name.name for name in address.heads] == [b".c.d", b".e"]
    assert [name.name for name in address.tails] == [b"f."]


def test_the_module_prints_a_plan_or_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    command = [sys.executable, "-m", "proxyd.config", str(path)]
    path.write_text("events {}")
    good = subprocess.run(command, capture_output=True, text=True)
    assert good.returncode == 0 and '"worker_connections": 512' in good.stdout
    path.write_text("evnts {}")
    bad = subprocess.run(command, capture_output=True, text=True)
    assert bad.returncode == 1 and bad.stdout == ""
    assert f'unknown directive "evnts", did you mean "events"? in {path}:1:1' in bad.stderr
