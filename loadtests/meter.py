"""What a tree of processes has used: CPU time and memory, read from /proc.

CPU time comes from /proc/PID/task/TID/schedstat, which counts nanoseconds on the CPU, the kernel's work for
the thread included. The kernel updates it on each switch and tick: a reading is at most one tick old.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

CpuTimes = dict[int, int]
"""Nanoseconds on the CPU by thread id."""


@dataclass(frozen=True)
class Memory:
    """Bytes that a tree of processes holds."""

    pss: int
    """Proportional set size: what is shared with others counts by its share."""
    own: int
    """The part that no file backs: heap, stacks, shared memory."""


def tree(root: int) -> list[int]:
    """The process `root` and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_times(root: int) -> CpuTimes:
    """The CPU time of each thread in the tree of `root`."""
    times: CpuTimes = {}
    for pid in tree(root):
        times |= _own_cpu_times(pid)
    return times


def cpu_spent(before: CpuTimes, after: CpuTimes) -> int:
    """Nanoseconds used between two readings; a thread that is new counts whole."""
    return sum(now - before.get(thread, 0) for thread, now in after.items())


def busiest(root: int) -> int:
    """The process in the tree of `root` that has used most CPU: the worker, once it had some load."""
    return max(tree(root), key=lambda pid: sum(_own_cpu_times(pid).values()))


def memory(root: int) -> Memory:
    """The memory of the tree of `root`."""
    pss = own = 0
    for pid in tree(root):
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}
        pss += sizes.get("Pss", 0)
        own += sizes.get("Pss_Anon", 0) + sizes.get("Pss_Shmem", 0)
    return Memory(pss, own)


def _parent(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])  # the name before ")" may hold anything


def _own_cpu_times(pid: int) -> CpuTimes:
    times: CpuTimes = {}
    try:
        for entry in (PROC / str(pid) / "task").iterdir():
            times[int(entry.name)] = int((entry / "schedstat").read_text().split()[0])
    except OSError:
        pass  # a thread or the process ended meanwhile
    return times
