#!/usr/bin/python3 -I
"""The proxyd command: runs the code of the version that is installed."""

import sys

sys.path.insert(0, "@FOLDER@")

from proxyd.cli import main  # noqa: E402

main()
