"""kill -9 of a worker at its stores to shared memory: each field in turn, behind the first, second ... store.

While a worker is watched, requests run, one backend refuses connections now and then, and a reload brings a
new upstream (a new peer record) and takes a buffered log away for another (log regions are freed and taken).
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from proxyd.shared import layout
from proxyd.shared.cells import PEER_CELLS, SLOT_CELLS, offsets
from proxyd.shared.counters import NUMBER
from proxyd.shared.segments import peer_key
from tests.e2e.load import REPORTING, Backend, Load, Report
from tests.e2e.watching import wait_for_service, workers_of
from tests.soak.sites import counts_left, make, running, scratch, tell_failures
from tests.soak.table import Row
from tests.soak.watchpoint import Ended, Watch, is_possible, mappings
from tests.support.ports import ReservedPort
from tests.support.server import Server, environment
from tests.support.waiting import LIMIT

_STORE_LIMIT = 1.5  # a field that is not stored to in so many seconds is given up: killed where it is
_BATCH = 10  # so many kills between two looks at the counts and logs
_COUNTS = (1, 2, 3, 5, 9)
_BUCKET_BYTES = layout.LIMIT_BUCKET.size + layout.LIMIT_WAYS * layout.LIMIT_RECORD.size


class Segments:
    """The shared memory of one worker, as mapped by it."""

    def __init__(self, pid: int) -> None:
        self._memory = Path(f"/proc/{pid}/mem")
        self.bases: dict[int, int] = {}  # magic: start
        for start in mappings(pid, "proxyd-", "rw"):  # of the Ledgers only its own is writable
            magic = self._read("<I", start)
            kind = self._read("<I", start + layout.LIMIT_HEADER.offsets["kind"])
            self.bases[magic + kind if magic == layout.LIMIT_MAGIC else magic] = start

    def _read(self, kind: str, address: int) -> int:
        with self._memory.open("rb") as memory:
            memory.seek(address)
            value: int = struct.unpack(kind, memory.read(struct.calcsize(kind)))[0]
            return value

    def ledger(self, field: str) -> int:
        """The address of a field of the Ledger's header."""
        return self.bases[layout.LEDGER_MAGIC] + layout.LEDGER_HEADER.offsets[field]

    def part(self, offset_field: str) -> int:
        """The address of a part of the Ledger whose offset is in the header."""
        return self.bases[layout.LEDGER_MAGIC] + self._read("<I", self.ledger(offset_field))

    def region(self, number: int, field: str) -> int:
        """The address of a field of a log region."""
        return (
            self.part("regions_offset") + number * layout.LOG_REGION.size + layout.LOG_REGION.offsets[field]
        )

    def peers(self, field: str) -> int:
        """The address of a field of the peers Zone's header."""
        return self.bases[layout.PEERS_MAGIC] + layout.PEERS_HEADER.offsets[field]

    def slot_of(self, upstream: str, peer: str) -> int:
        """Where a peer's record is, or will be."""
        key = peer_key(upstream.encode(), peer.encode())
        capacity = self._read("<I", self.peers("capacity"))
        slot = int.from_bytes(key[:8], "little") % capacity
        while self._read("<Q", self.record(slot, "key")) not in (0, int.from_bytes(key[:8], "little")):
            slot = (slot + 1) % capacity
        return slot

    def record(self, slot: int, field: str) -> int:
        """The address of a field of a peer record."""
        start = self.bases[layout.PEERS_MAGIC] + layout.PEERS_HEADER.size
        return start + slot * layout.PEER_RECORD.size + layout.PEER_RECORD.offsets[field]

    def limit(self, kind: int, field: str) -> int:
        """The address of a field of the only record that a limit Zone has in use, or of its bucket."""
        base = self.bases[layout.LIMIT_MAGIC + kind]
        start = base + self._read("<Q", base + layout.LIMIT_HEADER.offsets["buckets_offset"])
        for bucket in range(self._read("<I", base + layout.LIMIT_HEADER.offsets["buckets"])):
            at = start + bucket * _BUCKET_BYTES
            for record in range(layout.LIMIT_WAYS):
                place = at + layout.LIMIT_BUCKET.size + record * layout.LIMIT_RECORD.size
                if self._read("<Q", place):
                    inside = layout.LIMIT_RECORD.offsets.get(field)
                    return at + layout.LIMIT_BUCKET.offsets[field] if inside is None else place + inside
        return start  # none yet: nothing will be stored there soon

    def hold(self) -> list[int]:
        """Addresses of holds that this worker is likely to use: the last ones of its newest chunks."""
        base = self.bases[layout.LIMIT_MAGIC + layout.LIMIT_CONN]
        start = base + self._read("<Q", base + layout.LIMIT_HEADER.offsets["chunks_offset"])
        chunks = range(self._read("<I", base + layout.LIMIT_HEADER.offsets["chunks"]))
        owned = [start + number * layout.LIMIT_CHUNK.size for number in chunks]
        return [at + layout.LIMIT_CHUNK.offsets["holds"] for at in owned if self._read("<I", at)][:4]


