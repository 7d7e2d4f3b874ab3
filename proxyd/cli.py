"""The command line: options in, one call, an exit status.

The commands of proxyd and the flags of nginx do the same things; `proxyd` alone starts, like `nginx` alone.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from proxyd import about
from proxyd.process import commands
from proxyd.process.options import Options

EXIT_STATUS = """\b
Exit status:
  0  it is done: started and serving, reloaded in every worker, ended, valid
  1  it is not, and nothing has changed; the reasons are on stderr
  2  the command line was wrong
"""


@dataclass
class Given:
    """-c, -p, -g, -e as they were typed; before the command or behind it."""

    conf: str | None = None
    prefix: str | None = None
    directives: tuple[str, ...] = ()
    error_log: str | None = None

    def over(self, outer: Given) -> Given:
        """This, and where it says nothing the outer one."""
        return Given(
            self.conf or outer.conf,
            self.prefix or outer.prefix,
            outer.directives + self.directives,
            self.error_log or outer.error_log,
        )

    def options(self) -> Options:
        """The paths resolved."""
        typed = (os.path.abspath(sys.argv[0]), *sys.argv[1:])
        return Options.of(self.conf, self.prefix, self.directives, self.error_log, typed)


# For completion; what is wrong with a path is said by whoever opens it.
_FILE = click.Path(readable=False)
_FOLDER = click.Path(readable=False, file_okay=False)


def where(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command has."""
    for option in (
        click.option(
            "-e",
            "error_log",
            metavar="FILE",
            type=_FILE,
            help="Error log where the configuration names none.",
        ),
        click.option("-g", "directives", metavar="DIRECTIVES", multiple=True, help="Main directives to add."),
        click.option(
            "-p", "prefix", metavar="PREFIX", type=_FOLDER, help="Directory that relative paths start from."
        ),
        click.option("-c", "conf", metavar="FILE", type=_FILE, help="Configuration file."),
    ):
        function = option(function)
    return function


_HELP = {"help_option_names": ["-h", "-?", "--help"]}


@click.group(invoke_without_command=True, context_settings=_HELP, epilog=EXIT_STATUS)
@click.option("-t", "test", is_flag=True, help="Test the configuration and exit.")
@click.option("-T", "dump", is_flag=True, help="Test the configuration, print it and exit.")
@click.option("-q", "quiet", is_flag=True, help="With -t: only say what is wrong.")
@click.option("-v", "version", is_flag=True, help="Show the version and exit.")
@click.option("-V", "build", is_flag=True, help="Show version and build and exit.")
@click.option(
    "-s",
    "signal_name",
    type=click.Choice(["stop", "quit", "reload", "reopen"]),
    help="Tell the master. stop and quit do not wait; the commands of these names do.",
)
@where
@click.pass_context
def proxyd(
    context: click.Context,
    /,
    test: bool,
    dump: bool,
    quiet: bool,
    version: bool,
    build: bool,
    signal_name: str | None,
    **given: Any,
) -> None:
    """A reverse proxy that reads nginx.conf. Without a command it starts."""
    context.obj = Given(**given)
    if context.invoked_subcommand is not None:
        return
    if version and not build:
        click.echo(about.version_line_of(sys.argv[0]), err=True)
    if build:
        _show_build()
    if test or dump:
        _test(context.obj, quiet=quiet, dump=dump)
    elif version or build:
        return
    elif signal_name is not None:
        _exit(lambda: _signal(context.obj.options(), signal_name))
    else:
        _start(context.obj)


def _show_build() -> None:
    from proxyd import _engine

    click.echo("\n".join(about.build_lines(_engine.version())), err=True)


def _signal(options: Options, name: str) -> int:
    if name == "reload":
        return commands.reload(options)
    return commands.reopen_or_signal(options) if name == "reopen" else commands.send_signal(options, name)


def _start(given: Given) -> None:
    from proxyd.process.start import start

    _exit(lambda: start(given.options()))


def _test(given: Given, *, quiet: bool = False, dump: bool = False) -> None:
    from proxyd.process.testing import test

    _exit(lambda: test(given.options(), quiet=quiet, dump=dump))


