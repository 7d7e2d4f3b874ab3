"""The commands that test a configuration: -t, -T and their names."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import suppress

from proxyd.config.plan import Plan
from proxyd.process import directories, files, sockets
from proxyd.process.compiling import compile_fully
from proxyd.process.errorlog import EMERG, WARN, show
from proxyd.process.options import Options
from proxyd.process.sockets import OpenError


def test(options: Options, *, quiet: bool = False, dump: bool = False) -> int:
    """-t and -T: compile, look for what a start would stumble over, say what is wrong."""
    result, sources = compile_fully(options, test=True)
    for text in result.warnings:
        show(WARN, text)
    for text in result.errors:
        show(EMERG, text)
    obstacles = list(_obstacles(result.plan)) if result.plan is not None else []
    if not result.errors and not quiet:
        _say(f"the configuration file {options.conf} syntax is ok")
    for text in obstacles:
        show(EMERG, text)
    if result.errors or obstacles:
        _say(f"configuration file {options.conf} test failed")
        return 1
    if not quiet:
        _say(f"configuration file {options.conf} test is successful")
    if dump:
        for source in sources:
            sys.stdout.buffer.write(
                b"# configuration file %s:\n%s\n" % (os.fsencode(source.path), source.content)
            )
        sys.stdout.buffer.flush()
    return 0


def _obstacles(plan: Plan) -> Iterator[str]:
    """Why a start would fail, as far as that can be seen beside a proxyd that runs: logs are opened, nothing
    else is made.
    """
    directory = os.path.dirname(plan.process.pid)
    if not os.path.isdir(directory):
        yield f'open() "{plan.process.pid}" failed ({errno.ENOENT}: {os.strerror(errno.ENOENT)})'
    yield from directories.check(plan.directories)
    for file in plan.files:
        try:
            os.close(files.open_log(file))
        except OpenError as error:
            yield str(error)
    for spec in plan.sockets:
        try:
            sockets.check(spec)
        except OpenError as error:
            yield str(error)


def _say(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"proxyd: {text}\n")
        sys.stderr.flush()
