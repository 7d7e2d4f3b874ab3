"""python -m proxyd.config FILE: compile a configuration, and print the Plan or what is wrong."""

from __future__ import annotations

import json
import os
import socket
import sys

from proxyd.config.compile import compile_file
from proxyd.config.dump import readable


def look_up(host: str, port: int) -> list[tuple[int, bytes]]:
    """Ask the system's resolver."""
    found = []
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        number = {socket.AF_INET: 4, socket.AF_INET6: 6}.get(family)
        if number is not None:
            found.append((number, socket.inet_pton(family, str(address[0]))))
    return found


def main(arguments: list[str]) -> int:
    """Exit status 1 if anything is wrong."""
    if len(arguments) != 1:
        print("usage: python -m proxyd.config FILE", file=sys.stderr)
        return 2
    compiled = compile_file(
        arguments[0], prefix=os.getcwd(), resolve=look_up, cpus=os.cpu_count() or 1, root=os.geteuid() == 0
    )
    for diagnostic in compiled.diagnostics:
        print(diagnostic, file=sys.stderr)
    if compiled.plan is None:
        return 1
    print(json.dumps(readable(compiled.plan), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
