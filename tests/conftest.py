"""Fixtures that every test may use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

_outcome = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test itself failed, for `directory`."""
    report = yield
    item.stash[_outcome] = item.stash.get(_outcome, False) or report.failed
    return report


@pytest.fixture
def directory(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A fresh directory that an unprivileged worker can enter, which pytest's tmp_path forbids.

    Removed afterwards, unless the test failed: then its path is printed, for the logs in it.
    """
    path = Path(tempfile.mkdtemp(prefix="proxyd-test-"))
    path.chmod(0o755)
    yield path
    if request.node.stash.get(_outcome, False):
        print(f"\nwhat the servers left: {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)
