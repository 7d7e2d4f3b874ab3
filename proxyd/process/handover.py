"""What one master hands to the next when the program is replaced (USR2): sockets, shared memory, its own
logs.

The descriptors are inherited through exec; a memfd, whose number is in an environment variable, says what
they are. Builds may differ: a field that the other side does not know is ignored, a segment whose layout is
another one is not taken. A pair of sockets remains between the two: the new master says on it what goes
wrong and that it serves, the old one that it leaves; its end tells each of the other's death.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from proxyd.process import channel
from proxyd.process.channel import ChannelError, close_all
from proxyd.process.errorlog import ALERT, show
from proxyd.process.poller import Poller

VARIABLE = "PROXYD_INHERITED"
UP = b"\0"  # from the new master: every worker serves
LEAVING = b"\1"  # from the old one: it serves no more
LONGEST_WORD = 8192


class Socket(msgspec.Struct, frozen=True):
    """A listening socket, by its key; several descriptors: one for each worker (reuseport)."""

    key: str
    family: int  # 4, 6 or 1, as in the Plan
    address: str
    port: int
    fds: list[int]
    inode: int = 0  # of a unix socket's file
    steered: bool = False


class Segment(msgspec.Struct, frozen=True):
    """Shared memory: ``peers``, or ``zone:NAME``. Whoever made it knows what the layout number covers."""

    key: str
    fd: int
    size: int
    layout: int


class OwnLog(msgspec.Struct, frozen=True):
    """A log that is one of our standard descriptors, and so cannot be opened by its name."""

    path: str
    fd: int


class Handover(msgspec.Struct, frozen=True):
    """All of it."""

    pid: int  # of the old master
    end: int  # the new master's end of the pair
    sockets: list[Socket] = []
    segments: list[Segment] = []
    logs: list[OwnLog] = []

    def descriptors(self) -> list[int]:
        """Everything that is to be inherited."""
        fds = [fd for one in self.sockets for fd in one.fds]
        return [*fds, *(one.fd for one in self.segments), *(one.fd for one in self.logs), self.end]


class Predecessor:
    """The old master as the new one sees it, and what of its descriptors nobody has taken yet."""

    def __init__(self, handover: Handover) -> None:
        self.pid = handover.pid
        self.alive = os.getppid() == handover.pid
        self.serves = self.alive  # it has not said that it leaves
        self.end = socket.socket(fileno=handover.end)
        self.end.setblocking(False)
        self.sockets = list(handover.sockets)
        self.logs = {one.path: one.fd for one in handover.logs}
        self._segments = {one.key: one for one in handover.segments}

    def take_segment(self, key: str, size: int, layout: int) -> int | None:
        """The descriptor of a segment, which is the caller's from now on; None: none, or another kind."""
        segment = self._segments.get(key)
        if segment is None or (segment.size, segment.layout) != (size, layout):
            return None
        if os.fstat(segment.fd).st_size != size:
            return None
        return self._segments.pop(key).fd

    def segment_size(self, key: str, layout: int) -> int:
        """How large a segment of this layout is; 0: there is none."""
        segment = self._segments.get(key)
        return segment.size if segment is not None and segment.layout == layout else 0

    def close_rest(self) -> list[str]:
        """Close the segments that nobody took; gives their keys."""
        left = list(self._segments)
        close_all([one.fd for one in self._segments.values()])
        self._segments.clear()
        return left

    def say_up(self) -> None:
        """We serve."""
        with suppress(BlockingIOError, ChannelError):
            channel.send(self.end, UP)

    def watch(self, poller: Poller, on_change: Callable[[], None]) -> None:
        """Call back when the old master leaves, and when it is gone."""

        def on_readable() -> None:
            try:
                while channel.receive(self.end, LONGEST_WORD)[0] == LEAVING:
                    self.serves = False
            except BlockingIOError:
                pass
            except ChannelError:
                self.serves = self.alive = False
                poller.forget(self.end.fileno())
            on_change()

        poller.watch(self.end.fileno(), on_readable)


def pack(handover: Handover) -> int:
    """The memfd that describes it."""
    return channel.sealed_memfd("proxyd-handover", msgspec.msgpack.encode(handover))


def receive() -> Predecessor | None:
    """What we inherited from an old master; None: we were started otherwise. Once per process."""
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return None
    try:
        memfd = int(text)
        handover = msgspec.msgpack.decode(channel.read_memfd(memfd), type=Handover)
        fds = handover.descriptors()
        for fd in (memfd, *fds):
            os.set_inheritable(fd, False)
        os.close(memfd)
        return Predecessor(handover)
    except (ValueError, OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        show(ALERT, f'the environment variable "{VARIABLE}" is ignored: {error}')
        return None


def make_inheritable(fds: Sequence[int]) -> None:
    """In the child that is going to be the new master."""
    for fd in fds:
        os.set_inheritable(fd, True)
