"""What is generated is committed, and fresh."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_generated_files_match_their_declarations() -> None:
    run = subprocess.run(
        [sys.executable, "cextensions/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
