"""All that the master holds open for workers: listening sockets, logs and limit Zones, by key.

Keys outlive generations. What a new plan lacks is opened before it is offered, what no plan has any more
is closed after the change; a change that fails leaves everything as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from proxyd.config.plan import ListenSocket, OpenFile, Plan, SharedZone
from proxyd.process import sockets
from proxyd.process.channel import close_all
from proxyd.process.errorlog import Sink, make_sinks
from proxyd.process.files import open_log, own_descriptor
from proxyd.process.handover import OwnLog, Predecessor, Segment, Socket
from proxyd.process.sockets import BoundSocket, OpenError
from proxyd.shared.layout import LAYOUT, LIMIT_CONN, LIMIT_REQ, LimitShape, digest
from proxyd.shared.segments import SegmentError, make_limit_zone

# Paths of logs that the master opened, remembered for lines that a dead worker left. A safeguard, not a
# limit that a configuration meets.
_LOGS_REMEMBERED = 10_000


@dataclass
class OpenLog:
    """An open log file. The serial changes with each reopening."""

    file: OpenFile
    fd: int


@dataclass
class Opened:
    """What was opened for one plan, to close it again if the plan is not to be."""

    sockets: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)
    extended: list[tuple[str, int]] = field(default_factory=list)  # key, number of sockets before


class OpenErrors(Exception):
    """Everything that could not be opened."""

    def __init__(self, errors: list[OpenError]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors

    @property
    def only_addresses(self) -> bool:
        """Whether all are addresses that somebody else has."""
        return all(isinstance(error, sockets.AddressInUse) for error in self.errors)


class Openings:
    """The master's open sockets and logs."""

    def __init__(self) -> None:
        self.sockets: dict[str, BoundSocket] = {}
        self.logs: dict[str, OpenLog] = {}
        self.zones: dict[str, Segment] = {}
        self._predecessor: Predecessor | None = None
        self._serials: dict[str, int] = {}
        self._last_serial = 0
        self._known_logs: dict[bytes, OpenFile] = {}
        self._standard: dict[str, int] = {}  # what the standard descriptors of the master before us were
        self._replaced: list[tuple[str, int]] = []  # keys and descriptors, until every worker has new ones

    # A change of the plan: open_new, then either commit or abandon.

    def open_new(self, plan: Plan, workers: int) -> Opened:
        """Open what the plan needs and is not open yet; raises OpenErrors with nothing changed."""
        opened = Opened()
        errors = self.open_logs(plan, opened)
        for zone in plan.zones:
            try:
                self._make_zone(zone, opened)
            except OpenError as error:
                errors.append(error)
        kept = {spec.key for spec in plan.sockets}
        rivals = [bound for key, bound in self.sockets.items() if key not in kept]
        for spec in plan.sockets:
            try:
                self._open_socket(spec, workers, opened, rivals)
            except OpenError as error:
                errors.append(error)
        if errors:
            self.abandon(opened)
            raise OpenErrors(errors)
        return opened

    def open_logs(self, plan: Plan, opened: Opened) -> list[OpenError]:
        """Open the logs that are not open yet; gives what could not be opened."""
        errors: list[OpenError] = []
        for file in plan.files:
            try:
                self._open_log(file, opened)
            except OpenError as error:
                errors.append(error)
        return errors

    def abandon(self, opened: Opened) -> None:
        """Close what open_new opened."""
        for key in opened.sockets:
            sockets.hush(self.sockets[key])
            self.sockets.pop(key).close()
        for key in opened.logs:
            os.close(self.logs.pop(key).fd)
        for key in opened.zones:
            os.close(self.zones.pop(key).fd)
        for key, before in opened.extended:
            sockets.shrink(self.sockets[key], before)

    def commit(self, plan: Plan, workers: int) -> list[str]:
        """Make the sockets what the plan says, close what it lacks. Gives what did not work, for the log."""
        problems: list[str] = []
        for spec in plan.sockets:
            bound = self.sockets[spec.key]
            try:
                sockets.listen(bound, spec)
                sockets.steer(bound, workers)
            except OpenError as error:
                problems.append(str(error))
        problems += self.take_problems()
        for key in self.sockets.keys() - {spec.key for spec in plan.sockets}:
            self.sockets.pop(key).close()
        for key in self.logs.keys() - {file.key for file in plan.files}:
            os.close(self.logs.pop(key).fd)
        for key in self.zones.keys() - {zone.key for zone in plan.zones}:
            os.close(self.zones.pop(key).fd)
        return problems

    def take_problems(self) -> list[str]:
        """Options of sockets that could not be set, since the last time; each once."""
        found = [text for bound in self.sockets.values() for text in bound.problems]
        for bound in self.sockets.values():
            bound.problems.clear()
        return list(dict.fromkeys(found))

    def shrink(self, workers: int) -> None:
        """No worker of a higher index is left: close the sockets that only those accepted from."""
        for bound in self.sockets.values():
            sockets.shrink(bound, workers)

    # What workers get.

    def descriptors(self, worker: int, plan: Plan) -> Iterator[tuple[str, int, int]]:
        """Key, serial and descriptor of all that a plan names, for the worker of this index."""
        for spec in plan.sockets:
            yield spec.key, self._serials[spec.key], self.sockets[spec.key].fd_of(worker)
        for file in plan.files:
            yield file.key, self._serials[file.key], self.logs[file.key].fd
        for zone in plan.zones:
            yield zone.key, self._serials[zone.key], self.zones[zone.key].fd

    # A new master beside this one.

    def adopt(self, inherited: Predecessor) -> list[str]:
        """Take over what the master before us opened. Gives what was of no use, for the log."""
        problems: list[str] = []
        for given in inherited.sockets:
            try:
                self.sockets[given.key] = sockets.inherit(given)
                self._new_serial(given.key)
            except OpenError as error:
                close_all(given.fds)
                problems.append(str(error))
        self._standard = inherited.logs
        self._predecessor = inherited
        return problems

    def to_hand_over(self) -> list[Socket]:
        """The sockets, as the next master gets them."""
        found: list[Socket] = []
        for key, bound in self.sockets.items():
            spec = bound.spec
            place = (spec.family, spec.address, spec.port)
            found.append(Socket(key, *place, bound.fds, bound.inode, bound.steered))
        return found

    def own_logs(self) -> list[OwnLog]:
        """The logs that the next master cannot open by name."""
        found = [log for log in self.logs.values() if own_descriptor(log.file.path) is not None]
        return [OwnLog(log.file.path, log.fd) for log in found]

    def share(self, shared: bool) -> None:
        """Whether another master has the sockets as well: then files of unix sockets stay when we close."""
        for bound in self.sockets.values():
            bound.shared = shared

    def regain(self, workers: int) -> None:
        """The other master, which may have given the sockets to fewer workers, is gone."""
        self.share(False)
        for bound in self.sockets.values():
            if len(bound.fds) > 1:
                sockets.unsteer(bound)
                sockets.steer(bound, workers)

    # Logs.

    def reopen_logs(self) -> list[str]:
        """Open all logs anew; gives errors. The old ones stay open until close_replaced."""
        errors: list[str] = []
        for key, log in self.logs.items():
            if own_descriptor(log.file.path) is not None:
                continue  # what our standard output is does not change
            try:
                fd = open_log(log.file)
            except OpenError as error:
                errors.append(str(error))
                continue
            self._replaced.append((key, log.fd))
            log.fd = fd
            self._new_serial(key)
        return errors

    def reopened(self, sent: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """Serial and descriptor of the logs among these that were sent with another serial, by key."""
        return {
            key: (self._serials[key], self.logs[key].fd)
            for key, serial in sent.items()
            if key in self.logs and self._serials[key] != serial
        }

    def close_replaced(self) -> None:
        """Every worker writes to the new logs."""
        for _, fd in self._replaced:
            os.close(fd)
        self._replaced = []

    def known_log(self, path_digest: bytes) -> OpenFile | None:
        """A log that the master itself opened once, by the digest of its path in shared memory."""
        return self._known_logs.get(path_digest)

    def log_fd(self, key: str, inode: int = 0) -> int | None:
        """The descriptor of a log, if it is open; that of this file, if it is being replaced just now."""
        for replaced, fd in self._replaced:
            if replaced == key and inode and os.fstat(fd).st_ino == inode:
                return fd
        log = self.logs.get(key)
        return log.fd if log is not None else None

    def sinks(self, error_logs: Sequence[tuple[str, int]]) -> list[Sink]:
        """Where our own messages go, by the keys and levels of a plan."""
        return make_sinks(error_logs, {key: log.fd for key, log in self.logs.items()})

    def close(self) -> None:
        """Close everything."""
        self.close_sockets()
        self.close_replaced()
        for log in self.logs.values():
            os.close(log.fd)
        self.logs.clear()
        for zone in self.zones.values():
            os.close(zone.fd)
        self.zones.clear()

    def close_sockets(self) -> None:
        """Stop listening (workers that drain have closed their copies)."""
        for bound in self.sockets.values():
            bound.close()
        self.sockets.clear()

    def _open_socket(
        self, spec: ListenSocket, workers: int, opened: Opened, rivals: list[BoundSocket]
    ) -> None:
        bound = self.sockets.get(spec.key)
        if bound is None:
            self.sockets[spec.key] = sockets.bind(spec, workers, rivals)
            opened.sockets.append(spec.key)
            self._new_serial(spec.key)
        else:
            before = len(bound.fds)
            if sockets.extend(bound, spec, workers):
                opened.extended.append((spec.key, before))

    def _open_log(self, file: OpenFile, opened: Opened) -> None:
        if file.key in self.logs:
            return
        inherited = self._standard.pop(file.path, None)
        self.logs[file.key] = OpenLog(file, open_log(file) if inherited is None else inherited)
        opened.logs.append(file.key)
        self._new_serial(file.key)
        if len(self._known_logs) < _LOGS_REMEMBERED:
            self._known_logs[digest(os.fsencode(file.path))] = file

    def _make_zone(self, zone: SharedZone, opened: Opened) -> None:
        if zone.key in self.zones:
            return
        shape = LimitShape(LIMIT_CONN if zone.connections else LIMIT_REQ, zone.size)
        fd = self._predecessor.take_segment(zone.key, shape.bytes, LAYOUT) if self._predecessor else None
        try:
            fd = make_limit_zone(shape) if fd is None else fd
        except SegmentError as error:
            raise OpenError(f'zone "{zone.key.split(":")[1]}": {error} in {zone.origin}') from error
        self.zones[zone.key] = Segment(zone.key, fd, shape.bytes, LAYOUT)
        opened.zones.append(zone.key)
        self._new_serial(zone.key)

    def _new_serial(self, key: str) -> None:
        self._last_serial += 1
        self._serials[key] = self._last_serial
