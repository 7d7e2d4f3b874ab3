"""Listening sockets: bound by the master, kept by key over reloads, handed to workers.

A key has one socket, or with ``reuseport`` one for each worker; worker N gets the Nth. The sockets of a
worker that died go to its successor, with the connections that wait in them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec import structs

from proxyd.config.plan import ListenSocket
from proxyd.process.channel import close_all
from proxyd.process.handover import Socket
from proxyd.process.tuning import IPPROTO_MPTCP, fixed_differences, tune

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6, 1: socket.AF_UNIX}
_UNIX = 1
_LONGEST_BACKLOG = 65535
_SO_ATTACH_REUSEPORT_CBPF = 51
_SO_DETACH_REUSEPORT_BPF = 68


class OpenError(Exception):
    """A socket or file could not be opened; the text is for the person who wrote the configuration."""


class AddressInUse(OpenError):
    """Somebody else has the address; at start another try may help."""


class _SockFilter(ctypes.Structure):
    """One instruction of classic BPF."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


@dataclass
class BoundSocket:
    """The descriptors of one key. ``inode``: of a unix socket's file, to remove that and no other.
    ``shared``: with another master, to whom the file belongs as well. ``problems``: options that were not
    taken, until somebody has told of them.
    """

    spec: ListenSocket
    fds: list[int]
    inode: int = 0
    steered: bool = False
    shared: bool = False
    problems: list[str] = field(default_factory=list)

    def fd_of(self, worker: int) -> int:
        """The descriptor that the worker of this index accepts from."""
        return self.fds[worker % len(self.fds)]

    def close(self) -> None:
        """Close it in this process, and remove the file of a unix socket."""
        close_all(self.fds)
        if self.inode and not self.shared:
            with suppress(OSError):
                if os.stat(self.spec.address).st_ino == self.inode:
                    os.unlink(self.spec.address)


def hush(bound: BoundSocket) -> None:
    """Stop listening, also where a copy of the descriptor is on its way to a worker that does not read."""
    for fd in bound.fds:
        with suppress(OSError), _borrowed(fd) as one:
            one.shutdown(socket.SHUT_RDWR)


def name_of(spec: ListenSocket) -> str:
    """As error messages have it: 0.0.0.0:80, [::]:80, unix:/run/x.sock."""
    if spec.family == _UNIX:
        return f"unix:{spec.address}"
    host = f"[{spec.address}]" if spec.family == 6 else spec.address
    return f"{host}:{spec.port}"


def bind(spec: ListenSocket, workers: int, rivals: Iterable[BoundSocket] = ()) -> BoundSocket:
    """Bind and listen; raises OpenError.

    ``rivals``: open sockets that will be closed after this. One of them may overlap the address (``listen
    80`` takes the place of ``listen 127.0.0.1:80``), which the kernel allows among sockets that share
    their port.
    """
    try:
        first = _bind_one(spec)
    except AddressInUse:
        shared = [rival for rival in rivals if rival.spec.port == spec.port and rival.spec.family != _UNIX]
        if not shared or spec.family == _UNIX:
            raise
        first = _bind_beside(spec, shared)
    bound = BoundSocket(spec, [first])
    if spec.family == _UNIX:
        bound.inode = os.stat(spec.address).st_ino
    try:
        extend(bound, spec, workers)
        listen(bound, spec)
    except OpenError:
        bound.close()
        raise
    return bound


def check(spec: ListenSocket) -> None:
    """Raise what ``bind`` would, as far as that shows without taking the port from anybody."""
    call = "socket()"
    try:
        with socket.socket(_FAMILIES[spec.family], socket.SOCK_STREAM) as probe:
            call = "bind()"
            if spec.family == _UNIX:
                os.stat(os.path.dirname(spec.address) or ".")
            else:
                probe.bind((spec.address, 0))
    except OSError as error:
        raise OpenError(_failed(call, spec, error)) from error


def extend(bound: BoundSocket, spec: ListenSocket, workers: int) -> int:
    """Bind the sockets that a reuseport group lacks; gives their number, for ``shrink`` when they shall
    go again.

    They do not listen yet, so that the kernel gives them no connection before a worker accepts.
    """
    before = len(bound.fds)
    if not spec.reuseport or spec.family == _UNIX:
        return 0
    with _borrowed(bound.fds[0]) as first:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        while len(bound.fds) < workers:
            bound.fds.append(_bind_one(spec))
    except OpenError:
        shrink(bound, before)
        raise
    return len(bound.fds) - before


