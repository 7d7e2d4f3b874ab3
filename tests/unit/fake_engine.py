"""A double of proxyd._engine in Python, so that master and workers run without the C engine.

It accepts on every listening socket that it is given, answers each request 200 with what the tests want to
know as JSON (pid, worker index, generation, keys), and writes or keeps log lines. Faults are ordered by the
plan: the word after `fault` in its bytes.

    fault refuse          prepare() raises EngineError
    fault stall           prepare() never returns
    fault crash           prepare() ends the process
    fault stall-activate  activate() never returns
    fault hold            lines stay in the Ledger's buffer (otherwise they are written at once)

A file named "fail" in the current directory: the Engine cannot be made.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import select
import signal
import socket
import struct
import time

from proxyd.shared import layout as shm
from proxyd.shared.counters import NUMBER

# Read in the master: workers get only what `env` names.
ORPHAN = os.environ.get("PROXYD_FAKE_ORPHAN")


class EngineError(Exception):
    pass


def fence() -> None:
    """Nothing to do: the double stores through Python alone."""


def layout() -> int:
    return 0


def version() -> dict[str, str]:
    return {"compiler": "none", "pcre2": "none"}


def stall() -> None:
    while True:
        signal.pause()


def make_orphan(path: str) -> None:
    """Leave a process without parent that writes its pid to a file and ends."""
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            with open(path, "w") as file:
                file.write(str(os.getpid()))
        os._exit(0)
    os.waitpid(middle, 0)


class Generation:
    def __init__(self, plan: bytes, descriptors: dict[str, int], before: Generation | None) -> None:
        known = {**before.listens, **descriptors} if before is not None else descriptors
        used = {key: fd for key, fd in known.items() if key.removeprefix("log:").encode() in plan}
        self.keys = sorted(used)
        self.fault = (re.search(rb"fault ([a-z-]+)", plan) or [b"", b""])[1].decode()
        self.listens = {key: os.dup(fd) for key, fd in used.items() if key.startswith("listen:")}
        self.logs = {key: os.dup(fd) for key, fd in used.items() if key.startswith("log:")}

    def close(self) -> None:
        for fd in (*self.listens.values(), *self.logs.values()):
            os.close(fd)


class Ledger:
    """As much of the Ledger as the tests look at: counters, one cell, one log region."""

    def __init__(self, fd: int, worker: int) -> None:
        whole = mmap.mmap(fd, os.fstat(fd).st_size)
        stride = struct.unpack_from("<Q", whole, shm.LEDGER_HEADER.offsets["stride"])[0]
        self.memory = memoryview(whole)[worker * stride : (worker + 1) * stride]
        self.header = {name: self.number(at) for name, at in shm.LEDGER_HEADER.offsets.items()}
        if self.header["magic"] != shm.LEDGER_MAGIC or self.header["layout"] != shm.LAYOUT:
            raise EngineError("a Ledger of another layout")
        self.put("I", shm.LEDGER_HEADER.offsets["pid"], os.getpid())

    def number(self, at: int) -> int:
        return struct.unpack_from("<I", self.memory, at)[0]

    def put(self, kind: str, at: int, value: int) -> None:
        struct.pack_into("<" + kind, self.memory, at, value)

    def count(self, name: str, amount: int = 1) -> None:
        at = self.header["counters_offset"] + 8 * NUMBER[name]
        self.put("Q", at, struct.unpack_from("<Q", self.memory, at)[0] + amount)

    def buffer(self, path: str, line: bytes) -> None:
        region = self.header["regions_offset"]
        at = {name: region + offset for name, offset in shm.LOG_REGION.offsets.items()}
        used = self.number(at["used"])
        self.memory[at["path_digest"] : at["path_digest"] + 16] = shm.digest(path.encode())
        self.put("I", at["size"], 4096)
        start = self.header["slab_offset"] + used
        self.memory[start : start + len(line)] = line
        self.put("I", at["used"], used + len(line))
        self.put("I", at["state"], shm.REGION_OPEN)


class Engine:
    def __init__(self, worker: int, ledgers_fd: int, peers_fd: int) -> None:
        if os.path.exists("fail"):
            raise EngineError("told to fail")
        if ORPHAN:
            make_orphan(ORPHAN)
        self.worker = worker
        self.ledger = Ledger(ledgers_fd, worker)
        self.peers = mmap.mmap(peers_fd, os.fstat(peers_fd).st_size)
        self.epoll = select.epoll()
        self.python_fds: set[int] = set()
        self.listeners: dict[int, str] = {}  # fd of the active generation: key
        self.clients: dict[int, socket.socket] = {}
        self.generations: dict[int, Generation] = {}
        self.active: Generation | None = None
        self.last = 0

    # The selector.

    def register(self, fd: int, events: int) -> None:
        self.epoll.register(fd, events)
        self.python_fds.add(fd)

    def modify(self, fd: int, events: int) -> None:
        self.epoll.modify(fd, events)

    def unregister(self, fd: int) -> None:
        self.epoll.unregister(fd)
        self.python_fds.discard(fd)

    def select(self, timeout: float) -> list[tuple[int, int]]:
        end = None if timeout < 0 else time.monotonic() + timeout
        while True:
            left = -1 if end is None else max(0, end - time.monotonic())
            ready = self.epoll.poll(left)
            ours = [(fd, event) for fd, event in ready if fd in self.python_fds]
            for fd, _ in ready:
                if fd not in self.python_fds:
                    self.serve(fd)
            if ours or (end is not None and time.monotonic() >= end):
                return ours

    # Serving.

    def serve(self, fd: int) -> None:
        if fd in self.listeners:
            self.accept(fd)
        elif fd in self.clients:
            self.answer(fd)

    def accept(self, fd: int) -> None:
        listener = socket.socket(fileno=os.dup(fd))
        with contextlib.suppress(BlockingIOError), listener:
            client, _ = listener.accept()
            client.setblocking(False)
            self.clients[client.fileno()] = client
            self.epoll.register(client.fileno(), select.EPOLLIN)
            self.ledger.count("connections_accepted")

    def answer(self, fd: int) -> None:
        client = self.clients[fd]
        try:
            request = client.recv(65536)
        except OSError:
            request = b""
        if not request:
            self.close_client(fd)
            return
        assert self.active is not None
        numbers = {"pid": os.getpid(), "worker": self.worker, "generation": self.last}
        body = json.dumps({**numbers, "uid": os.getuid(), "keys": self.active.keys}).encode()
        self.ledger.count("requests")
        self.log(request.split(b"\r\n")[0] + b"\n")
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def log(self, line: bytes) -> None:
        assert self.active is not None
        for key, fd in self.active.logs.items():
            if "access" in key or "stdout" in key:
                if self.active.fault == "hold":
                    self.ledger.buffer(key.removeprefix("log:"), line)
                else:
                    os.write(fd, line)

    def close_client(self, fd: int) -> None:
        self.epoll.unregister(fd)
        self.clients.pop(fd).close()

    # Generations.

    def prepare(self, plan: bytes, descriptors: dict[str, int]) -> int:
        new = Generation(plan, descriptors, self.active)
        if new.fault == "refuse":
            raise EngineError("told to refuse")
        if new.fault == "stall":
            stall()
        if new.fault == "crash":
            os._exit(9)
        self.last += 1
        self.generations[self.last] = new
        return self.last

    def activate(self, generation: int) -> None:
        if self.generations[generation].fault == "stall-activate":
            stall()
        for fd in self.listeners:
            self.epoll.unregister(fd)
        if self.active is not None:
            self.active.close()
        self.active = self.generations.pop(generation)
        self.listeners = {fd: key for key, fd in self.active.listens.items()}
        for fd in self.listeners:
            self.epoll.register(fd, select.EPOLLIN)

    def discard(self, generation: int) -> None:
        self.generations.pop(generation).close()

    def reopen(self, descriptors: dict[str, int]) -> None:
        active = [self.active] if self.active is not None else []
        for generation in (*active, *self.generations.values()):
            for key in descriptors.keys() & generation.logs.keys():
                os.close(generation.logs[key])
                generation.logs[key] = os.dup(descriptors[key])

    def drain(self, timeout_ms: int, idle_ms: int = 0) -> None:
        if timeout_ms:  # the real one gives them that long
            for fd in list(self.clients):
                self.close_client(fd)
        for fd in self.listeners:
            self.epoll.unregister(fd)
            os.close(fd)
        self.listeners = {}
        if self.active is not None:
            self.active.listens = {}

    def live(self) -> dict[str, int]:
        return {"connections": len(self.clients), "requests": 0, "tunnels": 0}

    def close(self) -> None:
        self.epoll.close()
