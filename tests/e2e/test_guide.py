"""The commands of the guide's chapter 14. (Its configurations are tests/conformance/cases/guide.)"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from tests.e2e.support import KIND, Serve, proxying
from tests.support.client import fetch
from tests.support.peer import Peer
from tests.support.server import Server, environment
from tests.support.waiting import wait_until

HELLO = "server { listen 127.0.0.1:{port0}; return 200 %s; }"


def shell(server: Server, line: str) -> subprocess.CompletedProcess[str]:
    """Run what an operator types, with `nginx` standing for the program and its configuration."""
    line = line.replace("nginx", shlex.join(server.command), 1)
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=server.directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def wait_for_answer(server: Server, body: bytes) -> None:
    """Wait until a reload has come into force: nginx's command does not."""
    wait_until(lambda: fetch(server.port()).body == body, f"the answer {body!r}")


def test_the_configuration_is_tested_before_it_is_reloaded(serve: Serve) -> None:
    server = serve(HELLO % "one")
    assert fetch(server.port()).body == b"one"
    good = shell(server, "nginx -t")
    assert good.returncode == 0
    assert "syntax is ok" in good.stderr and "test is successful" in good.stderr

    server.write_config((HELLO % "two").replace("}", "", 1))
    bad = shell(server, "nginx -t")
    assert bad.returncode == 1
    assert "test failed" in bad.stderr and "server.conf:" in bad.stderr
    assert fetch(server.port()).body == b"one"

    server.write_config(HELLO % "two")
    assert shell(server, "nginx -t && true").returncode == 0


def test_a_reload_is_graceful(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(proxying(), backend0=peer.address)
        assert fetch(server.port()).status == 200
        server.write_config(HELLO % "two")
        assert shell(server, "nginx -s reload").returncode == 0
        wait_for_answer(server, b"two")


def test_the_head_of_the_dumped_configuration_is_shown_and_nothing_else(serve: Serve) -> None:
    many = "\n".join(f"# a comment that makes the file longer than a pipe holds, {n}" for n in range(5000))
    server = serve((HELLO % "one") + "\n" + many)
    done = shell(server, "nginx -T 2>err | head -50")
    lines = done.stdout.splitlines()
    assert len(lines) == 50
    assert lines[0] == f"# configuration file {server.config_path}:"
    assert "Traceback" not in (server.directory / "err").read_text()
    whole = shell(server, "nginx -T 2>/dev/null").stdout
    assert whole.splitlines()[:50] == lines
    assert server.config_path.read_text() in whole


def test_debug_logging_can_be_switched_on_and_off_by_reloads(serve: Serve) -> None:
    server = serve(HELLO % "plain", log_level="warn")
    fetch(server.port())
    assert "[debug]" not in server.log()
    server.write_config(f"error_log {server.error_log} debug;\n" + HELLO % "verbose")
    assert shell(server, "nginx -s reload").returncode == 0
    wait_for_answer(server, b"verbose")
    assert server.wait_for_log(r"\[debug\]")
    server.write_config(HELLO % "quiet")
    assert shell(server, "nginx -s reload").returncode == 0
    wait_for_answer(server, b"quiet")


def test_who_listens_is_told_by_the_name_of_the_program(serve: Serve) -> None:
    """`ss -tlnp | grep NAME` shows the name that the kernel has of each process."""
    server = serve(HELLO % "one")
    assert fetch(server.port()).body == b"one"
    for pid in (server.pid, *server.children()):
        assert Path(f"/proc/{pid}/comm").read_text().strip() == KIND
