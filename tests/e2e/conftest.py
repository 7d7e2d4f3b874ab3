"""Fixtures of the e2e tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import Serve, check_it_lived_well, make_server, quit_in_order
from tests.support.server import Server


@pytest.fixture
def serve(directory: Path) -> Iterator[Serve]:
    """Start servers; when the test ends each must end in order, with nothing alarming in its log.

    They are told to quit, not to stop: a connection or request that was leaked would keep them from ending.
    """
    servers: list[Server] = []
    with ExitStack() as stack:

        def start(http: str, **arguments: Any) -> Server:
            server = make_server(directory / f"server{len(servers)}", http, **arguments)
            servers.append(server)
            stack.enter_context(server)
            return server

        yield start
        for server in servers:
            quit_in_order(server)
    for server in servers:
        check_it_lived_well(server)