@dataclass(frozen=True)
class Field:
    """A field, where it is for a worker (given the peer that the coming reload brings), and its size.

    ``most``: a reload brings so many such stores. ``alone``: whichever worker comes first makes them, so the
    other one is held up meanwhile.
    """

    name: str
    find: Callable[[Segments, tuple[str, str]], list[int]]
    size: int
    most: int = 1000
    alone: bool = False


def _counter(name: str) -> Field:
    return Field(f"counter {name}", lambda at, _: [at.part("counters_offset") + 8 * NUMBER[name]], 8)


def _cell_of(part: str, new: bool = False) -> Callable[[Segments, tuple[str, str]], list[int]]:
    def find(at: Segments, coming: tuple[str, str]) -> list[int]:
        slot = at.slot_of(*(coming if new else ("group", Sites.live)))
        return [at.part(part) + 4 * slot]

    return find


def _count_of(name: str) -> Callable[[Segments, tuple[str, str]], list[int]]:
    def find(at: Segments, _: tuple[str, str]) -> list[int]:
        slot = at.slot_of("group", Sites.live)
        return [at.part("cells_offset") + 8 * (SLOT_CELLS * slot + offsets(PEER_CELLS)[name])]

    return find


def _region(field: str, size: int, most: int = 1000) -> Field:
    def find(at: Segments, _: tuple[str, str]) -> list[int]:
        return [at.region(number, field) for number in range(4)]  # three logs, and the one to come

    return Field(f"log regions: {field}", find, size, most)


def _record(field: str, size: int, peer: str) -> Field:
    def find(at: Segments, coming: tuple[str, str]) -> list[int]:
        slot = at.slot_of(*(coming if peer == "new" else ("group", getattr(Sites, peer))))
        return [at.record(slot, field)]

    return Field(f"{peer} peer: {field}", find, size, most=1 if peer == "new" else 1000, alone=peer == "new")


def _limit(kind: int, field: str, size: int = 8, more: int = 0) -> Field:
    name = "limit_req" if kind == layout.LIMIT_REQ else "limit_conn"
    return Field(f"{name}: {field} + {more}", lambda at, _: [at.limit(kind, field) + more], size)


LIMITS = (
    *(
        _limit(kind, name, 4)
        for kind in (layout.LIMIT_REQ, layout.LIMIT_CONN)
        for name in ("intent", "meant", "more")
    ),
    *(_limit(kind, "value", 4) for kind in (layout.LIMIT_REQ, layout.LIMIT_CONN)),
    *(_limit(kind, "lock", 4) for kind in (layout.LIMIT_REQ, layout.LIMIT_CONN)),
    _limit(layout.LIMIT_REQ, "last_ms"),
    Field("limit_conn: hold", lambda at, _: at.hold(), 4),
)

FIELDS = (
    *LIMITS,
    _counter("requests"),
    _counter("connections_active"),
    _counter("requests_active"),
    _counter("upstream_connections_active"),
    _counter("log_lines"),
    Field("turns", lambda at, _: [at.ledger("turns")], 8),
    Field("active cell of a peer", _cell_of("active_offset"), 4),
    Field("count of a peer", _count_of("tries"), 8),
    Field("latency of a peer", _count_of("latency_sum_ms"), 8),
    Field("held cell of a peer", _cell_of("held_offset"), 4),
    Field("held cell of a new peer", _cell_of("held_offset", new=True), 4, most=1),
    _region("used", 4),
    _region("state", 4),
    _region("file_end", 8),
    _region("file_inode", 8),
    _region("gzip", 4, most=1),
    _region("offset", 4, most=1),
    _region("size", 4, most=1),
    _region("path_digest", 8, most=1),
    _record("fails", 4, "dead"),
    _record("accessed_s", 8, "dead"),
    _record("checked_s", 8, "dead"),
    _record("claimed_s", 8, "live"),
    _record("key", 8, "new"),
    _record("claimed_s", 8, "new"),
    Field("peers Zone: lock", lambda at, _: [at.peers("lock")], 4, most=2, alone=True),
    Field("peers Zone: owner of the lock", lambda at, _: [at.peers("lock") + 8], 4, most=2, alone=True),
)


