"""What a worker's process is given: processors, priority, limits, directory, environment. And the words of
nginx about its own build: modules and threads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from proxyd.config.directive import MAIN, Directive
from proxyd.config.plan import CpuAffinity
from proxyd.config.shapes import Choice, Flag, Invalid, OneArgument, Scope, Shape, Size, Text
from proxyd.config.units import parse_number

_MOST_CPUS = 1024  # of a cpu_set_t


class Affinity(Shape):
    """Masks of processors, one for each worker, or auto and one mask of those that may be used."""

    least = 1
    most = None
    type = CpuAffinity
    hint = "masks such as 0001 0010, processor 0 on the right; or auto, and one mask"

    def read(self, args: Sequence[str], scope: Scope) -> CpuAffinity:
        auto = args[0] == "auto"
        if auto and len(args) > 2:
            raise Invalid(f'invalid number of arguments in "{scope.name}" directive', self.hint, 2)
        masks = [
            self._mask(text, place, scope) for place, text in enumerate(args) if not (auto and place == 0)
        ]
        return CpuAffinity(auto=auto, masks=masks)

    def _mask(self, text: str, place: int, scope: Scope) -> list[int]:
        wrong = text.strip("01")
        if wrong:
            raise Invalid(f'invalid character "{wrong[0]}" in "{scope.name}"', self.hint, place)
        if len(text) > _MOST_CPUS:
            said = f'"{scope.name}" supports up to {_MOST_CPUS} CPUs only'
            raise Invalid(said, "the machine has fewer", place)
        return [number for number, digit in enumerate(reversed(text)) if digit == "1"]

    def describe(self) -> str:
        return "mask ... | auto [mask]"


class Priority(OneArgument):
    """A nice value."""

    type = int
    hint = "-20, the first to be served, to 20"

    def value(self, text: str, scope: Scope) -> int:
        number = parse_number(text.removeprefix("-"))
        if number is None or number > 2**31:
            raise Invalid(f'"{scope.name}" directive invalid number "{text}"', self.hint)
        return -number if text.startswith("-") else number

    def describe(self) -> str:
        return "number"


class Variable(OneArgument):
    """NAME, or NAME=value."""

    hint = "NAME, or NAME=value"

    def value(self, text: str, scope: Scope) -> str:
        if "\0" in text or text.startswith("="):
            raise Invalid(f'invalid variable "{text}"', self.hint)
        return text

    def describe(self) -> str:
        return "variable[=value]"


class Module(OneArgument):
    """The file of a module of nginx. Nothing is loaded: what it does is there already, or is not."""

    hint = "proxyd has no modules to load"

    def value(self, text: str, scope: Scope) -> str:
        name = text.rpartition("/")[2].removesuffix(".so")
        if not _is_built_in(name):
            raise Invalid(
                f'module "{name}" cannot be loaded from "{text}"', "proxyd does not have what it does"
            )
        return text

    def describe(self) -> str:
        return "file"


def _is_built_in(name: str) -> bool:
    """Whether the directives of this module of nginx work here."""
    from proxyd.config.status import nginx_directives  # which knows all declarations, this one among them

    wanted = name.removeprefix("ngx_")
    lines = [line for line in nginx_directives() if line.module in (wanted, wanted.removesuffix("_module"))]
    return bool(lines) and all(line.status() != "refused" for line in lines)


class Threads(Shape):
    """A name, and how many threads."""

    least = 2
    most = 3
    hint = "a name, threads=NUMBER, and optionally max_queue=NUMBER"

    def read(self, args: Sequence[str], scope: Scope) -> bool:
        for place, text in enumerate(args[1:], 1):
            matched = re.fullmatch(r"(threads|max_queue)=(.*)", text)
            if matched is None:
                raise Invalid(f'invalid parameter "{text}"', self.hint, place)
            number = parse_number(matched[2])
            if number is None or (matched[1] == "threads" and number == 0):
                raise Invalid(f'invalid {matched[1]} value "{text}"', self.hint, place)
        if not any(text.startswith("threads=") for text in args[1:]):
            raise Invalid(f'"{scope.name}" must have "threads" parameter', self.hint, 0)
        return True

    def describe(self) -> str:
        return "name threads=number [max_queue=number]"


DIRECTIVES = (
    Directive(
        "worker_cpu_affinity",
        MAIN,
        Affinity(),
        "The processors that each worker may run on: a mask for each, the last one for all others; `auto` "
        "binds each worker to one, of those of the mask.",
        default_note="all processors",
    ),
    Directive(
        "worker_priority",
        MAIN,
        Priority(),
        "The scheduling priority of workers, as nice(1) counts: negative is more.",
        default="0",
    ),
    Directive(
        "worker_rlimit_core",
        MAIN,
        Size(giga=True),
        "The largest core file of a worker (RLIMIT_CORE). Given, workers may dump core after they have "
        "become another user.",
        default_note="what the system gives",
    ),
    Directive(
        "working_directory",
        MAIN,
        Text("directory"),
        "The working directory of workers, where core files are written.",
        default_note="that of the master",
    ),
    Directive(
        "env",
        MAIN,
        Variable(),
        "A variable that stays in the environment of workers, or is set there. All others are taken out, but "
        "for TZ. What is set here is set for a new program, too (`proxyd upgrade`).",
        default="TZ",
        repeats=True,
    ),
    Directive(
        "master_process",
        MAIN,
        Flag(),
        "`off`: one worker, whatever worker_processes says, for debugging. A master is there nevertheless: "
        "it alone opens sockets and logs.",
        default="on",
    ),
    Directive(
        "load_module",
        MAIN,
        Module(),
        "A module of nginx. Those whose directives all work here are accepted, others are refused.",
        repeats=True,
        nothing="What works is built in.",
    ),
    Directive(
        "thread_pool",
        MAIN,
        Threads(),
        "Threads that read files.",
        default="default threads=32 max_queue=65536",
        repeats=True,
        nothing="Files are read by the worker itself, without threads.",
    ),
    Directive(
        "debug_points",
        MAIN,
        Choice({"stop": 1, "abort": 2}),
        "What happens when nginx finds a mistake of its own.",
        nothing="A mistake ends the worker with a report in the error log, and another one takes its place.",
    ),
)
