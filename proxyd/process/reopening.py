"""Reopening the logs (rotation): new files for all, and an answer when every worker uses them."""

from __future__ import annotations

import os

from proxyd.process.control import Client
from proxyd.process.fleet import Fleet
from proxyd.process.messages import Reply
from proxyd.process.poller import Deadline
from proxyd.process.runtime import Runtime
from proxyd.process.worker_handle import WorkerHandle


class Reopening:
    """One at a time; a request during another renews it."""

    def __init__(self, runtime: Runtime, fleet: Fleet) -> None:
        self.runtime = runtime
        self.fleet = fleet
        self._serial = 0
        self._clients: list[Client] = []
        self._errors: list[str] = []
        self._deadline: Deadline | None = None
        self._asked: set[int] = set()  # pids; who was born later has the new files from the start

    def begin(self, client: Client | None = None) -> None:
        """Open the logs anew and hand them to the workers."""
        self.runtime.log.notice("reopening logs")
        self._errors = self.runtime.openings.reopen_logs()
        self.runtime.use_log()
        for text in self._errors:
            self.runtime.log.emerg(text)
        self._clients += [client] if client is not None else []
        self._serial += 1
        self._asked = {one.pid for _, one in self.fleet.workers()}
        for crew in self.fleet.crews:
            crew.reopen(self._serial)
        if self._deadline is None:
            self._deadline = self.runtime.poller.after(self.runtime.answer_seconds, self._end)
        self.on_change()

    def on_change(self) -> None:
        """A worker answered or died."""
        if self._deadline is not None and not self._late():
            self._end()

    def _late(self) -> list[WorkerHandle]:
        workers = [one for _, one in self.fleet.workers() if one.pid in self._asked]
        return [one for one in workers if one.reopened != self._serial]

    def _end(self) -> None:
        seconds = self.runtime.answer_seconds
        errors = [f"worker process {one.pid} did not reopen its logs in {seconds:g}s" for one in self._late()]
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.runtime.openings.close_replaced()
        for client in self._clients:
            client.reply(Reply(not errors and not self._errors, os.getpid(), self._errors + errors))
        self._clients = []
