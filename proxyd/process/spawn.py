"""Forking: what every child does first, whoever it is going to be."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable

from proxyd.process import signals

# Exit codes of children; the master acts on them.
EXIT_OK = 0
EXIT_CRASHED = 2  # an exception that nobody expected
EXIT_BOOT_FAILED = 3  # it could not start to work: starting another is likely to fail too


class BootError(Exception):
    """A child cannot start to work; the text says why."""


def spawn(run: Callable[[], None], keep: Iterable[int], complain: Callable[[str], None]) -> int:
    """Fork a child that calls ``run`` and ends; gives its pid.

    The child starts with signals blocked and default handlers, and with no descriptor but 0, 1, 2 and
    those of ``keep``. Objects of the master that it inherits stay referenced by the frames below, so that
    none of them closes a descriptor number which means something else by then.
    """
    with signals.blocked():
        pid = os.fork()
        if pid == 0:
            _live(run, keep, complain)
    return pid


def _live(run: Callable[[], None], keep: Iterable[int], complain: Callable[[str], None]) -> None:
    code = EXIT_CRASHED
    try:
        signals.reset_in_child()
        close_others({0, 1, 2, *keep})
        run()
        code = EXIT_OK
    except BootError as error:
        complain(str(error))
        code = EXIT_BOOT_FAILED
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else EXIT_CRASHED
    except BaseException as error:
        complain(describe_exception(error))
    finally:
        os._exit(code)


def describe_exception(error: BaseException) -> str:
    """An exception that nobody expected and the last calls before it, in one line for the error log."""
    calls = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"{call.name} ({os.path.basename(call.filename)}:{call.lineno})" for call in reversed(calls)]
    return f"unexpected {type(error).__name__}: {error}; in {' < '.join(places)}"


def close_others(keep: set[int]) -> None:
    """Close every descriptor that is not to be kept."""
    low = 0
    for fd in sorted(keep):
        if fd > low:
            os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, _highest())


def _highest() -> int:
    try:
        return max(int(name) for name in os.listdir("/proc/self/fd")) + 1
    except (OSError, ValueError):
        return min(os.sysconf("SC_OPEN_MAX"), sys.maxsize)
