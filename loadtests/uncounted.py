"""Build proxyd once more, in build/uncounted, to count nothing: the difference is what counters cost.

python -m loadtests.uncounted
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from loadtests.servers import UNCOUNTED_TREE


def main() -> None:
    """Compile the engine with PX_UNCOUNTED, beside a copy of the Python code."""
    top = UNCOUNTED_TREE.parents[1]
    package = UNCOUNTED_TREE / "proxyd"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(top / "proxyd", package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    command = [sys.executable, "-W", "ignore", "setup.py", "-q", "build_ext"]
    command += ["--build-temp", str(UNCOUNTED_TREE / "objects"), "--build-lib", str(UNCOUNTED_TREE)]
    subprocess.run(command, cwd=top, env=os.environ | {"CFLAGS": "-DPX_UNCOUNTED"}, check=True)


if __name__ == "__main__":
    main()
