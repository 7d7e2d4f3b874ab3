"""A worker: the Engine, asyncio around it, and a channel on which the master says what to serve.

It does what it is told, in the order in which it is told, and answers. When the channel ends, the master
is dead: the worker stops accepting, finishes what runs, and leaves, so that a new master can have the
addresses.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from proxyd import _engine
from proxyd.config.plan import Process
from proxyd.process import channel, messages, privileges, signals, surroundings
from proxyd.process.channel import ChannelError, close_all, read_memfd
from proxyd.process.errorlog import ErrorLog, Sink, make_sinks
from proxyd.process.loop import new_event_loop
from proxyd.process.privileges import Identity
from proxyd.process.spawn import EXIT_BOOT_FAILED, EXIT_CRASHED, describe_exception
from proxyd.process.title import set_title

_DRAINED_CHECK_SECONDS = 0.05
_BUSY = ("connections", "requests", "tunnels")


@dataclass(frozen=True)
class Arguments:
    """What a worker inherits from the master."""

    index: int
    channel: socket.socket
    ledgers_fd: int
    peers_fd: int
    sinks: list[Sink]
    owns_stderr: bool
    identity: Identity | None
    process: Process


def run(arguments: Arguments) -> None:
    """Be a worker until told to leave, in a new child."""
    set_title("proxyd: worker process")
    log = ErrorLog(arguments.sinks, owns_stderr=arguments.owns_stderr)
    try:
        problem = privileges.limit_descriptors(arguments.process.worker_rlimit_nofile)
        if problem is not None:
            log.alert(problem)
        surroundings.prepare(arguments.process, arguments.index, log)
        privileges.become(arguments.identity, net_raw=arguments.process.transparent)
        surroundings.enter(arguments.process)
        engine = _engine.Engine(arguments.index, arguments.ledgers_fd, arguments.peers_fd)
        close_all([arguments.ledgers_fd, arguments.peers_fd])  # mapped; see make() of shared/segments.py
    except (_engine.EngineError, OSError, ValueError) as error:
        _fail(arguments.channel, f"worker {arguments.index} could not start: {error}")
    Worker(arguments.channel, log, engine).run()


def _fail(end: socket.socket, why: str) -> NoReturn:
    """Let the master say it, who may have a terminal to say it on."""
    channel.send(end, messages.encode(messages.Failed(why)))
    raise SystemExit(EXIT_BOOT_FAILED)


class Worker:
    """The Python side of a worker."""

    def __init__(self, end: socket.socket, log: ErrorLog, engine: _engine.Engine) -> None:
        self.engine = engine
        self.channel = end
        self.log = log
        self.loop = new_event_loop(engine)
        self.loop.set_exception_handler(self._on_mistake)
        self.draining = False
        self.exit_status = 0
        self._fds: dict[str, int] = {}  # by key: what the master sent, sockets only until the engine has them
        self._engine_number: dict[
            int, int
        ] = {}  # of prepared and active generations: the engine's own number
        self._prepared: dict[int, messages.Prepare] = {}  # of the same: what the master said about them
        self._active: messages.Prepare | None = None
        self._inherited = log.fds  # logs of the master, until there are our own

    def run(self) -> None:
        """Serve until told to leave."""
        self.channel.setblocking(False)
        self.loop.add_reader(self.channel.fileno(), self._on_readable)
        self.loop.add_signal_handler(signal.SIGTERM, self.leave)
        self.loop.add_signal_handler(signal.SIGQUIT, self._drain_as_configured)
        # A terminal sends these to the whole group; the master tells its workers what to do about them.
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGWINCH, signal.SIGUSR1, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signals.unblock()
        try:
            self.loop.run_forever()
        finally:
            self.engine.close()
        if self.exit_status:
            raise SystemExit(self.exit_status)

    def _on_mistake(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback raised what nobody expected: the state is unknown, a successor does better."""
        error = context.get("exception")
        self.log.alert(describe_exception(error) if error is not None else str(context.get("message")))
        if error is not None:
            self.exit_status = EXIT_CRASHED
            self.leave()

    def leave(self) -> None:
        """Stop now, whatever runs."""
        self.loop.stop()

    def _drain_as_configured(self) -> None:
        """Nobody says how long it may take: worker_shutdown_timeout does."""
        self.drain(self._active.shutdown_timeout_ms if self._active is not None else 0)

    def drain(self, timeout_ms: int, idle_ms: int = 0) -> None:
        """Finish what runs, then leave."""
        if not self.draining:
            self.draining = True
            self.log.notice("gracefully shutting down")
            set_title("proxyd: worker process is shutting down")
            self.engine.drain(timeout_ms, idle_ms)
            self._forget_sockets()  # a socket with one descriptor left would still take connections
            self._leave_when_drained()

    def _leave_when_drained(self) -> None:
        live = self.engine.live()
        if any(live.get(what) for what in _BUSY):
            self.loop.call_later(_DRAINED_CHECK_SECONDS, self._leave_when_drained)
        else:
            self.leave()

    # What the master says.

    def _on_readable(self) -> None:
        try:
            payload, fds = channel.receive(
                self.channel, channel.LONGEST_TO_WORKER, descriptors=channel.DESCRIPTORS_AT_ONCE
            )
        except BlockingIOError:
            return
        except ChannelError as error:
            self._on_master_gone(error)
            return
        try:
            self._do(messages.decode_to_worker(payload), fds)
        except msgspec.DecodeError as error:
            close_all(fds)
            self.log.alert(f"the master sent nonsense: {error}")

    def _on_master_gone(self, error: ChannelError) -> None:
        self.loop.remove_reader(self.channel.fileno())
        self.log.alert(f"the master process is gone ({error})")
        self._drain_as_configured()

    def _do(self, message: messages.ToWorker, fds: list[int]) -> None:
        match message:
            case messages.Descriptors(keys):
                self._keep(keys, fds)
            case messages.Prepare():
                self._prepare(message, fds[0])
                close_all(fds)
            case messages.Activate(generation):
                self._activate(generation)
            case messages.Discard(generation):
                self._discard(generation)
            case messages.Forget(keys):
                self._forget(keys)
            case messages.Reopen(serial, keys):
                self._reopen(serial, keys)
            case messages.Drain(timeout_ms, idle_ms):
                self.drain(timeout_ms, idle_ms)

    def _keep(self, keys: list[str], fds: list[int]) -> None:
        replaced = [self._fds[key] for key in keys if key in self._fds]
        self._fds.update(zip(keys, fds, strict=True))
        self._use_log()  # before they are closed: their numbers may soon be a client's
        close_all(replaced)

    def _forget(self, keys: list[str]) -> None:
        forgotten = [self._fds.pop(key) for key in keys if key in self._fds]
        self._use_log()
        close_all(forgotten)

    def _forget_sockets(self) -> None:
        self._forget([key for key in self._fds if key.startswith("listen:")])

    def _prepare(self, message: messages.Prepare, plan_fd: int) -> None:
        try:
            number = self.engine.prepare(read_memfd(plan_fd), self._fds)
        except _engine.EngineError as error:
            self._answer(messages.Refused(message.generation, str(error)))
            return
        self._engine_number[message.generation] = number
        self._prepared[message.generation] = message
        self._answer(messages.Ready(message.generation))

    def _activate(self, generation: int) -> None:
        self.engine.activate(self._engine_number[generation])
        self._forget_sockets()  # the engine has them, and finds them by key for the next generation
        self._engine_number = {generation: self._engine_number[generation]}
        self._active = self._prepared[generation]
        self._prepared = {generation: self._active}
        self._use_log()
        self._answer(messages.Active(generation))

    def _discard(self, generation: int) -> None:
        if generation in self._engine_number:
            self.engine.discard(self._engine_number.pop(generation))
            del self._prepared[generation]

    def _reopen(self, serial: int, keys: list[str]) -> None:
        self.engine.reopen({key: self._fds[key] for key in keys})
        self._answer(messages.Reopened(serial))

    def _use_log(self) -> None:
        """Write our own messages where the active generation says."""
        if self._active is not None:
            self.log.use(make_sinks(self._active.error_logs, self._fds))
            close_all(self._inherited)
            self._inherited = []

    def _answer(self, message: messages.ToMaster) -> None:
        try:
            channel.send(self.channel, messages.encode(message))
        except (BlockingIOError, ChannelError) as error:
            self.log.alert(f"the master did not take an answer: {error}")
