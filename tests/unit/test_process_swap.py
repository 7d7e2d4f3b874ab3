"""Files put in the place of others: whole at every moment, and the way back."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxyd.process.durable import write_new
from proxyd.process.swap import Swap

OLD, NEW = b"old\n" * 5000, b"new\n" * 5000
CALLS = ("open", "write", "fsync", "fchmod", "link", "rename", "unlink", "close")
KILLED = 9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.conf").write_bytes(OLD)
    (tmp_path / "late.conf").write_bytes(OLD)
    return tmp_path


def make(folder: Path) -> Swap:
    """a.conf is another, b.conf comes, late.conf goes."""
    made = Swap()
    unwanted = [str(path) for path in folder.glob("late.conf")]
    made.make({str(folder / "a.conf"): NEW, str(folder / "b.conf"): NEW}, unwanted)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


BEFORE = {"a.conf": OLD, "late.conf": OLD}
AFTER = {"a.conf": NEW, "b.conf": NEW, ".a.conf.before-rollback": OLD, ".late.conf.before-rollback": OLD}


def test_what_is_replaced_is_kept_under_a_name_that_no_include_finds(folder: Path) -> None:
    assert len(make(folder).said) == 3
    assert contents(folder) == AFTER
    assert sorted(folder.glob("[!.]*")) == [folder / "a.conf", folder / "b.conf"]


def test_undo_puts_everything_back(folder: Path) -> None:
    make(folder).undo()
    assert contents(folder) == BEFORE


def test_mode_and_owner_stay(folder: Path) -> None:
    os.chmod(folder / "a.conf", 0o640)
    before = (folder / "a.conf").stat()
    make(folder)
    after = (folder / "a.conf").stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_link_stays_a_link_to_what_is_replaced(folder: Path) -> None:
    (folder / "available").mkdir()
    (folder / "a.conf").rename(folder / "available" / "a")
    (folder / "a.conf").symlink_to("available/a")
    Swap().make({str(folder / "a.conf"): NEW}, [])
    assert (folder / "a.conf").is_symlink()
    assert contents(folder / "available") == {"a": NEW, ".a.before-rollback": OLD}


def test_a_folder_that_is_gone_changes_nothing(folder: Path) -> None:
    made = Swap()
    with pytest.raises(FileNotFoundError):
        made.make({str(folder / "a.conf"): NEW, str(folder / "gone" / "b.conf"): NEW}, [])
    made.undo()
    assert contents(folder) == BEFORE


def test_undo_after_half_of_it_leaves_nothing_behind(folder: Path) -> None:
    made = Swap()
    with pytest.raises(FileNotFoundError):
        made.make({str(folder / "a.conf"): NEW}, [str(folder / "gone.conf")])
    made.undo()
    assert contents(folder) == BEFORE


def test_a_file_that_cannot_be_written_whole_is_not_left_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        write_new(str(tmp_path / "file"), NEW, 0o600)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_where_there_are_no_links_copies_are_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def link(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    os.chmod(folder / "a.conf", 0o640)
    made = make(folder)
    assert contents(folder) == AFTER
    made.undo()
    assert contents(folder) == BEFORE
    assert (folder / "a.conf").stat().st_mode & 0o777 == 0o640


class Killer:
    """Ends this process at the Nth of the calls that change files; writes half of what it should before."""

    def __init__(self, at: int) -> None:
        self.left = at

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                if name == "write":
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                os._exit(KILLED)
            return call(*arguments, **named)

        return counted


def dies_at(number: int, folder: Path) -> bool:
    """Whether an exchange that is killed at its call of this number was not over before."""
    pid = os.fork()
    if pid == 0:
        killer = Killer(number)
        for name in CALLS:
            setattr(os, name, killer.wrap(name, getattr(os, name)))
        make(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == KILLED


def test_a_kill_at_any_call_leaves_every_file_whole(tmp_path: Path) -> None:
    number = 0
    died = True
    while died:
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in BEFORE:
            (folder / name).write_bytes(OLD)
        died = dies_at(number, folder)
        found = contents(folder)
        assert found["a.conf"] in (OLD, NEW)
        assert found.get("b.conf", NEW) == NEW
        assert found.get("late.conf", OLD) == OLD
        assert found["a.conf"] == OLD or found[".a.conf.before-rollback"] == OLD
        make(folder)  # what the dead one left is in nobody's way
        assert {name: text for name, text in contents(folder).items() if name[0] != "."} == {
            "a.conf": NEW,
            "b.conf": NEW,
        }
        number += 1
    assert number > len(CALLS)
