"""The command `proxyd` with a double of the C engine, for tests/unit/test_process_*.py."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2])]

from tests.unit import fake_engine  # noqa: E402

sys.modules["proxyd._engine"] = fake_engine

from proxyd.cli import main  # noqa: E402

if __name__ == "__main__":
    if "PROXYD_FAKE_ORPHAN" in os.environ:
        ctypes.CDLL(None).prctl(
            36, 1, 0, 0, 0
        )  # PR_SET_CHILD_SUBREAPER: orphans become ours, as with process 1
    main()