class Sites:
    """Addresses of the backends, as the peers' names have them."""

    live = ""
    dead = ""


def configuration(number: int) -> str:
    """Each has other upstreams and another log. One backend always fails, and is not given up."""
    return (
        "log_format bare '$request_uri';\n"
        f"upstream group {{ server {{backend0}} weight={1 + number % 2}; "
        "server {backend1} max_fails=1000000 fail_timeout=1h; }\n"
        f"upstream new{number} {{ server 127.0.0.1:1; }}\n"
        "access_log {dir}/all.log bare buffer=1k flush=50ms;\n"
        f"access_log {{dir}}/extra{number % 3}.log bare buffer={1 + number % 3}k;\n"
        "keepalive_requests 50;\n"
        "limit_req_zone everybody zone=requests:32k rate=1000000r/s;\n"
        "limit_conn_zone everybody zone=connections:32k;\n"
        "server {\n"
        "    limit_req zone=requests burst=10000 nodelay;\n"
        "    limit_conn connections 18;\n"  # what the load may need at a time: a place that is lost shows
        "    listen 127.0.0.1:{port0} reuseport;\n"  # so that both workers have clients
        + REPORTING.replace("{word}", str(number))
        + "    location / { proxy_pass http://group; }\n"
        f"    location /new {{ proxy_pass http://new{number}; }}\n"
        "}\n"
    )


@dataclass
class Outcome:
    """What came of all kills."""

    kills: int = 0
    at_stores: int = 0
    failed_reloads: int = 0
    wrong: int = 0
    requests: int = 0
    left: int = 0
    lost: int = 0
    doubled: int = 0
    missed: list[str] = field(default_factory=list)


class Killing:
    """One server and the kills of its workers."""

    def __init__(self, server: Server, outcome: Outcome, patience: float) -> None:
        self.server = server
        self.outcome = outcome
        self.patience = patience
        self.number = 0

    def batch(self, wanted: list[tuple[Field, int]]) -> None:
        """Kill under load, then look at what is left."""
        killed: list[int] = []
        with Load(self.server.port(), clients=10, fresh=2, post_every=0) as load:
            load.wait_for(requests=20)
            for number, (place, count) in enumerate(wanted):
                pids = wait_for_service(self.server, 2)
                pid, other = pids if number % 2 else reversed(pids)
                self.kill_at(pid, other if place.alone else 0, place, count)
                killed.append(pid)
                workers_of(self.server, 2, without=[pid])
                load.wait_for(requests=20)
            report = load.stop()
        self._judge(report, killed)

    def kill_at(self, pid: int, other: int, place: Field, count: int) -> None:
        """Kill it behind so many stores to the field, during a reload; hold the other up meanwhile."""
        self.number += 1
        self.outcome.kills += 1
        self.server.write_config(configuration(self.number))
        addresses = place.find(Segments(pid), (f"new{self.number}", "127.0.0.1:1"))
        command = [*self.server.command, "reload"]
        with (
            Watch(pid, addresses, place.size) as watch,
            subprocess.Popen(
                command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            ) as reload,
        ):
            with held_up(other):
                self._kill_behind_store(watch, place, count)
            _, said = reload.communicate(timeout=LIMIT)
        if reload.returncode != 0:
            print(f"{place.name}, {count}: reload failed: {said}")
            self.outcome.failed_reloads += 1

    def _kill_behind_store(self, watch: Watch, place: Field, count: int) -> None:
        try:
            reached = self._go_to(watch, min(count, place.most))
            self.outcome.at_stores += reached
            if not reached:
                self.outcome.missed.append(f"{place.name} x {count}")
            watch.kill()
        except Ended:
            print(f"{place.name}: worker {watch.pid} ended by itself")
            self.outcome.wrong += 1

    def _go_to(self, watch: Watch, count: int) -> bool:
        for _ in range(count):
            if not watch.wait_for_store(self.patience):
                watch.stop()
                return False
        return True

    def _judge(self, report: Report, killed: list[int]) -> None:
        names = {None, *map(str, killed)}
        wrong = [one for one in report.failures if one.kind != "ended" or one.worker not in names]
        if wrong:
            tell_failures(report)
        self.outcome.wrong += len(wrong)
        self.outcome.requests += report.requests
        wait_for_service(self.server, 2)
        left = counts_left(self.server)
        if left:
            print(f"counted as running, while nothing runs: {left}")
        self.outcome.left += sum(left.values())
        self._judge_log(report)

    def _judge_log(self, report: Report) -> None:
        """Every answered request once; the answer before a failure may miss its line (see test_crash)."""
        assert self.server.run("reopen").returncode == 0  # writes out what is buffered
        path = self.server.directory / "all.log"
        lines = Counter(path.read_text().split("\n")[:-1])
        path.unlink()
        assert self.server.run("reopen").returncode == 0
        excused = {f"/small/{one.who}/{int(one.what.rpartition('/')[2]) - 1}" for one in report.failures}
        kept = {who: numbers for who, numbers in report.done.items() if not who.startswith("f")}
        answered = {f"/small/{who}/{number}" for who, numbers in kept.items() for number in numbers}
        lost = answered - excused - lines.keys()
        doubled = [line for line, times in lines.items() if times > 1]
        if lost or doubled:
            print(f"lost {sorted(lost)[:5]}, doubled {doubled[:5]}")
        self.outcome.lost += len(lost)
        self.outcome.doubled += len(doubled)


