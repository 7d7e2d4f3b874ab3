"""A channel: datagrams in order between the master and one process it started, with descriptors.

The socket pair is of SEQPACKET kind: a message arrives wholly or not at all, and the end of either
process shows as end of file. The master's end never blocks: what the socket does not take waits in a
queue, with duplicates of its descriptors, so that the originals may be closed meanwhile.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress

# The kernel takes 253 descriptors per message (SCM_MAX_FD).
DESCRIPTORS_AT_ONCE = 250
# A batch of keys must fit in one datagram beside the rest; the smallest usual socket buffer holds 160 KiB.
KEY_BYTES_AT_ONCE = 64 * 1024
LONGEST_TO_WORKER = 128 * 1024
LONGEST_TO_MASTER = 16 * 1024
LONGEST_QUEUE = 4096

_INT_BYTES = array.array("i").itemsize


class ChannelError(Exception):
    """The other side is gone, or speaks nonsense."""


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends: the master's (which does not block) and the other's."""
    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.setblocking(False)
    return mine, other


def batches(keys: Sequence[str]) -> Iterator[list[str]]:
    """Split keys so that each part's descriptors and names fit in a message."""
    batch: list[str] = []
    size = 0
    for key in keys:
        if batch and (len(batch) == DESCRIPTORS_AT_ONCE or size + len(key) * 4 > KEY_BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(key)
        size += len(key) * 4
    if batch:
        yield batch


def send(end: socket.socket, payload: bytes, fds: Sequence[int] = ()) -> None:
    """One message. BlockingIOError: try again when writable. ChannelError: nobody is there.

    A kernel that holds too many descriptors on their way is like a full socket: the reader will make room.
    """
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        end.sendmsg([payload], ancillary, socket.MSG_NOSIGNAL)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno in (errno.ETOOMANYREFS, errno.ENOBUFS):
            raise BlockingIOError from error
        raise ChannelError(f"sendmsg() failed ({error.errno}: {error.strerror})") from error


def receive(end: socket.socket, longest: int, *, descriptors: int = 0) -> tuple[bytes, list[int]]:
    """One message and its descriptors. BlockingIOError: none is there. ChannelError: end of file, or too
    long.

    Without ``descriptors`` the kernel drops what somebody sends along.
    """
    space = socket.CMSG_SPACE(descriptors * _INT_BYTES) if descriptors else 0
    try:
        payload, ancillary, flags, _ = end.recvmsg(longest, space, socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        raise
    except OSError as error:
        raise ChannelError(f"recvmsg() failed ({error.errno}: {error.strerror})") from error
    fds = _descriptors(ancillary)
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        close_all(fds)
        raise ChannelError("a message was longer than any may be")
    if not payload:
        close_all(fds)
        raise ChannelError("end of file")
    return payload, fds


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % _INT_BYTES])
    return list(fds)


def close_all(fds: Sequence[int]) -> None:
    """Close descriptors; one that is closed already is no error."""
    for fd in fds:
        with suppress(OSError):
            os.close(fd)


def sealed_memfd(name: str, content: bytes) -> int:
    """A file in memory that nobody can change any more."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def read_memfd(fd: int) -> bytes:
    """All that is in it."""
    size = os.fstat(fd).st_size
    content = bytearray()
    while len(content) < size:
        part = os.pread(fd, size - len(content), len(content))
        if not part:
            break
        content += part
    return bytes(content)


class Outbox:
    """The master's sending half: what could not be sent yet, in order.

    Entries are marked with the generation they belong to, so that a reload that fails takes back what a
    stalled worker has not been sent. When the other side is gone everything is dropped: its end of file and
    its death tell the master.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._waiting: deque[tuple[int, bytes, list[int]]] = deque()
        self._gone = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def post(self, payload: bytes, fds: Sequence[int] = (), *, generation: int = 0) -> None:
        """Send now, or put at the end of the queue."""
        if self._gone:
            return
        if not self._waiting and self._send(payload, fds):
            return
        self._waiting.append((generation, payload, [os.dup(fd) for fd in fds]))
        if len(self._waiting) > LONGEST_QUEUE:
            self.close()

    def flush(self) -> None:
        """Send what the socket takes."""
        while self._waiting and self._send(self._waiting[0][1], self._waiting[0][2]):
            if self._waiting:
                close_all(self._waiting.popleft()[2])

    def take_back(self, generation: int) -> bool:
        """Drop what waits for this generation; whether there was any, and so the last of it."""
        kept: deque[tuple[int, bytes, list[int]]] = deque()
        for entry in self._waiting:
            if entry[0] == generation:
                close_all(entry[2])
            else:
                kept.append(entry)
        dropped = len(kept) < len(self._waiting)
        self._waiting = kept
        return dropped

    def close(self) -> None:
        """Drop everything, now and later."""
        self._gone = True
        for _, _, fds in self._waiting:
            close_all(fds)
        self._waiting.clear()

    def _send(self, payload: bytes, fds: Sequence[int]) -> bool:
        try:
            send(self._end, payload, fds)
        except BlockingIOError:
            return False
        except ChannelError:
            self.close()
        return True
