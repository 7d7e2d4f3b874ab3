"""What a worker's process is given, as far as it can be seen without one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from proxyd.config.plan import CpuAffinity
from proxyd.process.surroundings import set_environment


@pytest.fixture
def environment() -> Iterator[None]:
    """The environment, put back at the end."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
    time.tzset()


@pytest.mark.usefixtures("environment")
def test_only_what_env_names_stays() -> None:
    os.environ.update(KEPT="1", DROPPED="2", TZ="UTC")
    set_environment(["KEPT", "MADE=a=b", "EMPTY=", "NEVER_SET"])
    assert dict(os.environ) == {"TZ": "UTC", "KEPT": "1", "MADE": "a=b", "EMPTY": ""}
    set_environment(["TZ=Asia/Tokyo"])
    assert dict(os.environ) == {"TZ": "Asia/Tokyo"}
    assert time.strftime("%z") == "+0900"


def test_the_last_mask_is_for_all_others() -> None:
    masks = CpuAffinity(auto=False, masks=[[0], [1, 2]])
    assert [masks.of(worker, [0, 1, 2]) for worker in range(4)] == [[0], [1, 2], [1, 2], [1, 2]]


def test_auto_goes_round() -> None:
    assert [CpuAffinity(auto=True, masks=[]).of(w, [3, 5]) for w in range(3)] == [[3], [5], [3]]
    assert [CpuAffinity(auto=True, masks=[[1, 4]]).of(w, [0, 1, 4]) for w in range(3)] == [[1], [4], [1]]
    assert CpuAffinity(auto=True, masks=[[]]).of(0, [0]) == []
