"""Show a case to a person, record what nginx does, or list the deliberate differences.

python -m tests.conformance                            all differences, their reasons and cases
python -m tests.conformance location/nested            both servers and where they differ
python -m tests.conformance --only nginx location/     one server, all cases of a theme
python -m tests.conformance --record location/nested   write nginx's transcript into the case file
"""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap

from tests.conformance.case import Case, all_cases, load
from tests.conformance.differences import reasons
from tests.conformance.run import run
from tests.support.server import Kind


def main() -> int:
    """Exit status 0: everything as expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("cases", nargs="*", metavar="CASE", help="theme/name, or the beginning of names")
    parser.add_argument("--only", choices=("nginx", "proxyd"), help="run one server")
    parser.add_argument("--record", action="store_true", help="write what nginx does into the case file")
    options = parser.parse_args()
    if not options.cases:
        list_differences()
        return 0
    cases = [case for case in map(load, all_cases()) if case.name.startswith(tuple(options.cases))]
    if not cases:
        parser.error("no such case")
    if options.record:
        return 0 if all([record(case) for case in cases]) else 1
    kinds: list[Kind] = [options.only] if options.only else ["nginx", "proxyd"]
    return 0 if all([show(case, kinds) for case in cases]) else 1


def list_differences() -> None:
    """Print the one list: every reason, and the cases that show what it means."""
    cases = [load(path) for path in all_cases()]
    for name, reason in reasons().items():
        shown = [case.name for case in cases if any(differs.reason == name for differs in case.differs)]
        print(f"{name}\n\n{textwrap.indent(reason, '    ')}\n\n    See {', '.join(shown)}\n")
    same = sum(not case.differs for case in cases)
    print(f"In {same} of {len(cases)} cases there is no difference.")


def record(case: Case) -> bool:
    """Replace the recorded transcript; false when a second run says something else."""
    seen = run(case, "nginx")
    again = run(case, "nginx")
    if seen != again:
        print(f"NOT deterministic: {case.name}")
        print(*difflib.unified_diff(seen, again, "first", "second", lineterm=""), sep="\n")
        return False
    head = case.path.read_text().split("\n=== nginx\n")[0].rstrip("\n")
    case.path.write_text("\n".join([head, "", "=== nginx", *seen, ""]))
    print(f"--- {case.name}: {case.about}", *seen, "", sep="\n")
    return True


def show(case: Case, kinds: list[Kind]) -> bool:
    """Print what each server does; true when all is as expected."""
    print(f"=== {case.name}\n{case.about}\n")
    good = True
    for kind in kinds:
        seen = run(case, kind)
        expected = case.expected() if kind == "proxyd" else case.recorded
        print(f"--- {kind}", *seen, "", sep="\n")
        if seen != expected:
            good = False
            print(*difflib.unified_diff(expected, seen, "expected", kind, lineterm=""), "", sep="\n")
    for differs in case.differs:
        print(f"deliberate: {differs.reason}: {reasons()[differs.reason]}\n")
    print("as expected\n" if good else "NOT as expected\n")
    return good


if __name__ == "__main__":
    sys.exit(main())
