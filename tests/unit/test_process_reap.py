"""What a dead worker left: lines reach their file once, wherever the worker was killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxyd.config.plan import OpenFile
from proxyd.process.openings import Openings, OpenLog
from proxyd.process.reap import compress, missing_lines, write_lines
from proxyd.shared.segments import LogBlock

BEFORE = b"an older line\n"
LINES = b"".join(b"GET /%d of worker 1\n" % number for number in range(1, 200))
OTHERS = b"GET /1 of worker 2\n"


def left_after(log: Path, content: bytes, file_end: int | None, gzip: int = 0) -> bytes:
    """What is missing when the file has this content."""
    log.write_bytes(content)
    fd = os.open(log, os.O_WRONLY | os.O_APPEND)
    try:
        return missing_lines(fd, LogBlock(b"", LINES, gzip, file_end, 0))
    finally:
        os.close(fd)


def test_lines_that_were_only_gathered_are_all_missing(tmp_path: Path) -> None:
    assert left_after(tmp_path / "log", BEFORE + LINES, None) == LINES


def test_a_write_that_had_not_begun_is_done_wholly(tmp_path: Path) -> None:
    assert left_after(tmp_path / "log", BEFORE, len(BEFORE)) == LINES
    assert left_after(tmp_path / "log", BEFORE + OTHERS, len(BEFORE)) == LINES


def test_a_write_that_was_done_is_not_repeated(tmp_path: Path) -> None:
    for content in (BEFORE + LINES, BEFORE + LINES + OTHERS, BEFORE + OTHERS + LINES + OTHERS):
        assert left_after(tmp_path / "log", content, len(BEFORE)) == b""


def test_equal_lines_from_before_are_not_taken_for_these(tmp_path: Path) -> None:
    content = LINES + BEFORE
    assert left_after(tmp_path / "log", content, len(content)) == LINES


@pytest.mark.parametrize("written", [1, 10, 19, 20, 100, len(LINES) - 1])
def test_a_write_that_was_cut_short_is_finished(tmp_path: Path, written: int) -> None:
    missing = left_after(tmp_path / "log", BEFORE + LINES[:written], len(BEFORE))
    assert LINES[:written] + missing == LINES


def test_a_cut_line_with_another_behind_it_is_repeated_wholly(tmp_path: Path) -> None:
    cut = LINES.index(b"/50 of") + 3
    missing = left_after(tmp_path / "log", BEFORE + LINES[:cut] + OTHERS, len(BEFORE))
    assert missing == LINES[LINES.index(b"GET /50 of") :]


def test_a_file_that_was_truncated_gets_everything(tmp_path: Path) -> None:
    assert left_after(tmp_path / "log", b"", len(BEFORE)) == LINES


def test_a_compressed_block_is_finished_or_repeated_wholly(tmp_path: Path) -> None:
    before, member, others = (compress(lines, 1) for lines in (BEFORE, LINES, OTHERS))
    assert left_after(tmp_path / "log", before, None, 1) == member
    assert left_after(tmp_path / "log", before + member + others, len(before), 1) == b""
    assert left_after(tmp_path / "log", before + member[:50], len(before), 1) == member[50:]
    assert left_after(tmp_path / "log", before + member[:50] + others, len(before), 1) == member


def test_a_reader_that_does_not_read_is_not_waited_for() -> None:
    read_fd, write_fd = os.pipe()
    assert not write_lines(write_fd, b"x" * (1 << 20))
    taken = os.read(read_fd, 1 << 21)
    assert 0 < len(taken) < 1 << 20
    assert write_lines(write_fd, b"short\n")
    assert os.read(read_fd, 100) == b"short\n"
    os.close(read_fd)
    assert not write_lines(write_fd, b"nobody\n")
    os.close(write_fd)


def test_a_log_that_is_being_replaced_is_found_by_its_inode(tmp_path: Path) -> None:
    openings = Openings()
    log = OpenFile(key="log:a", path=str(tmp_path / "a"), origin="")
    openings.logs["log:a"] = OpenLog(log, os.open(log.path, os.O_CREAT | os.O_WRONLY))
    old = os.stat(log.path).st_ino
    os.rename(log.path, tmp_path / "moved")
    assert openings.reopen_logs() == []
    new = os.stat(log.path).st_ino
    for inode, wanted in ((old, old), (new, new), (0, new)):
        fd = openings.log_fd("log:a", inode)
        assert fd is not None and os.fstat(fd).st_ino == wanted
    assert set(openings.reopened({"log:a": 0, "log:unknown": 0, "listen:x": 0})) == {"log:a"}
    openings.close_replaced()
    fd = openings.log_fd("log:a", old)
    assert fd is not None and os.fstat(fd).st_ino == new
    openings.close()
