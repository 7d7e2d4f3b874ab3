"""A proxy to test: nginx or proxyd in the foreground, with its own directory, ports and logs.

    with Server("proxyd", tmp_path, '''
        server {
            listen 127.0.0.1:{port0};
            location / { proxy_pass http://{backend0}; }
        }
    ''', backend0=peer.address) as server:
        fetch(server.port(0), "/")
        server.wait_for_log("connect\\(\\) failed")

The text is what stands inside of http { }. Words in braces are filled in: {dir} is the server's directory,
{port0}, {port1}, ... are ports from the kernel, everything else comes from the keyword arguments.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Literal

from tests.support import jitter
from tests.support.ports import ReservedPort
from tests.support.waiting import LIMIT, wait_until

Kind = Literal["nginx", "proxyd"]

REPOSITORY = Path(__file__).resolve().parents[2]

_WORD = re.compile(r"(?<!\$)\{([a-z_]+[0-9]*)\}")

ACCESS_FORMAT = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"'
)


def command_of(kind: Kind) -> list[str]:
    """The program and its first arguments. PROXYD_CMD and NGINX_CMD override them."""
    given = os.environ.get(f"{kind.upper()}_CMD")
    if given:
        return shlex.split(given)
    return ["/usr/sbin/nginx"] if kind == "nginx" else [sys.executable, "-m", "proxyd"]


def unprivileged_user() -> str:
    """The user nobody and its group, as the user directive takes them."""
    entry = pwd.getpwnam("nobody")
    return f"{entry.pw_name} {grp.getgrgid(entry.pw_gid).gr_name}"


def environment() -> dict[str, str]:
    """Our environment, in which `python -m proxyd` finds this working copy from any directory."""
    paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **jitter.environment()}


_REASON = re.compile(r", reason: [a-z_]+$", re.MULTILINE)


class Server:
    """One running server. Made by `with Server(...)`, or `start` and `stop`."""

    def __init__(
        self,
        kind: Kind,
        directory: Path,
        http: str,
        *,
        main: str = "",
        events: str = "",
        workers: int = 1,
        log_level: str = "info",
        access_log: str = "{dir}/access.log",
        log_format: str = ACCESS_FORMAT,
        options: str = "daemon off;",
        env: dict[str, str] | None = None,
        **words: str,
    ) -> None:
        self.kind: Kind = kind
        self.directory = directory
        self.words = {"dir": str(directory), **words}
        self.config_path = directory / "server.conf"
        self.pid_path = directory / "server.pid"
        self.error_log = directory / "error.log"
        self.access_log = directory / "access.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._ports: dict[str, ReservedPort] = {}
        self._options = options
        self._env = dict(env or {})
        self._frame = {
            "main": main,
            "events": events,
            "workers": str(workers),
            "log_level": log_level,
            "access_log": access_log,
            "log_format": log_format,
        }
        directory.mkdir(parents=True, exist_ok=True)
        self.write_config(http)
        self.let_workers_answer_within(LIMIT / 2)

    # Configuration

    def fill_in(self, text: str) -> str:
        """The text with every word in braces replaced; braces around anything else stay."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self.words and re.fullmatch(r"port\d+", name):
                self._ports[name] = ReservedPort()
                self.words[name] = str(self._ports[name].number)
            assert name in self.words, f"nothing was given for {match[0]} in the configuration"
            return self.words[name]

        return _WORD.sub(value, text)

    def write_config(self, http: str) -> None:
        """Write the configuration anew, at once; a running server sees it at its next reload."""
        self.write_whole_config(self._framed(http))

    def write_whole_config(self, text: str) -> None:
        """Write a configuration without the frame that `write_config` puts around it."""
        written = self.config_path.with_name(self.config_path.name + ".new")
        written.write_text(self.fill_in(text))
        written.replace(self.config_path)  # a reload that runs reads the one or the other, never a half

    def _framed(self, http: str) -> str:
        frame = self._frame
        names: tuple[str, ...] = ("client_body", "proxy")
        if self.kind == "nginx":
            names += ("fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"    {name}_temp_path {{dir}}/{name};\n" for name in names)
        user = f"user {unprivileged_user()};\n" if os.getuid() == 0 and "user " not in frame["main"] else ""
        access = f"    access_log {frame['access_log']} frame;\n" if frame["access_log"] else ""
        return (
            f"{user}worker_processes {frame['workers']};\n"
            f"pid {self.pid_path};\n"
            f"error_log {self.error_log} {frame['log_level']};\n"
            f"{frame['main']}\n"
            f"events {{\n{frame['events']}\n}}\n"
            f"http {{\n"
            f"    log_format frame '{frame['log_format']}';\n"
            f"{access}{temporary}"
            f"{http}\n}}\n"
        )

    def let_workers_answer_within(self, seconds: float) -> None:
        """How long proxyd's master waits for a worker before it says that this one does not answer."""
        told = self.directory / "answer-seconds"
        told.with_suffix(".new").write_text(str(seconds))
        told.with_suffix(".new").replace(told)
        self._env["PROXYD_ANSWER_SECONDS"] = str(told)

    def port(self, number: int = 0) -> int:
        """The port that {port<number>} stands for."""
        return int(self.fill_in(f"{{port{number}}}"))

    # Life

    @property
    def command(self) -> list[str]:
        """What is run; more arguments may follow (-t, -s reload)."""
        return [*command_of(self.kind), "-c", str(self.config_path), "-p", f"{self.directory}/"]

    def start(self) -> None:
        """Run it in the foreground and wait until its sockets listen."""
        arguments = ["-g", self._options] if self._options else []
        with (self.directory / "stdout").open("wb") as out, (self.directory / "stderr").open("wb") as err:
            self.process = subprocess.Popen(
                [*self.command, *arguments],
                cwd=self.directory,
                env={**environment(), **self._env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        try:
            wait_until(self._is_ready, lambda: f"{self.kind} to write its pid file; {self.output()}")
        except BaseException:
            self.kill()
            raise

    def _is_ready(self) -> bool:
        assert self.process is not None
        status = self.process.poll()
        assert status is None, f"{self.kind} ended with status {status}: {self.output()}"
        return bool(_read(self.pid_path).strip())  # written once the sockets listen

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal to the master, wait for that, and return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.wait_for_exit()

    def wait_for_exit(self) -> int:
        """Wait for the master's end and return its exit status."""
        assert self.process is not None
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.kind} did not end: {self.output()}") from None

    def kill(self) -> None:
        """Kill master and workers, all at once. Only what this object started is in that process group."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(LIMIT)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for port in self._ports.values():
            port.release()

    # Processes

    @property
    def pid(self) -> int:
        """Of the master."""
        assert self.process is not None
        return self.process.pid

    def signal(self, which: signal.Signals) -> None:
        """Send the master a signal."""
        os.kill(self.pid, which)

    def children(self) -> dict[int, str]:
        """The master's child processes: pid and title."""
        return {pid: title for pid in child_pids(self.pid) if (title := process_title(pid))}

    def worker_pids(self) -> list[int]:
        """The pids of the workers that do not shut down."""
        workers = {pid: title for pid, title in self.children().items() if "worker process" in title}
        return sorted(pid for pid, title in workers.items() if "shutting" not in title)

    def run(self, *arguments: str, limit: float = LIMIT) -> subprocess.CompletedProcess[str]:
        """Run the program once more with the same -c and -p, for example with "-t" or "-s", "reload"."""
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.directory,
            env={**environment(), **self._env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
        )

    # Logs

    def log(self, *, reasons: bool = False) -> str:
        """The error log; without the reason codes, which stand behind nginx's words."""
        text = _read(self.error_log)
        return text if reasons else _REASON.sub("", text)

    def access(self) -> list[str]:
        """The lines of the access log."""
        return lines_of(self.access_log)

    def wait_for_log(self, pattern: str, count: int = 1) -> list[str]:
        """Wait until `count` lines of the error log match; returns those lines."""
        return self._wait_for_lines(self.error_log, pattern, count)

    def wait_for_access(self, count: int, pattern: str = "") -> list[str]:
        """Wait until the access log has `count` lines that match; returns them."""
        return self._wait_for_lines(self.access_log, pattern, count)

    def _wait_for_lines(self, path: Path, pattern: str, count: int) -> list[str]:
        def matching() -> list[str] | None:
            every = [_REASON.sub("", line) for line in lines_of(path)]
            lines = [line for line in every if re.search(pattern, line)]
            return lines if len(lines) >= count else None

        return wait_until(matching, lambda: f"{count} x {pattern!r} in {path.name}:\n{_read(path)[-3000:]}")

    def output(self) -> str:
        """Everything it said, for failures."""
        names = ("stdout", "stderr", "error.log")
        return "\n".join(f"{name}: {_read(self.directory / name)[-3000:]}" for name in names)


def child_pids(pid: int) -> list[int]:
    """Direct children of a process. The kernel may leave one out while another ends: so, read twice alike."""
    before, now = None, _listed_children(pid)
    while now != before:
        before, now = now, _listed_children(pid)
    return now


def _listed_children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, _read(path).split())
    return found


def process_title(pid: int) -> str:
    """What ps shows; empty when the process is gone or a zombie."""
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ").strip()


def lines_of(path: Path) -> list[str]:
    """The complete lines of a file, as Latin-1; none when there is no such file."""
    return _read(path).split("\n")[:-1]


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return ""
