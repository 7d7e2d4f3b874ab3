"""Scripts of case files in motion: what each word of the client's and of a backend's script does."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.conformance import transcript
from tests.conformance.case import Backend, CaseError, Step
from tests.support import jitter
from tests.support.client import Client
from tests.support.messages import Ended, Malformed, Message, Reading, Reset
from tests.support.peer import Connection, Gone, Peer, Script, answering
from tests.support.server import Server
from tests.support.waiting import LIMIT, NeverHappened, wait_until

_PLACEHOLDER = re.compile(r"\{((?:port|backend|refused)\d+|dir)\}")
_PROBE = "PROBE\r\n\r\n"
"""Sent where a connection looks kept: a server that listens answers 400 and neither routes nor proxies."""


class Labels:
    """What scripts tell each other, over all actors of a case."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: Counter[str] = Counter()

    def tell(self, label: str) -> None:
        """Let those who wait for `label` go on."""
        jitter.pause()
        with self._lock:
            self._told[label] += 1

    def told(self, label: str) -> int:
        """How many times `label` has been told."""
        return self._told[label]


class Turns:
    """One actor's place in the dialogue: the n-th time it waits for a label, it waits for the n-th telling.

    So a label may be told and awaited again and again, and no telling is taken for another.
    """

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self._awaited: Counter[str] = Counter()

    def wait_for(self, label: str) -> None:
        """Go on once `label` has been told as often as this actor has asked for it."""
        self._awaited[label] += 1
        wanted = self._awaited[label]
        wait_until(lambda: self.labels.told(label) >= wanted, f"telling {wanted} of {label!r}", LIMIT)


def filled_in(text: str, words: dict[str, str]) -> bytes:
    """A step's bytes with the placeholders that a case knows."""
    return _PLACEHOLDER.sub(lambda match: words[match[1]], text).encode("latin-1")


# The backend's side


def backend_scripts(backend: Backend, labels: Labels, words: dict[str, str]) -> list[Script]:
    """Scripts for a Peer; `words` may still grow until the first connection."""
    if not backend.scripts:
        return [_polite(backend.number)]
    return [_following(steps, labels, words) for steps in backend.scripts]


def _polite(number: int) -> Script:
    return answering(lambda request: b"backend%d %b %b\n" % (number, request.method, request.target))


def _following(steps: list[Step], labels: Labels, words: dict[str, str]) -> Script:
    def script(connection: Connection) -> None:
        turns = Turns(labels)
        again = True
        while again:
            again = False
            queue = iter(steps)
            for step in queue:
                if step.word == "loop":
                    again = True
                elif step.word == "send":
                    connection.send(filled_in(step.text, words))
                elif step.word == "dribble":
                    connection.dribble(filled_in(next(queue).text, words))
                else:
                    _backend_step(connection, step, turns)

    return script


def _backend_step(connection: Connection, step: Step, turns: Turns) -> None:
    words = step.words
    match step.word:
        case "receive":
            connection.receive_head() if words == ("head",) else connection.receive()
        case "body":
            connection.receive_body()
        case "piece":
            connection.receive_piece(int(words[0]))
        case "bytes":
            connection.receive_bytes(int(words[0]))
        case "eof":
            connection.receive_to_end()
        case "tell":
            turns.labels.tell(words[0])
        case "wait":
            turns.wait_for(words[0])
        case "stall":
            connection.stall()
        case "close":
            connection.close()
            raise Gone
        case "reset":
            connection.reset()
            raise Gone
        case "half-close":
            connection.half_close()
        case _:
            raise CaseError(f"a backend cannot {step.word!r}")


def backend_lines(name: str, peer: Peer, names: transcript.Names, show_connections: bool) -> list[str]:
    """What a backend received. Which connection brought it is shown only where the case is about that."""
    lines: list[str] = []
    for request in peer.requests:
        number = next(c.number for c in peer.connections if any(r is request for r in c.requests))
        who = f"{name} connection {number}" if show_connections else name
        lines += map(transcript.prefixed(who), transcript.of_request(request, names))
    for connection in peer.connections:
        for data in connection.raw_reads:
            lines += map(transcript.prefixed(f"{name} raw"), transcript.of_bytes(data, names))
        if connection.malformed:
            lines.append(f"{name}: [malformed] {connection.malformed}")
    return lines


# The client's side


@dataclass
class _Speaker:
    """One connection of the client, and what it heard."""

    client: Client
    lines: list[str] = field(default_factory=list)
    last: Message | None = None
    reading: Reading | None = None
    over: bool = False


