"""One case on one server: start everything, follow the scripts, write the transcript."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance import transcript
from tests.conformance.case import Backend, Case, CaseFile
from tests.conformance.scripts import (
    ClientScript,
    Labels,
    backend_lines,
    backend_scripts,
    without_probes,
)
from tests.support.peer import Peer
from tests.support.ports import ReservedPort
from tests.support.server import Kind, Server, command_of, lines_of

REFERENCE = "nginx/1.22"
"""The version whose transcripts are recorded (Debian 12). Another one may differ and is not asked."""

LOG_FORMAT = (
    '$remote_addr "$request" $status server=$server_name uri="$uri" args="$args" '
    "upstream=$upstream_addr $upstream_status"
)

_LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")


def reference_is_here() -> bool:
    """Whether the nginx of the recorded transcripts is installed."""
    try:
        said = subprocess.run([*command_of("nginx"), "-v"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    return REFERENCE in said.stderr


def judged_kind() -> Kind:
    """The server under test: proxyd, or nginx too when CONFORMANCE_NGINX_ONLY is set, to prove the cases."""
    return "nginx" if os.environ.get("CONFORMANCE_NGINX_ONLY") else "proxyd"


def run(case: Case, kind: Kind) -> list[str]:
    """Run the case and return its transcript."""
    directory = Path(tempfile.mkdtemp(prefix="proxyd-case-"))
    directory.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            return _Run(case, kind, directory, stack).transcript()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def make_files(directory: Path, files: list[CaseFile]) -> None:
    """Make the files of a case. Modes last, so that what is below a closed directory can be made."""
    for file in files:
        path = directory / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.link is not None:
            path.symlink_to(file.link)
        elif file.fifo:
            os.mkfifo(path)
        elif file.path.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(file.content)
            os.utime(path, (file.time, file.time))
    for file in reversed(files):
        if file.mode is not None:
            (directory / file.path).chmod(file.mode)


class _Run:
    def __init__(self, case: Case, kind: Kind, directory: Path, stack: contextlib.ExitStack) -> None:
        self._case = case
        self._labels = Labels()
        self._words: dict[str, str] = {}
        self._names = transcript.Names(set(re.findall(r"\d+", case.path.read_text())))
        self._names.add_path(str(directory), "{dir}")
        self._stack = stack
        self._directory = directory
        self._peers = {number: self._peer(number) for number in self._numbers("backend")}
        words: dict[str, Any] = {f"backend{number}": peer.address for number, peer in self._peers.items()}
        words.update({f"port{number}": self._port() for number in self._numbers("port")})
        words.update({f"refused{number}": self._refused(number) for number in self._numbers("refused")})
        self._server = Server(
            kind,
            directory / "server",
            "" if case.whole else case.config,
            main=case.main,
            log_level=case.options.get("errors", "error"),
            log_format=LOG_FORMAT,
            **words,
        )
        if case.whole:
            self._server.write_whole_config(case.config)
        make_files(self._server.directory, [self._filled(file) for file in case.files])
        self._words.update(self._server.words)
        probing = case.options.get("probe") != "off"
        self._client = ClientScript(self._server, self._names, self._labels, probing)

    def _filled(self, file: CaseFile) -> CaseFile:
        if not file.filled:
            return file
        text = self._server.fill_in(file.content.decode("latin-1"))
        return dataclasses.replace(file, content=text.encode("latin-1"))

    def _numbers(self, word: str) -> list[int]:
        return sorted({int(number) for number in re.findall(rf"\{{{word}(\d+)\}}", self._case.config)})

    def _peer(self, number: int) -> Peer:
        backend = self._case.backends.get(number, Backend(number))
        scripts = backend_scripts(backend, self._labels, self._words)
        if backend.where == "unix":
            return Peer(*scripts, path=self._directory / f"backend{number}", tolerant=True)
        peer = Peer(*scripts, host="::1" if backend.where == "ipv6" else "127.0.0.1", tolerant=True)
        self._names.add_path(peer.address, f"{{backend{number}}}")
        return peer

    def _port(self) -> str:
        """A port whose number stands for nothing else in the transcript."""
        while True:
            port = str(self._stack.enter_context(ReservedPort()).number)
            if port not in self._names.plain:
                return port

    def _refused(self, number: int) -> str:
        address = f"127.0.0.1:{self._port()}"
        self._names.add_path(address, f"{{refused{number}}}")
        return address

    def transcript(self) -> list[str]:
        """Run it all."""
        for number in range(10):
            if f"port{number}" in self._server.words:
                self._names.add_port(self._server.port(number), f"{{port{number}}}")
        client = self._client
        with contextlib.ExitStack() as peers:
            for peer in self._peers.values():
                peers.callback(peer.close)
            with self._server:
                client.run(self._case.client)
        return [*client.lines(), *self._backend_lines(), *self._log_lines()]

    def _backend_lines(self) -> list[str]:
        show = self._case.options.get("connections") == "shown"
        found: list[str] = []
        for number, peer in self._peers.items():
            found += backend_lines(f"backend{number}", peer, self._names, show)
        return found

    def _log_lines(self) -> Iterator[str]:
        server, names = self._server, self._names
        for path in sorted(set(server.directory.glob("*.log")) - {server.error_log}):
            lines = without_probes(lines_of(path))
            seen = transcript.of_access_log(lines, names)
            # A line is written when its request ends, which may be after the answer was read: with several
            # connections the order is not fixed.
            yield from map(
                transcript.prefixed(path.stem), sorted(seen) if self._client.connections > 1 else seen
            )
        if level := self._case.options.get("errors"):
            wanted = set(_LEVELS[_LEVELS.index(level) :])
            lines = transcript.of_error_log(server.log(), wanted, names)
            like = self._case.options.get("errors-like", "")
            yield from map(transcript.prefixed("error"), (line for line in lines if like in line))
