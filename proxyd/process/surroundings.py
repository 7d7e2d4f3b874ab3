"""What a worker's process is given: priority, core files, processors; directory and environment.

The first three while it still has the master's privileges; what cannot be given is told and done without, as
nginx does. A directory that cannot be entered ends the worker: core files would go elsewhere.
"""

from __future__ import annotations

import ctypes
import os
import resource
import time
from contextlib import suppress

from proxyd.config.plan import Process
from proxyd.process.errorlog import ErrorLog

_PR_SET_DUMPABLE = 4


def prepare(process: Process, worker: int, log: ErrorLog) -> None:
    """Before privileges are given up."""
    if process.priority:
        try:
            os.setpriority(os.PRIO_PROCESS, 0, process.priority)
        except OSError as error:
            log.alert(f"setpriority({process.priority}) failed ({error.errno}: {error.strerror})")
    if process.rlimit_core is not None:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (process.rlimit_core, process.rlimit_core))
        except (OSError, ValueError) as error:
            log.alert(f"setrlimit(RLIMIT_CORE, {process.rlimit_core}) failed: {error}")
    _bind_to_processors(process, worker, log)


def _bind_to_processors(process: Process, worker: int, log: ErrorLog) -> None:
    if process.cpu_affinity is None:
        return
    wanted = process.cpu_affinity.of(worker, sorted(os.sched_getaffinity(0)))
    if not wanted:
        return
    for number in wanted:
        log.notice(f"sched_setaffinity(): using cpu #{number}")
    try:
        os.sched_setaffinity(0, wanted)
    except OSError as error:
        log.alert(f"sched_setaffinity() failed ({error.errno}: {error.strerror})")


def enter(process: Process) -> None:
    """As the user that the worker is; raises OSError."""
    if process.rlimit_core is not None:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    if process.working_directory is not None:
        try:
            os.chdir(process.working_directory)
        except OSError as error:
            said = f'chdir("{process.working_directory}") failed ({error.errno}: {error.strerror})'
            raise OSError(said) from error
    set_environment(process.env)


def set_environment(entries: list[str]) -> None:
    """Keep what ``env`` names, and TZ; set what it sets."""
    kept: dict[str, str] = {}
    for name, equals, value in (entry.partition("=") for entry in ["TZ", *entries]):
        if equals:
            kept[name] = value
        elif name in os.environ:
            kept[name] = os.environ[name]
    os.environ.clear()
    os.environ.update(kept)
    time.tzset()
