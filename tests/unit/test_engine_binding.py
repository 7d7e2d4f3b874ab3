"""proxyd._engine.Engine seen from Python: asyncio's selector, who may call it and when, what it refuses."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest

from proxyd import _engine
from proxyd.config.layout import digest as plan_layout
from proxyd.process.loop import new_event_loop
from proxyd.shared import layout
from proxyd.shared.segments import Ledgers, PeersZone

PEERS = 64


class Alarm(Exception):
    """Raised by a signal handler."""


@pytest.fixture
def segments() -> Iterator[tuple[Ledgers, PeersZone]]:
    ledgers, peers = Ledgers(layout.LedgerShape(PEERS, 1 << 16), 1), PeersZone(PEERS)
    yield ledgers, peers
    ledgers.close()
    peers.close()


@pytest.fixture
def engine(segments: tuple[Ledgers, PeersZone]) -> Iterator[_engine.Engine]:
    ledgers, peers = segments
    made = _engine.Engine(0, ledgers.fd, peers.fd)
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    yield ends
    for end in ends:
        end.close()


Pair = tuple[socket.socket, socket.socket]


def test_the_engine_was_built_from_these_declarations() -> None:
    assert _engine.layout() == plan_layout()
    assert set(_engine.version()) == {"compiler", "pcre2"}


def test_a_ready_descriptor_is_told_as_long_as_it_is_ready(engine: _engine.Engine, pair: Pair) -> None:
    ours, theirs = pair
    engine.register(ours.fileno(), select.EPOLLIN)
    assert engine.select(0) == []
    theirs.send(b"x")
    assert engine.select(-1) == [(ours.fileno(), select.EPOLLIN)]
    assert engine.select(-1) == [(ours.fileno(), select.EPOLLIN)]
    ours.recv(10)
    assert engine.select(0) == []


def test_what_is_waited_for_can_be_changed_and_forgotten(engine: _engine.Engine, pair: Pair) -> None:
    ours, theirs = pair
    engine.register(ours.fileno(), select.EPOLLIN)
    engine.modify(ours.fileno(), select.EPOLLOUT)
    theirs.send(b"x")
    assert engine.select(-1) == [(ours.fileno(), select.EPOLLOUT)]
    engine.modify(ours.fileno(), select.EPOLLIN)
    assert engine.select(-1) == [(ours.fileno(), select.EPOLLIN)]
    engine.unregister(ours.fileno())
    assert engine.select(0) == []
    engine.register(ours.fileno(), select.EPOLLIN)
    assert engine.select(-1) == [(ours.fileno(), select.EPOLLIN)]


def test_a_descriptor_is_registered_once(engine: _engine.Engine, pair: Pair) -> None:
    number = pair[0].fileno()
    engine.register(number, select.EPOLLIN)
    with pytest.raises(KeyError, match="already registered"):
        engine.register(number, select.EPOLLIN)
    engine.unregister(number)
    with pytest.raises(KeyError, match="not registered"):
        engine.unregister(number)
    with pytest.raises(KeyError, match="not registered"):
        engine.modify(number, select.EPOLLIN)


def test_what_cannot_be_watched_is_an_oserror(engine: _engine.Engine) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        engine.register(1 << 20, select.EPOLLIN)


def test_a_descriptor_closed_before_it_is_unregistered_is_forgotten(
    engine: _engine.Engine, pair: Pair
) -> None:
    number = pair[0].fileno()
    engine.register(number, select.EPOLLIN)
    pair[0].close()
    engine.unregister(number)
    assert engine.select(0) == []


def test_asyncio_runs_on_the_engine(engine: _engine.Engine, pair: Pair) -> None:
    ours, theirs = pair

    async def everything() -> list[object]:
        loop = asyncio.get_running_loop()
        seen: list[object] = [await loop.run_in_executor(None, lambda: "executor")]
        process = await asyncio.create_subprocess_exec("echo", "child", stdout=subprocess.PIPE)
        seen.append((await process.communicate())[0])
        signalled = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, signalled.set_result, "signal")
        loop.call_later(0.01, signal.raise_signal, signal.SIGUSR1)
        seen.append(await signalled)
        loop.call_later(0.01, theirs.send, b"bytes")
        seen.append(await loop.sock_recv(ours, 10))
        return seen

    loop = new_event_loop(engine)
    try:
        assert loop.run_until_complete(everything()) == ["executor", b"child\n", "signal", b"bytes"]
    finally:
        loop.close()


def test_asyncio_timers_are_not_early(engine: _engine.Engine) -> None:
    async def late(delay: float) -> bool:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.sleep(delay)
        return loop.time() - start >= delay

    loop = new_event_loop(engine)
    try:
        delays = [0.0005, 0.001, 0.0123, 0.02]
        assert [loop.run_until_complete(late(delay)) for delay in delays] == [True] * len(delays)
    finally:
        loop.close()


def test_a_signal_handler_runs_while_the_engine_waits(engine: _engine.Engine) -> None:
    def on_alarm(number: int, frame: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, on_alarm)
    try:
        with pytest.raises(Alarm):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            while True:
                engine.select(-1)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_other_threads_run_while_the_engine_waits_but_may_not_call_it(
    engine: _engine.Engine, pair: Pair
) -> None:
    ours, theirs = pair
    refusals: list[str] = []

    def other() -> None:
        calls: list[Callable[[], object]] = [
            engine.live,
            engine.close,
            lambda: engine.select(0),
            lambda: engine.register(ours.fileno(), select.EPOLLIN),
            lambda: engine.drain(0),
        ]
        for call in calls:
            try:
                call()
            except RuntimeError as error:
                refusals.append(str(error))
        theirs.send(b"x")

    engine.register(ours.fileno(), select.EPOLLIN)
    thread = threading.Thread(target=other)
    thread.start()
    assert engine.select(-1) == [(ours.fileno(), select.EPOLLIN)]
    thread.join()
    assert refusals == ["the engine belongs to another thread"] * 5


def test_after_close_every_call_is_refused(engine: _engine.Engine, pair: Pair) -> None:
    engine.register(pair[0].fileno(), select.EPOLLIN)
    engine.close()
    engine.close()
    calls: list[Callable[[], object]] = [
        engine.live,
        lambda: engine.select(0),
        lambda: engine.register(0, select.EPOLLIN),
        lambda: engine.unregister(pair[0].fileno()),
        lambda: engine.prepare(b"", {}),
        lambda: engine.activate(1),
        lambda: engine.discard(1),
        lambda: engine.reopen({}),
        lambda: engine.drain(0),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="the engine is closed"):
            call()


def test_an_engine_that_nobody_closed_gives_its_descriptors_back(
    segments: tuple[Ledgers, PeersZone], pair: Pair
) -> None:
    gc.collect()  # what other tests left to it
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        made = _engine.Engine(0, segments[0].fd, segments[1].fd)
        made.register(pair[0].fileno(), select.EPOLLIN)
        del made
        gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_segments_of_another_kind_are_refused(segments: tuple[Ledgers, PeersZone]) -> None:
    ledgers, peers = segments
    with pytest.raises(_engine.EngineError, match="not a ledger"):
        _engine.Engine(0, peers.fd, peers.fd)
    with pytest.raises(_engine.EngineError, match="not a peers zone"):
        _engine.Engine(0, ledgers.fd, ledgers.fd)


def test_the_master_sees_the_loop_turn(segments: tuple[Ledgers, PeersZone], engine: _engine.Engine) -> None:
    before = segments[0][0].turns()
    engine.select(0)
    engine.select(0)
    assert segments[0][0].turns() == before + 2


@pytest.mark.parametrize(
    ("plan", "descriptors", "error"),
    [
        (b"", {}, _engine.EngineError),
        (b"\xc1", {}, _engine.EngineError),
        (b"", {"listen:x": -1}, ValueError),
        (b"", {"listen:x": 1 << 40}, ValueError),
        (b"", {"listen:x": "x"}, TypeError),
        (b"", {1: 1}, TypeError),
        (b"", [], TypeError),
        ("text", {}, TypeError),
    ],
)
def test_a_plan_that_makes_no_sense_changes_nothing(
    engine: _engine.Engine, plan: bytes, descriptors: dict[str, int], error: type[Exception]
) -> None:
    before = engine.live()
    with pytest.raises(error):
        engine.prepare(plan, descriptors)
    assert engine.live() == before


def test_a_generation_that_was_not_prepared_cannot_be_activated(engine: _engine.Engine) -> None:
    with pytest.raises(_engine.EngineError):
        engine.activate(77)
    engine.discard(77)


@pytest.mark.parametrize("timeout", [float("nan"), "x"])
def test_a_timeout_is_a_number(engine: _engine.Engine, timeout: float) -> None:
    with pytest.raises((TypeError, ValueError)):
        engine.select(timeout)
