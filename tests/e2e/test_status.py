"""`proxyd status` on a terminal; what else it shows is in test_command_line.py."""

from __future__ import annotations

import os
import subprocess

from tests.e2e.support import Serve, proxyd_only
from tests.support.client import fetch
from tests.support.server import Server, environment

pytestmark = proxyd_only("nginx has no such command")

APP = (
    "upstream app { server 127.0.0.1:{port1}; server 127.0.0.1:{port2} backup; }\n"
    "server { listen 127.0.0.1:{port0}; location / { proxy_pass http://app; } }\n"
)


def on_terminal(server: Server, *arguments: str, columns: int) -> list[str]:
    """What a command shows on a terminal of so many columns."""
    terminal, inside = os.openpty()
    size = {"COLUMNS": str(columns), "LINES": "24"}
    command = subprocess.Popen(
        [*server.command, *arguments], cwd=server.directory, env={**environment(), **size}, stdout=inside
    )
    os.close(inside)
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:
        pass  # EIO: nobody has the other end any more
    finally:
        os.close(terminal)
    assert command.wait() == 0
    return shown.decode().replace("\r\n", "\n").splitlines()


def test_on_a_terminal_it_is_no_wider_than_that(serve: Serve) -> None:
    server = serve(APP)
    fetch(server.port())
    piped = server.run("status").stdout.splitlines()
    peers = next(line for line in piped if line.startswith("upstream "))
    assert "p50" in peers
    shown = on_terminal(server, "status", columns=60)
    tables = shown[shown.index("") :]  # above them stand paths, which nothing breaks
    assert max(map(len, tables)) <= 60
    assert peers not in shown
    assert "(no room for " in "".join(tables)
    assert peers in on_terminal(server, "status", columns=200)
