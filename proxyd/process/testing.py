"""The commands that test a configuration: -t, -T and their names."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from proxyd.process import files
from proxyd.process.compiling import compile_fully
from proxyd.process.errorlog import EMERG, WARN, show
from proxyd.process.options import Options
from proxyd.process.sockets import OpenError


def test(options: Options, *, quiet: bool = False, dump: bool = False) -> int:
    """-t and -T: compile, try to open the logs, say what is wrong."""
    result, sources = compile_fully(options, test=True)
    errors = list(result.errors)
    for file in result.plan.files if result.plan is not None else ():
        try:
            os.close(files.open_log(file))
        except OpenError as error:
            errors.append(str(error))
    for text in result.warnings:
        show(WARN, text)
    for text in errors:
        show(EMERG, text)
    if result.plan is not None and not quiet:
        _say(f"the configuration file {options.conf} syntax is ok")
    if errors:
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


def _say(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"proxyd: {text}\n")
        sys.stderr.flush()
