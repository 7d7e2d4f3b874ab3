"""The commands that talk to a running master: each is one function that gives an exit status.

0: it is done. 1: it is not, and stderr says why. Nothing here imports the compiler: a reload is waited for.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import sys
import time

import msgspec

from proxyd.process import channel, control, files, messages, report, table
from proxyd.process.channel import ChannelError
from proxyd.process.errorlog import EMERG, ERROR, WARN, show
from proxyd.process.messages import Reply
from proxyd.process.options import Options
from proxyd.process.pidfile import find_pid_path

_BURIAL_SECONDS = 2.0
_SIGNALS = {"stop": signal.SIGTERM, "quit": signal.SIGQUIT, "reopen": signal.SIGUSR1}


class NotRunning(Exception):
    """No proxyd to talk to; the text says how that was found."""


def reload(options: Options, *, note: str = "", quiet: bool = True, as_json: bool = False) -> int:
    """Let the master reload, and wait for the outcome; tell what changed, unless quiet."""
    began = time.monotonic()
    reply = _ask(options, "reload", note)
    seconds = time.monotonic() - began
    if as_json:
        _print(json.dumps(report.reload_facts(reply, seconds), indent=2).encode() + b"\n")
        return 0 if reply.done else 1
    status = _tell(reply)
    if status == 0 and not quiet:
        _print(report.reload_text(reply, seconds).encode() + b"\n")
    return status


def reopen(options: Options) -> int:
    """Let the master reopen its logs, and wait until every worker uses the new files."""
    return _tell(_ask(options, "reopen"))


def reopen_or_signal(options: Options) -> int:
    """nginx's -s reopen: the same; where the master cannot be asked, a signal to it as nginx's."""
    try:
        return reopen(options)
    except NotRunning:
        return send_signal(options, "reopen")


def upgrade(options: Options) -> int:
    """Let a new master take over, and wait until it serves or has failed."""
    return _tell(_ask(options, "upgrade"))


def end(options: Options, verb: str, within: float | None = None) -> int:
    """stop or quit: let the master end, and wait for that; after so many seconds it shall stop."""
    with _connect(options) as connection:
        pid, _ = control.peer_of(connection)
        process = os.pidfd_open(pid)
        status = _tell(_exchange(connection, verb))
    if status == 0:
        ended, _, _ = select.select([process], [], [], within)  # readable once the process has ended
        if not ended:
            signal.pidfd_send_signal(process, signal.SIGTERM)
            select.select([process], [], [])
        _wait_for_burial(pid)
    os.close(process)
    return status


def _wait_for_burial(pid: int) -> None:
    """Wait a moment for the parent to take note: until then `kill -0` still finds the pid."""
    give_up = time.monotonic() + _BURIAL_SECONDS
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < give_up:
        time.sleep(0.01)


def status(options: Options, *, as_json: bool = False, everything: bool = False) -> int:
    """Show what the master knows."""
    reply = _ask(options, "status")
    if reply.status is None:
        return _tell(reply)
    if as_json:
        text = json.dumps(reply.status, indent=2)
    else:
        text = table.render(reply.status, everything=everything, width=_terminal_width())
    _print(text.encode() + b"\n")
    return 0


def _terminal_width() -> int | None:
    """None: somebody else reads it, a file or a program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def send_signal(options: Options, verb: str) -> int:
    """nginx's -s stop and quit: a signal to the pid of the pid file; does not wait."""
    path = find_pid_path(options)
    try:
        text = files.read_pid_text(path)
    except OSError as error:
        raise NotRunning(f'open() "{path}" failed ({error.errno}: {error.strerror})') from error
    if not files.is_pid(text):
        raise NotRunning(f'invalid PID number "{text}" in "{path}"')
    if files.is_another_program(int(text)):
        raise NotRunning(f'"{path}" names process {text}, which is no proxyd')
    number = _SIGNALS[verb]
    try:
        os.kill(int(text), number)
    except OSError as error:
        raise NotRunning(f"kill({text}, {int(number)}) failed ({error.errno}: {error.strerror})") from error
    return 0


def _connect(options: Options) -> socket.socket:
    path = find_pid_path(options)
    try:
        return control.connect(path)
    except PermissionError as error:
        raise NotRunning(f'"{control.socket_path(path)}" is not for this user: {error.strerror}') from error
    except OSError as error:
        raise NotRunning(f"proxyd is not running ({_what_is_found(path, error)})") from error


def _what_is_found(path: str, error: OSError) -> str:
    """Why nobody is to be found by this pid file."""
    try:
        text = files.read_pid_text(path)
    except OSError as missing:
        return f'open() "{path}" failed ({missing.errno}: {missing.strerror})'
    if not files.is_pid(text):
        return f'invalid PID number "{text}" in "{path}"'
    return f'"{path}" names process {text}, which does not answer: {error.strerror}'


def _ask(options: Options, verb: str, note: str = "") -> Reply:
    with _connect(options) as connection:
        return _exchange(connection, verb, note)


def _exchange(connection: socket.socket, verb: str, note: str = "") -> Reply:
    """Send a request and wait for its reply, however long that takes (the master bounds it)."""
    try:
        channel.send(connection, messages.encode(messages.Request(verb, note)))
        _, fds = channel.receive(connection, 16, descriptors=1)
        if not fds:
            raise ChannelError("no reply came along")
        reply = messages.decode_reply(channel.read_memfd(fds[0]))
        channel.close_all(fds)
    except (ChannelError, msgspec.DecodeError) as error:
        raise NotRunning(f"proxyd ended, or hung up, before it answered: {error}") from error
    return reply


def _tell(reply: Reply) -> int:
    for text in reply.warnings:
        show(WARN, text)
    for text in reply.errors:
        show(EMERG, text)
    return 0 if reply.done else 1


def fail(error: Exception) -> int:
    """Say why a command could not even begin."""
    if isinstance(error, OSError) and error.filename:
        show(ERROR, f'open() "{error.filename}" failed ({error.errno}: {error.strerror})')
    else:
        show(ERROR, str(error))
    return 1


def _print(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
