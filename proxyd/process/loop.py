"""The Engine as asyncio's selector: asyncio's loop asks it to select, and meanwhile it serves HTTP in C.

``select`` comes back when a Python descriptor is ready or Python's own timeout is due. Descriptors of
clients and peers never show here.
"""

from __future__ import annotations

import asyncio
import select
import selectors
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

    from proxyd._engine import Engine


def _epoll_of(events: int) -> int:
    return (select.EPOLLIN if events & selectors.EVENT_READ else 0) | (
        select.EPOLLOUT if events & selectors.EVENT_WRITE else 0
    )


def _events_of(epoll: int) -> int:
    """An error or a hang-up makes both directions ready, so that whoever waits sees it."""
    events = selectors.EVENT_WRITE if epoll & ~select.EPOLLIN else 0
    return events | (selectors.EVENT_READ if epoll & ~select.EPOLLOUT else 0)


class EngineSelector(selectors.BaseSelector):
    """Keeps what asyncio registered; the Engine does the waiting."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: object = None
    ) -> selectors.SelectorKey:
        """Watch a Python descriptor."""
        fd = _number(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} is registered already")
        self.engine.register(fd, _epoll_of(events))
        self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return self._keys[fd]

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        """Watch it no more."""
        key = self._keys.pop(_number(fileobj))
        self.engine.unregister(key.fd)
        return key

    def modify(self, fileobj: FileDescriptorLike, events: int, data: object = None) -> selectors.SelectorKey:
        """Change what is waited for, or what the caller keeps with it."""
        before = self._keys[_number(fileobj)]
        if events != before.events:
            self.engine.modify(before.fd, _epoll_of(events))
        self._keys[before.fd] = selectors.SelectorKey(before.fileobj, before.fd, events, data)
        return self._keys[before.fd]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Serve HTTP until one of the registered is ready."""
        wait = -1.0 if timeout is None else max(0.0, timeout)
        ready = []
        for fd, epoll in self.engine.select(wait):
            key = self._keys.get(fd)
            if key is not None and (events := _events_of(epoll) & key.events):
                ready.append((key, events))
        return ready

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        """What is registered, by descriptor."""
        return {key.fileobj: key for key in self._keys.values()}

    def get_key(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        """The registration of one descriptor; KeyError without."""
        return self._keys[_number(fileobj)]

    def close(self) -> None:
        """Forget everything. The Engine is closed by who made it."""
        self._keys.clear()


def _number(fileobj: FileDescriptorLike) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())


def new_event_loop(engine: Engine) -> asyncio.SelectorEventLoop:
    """An asyncio loop whose waiting is the Engine's serving."""
    return asyncio.SelectorEventLoop(EngineSelector(engine))
