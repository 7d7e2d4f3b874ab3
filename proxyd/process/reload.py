"""One reload, from the request to its outcome: compile, open, prepare everywhere, activate everywhere.

Until every worker has prepared the new plan nothing has changed, and any reason to stop leaves it so.
Then the master records the new generation, and there is no way back: a worker that does not follow is
replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from proxyd.config.change import Change
from proxyd.process import directories, privileges
from proxyd.process.compiling import LONGEST_SECONDS, CompileChild, CompileResult
from proxyd.process.control import Control, Place
from proxyd.process.crew import Crew
from proxyd.process.fleet import Fleet
from proxyd.process.generation import Generation
from proxyd.process.history import KeptFile
from proxyd.process.openings import Opened, OpenErrors
from proxyd.process.poller import Deadline
from proxyd.process.runtime import Runtime
from proxyd.process.sockets import OpenError
from proxyd.process.worker_handle import WorkerHandle
from proxyd.shared.segments import SegmentError


@dataclass(frozen=True)
class Outcome:
    """What the command that asked is told."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether the new configuration serves."""
        return not self.errors


class Reload:
    """A reload in progress."""

    def __init__(
        self, runtime: Runtime, fleet: Fleet, control: Control, on_end: Callable[[Outcome], None]
    ) -> None:
        self.runtime = runtime
        self.fleet = fleet
        self.control = control
        self.crew = fleet.current
        self.on_end = on_end
        self.committed = False
        self.compile: CompileChild | None = CompileChild(runtime.options, runtime.generation.plan_fd)
        self._deadline: Deadline = runtime.poller.after(LONGEST_SECONDS, self.compile.kill)
        self._old_crew: Crew | None = None
        self._old_generation = runtime.generation
        self._new: Generation | None = None
        self._new_crew: Crew | None = None
        self._new_place: Place | None = None
        self._opened = Opened()
        self._asked: list[WorkerHandle] = []
        self._warnings: list[str] = []
        self._changes: list[Change] = []
        self._sources: list[KeptFile] = []
        self._ended = False

    # 1. Compile.

    def on_death(self, pid: int, status: int) -> bool:
        """A child has ended: if it is the compiler, go on with its result. False: not ours."""
        if self.compile is None or self.compile.pid != pid:
            return False
        result = self.compile.result(status)
        self.compile = None
        self._deadline.cancel()
        if not self._ended:
            self._on_compiled(result)
        return True

    def _on_compiled(self, result: CompileResult) -> None:
        self._warnings, self._changes = result.warnings, result.changes
        self._sources = result.sources
        if result.plan is None:
            return self._fail(result.errors)
        try:
            self._open(result)
        except OpenErrors as error:
            return self._fail([str(one) for one in error.errors])
        except (OpenError, SegmentError, OSError) as error:
            return self._fail([str(error)])
        self._prepare()

    # 2. Open what is new.

    def _open(self, result: CompileResult) -> None:
        assert result.plan is not None
        identity = privileges.look_up(result.plan.process)
        workers = result.plan.process.worker_processes
        self._warnings += directories.make(result.plan.directories, identity)
        self._opened = self.runtime.openings.open_new(result.plan, workers)
        if result.plan.process.pid != self.control.place.pid_path:
            self._new_place = Place(result.plan.process.pid)
        self._new = Generation.make(self.runtime.next_number(), result, identity)

    # 3. Prepare: all workers, or all of a new crew.

    def _prepare(self) -> None:
        assert self._new is not None
        self.fleet.free_peers()
        why = self._new.needs_new_processes(self._old_generation, self.crew.shape)
        if why is None and self.crew.workers and not self.crew.leaving:
            self._ask_workers(self._new)
        else:
            self.runtime.log.notice(f"new worker processes are started ({why or 'there are none'})")
            try:
                self._new_crew = self.fleet.recruit(self._new)
            except SegmentError as error:
                return self._fail([str(error)])
        self._deadline = self.runtime.poller.after(self.runtime.answer_seconds, self._on_deadline)
        self._check_prepared()

    def _ask_workers(self, new: Generation) -> None:
        self._asked = [one for one in self.crew.workers.values() if one.serves]
        for one in self._asked:
            self.crew.offer(one, new)

    def on_change(self) -> None:
        """A worker answered or died."""
        if self.committed:
            self._check_active()
        elif self._new is not None and not self._ended:
            self._check_prepared()

    def _check_prepared(self) -> None:
        assert self._new is not None
        if self._new_crew is not None:
            refusals = list(self._new_crew.refusals.values())
            ready = self._new_crew.prepared
        else:
            alive = [one for one in self._asked if one.pid in self.crew.workers]
            refusals = [f"worker process {one.pid}: {one.refusal}" for one in alive if one.refusal]
            ready = all(one.prepared == self._new.number for one in alive)
        if refusals:
            self._fail(refusals)
        elif ready:
            self._commit(self._new)

    def _on_deadline(self) -> None:
        assert self._new is not None
        crew = self._new_crew or self.crew
        late = [one.pid for one in crew.workers.values() if one.prepared != self._new.number]
        seconds = self.runtime.answer_seconds
        self._fail(
            [f"worker process {pid} did not prepare the configuration in {seconds:g}s" for pid in late]
        )

    # 4. Activate.

    def _commit(self, new: Generation) -> None:
        self._deadline.cancel()
        self.committed = True
        self.runtime.serve(new)
        self.runtime.sources = self._sources
        if self._new_place is not None:
            self.control.move(self._new_place)
        for problem in self.runtime.openings.commit(new.plan, new.plan.process.worker_processes):
            self.runtime.log.error(problem)
        if self._new_crew is not None:
            self._old_crew, self.crew = self.fleet.promote(self._new_crew), self._new_crew
        self.crew.retarget(new)
        self._check_active()

    def _check_active(self) -> None:
        if not self._ended and self.crew.agreed and (self._new_crew is None or self.crew.complete):
            self._end(Outcome(warnings=self._warnings, changes=self._changes))

    # The end.

    def cancel(self, why: str) -> None:
        """proxyd stops: no outcome but this."""
        if self.compile is not None:
            self.compile.kill()
        if self._ended:
            return
        if self.committed:
            self._end(Outcome([why], self._warnings))
        else:
            self._fail([why])

    def _fail(self, errors: list[str]) -> None:
        self._deadline.cancel()
        self.runtime.openings.abandon(self._opened)
        if self._new_place is not None:
            self._new_place.close()
        if self._new is not None:
            self.crew.discard(self._new.number)
            self._new.close()
        if self._new_crew is not None:
            self.fleet.dismiss(self._new_crew)
        self._end(Outcome(errors, self._warnings))

    def _end(self, outcome: Outcome) -> None:
        self._ended = True
        if self.committed:
            self._old_generation.close()
        if self._old_crew is not None:
            self.fleet.retire(self._old_crew, self._old_generation.plan.process.worker_shutdown_timeout)
        self.on_end(outcome)