def _exit(call: Callable[[], int]) -> None:
    try:
        status = call()
    except (commands.NotRunning, OSError) as error:
        status = commands.fail(error)
    sys.exit(status)


def command(function: Callable[..., None]) -> click.Command:
    """A subcommand; it gets the options as one Given."""

    @click.pass_context
    def call(context: click.Context, /, **options: Any) -> None:
        names = ("conf", "prefix", "directives", "error_log")
        given = Given(**{name: options.pop(name) for name in names}).over(context.obj)
        function(given, **options)

    call.__doc__ = function.__doc__
    call.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    name = function.__name__.rstrip("_")
    return proxyd.command(name, context_settings=_HELP, epilog=EXIT_STATUS)(where(call))


@command
def start(given: Given) -> None:
    """Start proxyd. Returns when proxyd serves (daemon on), or when it has ended (daemon off)."""
    _start(given)


@command
def stop(given: Given) -> None:
    """End now, and wait for the end. Requests are cut off."""
    _exit(lambda: commands.end(given.options(), "stop"))


@command
@click.option("--within", type=click.FloatRange(min=0), metavar="SECONDS", help="Cut off what runs then.")
def quit_(given: Given, within: float | None) -> None:
    """End when the requests that run are finished, and wait for that."""
    _exit(lambda: commands.end(given.options(), "quit", within))


@command
@click.option("-q", "quiet", is_flag=True, help="Only say what is wrong.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def reload(given: Given, quiet: bool, as_json: bool) -> None:
    """Take over a changed configuration. Returns when every worker uses it, or says why none does.

    Shows what is different: servers, locations, upstreams, maps, zones, addresses.
    """
    _exit(lambda: commands.reload(given.options(), quiet=quiet, as_json=as_json))


@command
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def history(given: Given, as_json: bool) -> None:
    """List the last ten configurations that ran, the newest first."""
    from proxyd.process import rollback as past

    _exit(lambda: past.show_history(given.options(), as_json=as_json))


@command
@click.argument("number", type=int, required=False)
def rollback(given: Given, number: int | None) -> None:
    """Return to a configuration of the history: number NUMBER, or the one before the newest.

    Puts its files back and reloads. What it replaces is kept as .FILE.before-rollback; if the reload fails,
    all is put back as it was.
    """
    from proxyd.process import rollback as past

    _exit(lambda: past.rollback(given.options(), number))


@command
def reopen(given: Given) -> None:
    """Open the logs anew, after a rotation. Returns when the old files are written no more."""
    _exit(lambda: commands.reopen(given.options()))


@command
def upgrade(given: Given) -> None:
    """Take over a changed program. A new proxyd starts beside the old one, on the same sockets. Returns
    when it serves, and the old one finishes its requests and leaves; or says why not, and the old one goes
    on.
    """
    _exit(lambda: commands.upgrade(given.options()))


@command
@click.option("--json", "as_json", is_flag=True, help="As JSON, with everything.")
@click.option("--all", "everything", is_flag=True, help="Every server and peer, however many there are.")
def status(given: Given, as_json: bool, everything: bool) -> None:
    """Show processes, connections, servers, peers, and what was counted."""
    _exit(lambda: commands.status(given.options(), as_json=as_json, everything=everything))


@command
@click.option("-q", "quiet", is_flag=True, help="Only say what is wrong.")
def test(given: Given, quiet: bool) -> None:
    """Test the configuration."""
    _test(given, quiet=quiet)


@command
def dump(given: Given) -> None:
    """Test the configuration and print it, with all files that it includes."""
    _test(given, dump=True)


@command
def version(given: Given) -> None:
    """Show version and build."""
    _show_build()


def _open_standard_descriptors() -> None:
    """Who starts us may have closed them. What is opened next must not take their numbers."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def main() -> None:
    """The entry point. A reader that goes away (`proxyd -T | head`) ends us quietly."""
    _open_standard_descriptors()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    proxyd(prog_name="proxyd")
