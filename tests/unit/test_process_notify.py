"""What the master tells systemd."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxyd.process.notify import Notifier
from proxyd.process.poller import Poller
from tests.support.waiting import LIMIT

Said = dict[str, str]


class Manager:
    """systemd's end of it."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(LIMIT)

    def hear(self) -> Said:
        """The next message."""
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().split("\n"))

    def close(self) -> None:
        """Nobody listens any more."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def test_it_says_that_it_serves_what_and_as_which_process(manager: Manager) -> None:
    Notifier(Poller()).ready(3)
    assert manager.hear() == {
        "READY": "1",
        "MAINPID": str(os.getpid()),
        "STATUS": "serving, generation 3",
    }


def test_a_reload_begins_at_a_time_that_systemd_can_compare(manager: Manager) -> None:
    Notifier(Poller()).reloading()
    said = manager.hear()
    assert said["RELOADING"] == "1"
    assert int(said["MONOTONIC_USEC"]) > 0


def test_another_main_process_and_the_end(manager: Manager) -> None:
    notifier = Notifier(Poller())
    notifier.main_process(4711)
    notifier.stopping()
    notifier.ended()
    assert manager.hear() == {"MAINPID": "4711"}
    assert manager.hear()["STOPPING"] == "1"
    assert manager.hear() == {"STATUS": ""}


def test_the_watchdog_hears_of_each_turn(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000")
    poller = Poller()
    Notifier(poller).watch()
    assert manager.hear() == {"WATCHDOG": "1"}
    poller.turn()
    assert manager.hear() == {"WATCHDOG": "1"}


def test_who_is_not_the_main_process_any_more_does_not_speak_for_it(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000")
    poller = Poller()
    notifier = Notifier(poller)
    notifier.watch()
    notifier.main_process(4711)
    poller.turn()
    notifier.ready(1)
    poller.turn()
    assert [list(manager.hear())[0] for _ in range(4)] == ["WATCHDOG", "MAINPID", "READY", "WATCHDOG"]


@pytest.mark.parametrize("value", ["", "0", "soon"])
def test_without_a_watchdog_nothing_is_due(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", value)
    notifier = Notifier(Poller())
    notifier.watch()
    notifier.ready(1)
    assert "READY" in manager.hear()


def test_a_name_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"proxyd-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    manager = Manager(f"\0{name}")
    Notifier(Poller()).ready(1)
    assert "READY" in manager.hear()
    manager.close()


@pytest.mark.parametrize("address", ["", "/nowhere/notify"])
def test_without_systemd_it_is_silent(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "1000")
    notifier = Notifier(Poller())
    notifier.ready(1)
    notifier.reloading()
    notifier.watch()
    notifier.stopping()