@contextmanager
def held_up(pid: int) -> Iterator[None]:
    """Stop a process for a while; 0: nobody."""
    if pid:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if pid:
            os.kill(pid, signal.SIGCONT)


def run(scale: float) -> list[Row]:
    """The run."""
    if not is_possible():
        return [Row("stores", "kills at stores", 0, "", "", "needs root, ptrace and x86-64: not run")]
    times = max(len(FIELDS), round(len(FIELDS) * len(_COUNTS) * scale))
    everything = itertools.cycle([(place, count) for count in _COUNTS for place in FIELDS])
    return run_some(list(itertools.islice(everything, times)))


def run_some(wanted: list[tuple[Field, int]], patience: float = _STORE_LIMIT) -> list[Row]:
    """Kill a worker at each of these: behind so many stores to the field, each within `patience` seconds."""
    outcome = Outcome()
    with scratch() as directory, Backend() as backend, ReservedPort() as nobody:
        Sites.live, Sites.dead = backend.address, f"127.0.0.1:{nobody.number}"
        server = make(
            directory, configuration(0), workers=2, access_log="", backend0=Sites.live, backend1=Sites.dead
        )
        with running(server):
            wait_for_service(server, 2)
            killing = Killing(server, outcome, patience)
            for start in range(0, len(wanted), _BATCH):
                killing.batch(wanted[start : start + _BATCH])
        alerts = [line for line in server.log().split("\n") if re.search(r"\[(alert|emerg)\]", line)]
        # Whoever is stopped at a store to a limit Zone holds a lock there: others say so, and go on.
        usual = ("exited on signal 9", "is held by another process for too long")
        strange = [line for line in alerts if not any(word in line for word in usual)]
        print("\n".join(strange[:20]), end="\n" if strange else "")
    return _rows(outcome, len(strange))


def _rows(outcome: Outcome, strange: int) -> list[Row]:
    missed = "not: " + ", ".join(outcome.missed) if outcome.missed else ""
    return [
        Row("stores", "kills", outcome.kills, f"{len(FIELDS)} fields"),
        Row("stores", "of them directly behind a store", outcome.at_stores, "", "", missed),
        Row("stores", "requests answered meanwhile", outcome.requests),
        Row("stores", "failures other than ends of the dead worker's connections", outcome.wrong, "", "= 0"),
        Row("stores", "reloads that failed because of it", outcome.failed_reloads, "", "= 0"),
        Row("stores", "counted as running at rest", outcome.left, "", "= 0"),
        Row("stores", "log lines lost", outcome.lost, "", "= 0"),
        Row("stores", "log lines doubled", outcome.doubled, "", "= 0"),
        Row("stores", "other alerts in the log", strange, "", "= 0"),
    ]
