"""Random delays in servers and actors, so that a test which passes by luck fails.

PROXYD_TEST_JITTER is the longest delay in microseconds. Without it nothing here does anything. With it,
servers get jitter.so (jitter.c, compiled at first use) through their environment, and `pause` delays clients,
peers and scripts in this process. Three more variables, all optional:

    PROXYD_TEST_JITTER_PERCENT   how many of a hundred calls are delayed (25); 0.2 is possible
    PROXYD_TEST_JITTER_SEED      another number, other delays (0)
    PROXYD_TEST_JITTER_WHERE     "servers" or "actors" (both)
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

_SOURCE = Path(__file__).with_name("jitter.c")
_LIBRARY = Path(__file__).resolve().parents[3] / "build" / "jitter" / "jitter.so"

_LONGEST = int(os.environ.get("PROXYD_TEST_JITTER") or 0) / 1e6
_PERCENT = os.environ.get("PROXYD_TEST_JITTER_PERCENT") or "25"
_SEED = os.environ.get("PROXYD_TEST_JITTER_SEED") or "0"
_WHERE = os.environ.get("PROXYD_TEST_JITTER_WHERE") or "servers actors"
_DRAWS = random.Random(f"{_SEED} {os.environ.get('PYTEST_XDIST_WORKER')}")


def environment() -> dict[str, str]:
    """What a server's environment needs beyond ours; nothing without jitter."""
    if not _LONGEST or "servers" not in _WHERE:
        return {}
    preloaded = [str(_library()), *filter(None, [os.environ.get("LD_PRELOAD")])]
    return {
        "LD_PRELOAD": ":".join(preloaded),
        "PROXYD_TEST_JITTER_PERCENT": _PERCENT,
        "PROXYD_TEST_JITTER_SEED": str(_DRAWS.getrandbits(32)),
    }


def pause() -> None:
    """Perhaps wait a little. Actors call it before each thing that the other side can see."""
    if _LONGEST and "actors" in _WHERE and _DRAWS.random() * 100 < float(_PERCENT):
        time.sleep(_DRAWS.random() * _LONGEST)


@functools.cache
def _library() -> Path:
    """jitter.so, compiled when the source is newer. Several processes may do so at once."""
    with contextlib.suppress(FileNotFoundError):
        if _LIBRARY.stat().st_mtime > _SOURCE.stat().st_mtime:
            return _LIBRARY
    _LIBRARY.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_LIBRARY.parent) as directory:
        made = Path(directory) / "jitter.so"
        compiler = os.environ.get("CC", "cc").split()
        flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared"]
        subprocess.run([*compiler, *flags, str(_SOURCE), "-o", str(made), "-ldl"], check=True)
        made.chmod(0o755)
        made.replace(_LIBRARY)
    return _LIBRARY
