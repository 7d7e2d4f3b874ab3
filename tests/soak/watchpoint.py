"""Stop another process at its stores to an address: ptrace and the debug registers of x86-64.

    with Watch(pid, [address]) as watch:
        watch.wait_for_store()      # it is stopped behind the instruction that stored
        os.kill(pid, signal.SIGKILL)

A trap comes after the store, so that stopping at every store to every field of a structure shows each
state in which a killed process can leave it. The process must have one thread that stores.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.waiting import LIMIT

_SEIZE, _INTERRUPT, _CONT, _PEEKUSER, _POKEUSER = 0x4206, 0x4207, 7, 3, 6
_DEBUG_REGISTERS = 848  # offsetof(struct user, u_debugreg)
_WALL = 0x40000000
_MOST = 4

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class Ended(Exception):
    """The process ended by itself."""


def is_possible() -> bool:
    """Whether this machine has what it takes: root, and the processor whose registers we know."""
    return platform.machine() == "x86_64" and os.geteuid() == 0


def _ptrace(request: int, pid: int, address: int = 0, value: int = 0) -> None:
    if _libc.ptrace(request, pid, address, value) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace({request:#x}): {os.strerror(number)}")


def mappings(pid: int, name: str, access: str = "") -> list[int]:
    """Where a process has mapped files whose path contains the name: start addresses, in their order.

    ``access``: only those whose permissions begin with this.
    """
    lines = Path(f"/proc/{pid}/maps").read_text().split("\n")
    found = [line.split(None, 5) for line in lines]
    return [
        int(part[0].partition("-")[0], 16)
        for part in found
        if len(part) == 6 and re.search(name, part[5]) and part[1].startswith(access)
    ]


class Watch:
    """A process that runs until it stores to one of at most four addresses (aligned, of 4 or 8 bytes)."""

    def __init__(self, pid: int, addresses: Sequence[int], size: int = 4) -> None:
        assert len(addresses) <= _MOST and all(address % size == 0 for address in addresses)
        self.pid = pid
        self._addresses = addresses
        self._size = size
        self._attached = False

    def __enter__(self) -> Watch:
        _ptrace(_SEIZE, self.pid)
        self._attached = True
        _ptrace(_INTERRUPT, self.pid)
        self._wait_for_stop(LIMIT)
        control = 0
        for number, address in enumerate(self._addresses):
            self._poke(number, address)
            length = 0b11 if self._size == 4 else 0b10
            control |= 1 << (2 * number) | (0b01 | length << 2) << (16 + 4 * number)
        self._poke(7, control)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._attached:
            return
        with suppress(OSError):  # it is dead already
            self._poke(7, 0)
            _ptrace(17, self.pid)  # PTRACE_DETACH

    def wait_for_store(self, limit: float) -> bool:
        """Run until the next store. False: none within the limit (it runs on). Raises Ended."""
        _ptrace(_CONT, self.pid)
        end = time.monotonic() + limit
        while True:
            status = self._poll(end)
            if status is None:
                return False
            number = os.WSTOPSIG(status)
            if number == signal.SIGTRAP and status >> 16 == 0:
                return True
            _ptrace(_CONT, self.pid, 0, 0 if status >> 16 else number)  # a signal of its own: deliver it

    def stop(self) -> None:
        """Stop it where it is."""
        _ptrace(_INTERRUPT, self.pid)
        self._wait_for_stop(LIMIT)

    def kill(self) -> None:
        """kill -9, and take note of the end."""
        os.kill(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError, Ended):
            while self._poll(time.monotonic() + LIMIT) is not None:
                pass
        self._attached = False

    def _wait_for_stop(self, limit: float) -> None:
        if self._poll(time.monotonic() + limit) is None:
            raise TimeoutError(f"process {self.pid} does not stop")

    def _poll(self, end: float) -> int | None:
        while True:
            pid, status = os.waitpid(self.pid, _WALL | os.WNOHANG)
            if pid:
                if not os.WIFSTOPPED(status):
                    self._attached = False
                    raise Ended(f"status {status:#x}")
                return status
            if time.monotonic() > end:
                return None
            time.sleep(0.0005)

    def _poke(self, register: int, value: int) -> None:
        _ptrace(_POKEUSER, self.pid, _DEBUG_REGISTERS + 8 * register, value)
