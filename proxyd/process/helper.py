"""The helper: one unprivileged asyncio process for services that must not run in a worker. None yet.

Its death stops no traffic; the master starts it again (keeper.py). When the master dies, so does the helper.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from dataclasses import dataclass

from proxyd.process import privileges, signals
from proxyd.process.channel import close_all
from proxyd.process.errorlog import ErrorLog
from proxyd.process.privileges import Identity
from proxyd.process.spawn import BootError
from proxyd.process.title import set_title


@dataclass(frozen=True)
class Arguments:
    """What the helper inherits from the master."""

    channel: socket.socket
    identity: Identity | None
    log: ErrorLog


def run(arguments: Arguments) -> None:
    """Be the helper until told to leave. Called in a new child."""
    set_title("proxyd: helper process")
    try:
        privileges.become(arguments.identity)
    except OSError as error:
        raise BootError(f"the helper could not start: {error}") from error
    _let_go_of_logs(arguments.log)
    asyncio.run(_serve(arguments.channel))


def _let_go_of_logs(log: ErrorLog) -> None:
    """Nobody tells us when logs are reopened; files that were rotated away must not stay open."""
    close_all(log.fds)
    if log.owns_stderr:
        os.dup2(1, 2)  # /dev/null
    log.use([])


async def _serve(channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    channel.setblocking(False)
    loop.add_reader(channel.fileno(), done.set)  # the master says nothing yet: this is its end
    for number in (signal.SIGTERM, signal.SIGQUIT):
        loop.add_signal_handler(number, done.set)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGWINCH, signal.SIGUSR1, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signals.unblock()
    await done.wait()
    signals.block()  # asyncio takes its handlers back on the way out
