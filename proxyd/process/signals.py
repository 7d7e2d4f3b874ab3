"""Signals: queued by number, acted upon in the master's loop; blocked around fork.

A handler does nothing but note its number. The wakeup descriptor makes the loop's poll return.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

MASTER_SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGCHLD,
)
# What a fresh process should not inherit from us.
_CHANGED = (*MASTER_SIGNALS, signal.SIGALRM, signal.SIGIO)


class SignalQueue:
    """The signals that arrived, each at most once until taken."""

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._arrived: set[int] = set()

    def install(self) -> None:
        """From now on the signals of a master end here."""
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in MASTER_SIGNALS:
            signal.signal(number, self._note)
        for number in (signal.SIGPIPE, signal.SIGALRM, signal.SIGIO):
            signal.signal(number, signal.SIG_IGN)

    def take(self) -> list[int]:
        """What arrived since the last call; those that end the process come first."""
        with suppress(BlockingIOError):
            while os.read(self.fd, 4096):
                pass
        arrived: list[int] = []
        while self._arrived:
            arrived.append(self._arrived.pop())
        return sorted(arrived, key=MASTER_SIGNALS.index)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._arrived.add(signal.Signals(number))


@contextmanager
def blocked() -> Iterator[None]:
    """No signal is delivered inside. A child that forks off in here calls ``reset_in_child`` first."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def reset_in_child() -> None:
    """Undo, in a new child, what the parent set up. Signals stay blocked until ``unblock``."""
    signal.set_wakeup_fd(-1)
    for number in _CHANGED:
        signal.signal(number, signal.SIG_DFL)


def block() -> None:
    """Deliver none any more."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def unblock() -> None:
    """Deliver signals again."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def describe(number: int) -> str:
    """``15 (SIGTERM)``, as nginx's log has it."""
    try:
        return f"{int(number)} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)
