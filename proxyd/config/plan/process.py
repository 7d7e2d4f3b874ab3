"""What the master does about a configuration: sockets, files, zones, and processes to run."""

from __future__ import annotations

import msgspec


class Keepalive(msgspec.Struct, frozen=True):
    """Probes on silent connections, with times in seconds; 0: as the system has it."""

    on: bool
    idle: int = 0
    interval: int = 0
    count: int = 0


class ListenSocket(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the master binds. None: as the system has it."""

    key: str  # same as Listen.key
    family: int  # 4, 6 or 1 for unix
    address: str  # "0.0.0.0", "::", "/run/x.sock"
    port: int
    backlog: int
    reuseport: bool
    ipv6only: bool
    origin: str  # "site.conf:3", for messages
    rcvbuf: int | None = None
    sndbuf: int | None = None
    fastopen: int | None = None
    deferred: bool = False
    multipath: bool = False
    keepalive: Keepalive | None = None


class OpenFile(msgspec.Struct, frozen=True):
    """A log file that the master opens for appending, under ``log:<path>``."""

    key: str
    path: str  # absolute, or "stderr"
    origin: str


class TempDirectory(msgspec.Struct, frozen=True):
    """A directory that the master makes, for temporary files of workers."""

    path: str
    origin: str  # of the directive; empty: nobody gave it


class SharedZone(msgspec.Struct, frozen=True):
    """A limit Zone that the master makes. The key says name, size, kind and what is counted apart."""

    key: str
    connections: bool
    size: int
    origin: str


class CpuAffinity(msgspec.Struct, frozen=True):
    """Numbers of processors. Without ``auto`` a mask per worker; with it at most one, of those to use."""

    auto: bool
    masks: list[list[int]]

    def of(self, worker: int, usable: list[int]) -> list[int]:
        """The processors for the worker of this index, where these are usable."""
        if not self.auto:
            return self.masks[min(worker, len(self.masks) - 1)]
        allowed = self.masks[0] if self.masks else usable
        return [allowed[worker % len(allowed)]] if allowed else []


class Process(msgspec.Struct, frozen=True, omit_defaults=True):
    """What concerns processes; a change of these needs new ones."""

    user: str | None
    group: str | None
    worker_processes: int  # "auto" is resolved
    worker_rlimit_nofile: int | None
    worker_shutdown_timeout: int
    worker_connections: int
    pid: str
    daemon: bool
    error_log: str  # the path of the first main error_log
    error_level: int
    log_buffer_bytes: int  # all buffers of access logs together: what a worker's Ledger must hold
    peers: int  # how many records the Zone of peers needs: of peers, servers and limits
    cpu_affinity: CpuAffinity | None = None
    priority: int = 0
    rlimit_core: int | None = None
    working_directory: str | None = None
    env: list[str] = []  # NAME, or NAME=value
    transparent: bool = False  # a proxy_bind is: workers need CAP_NET_RAW
