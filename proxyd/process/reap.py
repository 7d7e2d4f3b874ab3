"""After a worker's death: what it left in its Ledger goes where it belongs.

Everything in the Ledger may be nonsense (the worker may have died of what scribbled over it). Lines go
only to files that the master itself opened as logs.
"""

from __future__ import annotations

import os
import stat
import zlib
from contextlib import suppress

from proxyd.process.errorlog import is_writable
from proxyd.process.files import open_log
from proxyd.process.runtime import Runtime
from proxyd.process.sockets import OpenError
from proxyd.shared.segments import Ledger, LogBlock, PeersZone

_LONGEST_SEARCH = 1 << 26  # a file that grew by more while one buffer was written is not searched
_PIPE_ATOMIC = 4096  # a writable pipe takes so many bytes without blocking


def reap(runtime: Runtime, ledger: Ledger, zone: PeersZone) -> None:
    """Take over the counters and log lines of the dead worker whose Ledger this is."""
    runtime.bury(ledger, zone)
    for block in ledger.log_blocks():
        _save(runtime, block)


def _save(runtime: Runtime, block: LogBlock) -> None:
    file = runtime.openings.known_log(block.path_digest)
    if file is None:
        return
    fd = runtime.openings.log_fd(file.key, block.file_inode)
    opened = fd is None
    try:
        fd = open_log(file) if fd is None else fd
    except OpenError as error:
        runtime.log.alert(f"log lines of a dead worker are lost: {error}")
        return
    lines = missing_lines(fd, block)
    if not write_lines(fd, lines):
        runtime.log.alert(f'log lines of a dead worker are lost: "{file.path}" takes no more')
    runtime.tally.log_bytes_saved += len(lines)
    if opened:
        os.close(fd)


def compress(lines: bytes, level: int) -> bytes:
    """One gzip member: the same bytes that a worker makes of the same lines (base/gzip.c)."""
    if not 1 <= level <= 9:
        return lines
    state = zlib.compressobj(level, zlib.DEFLATED, 31, 8)
    return state.compress(lines) + state.flush()


def missing_lines(fd: int, block: LogBlock) -> bytes:
    """What of a block is not in its file yet: all, unless the worker died while it was writing it there."""
    content = compress(block.lines, block.gzip)
    if block.file_end is None:
        return content
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return content
        with open(f"/proc/self/fd/{fd}", "rb") as file:  # our own descriptor is for appending only
            written = _written_bytes(file.fileno(), block.file_end, content, whole=block.gzip > 0)
            return content[written:]
    except OSError:
        return content


def _written_bytes(fd: int, start: int, content: bytes, *, whole: bool) -> int:
    """How much of it a write() put behind ``start``, where other workers write as well.

    ``whole``: a part of it is of no use once something else follows; else each line counts.
    """
    end = os.fstat(fd).st_size
    if not start < end <= start + _LONGEST_SEARCH:
        return 0
    behind = os.pread(fd, end - start, start)
    length = _longest_prefix(behind, content)
    if length == len(content) or behind.endswith(content[:length]):
        return length
    if whole:
        return 0
    return content.rfind(b"\n", 0, length) + 1  # somebody else's line follows the part: repeat that line


def _longest_prefix(content: bytes, lines: bytes) -> int:
    """The length of the longest beginning of the lines that is in content (a kill cuts a write() short)."""
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        if lines[:middle] in content:
            low = middle
        else:
            high = middle - 1
    return low


def write_lines(fd: int, lines: bytes) -> bool:
    """Write without ever waiting for a reader; False when not all went."""
    regular = stat.S_ISREG(os.fstat(fd).st_mode)
    view = memoryview(lines)
    with suppress(OSError):
        while view:
            if not regular and not is_writable(fd):
                return False
            view = view[os.write(fd, view if regular else view[:_PIPE_ATOMIC]) :]
    return not view
