"""From a command line to a running master: compile, leave the terminal if asked to, open, start.

Every problem until the master is up is shown on stderr, written to the error log, and makes the command fail.
"""

from __future__ import annotations

import gc
import os
import platform
import resource
import signal
import time
from collections.abc import Callable

from proxyd import __version__
from proxyd.process import control, directories, files, handover, privileges
from proxyd.process.compiling import CompileResult, compile_in_child
from proxyd.process.daemon import Daemon, daemonize
from proxyd.process.errorlog import EMERG, WARN, ErrorLog, show
from proxyd.process.generation import Generation
from proxyd.process.handover import Predecessor
from proxyd.process.master import Master
from proxyd.process.openings import Opened, OpenErrors, Openings
from proxyd.process.options import Options
from proxyd.process.poller import Poller
from proxyd.process.program import Program, this_program
from proxyd.process.runtime import Runtime
from proxyd.process.signals import SignalQueue
from proxyd.process.sockets import OpenError
from proxyd.process.title import set_title
from proxyd.shared.segments import SegmentError

# A predecessor that was killed leaves its addresses to workers that are just closing them.
_BIND_TRIES = 5
_BIND_PAUSE_SECONDS = 0.5


def start(options: Options) -> int:
    """Be the master (or the command that waits for the daemon to be up); gives the exit status."""
    os.umask(0o022)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    program = this_program()
    predecessor = handover.receive()
    terminal_fd = predecessor.end.fileno() if predecessor is not None else 2
    result = compile_in_child(options)
    for text in result.warnings:
        show(WARN, text)
    for text in result.errors:
        show(EMERG, text, terminal_fd)
    if result.plan is None:
        return 1
    # After an upgrade we are where the master before us was: in the background, or in front.
    daemon = daemonize() if result.plan.process.daemon and predecessor is None else None
    return _be_master(options, result, daemon, program, predecessor)


def _be_master(
    options: Options,
    result: CompileResult,
    daemon: Daemon | None,
    program: Program,
    predecessor: Predecessor | None,
) -> int:
    assert result.plan is not None
    log = ErrorLog(terminal_fd=predecessor.end.fileno() if predecessor is not None else 2)
    openings = Openings()
    try:
        _refuse_second(result.plan.process.pid, predecessor)
        identity = privileges.look_up(result.plan.process)
        problems = openings.adopt(predecessor) if predecessor is not None else []
        _open(openings, result, log)
        for text in problems:
            log.error(text)
        for text in directories.make(result.plan.directories, identity):
            log.warn(text)
        generation = Generation.make(1, result, identity)
        runtime = Runtime(options, log, Poller(), openings, generation, program=program)
        runtime.sources = result.sources
        _succeed(runtime, predecessor)
        return _run(runtime, daemon)
    except OpenErrors as error:
        for one in error.errors:
            log.emerg(str(one))
    except (OpenError, SegmentError, OSError) as error:
        log.emerg(str(error))
    finally:
        openings.close()
    return 1


def _succeed(runtime: Runtime, predecessor: Predecessor | None) -> None:
    """Take the place of the master before us, whose sockets are open here by now."""
    if predecessor is None:
        return
    runtime.predecessor = predecessor
    runtime.shares_segments = predecessor.alive
    plan, log = runtime.generation.plan, runtime.log
    for problem in runtime.openings.commit(plan, plan.process.worker_processes):
        log.error(problem)
    runtime.openings.shrink(plan.process.worker_processes)
    runtime.openings.share(predecessor.alive)
    if plan.process.daemon and log.fds:
        os.dup2(log.fds[0], 2)
        log.owns_stderr = True


def _refuse_second(pid_path: str, predecessor: Predecessor | None) -> None:
    """Two masters with one pid file would be out of reach of every command."""
    try:
        with control.connect(pid_path) as end:
            pid, _ = control.peer_of(end)
    except OSError:
        return
    if predecessor is not None and pid == predecessor.pid:
        return
    raise OpenError(f'proxyd is running already, process {pid} (pid file "{pid_path}")')


def _open(openings: Openings, result: CompileResult, log: ErrorLog) -> None:
    """Open the logs, so that all that follows is said there, too; then bind.

    An address in use is tried again for a while, as nginx does.
    """
    plan = result.plan
    assert plan is not None
    errors = openings.open_logs(plan, Opened())
    log.sinks = openings.sinks(result.error_logs)
    if any(files.own_descriptor(key.removeprefix("log:")) == 2 for key, _ in result.error_logs):
        log.terminal_fd = -1  # it is a log
    if errors:
        raise OpenErrors(errors)
    for _ in range(_BIND_TRIES):
        try:
            openings.open_new(plan, plan.process.worker_processes)
            for text in openings.take_problems():
                log.alert(text)
            return
        except OpenErrors as error:
            if not error.only_addresses:
                raise
            for one in error.errors:
                log.emerg(str(one))
            time.sleep(_BIND_PAUSE_SECONDS)
    raise OpenError("still could not bind()")


def _run(runtime: Runtime, daemon: Daemon | None) -> int:
    log = runtime.log
    _say_who_we_are(log)
    if daemon is not None:
        terminal_fd = daemon.detach(log.fds[0] if log.fds else -1)
        log.terminal_fd = terminal_fd if log.terminal_fd >= 0 else -1
        log.owns_stderr = True
    set_title("proxyd: master process " + " ".join(runtime.options.command))
    queue = SignalQueue()
    predecessor = runtime.predecessor
    place = control.Place(runtime.generation.plan.process.pid, beside=predecessor is not None)
    try:
        master = Master(runtime, queue, place, _when_up(log, daemon, predecessor))
        if predecessor is not None and (left := predecessor.close_rest()):
            log.notice(f"made anew, as it was of another kind: shared memory {', '.join(left)}")
    except BaseException:
        place.close()
        raise
    try:
        queue.install()
        gc.collect()
        gc.freeze()  # so that the collector in a child does not touch, and thereby copy, what it inherited
        return master.run()
    finally:
        runtime.openings.close_sockets()
        master.control.close()


def _when_up(log: ErrorLog, daemon: Daemon | None, predecessor: Predecessor | None) -> Callable[[], None]:
    def on_up() -> None:
        if predecessor is not None:
            predecessor.say_up()
        if daemon is not None and log.terminal_fd >= 0:
            os.close(log.terminal_fd)
        log.terminal_fd = -1
        if daemon is not None:
            daemon.up()

    return on_up


def _say_who_we_are(log: ErrorLog) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    log.notice(f"proxyd/{__version__}")
    log.notice(f"OS: {platform.system()} {platform.release()}, Python {platform.python_version()}")
    log.notice(f"getrlimit(RLIMIT_NOFILE): {soft}:{hard}")
