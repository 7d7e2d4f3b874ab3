"""The master's loop, without its matter: descriptors with callbacks, and deadlines.

poll(2) and not epoll: there are a few dozen descriptors, and an epoll instance would be shared with every
child.
"""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable

Callback = Callable[[], None]


class Deadline:
    """A callback at a time; can be cancelled."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callback) -> None:
        self.when = when
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """It shall not happen (no harm when it already has)."""
        self.callback = None


class Poller:
    """Waits for descriptors and deadlines, calls back."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._deadlines: list[tuple[float, int, Deadline]] = []
        self._order = itertools.count()

    def watch(self, fd: int, reader: Callback | None, writer: Callback | None = None) -> None:
        """Call reader when fd has something to read (or broke), writer when it takes more."""
        self.forget(fd)
        if reader is not None:
            self._readers[fd] = reader
        if writer is not None:
            self._writers[fd] = writer
        self._poll.register(fd, (select.POLLIN if reader else 0) | (select.POLLOUT if writer else 0))

    def forget(self, fd: int) -> None:
        """Watch it no more; before it is closed."""
        if self._readers.pop(fd, None) is not None or self._writers.pop(fd, None) is not None:
            self._writers.pop(fd, None)
            self._poll.unregister(fd)

    def after(self, seconds: float, callback: Callback) -> Deadline:
        """Call back once, so many seconds from now."""
        deadline = Deadline(time.monotonic() + seconds, callback)
        heapq.heappush(self._deadlines, (deadline.when, next(self._order), deadline))
        return deadline

    def turn(self, longest: float | None = None) -> None:
        """Wait for the next thing to do and do it."""
        for fd, event in self._poll.poll(self._timeout_ms(longest)):
            if event & ~select.POLLOUT and (reader := self._readers.get(fd)):
                reader()
            if event & select.POLLOUT and (writer := self._writers.get(fd)):
                writer()
        self._run_due()

    def _timeout_ms(self, longest: float | None) -> float | None:
        self._drop_cancelled()
        wait = longest
        if self._deadlines:
            due = max(0.0, self._deadlines[0][0] - time.monotonic())
            wait = due if wait is None else min(wait, due)
        return None if wait is None else wait * 1000 + 1

    def _drop_cancelled(self) -> None:
        while self._deadlines and self._deadlines[0][2].callback is None:
            heapq.heappop(self._deadlines)

    def _run_due(self) -> None:
        while self._deadlines and self._deadlines[0][0] <= time.monotonic():
            _, _, deadline = heapq.heappop(self._deadlines)
            callback, deadline.callback = deadline.callback, None
            if callback is not None:
                callback()