def listen(bound: BoundSocket, spec: ListenSocket) -> None:
    """Listen with the backlog and options that the plan says now; raises OpenError.

    A group stays one when ``reuseport`` goes away: its sockets share the address already.
    """
    bound.problems += fixed_differences(bound.spec, spec)
    for fd in bound.fds:
        try:
            with _borrowed(fd) as one:
                bound.problems += tune(one, spec)
                one.listen(spec.backlog if spec.backlog >= 0 else _LONGEST_BACKLOG)
        except OSError as error:
            kind = AddressInUse if error.errno == errno.EADDRINUSE else OpenError
            raise kind(_failed("listen()", spec, error)) from error
    bound.spec = spec


def steer(bound: BoundSocket, workers: int) -> None:
    """Let the kernel choose among the first sockets of a group only, so that the others run empty."""
    if len(bound.fds) > workers or bound.steered:
        bound.steered = True
        program = (_SockFilter * 3)(
            _SockFilter(0x20, 0, 0, 0xFFFFF000 + 56),  # A = random number
            _SockFilter(0x94, 0, 0, min(workers, len(bound.fds))),  # A %= workers
            _SockFilter(0x16, 0, 0, 0),  # choose socket A of the group
        )
        packed = struct.pack("HP", 3, ctypes.addressof(program))
        with suppress(OSError), _borrowed(bound.fds[0]) as first:
            first.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, packed)


def unsteer(bound: BoundSocket) -> None:
    """Let the kernel choose among all sockets of a group again: a master that had fewer workers is gone."""
    with suppress(OSError), _borrowed(bound.fds[0]) as first:
        first.setsockopt(socket.SOL_SOCKET, _SO_DETACH_REUSEPORT_BPF, 0)
    bound.steered = False


def inherit(given: Socket) -> BoundSocket:
    """A socket that the master before us opened; raises OpenError when it is none that listens."""
    for fd in given.fds:
        try:
            with _borrowed(fd) as one:
                listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise OpenError(f"inherited socket #{fd} ({given.key}): {error.strerror}") from error
        if not listens:
            raise OpenError(f"inherited socket #{fd} ({given.key}) does not listen")
    spec = ListenSocket(
        key=given.key,
        family=given.family,
        address=given.address,
        port=given.port,
        backlog=-1,
        reuseport=len(given.fds) > 1,
        ipv6only=True,
        origin="",
    )
    return BoundSocket(spec, list(given.fds), given.inode, given.steered, shared=True)


def shrink(bound: BoundSocket, workers: int) -> None:
    """Close the sockets of workers that are no more, so that no connection waits there for ever."""
    keep = max(workers, 1)
    close_all(bound.fds[keep:])
    del bound.fds[keep:]


class _borrowed:
    """A socket object for a descriptor that somebody else closes."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)

    def __enter__(self) -> socket.socket:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.detach()


def _bind_one(spec: ListenSocket) -> int:
    try:
        protocol = IPPROTO_MPTCP if spec.multipath else 0
        made = socket.socket(_FAMILIES[spec.family], socket.SOCK_STREAM | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        raise OpenError(_failed("socket()", spec, error)) from error
    try:
        _set_options(made, spec)
        _bind_address(made, spec)
    except OpenError:
        made.close()
        raise
    return made.detach()


def _bind_beside(spec: ListenSocket, rivals: list[BoundSocket]) -> int:
    for fd in [fd for rival in rivals for fd in rival.fds]:
        with _borrowed(fd) as rival_socket:
            rival_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _bind_one(structs.replace(spec, reuseport=True))


def _set_options(made: socket.socket, spec: ListenSocket) -> None:
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if spec.family == 6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(spec.ipv6only))
        if spec.reuseport and spec.family != _UNIX:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        raise OpenError(_failed("setsockopt()", spec, error)) from error


def _bind_address(made: socket.socket, spec: ListenSocket) -> None:
    try:
        if spec.family == _UNIX:
            _remove_stale(spec.address)
            made.bind(spec.address)
            os.chmod(spec.address, 0o666)  # nginx's: whoever may reach the directory may connect
        else:
            made.bind((spec.address, spec.port))
    except OSError as error:
        kind = AddressInUse if error.errno == errno.EADDRINUSE else OpenError
        raise kind(_failed("bind()", spec, error)) from error


def _remove_stale(path: str) -> None:
    """Remove the socket file that a killed process left: one that refuses connections."""
    with suppress(OSError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            if probe.connect_ex(path) == errno.ECONNREFUSED:
                os.unlink(path)


def _failed(call: str, spec: ListenSocket, error: OSError) -> str:
    preposition = "to" if call == "bind()" else "for" if call == "socket()" else "on"
    return f"{call} {preposition} {name_of(spec)} failed ({error.errno}: {error.strerror}) in {spec.origin}"
