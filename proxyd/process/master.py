"""The master: starts and replaces processes, reloads, reopens, stops. Neither asyncio nor threads run in it.

One loop turns on signals, on the channels of workers, on the control socket and on deadlines. What each
of them means is decided here; how it is done is in fleet, crew, reload, keeper and control.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from proxyd.process import status
from proxyd.process.control import Client, Control, Place
from proxyd.process.fleet import IDLE_MS, Fleet
from proxyd.process.keeper import Keeper
from proxyd.process.messages import Reply, Request
from proxyd.process.notify import Notifier
from proxyd.process.reload import Outcome, Reload
from proxyd.process.reopening import Reopening
from proxyd.process.runtime import Runtime
from proxyd.process.signals import SignalQueue, describe
from proxyd.process.spawn import describe_exception
from proxyd.process.succession import Succession
from proxyd.process.worker_handle import WorkerHandle

# After the polite signal workers get so long before SIGKILL.
_STOP_SECONDS = 5.0
_MISTAKES_IN_A_ROW = 100


class Master:
    """``run`` gives the exit status of the master process."""

    def __init__(self, runtime: Runtime, queue: SignalQueue, place: Place, on_up: Callable[[], None]) -> None:
        self.runtime = runtime
        self.queue = queue
        self.fleet = Fleet(runtime, self._on_change)
        self.keeper = Keeper(runtime)
        self.control = Control(place, runtime.poller, self._on_request)
        self.reopening = Reopening(runtime, self.fleet)
        self.notifier = Notifier(runtime.poller)
        self.succession = Succession(runtime, self.fleet, self.control, self.notifier, self)
        self.reload: Reload | None = None
        self.stopping = False
        self.exit_status = 0
        self._mistakes = 0
        self._on_up: Callable[[], None] | None = on_up  # None: up
        self._asked_now: list[Client] = []  # who waits for the reload in progress
        self._asked_next: list[Client] = []  # who waits for the one after it
        self._reload_again = False
        self._note = self._note_next = ""  # why: for the history
        self._handlers: dict[int, Callable[[], None]] = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGQUIT: self.quit,
            signal.SIGHUP: self.request_reload,
            signal.SIGUSR1: self.reopening.begin,
            signal.SIGUSR2: self.succession.begin,
            signal.SIGWINCH: self._rest,
            signal.SIGCHLD: self._bury,
        }
        runtime.poller.watch(queue.fd, self._on_signals)

    # Life.

    def run(self) -> int:
        """Start everybody and look after them until told to stop."""
        self.runtime.log.notice("start worker processes")
        self.fleet.current.start()
        self.keeper.start()
        while not (self.stopping and self.fleet.gone and not self.keeper.pid):
            self._turn()
        self.fleet.close()
        if not self.succession.other_serves:
            self.notifier.ended()
        self.runtime.log.notice("exit")
        return self.exit_status

    def _turn(self) -> None:
        """One turn of the loop. A mistake of ours in one callback shall not end everything else."""
        try:
            self.runtime.poller.turn()
            self._mistakes = 0
        except Exception as error:
            self.runtime.log.alert(describe_exception(error))
            self._mistakes += 1
            if self._mistakes > _MISTAKES_IN_A_ROW:
                raise

    def _on_signals(self) -> None:
        for number in self.queue.take():
            if number != signal.SIGCHLD:
                self.runtime.log.notice(f"signal {describe(number)} received")
            self._handlers[number]()

    def _bury(self) -> None:
        """Take note of every child that has ended, strangers included: we may be process 1."""
        with suppress(ChildProcessError):
            while True:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if self.fleet.on_death(pid, wait_status) or self.keeper.on_death(pid, wait_status):
                    continue
                if self.succession.on_death(pid, wait_status):
                    continue
                if self.reload is not None:
                    self.reload.on_death(pid, wait_status)

    def _on_change(self, one: WorkerHandle) -> None:
        if self.reload is not None:
            self.reload.on_change()
        if self._on_up is not None and not self.stopping:
            self._check_start()
        elif self.fleet.current.gone and self.fleet.current.hopeless and not self.stopping:
            self._give_up("no worker process is left")
        self.reopening.on_change()

    def _check_start(self) -> None:
        refusals = self.fleet.current.refusals
        if refusals:
            self._give_up(next(iter(refusals.values())))
        elif self.fleet.current.complete and self._on_up is not None:
            self.control.place.pid_file.write()
            self._on_up()
            self._on_up = None
            self.notifier.ready(self.runtime.generation.number)
            self.notifier.watch()
            self.runtime.remember("upgrade" if self.runtime.predecessor is not None else "start")
            if self._reload_again:
                self._begin_reload()

    def _give_up(self, why: str) -> None:
        self.runtime.log.emerg(why)
        self.exit_status = 1
        self.stop()

    # Stopping.

    def stop(self) -> None:
        """Stop now: TERM."""
        self._begin_to_stop()
        self.fleet.kill(signal.SIGTERM)
        self.runtime.poller.after(_STOP_SECONDS, self._kill_all)

    def quit(self) -> None:
        """Let requests finish, then stop: QUIT."""
        self._begin_to_stop()
        timeout_ms = self.runtime.generation.plan.process.worker_shutdown_timeout
        self.fleet.drain(timeout_ms, IDLE_MS if self.succession.other_serves else 0)
        if self.succession.successor is None:
            self.runtime.openings.close_sockets()

    def come_back(self) -> None:
        """Serve again: the new master, for which we were leaving, has died."""
        self.stopping = False
        self.keeper.leaving = False
        self.fleet.revive()
        if not self.keeper.pid:
            self.keeper.start()

    @property
    def reloading(self) -> bool:
        """Whether a reload is in progress."""
        return self.reload is not None and not self.stopping

    @property
    def busy(self) -> str | None:
        """Why no new master can be started now."""
        if self.stopping:
            return "proxyd stops"
        if self._on_up is not None:
            return "proxyd is still starting"
        return "a reload is in progress" if self.reload is not None else None

    def _begin_to_stop(self) -> None:
        self.stopping = True
        self.succession.on_leaving()
        if self.reload is not None:
            self.reload.cancel("proxyd stops")
        for client in self._asked_next:
            client.reply(Reply(False, os.getpid(), ["proxyd stops"]))
        self._asked_next, self._reload_again = [], False
        self.keeper.stop()
        self.runtime.poller.after(_STOP_SECONDS, self.keeper.kill)

    def _kill_all(self) -> None:
        self.fleet.kill(signal.SIGKILL)
        self.keeper.kill()

    def _rest(self) -> None:
        """WINCH: workers finish and leave, the master stays. A terminal's change of size is no such wish."""
        allowed = self.runtime.generation.plan.process.daemon or self.succession.other_serves
        if allowed and not self.stopping:
            timeout_ms = self.runtime.generation.plan.process.worker_shutdown_timeout
            self.fleet.retire(self.fleet.current, timeout_ms)

    # Reloading.

    def request_reload(self, client: Client | None = None) -> None:
        """Reload now, or again after the reload in progress, which may have missed the last change."""
        if self.stopping:
            if client is not None:
                client.reply(Reply(False, os.getpid(), ["proxyd stops"]))
            return
        if self.succession.successor is not None:
            self._serve_beside(client)
            return
        if client is not None:
            self._asked_next.append(client)
        if self.reload is None and self._on_up is None:
            self._begin_reload()
        else:
            self._reload_again = True

    def _serve_beside(self, client: Client | None) -> None:
        """HUP to a master that has a successor: workers again, with the configuration that it has."""
        assert self.succession.successor is not None
        why = f"a new master, process {self.succession.successor.pid}, is there: nothing is read anew"
        self.runtime.log.notice(why)
        self.fleet.revive()
        if client is not None:
            client.reply(Reply(False, os.getpid(), [why]))

    def _begin_reload(self) -> None:
        self.runtime.log.notice("reconfiguring")
        self.notifier.reloading()
        self._asked_now, self._asked_next, self._reload_again = self._asked_next, [], False
        self._note, self._note_next = self._note_next, ""
        self.reload = Reload(self.runtime, self.fleet, self.control, self._on_reloaded)

    def _on_reloaded(self, outcome: Outcome) -> None:
        assert self.reload is not None
        committed, self.reload = self.reload.committed, None
        for text in outcome.warnings:
            self.runtime.log.warn(text)
        for text in [] if self.stopping else outcome.errors:
            self.runtime.log.emerg(text)
        if committed:
            self.runtime.tally.reloads += 1
            self.keeper.follow(self.runtime.generation.identity)
            self.runtime.log.notice(f"reconfigured, generation {self.runtime.generation.number}")
            self.runtime.remember(self._note or "reload")
            if self.fleet.current.hopeless:
                self.fleet.current.start()
        else:
            self.runtime.tally.reloads_failed += 1
        self.runtime.publish()
        self.notifier.ready(self.runtime.generation.number)
        for client in self._asked_now:
            number = self.runtime.generation.number
            client.reply(
                Reply(
                    outcome.done,
                    os.getpid(),
                    outcome.errors,
                    outcome.warnings,
                    generation=number,
                    changes=outcome.changes,
                )
            )
        self._asked_now = []
        if self._reload_again and not self.stopping:
            self._begin_reload()
        else:
            self.succession.on_reloaded()

    # Commands.

    def _on_request(self, request: Request, client: Client) -> None:
        match request.verb:
            case "reload":
                self.runtime.log.notice("reload requested by command")
                self._note_next = request.note or self._note_next
                self.request_reload(client)
            case "reopen":
                self.reopening.begin(client)
            case "upgrade":
                self.runtime.log.notice("upgrade requested by command")
                self.succession.begin(client)
            case "status":
                row = status.collect(self.runtime, self.fleet, self.keeper)
                client.reply(Reply(True, os.getpid(), status=row))
            case "stop" | "quit" as verb:
                client.reply(Reply(True, os.getpid()))
                self.runtime.log.notice(f"{verb} requested by command")
                (self.stop if verb == "stop" else self.quit)()
            case _:
                client.reply(Reply(False, os.getpid(), [f'there is no command "{request.verb}"']))
