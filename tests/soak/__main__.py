"""`python -m tests.soak reload|crash|upgrade|stores|big|limits|slow|all [--json] [--scale N]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from tests.soak import big, crash, limits, reload, slow, stores, upgrade
from tests.soak.table import Row, as_json, as_table

RUNS: dict[str, list[Callable[[float], list[Row]]]] = {
    "reload": [reload.run],
    "crash": [crash.run, stores.run],
    "stores": [stores.run],
    "big": [big.run],
    "upgrade": [upgrade.run],
    "limits": [limits.run],
    "slow": [slow.run],
    "all": [reload.run, crash.run, stores.run, big.run, upgrade.run, limits.run, slow.run],
}


def main() -> int:
    """Run, show, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("run", choices=RUNS)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of it, 1 is all")
    given = parser.parse_args()
    rows = [row for run in RUNS[given.run] for row in run(given.scale)]
    print(as_json(rows) if given.json else as_table(rows))
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
