"""asyncio on the engine's selector: what asyncio promises works, while the engine serves."""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import socket
from collections.abc import Iterator

import pytest

from proxyd.process.loop import EngineSelector, new_event_loop
from proxyd.process.poller import Poller
from proxyd.shared.layout import LedgerShape
from proxyd.shared.segments import Ledgers, PeersZone
from tests.unit import fake_engine


@pytest.fixture
def engine() -> Iterator[fake_engine.Engine]:
    ledgers = Ledgers(LedgerShape(16, 4096), 1)
    made = fake_engine.Engine(0, ledgers.fd, PeersZone(16).fd)
    yield made
    made.close()


@pytest.fixture
def loop(engine: fake_engine.Engine) -> Iterator[asyncio.AbstractEventLoop]:
    made = new_event_loop(engine)  # type: ignore[arg-type]
    yield made
    made.close()


def test_timers_and_threads_and_subprocesses_work(loop: asyncio.AbstractEventLoop) -> None:
    async def everything() -> tuple[int, bytes]:
        await asyncio.sleep(0.001)
        number = await asyncio.get_running_loop().run_in_executor(None, lambda: 6 * 7)
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        return number, output

    assert loop.run_until_complete(everything()) == (42, b"hello\n")


def test_signals_wake_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.run_forever()
    loop.remove_signal_handler(signal.SIGUSR1)


def test_streams_read_and_write(loop: asyncio.AbstractEventLoop) -> None:
    async def echo() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x" * 1_000_000)  # more than the socket takes at once
        writer.write_eof()
        answered = await reader.read()
        writer.close()
        server.close()
        return answered

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    assert loop.run_until_complete(echo()) == b"x" * 1_000_000


def test_a_selector_knows_what_is_registered(engine: fake_engine.Engine) -> None:
    selector = EngineSelector(engine)  # type: ignore[arg-type]
    one, other = socket.socketpair()
    key = selector.register(one, selectors.EVENT_READ, "data")
    assert selector.get_key(one) == key and selector.get_map() == {one: key}
    with pytest.raises(KeyError):
        selector.register(one.fileno(), selectors.EVENT_READ)
    assert selector.select(0) == []
    other.send(b"x")
    assert selector.select() == [(key, selectors.EVENT_READ)]
    both = selector.modify(one, selectors.EVENT_READ | selectors.EVENT_WRITE, "more")
    assert selector.select() == [(both, selectors.EVENT_READ | selectors.EVENT_WRITE)]
    selector.unregister(one)
    assert selector.select(0) == [] and not selector.get_map()
    with pytest.raises(KeyError):
        selector.get_key(one)


def test_an_end_of_file_shows_as_readable(engine: fake_engine.Engine) -> None:
    selector = EngineSelector(engine)  # type: ignore[arg-type]
    one, other = socket.socketpair()
    selector.register(one, selectors.EVENT_READ)
    other.close()
    ((_, events),) = selector.select()
    assert events == selectors.EVENT_READ


# The master's own loop.


def test_the_poller_calls_back_in_order_of_time_and_only_once() -> None:
    poller, calls = Poller(), []
    poller.after(0.002, lambda: calls.append("second"))
    poller.after(0, lambda: calls.append("first"))
    cancelled = poller.after(0.001, lambda: calls.append("never"))
    cancelled.cancel()
    while len(calls) < 2:
        poller.turn()
    poller.turn(0)
    assert calls == ["first", "second"]


def test_the_poller_watches_until_told_not_to() -> None:
    poller, calls = Poller(), []
    one, other = socket.socketpair()
    poller.watch(one.fileno(), lambda: calls.append(one.recv(10)), lambda: calls.append(b"writable"))
    poller.turn()
    assert calls == [b"writable"]
    poller.watch(one.fileno(), lambda: calls.append(one.recv(10)))
    other.send(b"x")
    poller.turn()
    assert calls[1:] == [b"x"]
    poller.forget(one.fileno())
    other.send(b"y")
    poller.turn(0)
    assert calls[1:] == [b"x"]
