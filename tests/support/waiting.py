"""Waiting for something to happen. The limit is only there so that a broken test ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

LIMIT = 60.0
"""Seconds after which a test that waits gives up. Never a measure: nothing asserts how long a wait took."""

_POLL_SECONDS = 0.003

T = TypeVar("T")


class NeverHappened(AssertionError):
    """What the test waited for did not come within the limit."""


def wait_until(
    question: Callable[[], T | None], what: str | Callable[[], str] = "the condition", limit: float = LIMIT
) -> T:
    """Ask `question` again and again until its answer is true, and return that answer.

    For things that only polling can see (a log file, /proc); inside this process use a condition variable.
    `what` names the awaited thing in the failure; a callable is asked only when the wait has failed.
    """
    pause = threading.Event()
    end = time.monotonic() + limit
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise NeverHappened(f"waited {limit} s in vain for {what() if callable(what) else what}")
        pause.wait(_POLL_SECONDS)
