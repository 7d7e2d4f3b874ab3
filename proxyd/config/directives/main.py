"""Processes and events: what stands outside of http."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Sequence

from proxyd.config.directive import EVENTS, MAIN, Directive
from proxyd.config.network import Networks
from proxyd.config.places import DEFAULT_PID
from proxyd.config.shapes import Duration, Flag, Invalid, Number, OneArgument, Scope, Shape, Text


class Block(Shape):
    """No arguments, a block."""


class WorkerProcesses(OneArgument):
    """A number, or auto: one per processor."""

    type = int
    hint = "a number from 1, or auto"

    def value(self, text: str, scope: Scope) -> int:
        if text == "auto":
            return max(1, scope.cpus)
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= 1024:
            raise self.wrong(text, scope)
        return int(text)

    def describe(self) -> str:
        return "number | auto"


class User(Shape):
    """A user and a group that exist."""

    least = 1
    most = 2
    hint = "a user of this machine, and optionally a group"

    def read(self, args: Sequence[str], scope: Scope) -> tuple[str, str | None] | None:
        """None: ignored, because the master is not root."""
        if not scope.root:
            scope.warn(
                'the "user" directive makes sense only if the master process runs with super-user '
                "privileges, ignored"
            )
            return None
        try:
            pwd.getpwnam(args[0])
        except (KeyError, ValueError):
            raise Invalid(f'getpwnam("{args[0]}") failed', "there is no such user") from None
        try:
            grp.getgrnam(args[-1])
        except (KeyError, ValueError):
            hint = "there is no such group" + ("; the user's name is tried" if len(args) == 1 else "")
            raise Invalid(f'getgrnam("{args[-1]}") failed', hint, len(args) - 1) from None
        return args[0], args[1] if len(args) == 2 else None

    def describe(self) -> str:
        return "user [group]"


class EventMethod(OneArgument):
    """The name of an event method; only one exists here."""

    hint = "proxyd runs on epoll"

    def value(self, text: str, scope: Scope) -> str:
        if text != "epoll":
            raise Invalid(f'invalid event type "{text}"', self.hint)
        return text

    def describe(self) -> str:
        return "epoll"


DIRECTIVES = (
    Directive(
        "user",
        MAIN,
        User(),
        "The user, and the group, that workers run as when the master is root.",
        default_note="nobody",
    ),
    Directive(
        "worker_processes",
        MAIN,
        WorkerProcesses(),
        "Number of workers; auto: one per processor.",
        default="1",
    ),
    Directive(
        "worker_rlimit_nofile",
        MAIN,
        Number(),
        "Open files that a worker may have (RLIMIT_NOFILE).",
        default_note="what the system gives",
    ),
    Directive(
        "worker_shutdown_timeout",
        MAIN,
        Duration(),
        "How long connections of an old generation or of a leaving worker may go on; 0: as long as they "
        "like.",
        default="0",
    ),
    Directive(
        "pid",
        MAIN,
        Text("file"),
        "The file that holds the process id of the master.",
        default=DEFAULT_PID,
    ),
    Directive(
        "daemon",
        MAIN,
        Flag(),
        "Whether the master detaches from the terminal.",
        default="on",
    ),
    Directive(
        "events", MAIN, Block(), "Holds the directives about connections. It must be there.", block=True
    ),
    Directive("http", MAIN, Block(), "Holds the servers, and what they have in common.", block=True),
    Directive(
        "worker_connections",
        EVENTS,
        Number(),
        "Connections that one worker may have, those to upstreams included.",
        default="512",
    ),
    Directive(
        "multi_accept",
        EVENTS,
        Flag(),
        "Whether a worker takes all waiting connections at once.",
        default="off",
    ),
    Directive(
        "debug_connection",
        EVENTS,
        Networks(),
        "Clients whose requests are told in the error log step by step, whatever its level.",
        repeats=True,
    ),
    Directive(
        "use",
        EVENTS,
        EventMethod(),
        "The event method.",
        default="epoll",
        nothing="There is one method on Linux that is worth having.",
    ),
    Directive(
        "accept_mutex",
        EVENTS,
        Flag(),
        "Whether workers take turns in accepting.",
        default="off",
        nothing="The kernel wakes one worker per connection (EPOLLEXCLUSIVE), so turns are not needed.",
    ),
    Directive(
        "accept_mutex_delay",
        EVENTS,
        Duration(),
        "How long a worker waits for its turn.",
        default="500ms",
        nothing="Workers take no turns.",
    ),
    Directive(
        "epoll_events",
        EVENTS,
        Number(),
        "How many events one system call fetches.",
        default="512",
        nothing="The loop has a fixed number that suits it.",
    ),
    Directive(
        "worker_aio_requests",
        EVENTS,
        Number(),
        "Asynchronous reads of files that may run at once.",
        default="32",
        nothing="No files are read asynchronously.",
    ),
    Directive(
        "timer_resolution",
        MAIN,
        Duration(),
        "How often the clock is read.",
        nothing="The clock is read once per turn of the loop.",
    ),
    Directive(
        "lock_file",
        MAIN,
        Text("file"),
        "A file for locks of accept_mutex.",
        nothing="Workers take no turns, and locks live in shared memory.",
    ),
    Directive(
        "pcre_jit",
        MAIN,
        Flag(),
        "Whether regular expressions are compiled to machine code.",
        nothing="They always are.",
    ),
)
