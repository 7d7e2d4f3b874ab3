"""The manual pages, from the declarations: `docs/manual.py FOLDER` writes proxyd.8 and proxyd.conf.5."""

from __future__ import annotations

import inspect
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from proxyd import __version__, cli
from proxyd.config.directive import Directive
from proxyd.config.directives import THEMES
from proxyd.config.reference import TITLES
from proxyd.config.variables import VARIABLES

_FILES = (
    ("/etc/proxyd/proxyd.conf", "The configuration; see proxyd.conf(5)."),
    ("/etc/proxyd/conf.d/*.conf", "One file per site."),
    ("/run/proxyd/proxyd.pid", "The master's process id; beside it the socket that commands use."),
    ("/var/log/proxyd/", "Logs."),
    ("/var/lib/proxyd/", "Temporary files, and the last ten configurations that ran."),
)

_EXAMPLE = """\
server {
    listen 80;
    server_name app.example.com;
    location / {
        proxy_pass http://127.0.0.1:3000;
        proxy_set_header Host $host;
    }
}"""

_SIGNALS = (
    ("HUP", "Take over a changed configuration."),
    ("USR1", "Open the logs anew."),
    ("USR2", "Start the program that is installed now beside this one, on the same sockets."),
    ("WINCH", "Let the workers finish and leave; the master stays."),
    ("QUIT", "Let requests finish, then end."),
    ("TERM, INT", "End now."),
)


def proxyd_8() -> str:
    """The manual page of the command."""
    return "\n".join([*_head("PROXYD", 8), *_command_page()]) + "\n"


def proxyd_conf_5() -> str:
    """The manual page of the configuration file."""
    return "\n".join([*_head("PROXYD.CONF", 5), *_configuration_page()]) + "\n"


def _head(name: str, section: int) -> Iterator[str]:
    # The day of the package's changelog, where it is a package that is built.
    day = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    yield f'.TH {name} {section} "{day}" "proxyd {__version__}" "proxyd"'


def _command_page() -> Iterator[str]:
    yield from (".SH NAME", "proxyd \\- reverse proxy that reads nginx.conf as it is")
    yield ".SH SYNOPSIS"
    yield from _synopsis(
        "[-c FILE] [-p PREFIX] [-g DIRECTIVES] [-e FILE] [COMMAND]",
        "-t | -T [-q]",
        "-v | -V",
        "-s stop | quit | reload | reopen",
    )
    yield from (".SH DESCRIPTION", _text(cli.proxyd.help or ""))
    yield ".SH OPTIONS"
    yield from _options(cli.proxyd)
    yield ".SH COMMANDS"
    yield from _commands()
    yield ".SH SIGNALS"
    for signal, meaning in _SIGNALS:
        yield from _item(signal, meaning)
    yield from (".SH EXIT STATUS", ".nf", _text(_exit_status()), ".fi")
    yield ".SH FILES"
    for path, meaning in _FILES:
        yield from _item(path, meaning)
    yield from (".SH SEE ALSO", ".BR proxyd.conf (5)")


def _synopsis(*forms: str) -> Iterator[str]:
    for form in forms[:-1]:
        yield from (".B proxyd", _text(form), ".br")
    yield from (".B proxyd", _text(forms[-1]))


def _commands() -> Iterator[str]:
    commands = sorted(cli.proxyd.commands.items())
    common = set.intersection(*({option.name for option in command.params} for _, command in commands))
    for name, command in commands:
        arguments = [f" [{p.human_readable_name}]" for p in command.params if isinstance(p, click.Argument)]
        yield from _item(f"proxyd {name}{''.join(arguments)}", command.help or "")
        own = [option for option in command.params if option.name not in common]
        for option in own:
            if isinstance(option, click.Option):
                yield from (".RS", *_item(", ".join(option.opts) + _value(option), option.help or ""), ".RE")


def _options(command: click.Command) -> Iterator[str]:
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            yield from _item(", ".join(option.opts) + _value(option), option.help or "")


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " " + " | ".join(str(choice) for choice in option.type.choices)
    return f" {option.metavar}"


def _exit_status() -> str:
    return cli.EXIT_STATUS.replace("\b", "").replace("Exit status:", "").strip("\n")


def _configuration_page() -> Iterator[str]:
    yield from (".SH NAME", "proxyd.conf \\- configuration of proxyd")
    yield ".SH DESCRIPTION"
    yield _text(
        "The language is nginx's: statements end with a semicolon, blocks stand in braces, a # begins a "
        "comment. Sizes take k, m and, where they are of bodies, g. Times take ms, s, m, h, d, w, M, y, also "
        "several; a number alone is seconds. A directive that a block does not have is taken from the block "
        "around it. "
        "`include FILE;` puts the statements of other files in its place; FILE may be a pattern. "
        "proxyd -t checks a configuration and reports every mistake in it."
    )
    yield from (".SH EXAMPLE", ".nf", _text(_EXAMPLE), ".fi")
    for theme, module in THEMES.items():
        yield f".SH {_text(TITLES[theme]).upper()}"
        for directive in module.DIRECTIVES:
            yield from _directive(directive)
    yield ".SH VARIABLES"
    for variable in sorted(VARIABLES, key=lambda variable: variable.name):
        yield from _item(f"${variable.name}" + ("name" if variable.prefix else ""), variable.doc)
    yield from (".SH SEE ALSO", ".BR proxyd (8)")


def _directive(directive: Directive) -> Iterator[str]:
    syntax = f"{directive.name} {directive.shape.describe()}".rstrip() + (
        " { ... }" if directive.block else ";"
    )
    default = directive.default if directive.default is not None else directive.default_note
    facts = [f"Default: {default}."] if default else []
    facts.append(f"Context: {directive.contexts.words()}.")
    if directive.nothing:
        facts.append(f"Accepted, with nothing to do: {directive.nothing}")
    yield from (*_item(syntax, directive.doc), ".br", _text(" ".join(facts)))


def _item(term: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{_text(term)}\\fR", _text(meaning))


def _text(text: str) -> str:
    """Plain text for roff: backslashes, hyphens and lines that begin with a control character are guarded."""
    plain = re.sub(r"`([^`]*)`", r"\1", inspect.cleandoc(text).replace("\\", "\\e")).replace("-", "\\-")
    return "\n".join(_line(line) for line in plain.split("\n"))


def _line(line: str) -> str:
    if not line:
        return ".sp"
    return "\\&" + line if line.startswith((".", "'")) else line


def main(folder: Path) -> None:
    """Write both."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "proxyd.8").write_text(proxyd_8())
    (folder / "proxyd.conf.5").write_text(proxyd_conf_5())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
