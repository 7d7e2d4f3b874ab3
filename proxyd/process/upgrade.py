"""A new master beside this one (USR2, `proxyd upgrade`): started, listened to, and what becomes of it.

The new program gets our sockets and shared memory (handover.py), so that nothing is bound again and nobody
is refused meanwhile. Who of the two stays is decided by others: by signals, as with nginx, or by the master
after `proxyd upgrade`.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from proxyd.process import channel, handover, signals
from proxyd.process.channel import ChannelError
from proxyd.process.compiling import LONGEST_SECONDS, describe_end
from proxyd.process.errorlog import EMERG, show, shown_head
from proxyd.process.handover import Handover, Segment
from proxyd.process.program import Program
from proxyd.process.runtime import Runtime
from proxyd.process.spawn import spawn

# A compile, then workers that must answer.
_UP_SECONDS = LONGEST_SECONDS + 30.0
_PROBLEMS_KEPT = 100


class Upgrade:
    """The new master, from its exec to its end. ``on_up``: it serves; ``on_end``: it is gone."""

    def __init__(
        self,
        runtime: Runtime,
        program: Program,
        segments: list[Segment],
        on_up: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        """Start it; raises OSError."""
        self.runtime = runtime
        self.up = False
        self.status = 0  # its wait status, once it has ended
        self.problems: list[str] = []
        self._on_up = on_up
        self._on_end = on_end
        self._end, other = channel.pair()
        try:
            self.pid = self._start(program, self._handover(other, segments))
        except OSError:
            self._end.close()
            raise
        finally:
            other.close()
        self._deadline = runtime.poller.after(_UP_SECONDS, self._on_deadline)
        runtime.poller.watch(self._end.fileno(), self._on_readable)

    def _handover(self, other: socket.socket, segments: list[Segment]) -> Handover:
        openings = self.runtime.openings
        return Handover(
            pid=os.getpid(),
            end=other.fileno(),
            sockets=openings.to_hand_over(),
            segments=segments,
            logs=openings.own_logs(),
        )

    def _start(self, program: Program, given: Handover) -> int:
        memfd = handover.pack(given)
        fds = [memfd, *given.descriptors()]
        environment = {**os.environ, **self.runtime.environment(), handover.VARIABLE: str(memfd)}
        environment.pop("WATCHDOG_PID", None)

        def run() -> None:
            handover.make_inheritable(fds)
            signals.unblock()
            try:
                program.run(environment)
            except OSError as error:
                show(EMERG, str(error.strerror), given.end)
                raise SystemExit(1) from error

        try:
            return spawn(run, fds, lambda text: show(EMERG, text, given.end))
        finally:
            os.close(memfd)

    def say_leaving(self) -> None:
        """We serve no more."""
        with suppress(BlockingIOError, ChannelError):
            channel.send(self._end, handover.LEAVING)

    def kill(self) -> None:
        """It shall not be."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def on_death(self, pid: int, status: int) -> bool:
        """A child has ended. False: it was not the new master."""
        if pid != self.pid:
            return False
        self._listen()
        self._deadline.cancel()
        self.runtime.poller.forget(self._end.fileno())
        self._end.close()
        self.status = status
        if not self.up and not self.problems:
            self.problems.append(f"the new master process {pid} exited {describe_end(status)}")
        self._on_end()
        return True

    def _on_readable(self) -> None:
        if not self._listen():
            self.runtime.poller.forget(self._end.fileno())  # its death will be told by SIGCHLD

    def _listen(self) -> bool:
        """Hear what it says; False: it says no more."""
        try:
            while True:
                word, _ = channel.receive(self._end, handover.LONGEST_WORD)
                if word == handover.UP and not self.up:
                    self.up = True
                    self._deadline.cancel()
                    self._on_up()
                elif not self.up and len(self.problems) < _PROBLEMS_KEPT:
                    self._note(word.decode("utf-8", "replace").strip())
        except BlockingIOError:
            return True
        except ChannelError:
            return False

    def _note(self, line: str) -> None:
        """A line that it would have shown on a terminal. Warnings are in its log, too."""
        head = shown_head(EMERG)
        if line.startswith(head):
            self.problems.append(line.removeprefix(head))

    def _on_deadline(self) -> None:
        self.problems.append(f"the new master process {self.pid} did not serve within {_UP_SECONDS:g}s")
        self.kill()