class ClientScript:
    """Runs the client's steps against a server."""

    def __init__(self, server: Server, names: transcript.Names, labels: Labels, probing: bool) -> None:
        self._server = server
        self._names = names
        self._turns = Turns(labels)
        self._speakers: dict[str, _Speaker] = {}
        self._probing = probing
        self._current = "1"
        self.failure = ""

    def run(self, steps: list[Step]) -> None:
        """Follow the script to its end, then look how each connection was left."""
        queue = iter(steps)
        try:
            for step in queue:
                self._step(step, queue)
            for speaker in self._speakers.values():
                self._ending(speaker)
        except (NeverHappened, Ended, Malformed) as error:
            self.failure = f"client: [gave up] {type(error).__name__}"
        finally:
            for speaker in self._speakers.values():
                speaker.client.close()

    @property
    def connections(self) -> int:
        """How many connections the script used."""
        return len(self._speakers)

    def lines(self) -> list[str]:
        """What the client heard, connection by connection."""
        found = [f"client {name}: {line}" for name, s in self._speakers.items() for line in s.lines]
        return [*found, *filter(None, [self.failure])]

    def _step(self, step: Step, queue: Iterator[Step]) -> None:
        words = step.words
        jitter.pause()
        match step.word:
            case "on":
                self._switch(*words)
            case "tell":
                self._turns.labels.tell(words[0])
            case "wait":
                self._turns.wait_for(words[0])
            case "log":
                wanted = int(words[0])
                wait_until(lambda: len(self._server.access()) >= wanted, f"{wanted} log lines", LIMIT)
            case _:
                self._on_connection(self._speaker(), step, queue)

    def _on_connection(self, speaker: _Speaker, step: Step, queue: Iterator[Step]) -> None:
        words = step.words
        match step.word:
            case "send":
                self._attempt(speaker, lambda: speaker.client.send(self._fill(step.text)))
            case "dribble":
                text = next(queue).text
                self._attempt(speaker, lambda: speaker.client.dribble(self._fill(text)))
            case "response":
                self._hear(speaker, *words)
            case "head":
                self._begin(speaker)
            case "piece":
                assert speaker.reading is not None, "piece without head"
                speaker.reading.exactly(int(words[0]))
            case "rest":
                self._finish(speaker)
            case "bytes":
                self._say_bytes(speaker, speaker.client.read_bytes(int(words[0])))
            case "eof":
                self._to_end(speaker)
            case "half-close":
                speaker.client.half_close()
            case "close":
                speaker.over = True
                speaker.client.close()
            case "reset":
                speaker.over = True
                speaker.client.reset()
            case _:
                raise CaseError(f"the client cannot {step.word!r}")

    def _attempt(self, speaker: _Speaker, send: Callable[[], None]) -> None:
        """Sending to a server that has already answered and closed is no failure of the case."""
        try:
            send()
        except Reset:
            speaker.lines.append("[could not send]")

    def _fill(self, text: str) -> bytes:
        return filled_in(text, self._server.words)

    def _switch(self, name: str, *rest: str) -> None:
        self._current = name
        source = rest[-1] if "from" in rest else ""
        address = rest[0] if rest and rest[0] != "from" else ""
        if name not in self._speakers:
            self._open(name, self._fill(address).decode("latin-1"), source)

    def _speaker(self) -> _Speaker:
        if self._current not in self._speakers:
            self._open(self._current, "")
        return self._speakers[self._current]

    def _open(self, name: str, address: str, source: str = "") -> None:
        client = Client(_address(address, self._server.port(0)), limit=LIMIT, source=source)
        if not address.startswith("unix:"):
            self._names.add_port(client.local_port, f"{{client{name}}}")
        self._speakers[name] = _Speaker(client)

    def _hear(self, speaker: _Speaker, to: str = "GET", page: str = "") -> None:
        """Read one response, interim or final."""
        try:
            message = speaker.client.read_any_response(to)
        except (Ended, Malformed) as error:
            self._say_broken(speaker, error)
            return
        self._say(speaker, message, page == "page")

    def _begin(self, speaker: _Speaker) -> None:
        try:
            speaker.reading = speaker.client.start_response()
        except (Ended, Malformed) as error:
            self._say_broken(speaker, error)

    def _finish(self, speaker: _Speaker) -> None:
        if speaker.reading is None:
            return  # there was no head, and that has been said
        try:
            speaker.reading.finish()
        except (Ended, Malformed) as error:
            self._say(speaker, speaker.reading.message)
            self._say_broken(speaker, error)
            return
        self._say(speaker, speaker.reading.message)

    def _say(self, speaker: _Speaker, message: Message, page: bool = False) -> None:
        speaker.last = message
        speaker.lines += transcript.of_response(message, self._names, page_length=page)

    def _say_bytes(self, speaker: _Speaker, data: bytes) -> None:
        speaker.lines += transcript.of_bytes(data, self._names)

    def _say_broken(self, speaker: _Speaker, error: Exception) -> None:
        speaker.over = True
        ended = "reset" if isinstance(error, Reset) else "ended early"
        how = ended if isinstance(error, Ended) else "malformed"
        self._say_bytes(speaker, bytes(speaker.client.wire.unread()))
        speaker.lines.append(f"[{how}]")

    def _to_end(self, speaker: _Speaker) -> None:
        speaker.over = True
        how = {"eof": "closed"}.get(speaker.client.ending(), "reset")
        self._say_bytes(speaker, speaker.client.wire.unread())
        speaker.lines.append(f"[{how}]")

    def _ending(self, speaker: _Speaker) -> None:
        """Whether the connection was kept. What looks kept is asked by a request that is no request."""
        if speaker.over:
            return
        if speaker.last is not None and speaker.last.says_close:
            with contextlib.suppress(OSError):
                speaker.client.half_close()  # or a server that waits for the rest of a body lingers
            self._to_end(speaker)
            return
        if not self._probing:
            return
        try:
            speaker.client.send(_PROBE)
            answered = speaker.client.wire.wait_for_byte()
        except Reset:
            answered = False
        speaker.lines.append("[kept]" if answered else "[closed]")
        if answered:
            speaker.client.ending()


def without_probes(log: list[str]) -> list[str]:
    """Access log lines of a case without those that our own probe made."""
    return [line for line in log if "PROBE" not in line]


def _address(text: str, port: int) -> int | tuple[str, int] | str:
    if not text:
        return port
    if text.startswith("unix:"):
        return text.removeprefix("unix:")
    host, _, number = text.rpartition(":")
    return host.strip("[]"), int(number)
