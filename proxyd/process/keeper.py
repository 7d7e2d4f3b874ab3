"""The helper as the master sees it: started again when it dies, ever more slowly if it keeps dying."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress

from proxyd.process import channel, helper
from proxyd.process.compiling import describe_end
from proxyd.process.errorlog import ALERT, NOTICE
from proxyd.process.poller import Deadline
from proxyd.process.privileges import Identity
from proxyd.process.runtime import Runtime
from proxyd.process.spawn import spawn

_LONGEST_PAUSE_SECONDS = 30.0
_HEALTHY_SECONDS = 60.0  # a helper that lived so long may start again at once


class Keeper:
    """Keeps one helper running."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.pid = 0
        self.leaving = False
        self._end: socket.socket | None = None
        self._identity: Identity | None = None
        self._replaced = False  # it was told to leave, for another of another user
        self._started = 0.0
        self._pause = 0.0
        self._deadline: Deadline | None = None

    def start(self) -> None:
        """Start the helper."""
        try:
            self._start()
        except OSError as error:
            self.runtime.log.alert(f"fork() failed ({error.errno}: {error.strerror})")
            self._deadline = self.runtime.poller.after(self._next_pause(), self.start)

    def _start(self) -> None:
        log = self.runtime.log
        mine, other = channel.pair()
        self._identity = self.runtime.generation.identity
        arguments = helper.Arguments(other, self._identity, log)
        self.pid = spawn(lambda: helper.run(arguments), [other.fileno(), *log.fds], log.emerg)
        other.close()
        log.notice(f"start helper process {self.pid}")
        self._end, self._started = mine, time.monotonic()

    def on_death(self, pid: int, status: int) -> bool:
        """A child has ended: if it was the helper, start another. False: it was not."""
        if not self.pid or pid != self.pid:
            return False
        level = NOTICE if self.leaving or self._replaced else ALERT
        self.runtime.log.log(level, f"helper process {pid} exited {describe_end(status)}")
        self._forget()
        if not self.leaving:
            self.runtime.tally.helper_deaths += not self._replaced
            self.runtime.publish()
            self._replaced = False
            self._deadline = self.runtime.poller.after(self._next_pause(), self.start)
        return True

    def _next_pause(self) -> float:
        if time.monotonic() - self._started > _HEALTHY_SECONDS:
            self._pause = 0.0
        pause = self._pause
        self._pause = min(_LONGEST_PAUSE_SECONDS, max(0.5, pause * 2))
        return pause

    def follow(self, identity: Identity | None) -> None:
        """The configuration changed: a helper that runs as another user than it should is replaced."""
        if identity != self._identity and self.pid:
            self._pause, self._replaced = 0.0, True
            self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """Let it leave; no other is started."""
        self.leaving = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """It did not leave."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _forget(self) -> None:
        self.pid = 0
        if self._end is not None:
            self._end.close()
            self._end = None
