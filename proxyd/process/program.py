"""How this program was started, so that it can be started again: arguments and directory."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """What exec needs."""

    arguments: tuple[str, ...]
    directory: str

    def run(self, environment: dict[str, str]) -> None:
        """Become this program; raises OSError."""
        os.chdir(self.directory)
        try:
            os.execve(self.arguments[0], self.arguments, environment)
        except OSError as error:
            text = f'execve() failed while executing new binary process "{self.arguments[0]}"'
            raise OSError(error.errno, f"{text} ({error.errno}: {error.strerror})") from error


def this_program() -> Program:
    """The command as it was typed. A script is run by its name: another version may lie there by then."""
    directory = os.getcwd()
    script = os.path.abspath(sys.argv[0])
    if _is_script(script):
        return Program((script, *sys.argv[1:]), directory)
    return Program((sys.executable, *sys.orig_argv[1:]), directory)


def _is_script(path: str) -> bool:
    """Whether the kernel can run it."""
    try:
        with open(path, "rb") as file:
            return os.access(path, os.X_OK) and file.read(2) == b"#!"
    except OSError:
        return False
