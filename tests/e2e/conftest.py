"""Fixtures of the e2e tests."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import Serve, check_it_lived_well, quit_in_order, starting

_PR_SET_THP_DISABLE = 41
# Ours and of all that we start: huge pages come when the kernel has time, and memory would seem to grow.
ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)


@pytest.fixture
def serve(directory: Path) -> Iterator[Serve]:
    """Start servers; when the test ends each must end in order, with nothing alarming in its log.

    They are told to quit, not to stop: a connection or request that was leaked would keep them from ending.
    """
    with starting(directory) as (start, servers):
        yield start
        for server in servers:
            quit_in_order(server)
    for server in servers:
        check_it_lived_well(server)
