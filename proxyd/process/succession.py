"""Two masters at once: the rules by which one takes the place of the other, which are nginx's.

USR2 starts a new master; both serve. QUIT (or WINCH, then QUIT) to the old one completes the change; QUIT
to the new one undoes it, and HUP to the old one brings back workers that WINCH sent away. `proxyd upgrade`
does all of it: once the new master serves the old one leaves, and should the new one die meanwhile, the old
one comes back.
"""

from __future__ import annotations

import os
from typing import Protocol

from proxyd.process.control import Client, Control
from proxyd.process.fleet import Fleet
from proxyd.process.messages import Reply
from proxyd.process.notify import Notifier
from proxyd.process.runtime import Runtime
from proxyd.process.upgrade import Upgrade

# nginx's words for a signal that comes too early.
_TWO_ALREADY = "you should shutdown or terminate before either old or new binary's process"


class Ruler(Protocol):
    """What is asked of the master."""

    stopping: bool

    @property
    def busy(self) -> str | None:
        """Why no new master can be started now."""

    @property
    def reloading(self) -> bool:
        """Whether a reload is in progress."""

    def quit(self) -> None:
        """Leave, when the requests that run are finished."""

    def come_back(self) -> None:
        """Serve again."""


class Succession:
    """The master before this one, and the one after it."""

    def __init__(
        self, runtime: Runtime, fleet: Fleet, control: Control, notifier: Notifier, ruler: Ruler
    ) -> None:
        self.runtime = runtime
        self.fleet = fleet
        self.control = control
        self.notifier = notifier
        self.ruler = ruler
        self.successor: Upgrade | None = None
        self._client: Client | None = None  # of `proxyd upgrade`
        self._by_command = False
        self._after_reload = False
        if runtime.predecessor is not None:
            runtime.predecessor.watch(runtime.poller, self._on_predecessor)

    @property
    def other_serves(self) -> bool:
        """Whether another master serves on our sockets."""
        before = self.runtime.predecessor
        return (self.successor is not None and self.successor.up) or (before is not None and before.serves)

    # The one after us.

    def begin(self, client: Client | None = None) -> None:
        """Start a new master: USR2, or a command that waits for it."""
        why = self._obstacle()
        if why is None:
            self._client, self._by_command = client, client is not None
            try:
                self._start()
            except OSError as error:
                self.runtime.log.emerg(f"a new master could not be started: {error}")
                self._answer_failure([f"a new master could not be started: {error}"])
        elif client is not None:
            client.reply(Reply(False, os.getpid(), [why]))
        elif self.ruler.reloading:
            self._after_reload = True
        else:
            self.runtime.log.notice(f"the changing binary signal is ignored: {why}")

    def _obstacle(self) -> str | None:
        before = self.runtime.predecessor
        if self.successor is not None:
            return f"{_TWO_ALREADY} (the new one is process {self.successor.pid})"
        if before is not None and before.serves:
            return f"{_TWO_ALREADY} (the old one is process {before.pid})"
        return self.ruler.busy

    def _start(self) -> None:
        self.control.place.step_aside()
        try:
            self.successor = Upgrade(
                self.runtime, self.runtime.program, self.fleet.segments(), self._on_up, self._on_end
            )
        except OSError:
            self.control.place.step_back()
            raise
        self.runtime.log.notice(f"start new binary process {self.successor.pid}")
        self.runtime.shares_segments = True
        self.runtime.openings.share(True)

    def _on_up(self) -> None:
        assert self.successor is not None
        self.runtime.log.notice(f"new master process {self.successor.pid} serves")
        if self._client is not None:
            self._client.reply(Reply(True, self.successor.pid))
            self._client = None
        if self.ruler.stopping:
            self.notifier.main_process(self.successor.pid)
        elif self._by_command:
            self.ruler.quit()

    def on_death(self, pid: int, status: int) -> bool:
        """A child has ended. False: it was not the new master."""
        return self.successor is not None and self.successor.on_death(pid, status)

    def _on_end(self) -> None:
        assert self.successor is not None
        ended, self.successor = self.successor, None
        for text in ended.problems:
            self.runtime.log.emerg(text)
        self.runtime.log.notice(f"new master process {ended.pid} is gone")
        self.runtime.shares_segments = False
        if not self.ruler.stopping:
            self._regain()
            self.fleet.revive()  # WINCH had sent them away
        elif self._by_command and ended.status:
            self.runtime.log.alert("the new master died before the old one had left, which serves again")
            self._regain()
            self.ruler.come_back()
        else:
            self.runtime.openings.share(False)
            self.runtime.openings.close_sockets()
        self._answer_failure(ended.problems)

    def _regain(self) -> None:
        self.runtime.openings.regain(self.runtime.generation.plan.process.worker_processes)
        self.control.place.step_back()
        self.notifier.ready(self.runtime.generation.number)

    def _answer_failure(self, problems: list[str]) -> None:
        self._by_command = False
        if self._client is not None:
            self._client.reply(Reply(False, os.getpid(), problems))
            self._client = None

    def on_reloaded(self) -> None:
        """A reload is over: USR2 may have come meanwhile."""
        if self._after_reload:
            self._after_reload = False
            self.begin()

    def on_leaving(self) -> None:
        """We stop."""
        if self.successor is not None:
            self.successor.say_leaving()
        if self.successor is not None and self.successor.up:
            self.notifier.main_process(self.successor.pid)
        elif not self.other_serves:
            self.notifier.stopping()

    # The one before us.

    def _on_predecessor(self) -> None:
        """It leaves, or is gone: then what we shared is ours alone."""
        before = self.runtime.predecessor
        assert before is not None
        if before.alive:
            self.runtime.log.notice(f"old master process {before.pid} leaves")
            return
        self.runtime.log.notice(f"old master process {before.pid} is gone")
        self.runtime.predecessor = None
        self.runtime.shares_segments = False
        self.runtime.openings.share(False)
        self.notifier.ready(self.runtime.generation.number)
