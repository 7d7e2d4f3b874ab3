"""The crew: the workers that serve together, their shared memory, and the rules by which they are replaced.

A worker that dies is replaced at once, by one with the same index, sockets and (emptied) Ledger. Every
worker is led to the generation that serves now: offered the plan, told to activate it, killed when it
does not answer. A change of what belongs to a process makes a new crew; the old one drains.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from proxyd import _engine
from proxyd.process import messages
from proxyd.process.channel import ChannelError
from proxyd.process.compiling import describe_end
from proxyd.process.errorlog import ALERT, INFO, NOTICE
from proxyd.process.generation import Generation
from proxyd.process.reap import reap
from proxyd.process.runtime import Runtime
from proxyd.process.worker_handle import WorkerHandle, fork_worker
from proxyd.shared.segments import Ledgers, PeersZone, SegmentError

# A worker that dies so often before it ever served is not started again until the next reload.
BOOT_TRIES = 5
_ANSWERS_PER_TURN = 16
_FORK_PAUSE_SECONDS = 1.0


class Crew:
    """All workers of one kind of process. ``target`` is the generation that they are led to."""

    def __init__(
        self,
        runtime: Runtime,
        target: Generation,
        on_change: Callable[[WorkerHandle], None],
        zone: PeersZone | None = None,
    ) -> None:
        self.runtime = runtime
        self.target = target
        self.on_change = on_change  # a worker answered or died
        self.shape = target.ledger_shape(zone.capacity if zone is not None else None)
        self.owns_zone = zone is None
        self.zone = zone or PeersZone(self.shape.peer_capacity)
        self.leaving = False
        self.held = False  # its workers prepare, but serve only when the reload that made it commits
        self.workers: dict[int, WorkerHandle] = {}  # by pid
        self.size = target.plan.process.worker_processes
        self.ledgers = self._make_ledgers()  # by index
        self._boot_failures = [0] * self.size
        self.refusals: dict[int, str] = {}  # by index: why this worker cannot serve

    def _make_ledgers(self) -> Ledgers:
        try:
            made = Ledgers(self.shape, self.size)
        except SegmentError:
            if self.owns_zone:
                self.zone.close()
            raise
        return made

    # Life.

    def start(self) -> None:
        """Start all workers, and those that were given up."""
        missing = set(range(self.size)) - {worker.index for worker in self.workers.values()}
        for index in sorted(missing):
            self._boot_failures[index] = 0
            self._spawn(index)

    def drain(self, timeout_ms: int, idle_ms: int = 0) -> None:
        """Let everybody finish and leave; nobody is replaced any more."""
        self.leaving = True
        for one in list(self.workers.values()):
            one.drain(timeout_ms, idle_ms)
            self._flush(one)

    def kill(self, number: int) -> None:
        """Send a signal to everybody; nobody is replaced any more."""
        self.leaving = True
        for pid in self.workers:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def close(self) -> None:
        """Give the shared memory back; nobody is left."""
        self.ledgers.close()
        if self.owns_zone:
            self.zone.close()

    # Questions.

    @property
    def gone(self) -> bool:
        """Whether no worker is left."""
        return not self.workers

    @property
    def complete(self) -> bool:
        """Whether every worker serves the target generation."""
        return self.prepared and self.agreed and all(one.serves for one in self.workers.values())

    @property
    def prepared(self) -> bool:
        """Whether every worker has loaded the target generation."""
        number = self.target.number
        return len(self.workers) == self.size and all(one.prepared == number for one in self.workers.values())

    @property
    def agreed(self) -> bool:
        """Whether no worker serves another generation than the target (some may be just starting)."""
        number = self.target.number
        return all(one.active == number or not one.serves for one in self.workers.values())

    @property
    def hopeless(self) -> list[int]:
        """The indices of workers that were given up."""
        return [index for index, failures in enumerate(self._boot_failures) if failures >= BOOT_TRIES]

    # Leading a worker to the target.

    def retarget(self, target: Generation) -> None:
        """Lead everybody to this generation; some may have prepared it already."""
        self.target = target
        self.held = False
        for one in list(self.workers.values()):
            self.lead(one)

    def lead(self, one: WorkerHandle) -> None:
        """Take the next step with this worker."""
        number = self.target.number
        if one.leaving or one.told == number:
            pass
        elif one.prepared == number:
            if not self.held:
                one.tidy(self.target)  # first: once it has answered, a closed listener refuses connections
                one.activate(number)
                self._expect_answer(one)
        elif one.offered == number:
            pass  # its answer or its deadline will come
        elif one.offered in (one.told, one.prepared):
            if one.prepared != one.told:
                one.discard(one.prepared)
            self.offer(one, self.target)
            self._expect_answer(one)
        self._flush(one)

    def offer(self, one: WorkerHandle, generation: Generation) -> None:
        """Send a plan, which need not be the target."""
        one.offer(generation, self.runtime.openings)
        self._flush(one)

    def discard(self, number: int) -> None:
        """Withdraw an offer from everybody."""
        for one in self.workers.values():
            one.discard(number)
            one.tidy(self.target)
            self._flush(one)

    def reopen(self, serial: int) -> None:
        """Send everybody the new log files."""
        for one in self.workers.values():
            one.reopen(serial, self.runtime.openings)
            self._flush(one)

    def _expect_answer(self, one: WorkerHandle) -> None:
        self._no_deadline(one)
        one.deadline = self.runtime.poller.after(self.runtime.answer_seconds, lambda: self._on_deadline(one))

    def _no_deadline(self, one: WorkerHandle) -> None:
        if one.deadline is not None:
            one.deadline.cancel()
            one.deadline = None

    def _on_deadline(self, one: WorkerHandle) -> None:
        seconds = self.runtime.answer_seconds
        self.runtime.log.alert(f"worker process {one.pid} did not answer for {seconds:g}s and is replaced")
        if not one.booted:
            self.refusals[one.index] = f"worker process {one.pid} did not answer for {seconds:g}s"
        self._kill(one)

    def _kill(self, one: WorkerHandle) -> None:
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)

    # Talking.

    def _flush(self, one: WorkerHandle) -> None:
        one.outbox.flush()
        writer = (lambda: self._flush(one)) if one.outbox else None
        self.runtime.poller.watch(one.end.fileno(), lambda: self._read(one), writer)

    def _read(self, one: WorkerHandle) -> None:
        try:
            for _ in range(_ANSWERS_PER_TURN):
                answer = one.take()
                if answer is None:
                    break
                self._note_failure(one, answer)
                self._on_answer(one)
        except ChannelError as error:
            self.runtime.poller.forget(one.end.fileno())
            if not one.leaving and not self.leaving:
                self.runtime.log.log(INFO, f"worker process {one.pid} is lost: {error}")
            self._kill(one)

    def _on_answer(self, one: WorkerHandle) -> None:
        if one.active == self.target.number:
            self._no_deadline(one)
            self._boot_failures[one.index] = 0
        if one.refusal is not None and one.offered == self.target.number:
            self.refusals[one.index] = one.refusal
            self.runtime.log.log(ALERT, f"worker process {one.pid} refused the configuration: {one.refusal}")
            self._kill(one)
        self.lead(one)
        self.on_change(one)

    # Birth and death.

    def _spawn(self, index: int) -> None:
        """Start the worker of this index; when there is no process or memory for it, try again later."""
        if self.leaving:
            return
        try:
            self._fork(index)
        except OSError as error:
            self.runtime.log.alert(f"fork() failed ({error.errno}: {error.strerror})")
            self.runtime.poller.after(_FORK_PAUSE_SECONDS, lambda: self._spawn(index))

    def _fork(self, index: int) -> None:
        self.ledgers[index].reset()
        one = fork_worker(index, self.ledgers, self.zone, self.target, self.runtime.log)
        self.runtime.log.notice(f"start worker process {one.pid}")
        self.workers[one.pid] = one
        self.offer(one, self.target)
        self._expect_answer(one)

    def on_death(self, pid: int, status: int) -> bool:
        """A child has ended: if it was one of ours, save what it left and replace it. False: not ours."""
        one = self.workers.get(pid)
        if one is None:
            return False
        self._hear_last_words(one)
        del self.workers[pid]
        self.runtime.poller.forget(one.end.fileno())
        one.close()
        expected = self.leaving or one.leaving
        how = describe_end(status)
        level = NOTICE if expected or status == 0 else ALERT
        self.runtime.log.log(level, f"worker process {pid} exited {how}")
        with self.ledgers.master.changing(_engine.fence):
            reap(self.runtime, one.ledger, self.zone)
            one.ledger.reset()
            self.runtime.publish()
        if not expected:
            self._replace(one, status)
        self.on_change(one)
        return True

    def _hear_last_words(self, one: WorkerHandle) -> None:
        """Read what it said before it ended: why it could not start."""
        for _ in range(2):  # the first read tells only that it did not read all that we sent
            with suppress(ChannelError):
                while (answer := one.take()) is not None:
                    self._note_failure(one, answer)

    def _note_failure(self, one: WorkerHandle, answer: messages.ToMaster) -> None:
        if isinstance(answer, messages.Failed):
            self.runtime.log.alert(answer.why)
            self.refusals[one.index] = answer.why
            self._kill(one)

    def _replace(self, one: WorkerHandle, status: int) -> None:
        self.runtime.tally.worker_deaths += 1
        if not one.booted:
            self._boot_failures[one.index] += 1
        if self._boot_failures[one.index] < BOOT_TRIES:
            self._spawn(one.index)
            return
        tries = f"worker {one.index} failed to start {BOOT_TRIES} times"
        self.refusals.setdefault(one.index, f"{tries}; the last one exited {describe_end(status)}")
        self.runtime.log.alert(f"{tries} and is given up until the next reload")
