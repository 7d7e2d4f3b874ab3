"""One worker as the master sees it: what it was sent, what it answered.

Decides nothing: the crew and the reload do. What arrives from a worker is checked against what was asked.
"""

from __future__ import annotations

import socket
import time

import msgspec

from proxyd.process import channel, messages, worker
from proxyd.process.channel import LONGEST_TO_MASTER, ChannelError, Outbox, batches, receive
from proxyd.process.errorlog import ErrorLog
from proxyd.process.generation import Generation
from proxyd.process.openings import Openings
from proxyd.process.poller import Deadline
from proxyd.process.spawn import spawn
from proxyd.shared.segments import Ledger, Ledgers, PeersZone


class WorkerHandle:
    """A living worker. Generation numbers are 0 for none."""

    def __init__(self, index: int, pid: int, end: socket.socket, ledger: Ledger) -> None:
        self.index = index
        self.pid = pid
        self.end = end
        self.ledger = ledger
        self.outbox = Outbox(end)
        self.started = time.monotonic()
        self.offered = 0  # Prepare was sent
        self.prepared = 0  # Ready came
        self.told = 0  # Activate was sent
        self.active = 0  # Active came
        self.reopened = 0
        self.leaving = False
        self.refusal: str | None = None
        self.deadline: Deadline | None = None  # of what it was asked last
        self._unanswered: set[int] = set()  # generations that it was sent and may still be loading
        self._sent: dict[str, int] = {}  # key: serial of the descriptor that it has

    @property
    def serves(self) -> bool:
        """Whether it serves now, or was told to."""
        return self.told != 0

    @property
    def booted(self) -> bool:
        """Whether it has ever served."""
        return self.active != 0

    @property
    def loading(self) -> bool:
        """Whether it may be loading a configuration now."""
        return bool(self._unanswered)

    def offer(self, generation: Generation, openings: Openings) -> None:
        """Send a plan and the descriptors that the worker lacks. It answers Ready or Refused."""
        self._send_descriptors(generation, openings, generation.number)
        self.offered, self.refusal = generation.number, None
        self._unanswered.add(generation.number)
        timeout_ms = generation.plan.process.worker_shutdown_timeout
        message = messages.Prepare(generation.number, generation.error_logs, timeout_ms)
        payload = messages.encode(message)
        self.outbox.post(payload, [generation.plan_fd], generation=generation.number)

    def activate(self, number: int) -> None:
        """Let it serve what it has prepared. It answers Active."""
        self.told = number
        self._post(messages.Activate(number))

    def discard(self, number: int) -> None:
        """The offer is withdrawn."""
        if self.offered == number:
            if self.outbox.take_back(number):  # Prepare comes last, so it was not sent
                self._unanswered.discard(number)
            self.offered = self.prepared = self.told
            self.refusal = None
            self._post(messages.Discard(number))

    def tidy(self, generation: Generation) -> None:
        """Let it close the descriptors that this generation does not need."""
        for batch in batches(sorted(self._sent.keys() - generation.keys)):
            self._post(messages.Forget(batch))
            for key in batch:
                del self._sent[key]

    def reopen(self, serial: int, openings: Openings) -> None:
        """Send the new files of all logs that it has, for whichever generation. It answers Reopened."""
        changed = openings.reopened(self._sent)
        self._send(changed, 0)
        self._post(messages.Reopen(serial, list(changed)))

    def drain(self, timeout_ms: int, idle_ms: int) -> None:
        """Let it finish its requests and leave."""
        self.leaving = True
        self._post(messages.Drain(timeout_ms, idle_ms))

    def take(self) -> messages.ToMaster | None:
        """The next answer, or None when no more is there. Raises ChannelError."""
        try:
            payload, _ = receive(self.end, LONGEST_TO_MASTER)
        except BlockingIOError:
            return None
        try:
            answer = messages.decode_to_master(payload)
        except msgspec.DecodeError as error:
            raise ChannelError(f"nonsense from a worker: {error}") from error
        self._note(answer)
        return answer

    def close(self) -> None:
        """It is dead. The Ledger belongs to the crew."""
        if self.deadline is not None:
            self.deadline.cancel()
        self.outbox.close()
        self.end.close()

    def _note(self, answer: messages.ToMaster) -> None:
        if isinstance(answer, messages.Ready | messages.Refused):
            self._unanswered.discard(answer.generation)
        match answer:
            case messages.Ready(generation) if generation == self.offered:
                self.prepared = generation
            case messages.Refused(generation, why) if generation == self.offered:
                self.refusal = why
            case messages.Active(generation) if generation == self.told:
                self.active = generation
            case messages.Reopened(serial):
                self.reopened = serial
            case _:
                pass  # the answer to an offer that was withdrawn meanwhile

    def _send_descriptors(self, generation: Generation, openings: Openings, mark: int) -> None:
        missing = {
            key: (serial, fd)
            for key, serial, fd in openings.descriptors(self.index, generation.plan)
            if self._sent.get(key) != serial
        }
        self._send(missing, mark)

    def _send(self, descriptors: dict[str, tuple[int, int]], mark: int) -> None:
        for batch in batches(list(descriptors)):
            fds = [descriptors[key][1] for key in batch]
            self.outbox.post(messages.encode(messages.Descriptors(batch)), fds, generation=mark)
        self._sent.update((key, serial) for key, (serial, _) in descriptors.items())

    def _post(self, message: messages.ToWorker) -> None:
        self.outbox.post(messages.encode(message))


def fork_worker(
    index: int, ledgers: Ledgers, zone: PeersZone, generation: Generation, log: ErrorLog
) -> WorkerHandle:
    """Start a worker process; it knows nothing yet of what it shall serve. Raises OSError."""
    mine, other = channel.pair()
    arguments = worker.Arguments(
        index=index,
        channel=other,
        ledgers_fd=ledgers.fd,
        peers_fd=zone.fd,
        sinks=log.sinks,
        owns_stderr=log.owns_stderr,
        identity=generation.identity,
        process=generation.plan.process,
    )
    keep = [other.fileno(), ledgers.fd, zone.fd, *log.fds]
    try:
        pid = spawn(lambda: worker.run(arguments), keep, log.emerg)
    except OSError:
        mine.close()
        raise
    finally:
        other.close()
    return WorkerHandle(index, pid, mine, ledgers[index])
