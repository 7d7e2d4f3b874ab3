"""Configurations are compiled in a short-lived child, which leaves its result in a memfd.

The master keeps neither the parser's memory nor its mistakes: whatever happens in the child, what comes
back is a Plan or a list of reasons.
"""

from __future__ import annotations

import os
import signal
import socket

import msgspec

from proxyd.config.change import Change
from proxyd.config.compare import compare
from proxyd.config.compile import compile_file
from proxyd.config.errors import SourceFile
from proxyd.config.plan import EnginePlan, LogFile, Peer, Plan, Root, Server, Upstream
from proxyd.process import signals, syslog
from proxyd.process.channel import read_memfd
from proxyd.process.errorlog import EMERG, show
from proxyd.process.history import KeptFile, kept_files
from proxyd.process.known import KnownPeer
from proxyd.process.options import Options
from proxyd.process.spawn import close_others, describe_exception
from proxyd.process.title import set_title

# A compile takes a second at most; one that hangs (a name server that does not answer) is ended.
LONGEST_SECONDS = 120.0

_FAMILIES = {socket.AF_INET: 4, socket.AF_INET6: 6}  # as the Plan numbers them


class CompileResult(msgspec.Struct, frozen=True):
    """What the child found. ``plan`` is None when there are errors."""

    plan: Plan | None
    errors: list[str] = []
    warnings: list[str] = []
    peers: list[KnownPeer] = []  # to show what shared memory has by digest
    servers: list[tuple[str, str]] = []  # first name and first address of servers, each pair once
    error_logs: list[tuple[str, int]] = []  # of the main context: key of the file, level
    sources: list[KeptFile] = []  # what was read, for the history
    changes: list[Change] = []  # against the plan that serves


def cpus() -> int:
    """How many processors we may use: what ``worker_processes auto`` means."""
    return len(os.sched_getaffinity(0))


def resolve(host: str, port: int) -> list[tuple[int, bytes]]:
    """Family and packed address of a host, in the order of the system's resolver; raises OSError."""
    found = []
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if family in _FAMILIES:
            found.append((_FAMILIES[family], socket.inet_pton(family, str(address[0]))))
    return found


def compile_fully(options: Options, *, test: bool = False) -> tuple[CompileResult, list[SourceFile]]:
    """Compile in this process; gives the files that were read, too."""
    compiled = compile_file(
        options.conf,
        prefix=options.prefix,
        overrides=" ".join(options.directives),
        resolve=resolve,
        cpus=cpus(),
        test=test,
        error_log=options.error_log or "",
    )
    texts: dict[str, list[str]] = {"emerg": [], "warn": []}
    for found in compiled.diagnostics:
        texts[found.level].append(str(found).removeprefix(f"proxyd: [{found.level}] "))
    plan = None if texts["emerg"] else compiled.plan
    result = CompileResult(None, texts["emerg"], texts["warn"])
    if plan is not None:
        engine = msgspec.msgpack.decode(plan.engine, type=EnginePlan)
        names, servers, logs = _known_peers(engine), _server_names(engine), _error_logs(engine)
        result = CompileResult(plan, [], texts["warn"], names, servers, logs, kept_files(compiled.files))
    return result, compiled.files


def _known_peers(engine: EnginePlan) -> list[KnownPeer]:
    found: list[KnownPeer] = []
    for item in engine.objects:
        if item.kind == "Upstream":
            upstream = msgspec.msgpack.decode(item.body, type=Upstream)
            found += [_known_peer(_text(upstream.name), peer) for peer in upstream.peers]
    return list(dict.fromkeys(found))  # an address that stands twice is counted once


def _known_peer(upstream: str, peer: Peer) -> KnownPeer:
    name = _text(peer.name)
    return KnownPeer(upstream, name, peer.max_fails, peer.fail_timeout, peer.down, peer.backup)


def _server_names(engine: EnginePlan) -> list[tuple[str, str]]:
    servers = (
        msgspec.msgpack.decode(item.body, type=Server) for item in engine.objects if item.kind == "Server"
    )
    return list(dict.fromkeys((_text(server.name), _text(server.listen)) for server in servers))


def _error_logs(engine: EnginePlan) -> list[tuple[str, int]]:
    bodies = {item.digest: item.body for item in engine.objects if item.kind == "LogFile"}
    root = msgspec.msgpack.decode(engine.objects[-1].body, type=Root)
    found = [(msgspec.msgpack.decode(bodies[log.file], type=LogFile), log.level) for log in root.error_log]
    return [(_log_key(file), level) for file, level in found]


def _log_key(file: LogFile) -> str:
    return f"log:{os.fsdecode(file.path)}" if file.syslog is None else syslog.key_of(file.syslog)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


class CompileChild:
    """One running compile. Its end is told by SIGCHLD, then ``result`` has what it found."""

    def __init__(self, options: Options, before_fd: int | None = None) -> None:
        """``before_fd``: the plan that serves now, to tell what changes."""
        self._memfd = os.memfd_create("proxyd-compile", os.MFD_CLOEXEC)
        with signals.blocked():
            self.pid = os.fork()
            if self.pid == 0:
                _run_child(options, self._memfd, before_fd)

    def result(self, status: int) -> CompileResult:
        """The result, after the child ended with this wait status."""
        content = read_memfd(self._memfd)
        os.close(self._memfd)
        if os.waitstatus_to_exitcode(status) == 0:
            return msgspec.msgpack.decode(content, type=CompileResult)
        return CompileResult(None, [f"the configuration compiler ended {describe_end(status)}"])

    def kill(self) -> None:
        """It takes too long."""
        os.kill(self.pid, signal.SIGKILL)


def compile_in_child(options: Options) -> CompileResult:
    """Compile in a child and wait for it: at the start, when there is nothing else to do."""
    child = CompileChild(options)
    _, status = os.waitpid(child.pid, 0)
    return child.result(status)


def _run_child(options: Options, memfd: int, before_fd: int | None) -> None:
    """The child's life. Never returns."""
    code = 1
    try:
        close_others({0, 1, 2, memfd} | ({before_fd} if before_fd is not None else set()))
        signals.reset_in_child()
        signals.unblock()
        set_title("proxyd: configuration compiler")
        result, _ = compile_fully(options)
        if result.plan is not None and before_fd is not None:
            changes = compare(read_memfd(before_fd), result.plan.engine)
            result = msgspec.structs.replace(result, changes=changes)
        with os.fdopen(memfd, "wb", closefd=False) as file:
            file.write(msgspec.msgpack.encode(result))
        code = 0
    except BaseException as error:
        show(EMERG, describe_exception(error))
    finally:
        os._exit(code)


def describe_end(status: int) -> str:
    """In nginx's words: "on signal 9" or "with code 2"."""
    if os.WIFSIGNALED(status):
        return f"on signal {os.WTERMSIG(status)}"
    return f"with code {os.WEXITSTATUS(status)}"
