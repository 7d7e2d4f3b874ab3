"""Messages that somebody should refuse: the data files of tests/http1/hostile, and what becomes of them.

A case is two files: NAME.http has the bytes, NAME.expect says in lines what must happen:

    client 400                the client reads an answer with this status; one line for each, in order
    client 400 or 413         ... with either status: it depends on the cut which error is seen first
    client 200 b'hello'       (answers of a backend) ... with this body
    client 200 cut b'hello'   ... which is cut: the client can tell, and has read at most this
    backend POST /x b'hello'  the backend receives exactly this request; one line for each
    host NAME, without FIELD  of what is passed on: its Host, and a field that it must not have
    kept, closed              the connection that brought the bytes goes on in step, or ends
    waits                     there is no answer; when the client ends its side, the connection ends
    method HEAD               (answers of a backend) what the client asked with
    end close                 (answers of a backend) the backend closes behind its bytes; else it waits
    # ...                     why

Each case is sent whole and cut at every byte. So that the parts really arrive apart, nobody sends a second
part before the only worker has answered other requests behind all the first parts.
"""

from __future__ import annotations

import ast
import contextlib
import re
import select
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.client import Client
from tests.support.messages import Ended, Message, Reset
from tests.support.peer import Connection, Peer

DATA = Path(__file__).resolve().parents[1] / "http1"

BATCH = 100
"""so many connections at once"""

_ALL_SPLITS_UP_TO = 600
_LITERAL = re.compile(r"b'.*'|b\".*\"")


@dataclass(frozen=True)
class Answer:
    """What the client reads."""

    statuses: tuple[int, ...]
    body: bytes | None = None
    cut: bool = False


@dataclass(frozen=True)
class Forwarded:
    """What the backend receives."""

    method: bytes
    target: bytes
    body: bytes = b""


@dataclass
class Case:
    """One pair of files."""

    name: str
    data: bytes
    answers: list[Answer] = field(default_factory=list)
    forwarded: list[Forwarded] = field(default_factory=list)
    end: str = ""
    method: str = "GET"
    host: bytes | None = None
    without: list[str] = field(default_factory=list)
    backend_closes: bool = False

    def cuts(self) -> Iterator[int]:
        """Where to cut; 0 means whole. Every byte; of very long ones only the ends and some between."""
        size = len(self.data)
        yield 0
        if size <= _ALL_SPLITS_UP_TO:
            yield from range(1, size)
        else:
            near = 80
            yield from range(1, near)
            yield from range(near, size - near, (size - 2 * near) // 40)
            yield from range(size - near, size)

    def batches(self) -> Iterator[list[int]]:
        """The cuts, as many as go at once."""
        cuts = list(self.cuts())
        for at in range(0, len(cuts), BATCH):
            yield cuts[at : at + BATCH]


def _literal(words: str) -> bytes | None:
    found = _LITERAL.search(words)
    value = ast.literal_eval(found[0]) if found else None
    assert value is None or isinstance(value, bytes)
    return value


def read_case(path: Path) -> Case:
    """A case of ours, from the path of its .expect file."""
    case = Case(path.stem, path.with_suffix(".http").read_bytes())
    for line in path.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "client":
            words = re.split("b['\"]", rest)[0].split()
            statuses = tuple(int(one) for one in words if one.isdigit())
            case.answers.append(Answer(statuses, _literal(rest), "cut" in words))
        elif word == "backend":
            method, target = rest.split(" ")[:2]
            raw = target.encode("latin-1").decode("unicode_escape").encode("latin-1")
            case.forwarded.append(Forwarded(method.encode(), raw, _literal(rest) or b""))
        elif word in ("kept", "closed", "waits"):
            case.end = word
        elif word == "host":
            case.host = rest.encode()
        elif word == "without":
            case.without.append(rest)
        elif word == "method":
            case.method = rest
        elif line == "end close":
            case.backend_closes = True
        else:
            assert word == "#", f"{path}: what is {line!r}?"
    assert case.end, f"{path} does not say how it ends"
    return case


def own_cases(kind: str) -> list[Case]:
    """The cases of tests/http1/hostile: "request" or "response"."""
    return [read_case(path) for path in sorted((DATA / "hostile").glob(f"{kind}-*.expect"))]


_CHUNKED_HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def parser_cases(kind: str) -> list[Case]:
    """What tests/http1/invalid says of the parsers alone, as cases for the whole server."""
    cases = []
    for path in sorted((DATA / "invalid").glob(f"parse-{kind}-*.expect")):
        statuses: tuple[int, ...] = (int(path.read_text().split()[1]),)
        if kind == "chunked":
            statuses += (413,)  # of a size, the first digits alone may be too large
        case = Case(path.stem, path.with_suffix(".http").read_bytes(), [Answer(statuses)], end="closed")
        case.backend_closes = kind == "response"
        if kind == "chunked":
            case.data = _CHUNKED_HEAD + case.data
        cases.append(case)
    return cases


# Requests


_FRAMING = {"transferencoding", "contentlength", "host"}
_EXACT = {b"transfer-encoding", b"content-length", b"host"}


def check_fields(message: Message) -> None:
    """Nothing that is forwarded may look like a framing field to anybody and not be one."""
    for name, _ in message.headers:
        plain = re.sub(r"[^a-z]", "", name.decode("latin-1").lower())
        assert plain not in _FRAMING or name.lower() in _EXACT, f"forwarded: {name!r} in {message.raw!r}"


def echo_of(request: Message) -> bytes:
    """The body with which the backend answers a request."""
    return request.method + b" " + request.target + b"\n" + request.body


class Requests:
    """Sends the cases of clients to a server whose backend is `peer`."""

    def __init__(self, port: int, here: int, peer: Peer, *, streamed: bool) -> None:
        self.port = port
        self.peer = peer
        self.streamed = streamed
        self._turns = Client(here)
        self._seen = 0
        self._malformed = 0

    def close(self) -> None:
        """Close what is kept open between cases."""
        self._turns.close()

    def give_turns(self) -> None:
        """Return when the worker has read what was sent before."""
        for _ in range(2):
            assert self._turns.get("/here").body == b"here"

    def run(self, case: Case) -> None:
        """Send a case whole and cut at every byte, and check all that can be seen."""
        try:
            self._run(case)
        except BaseException:
            self.give_turns()
            self._news()  # the next case is not to blame
            raise

    def _run(self, case: Case) -> None:
        for cuts in case.batches():
            clients = [Client(self.port) for _ in cuts]
            for client, cut in zip(clients, cuts, strict=True):
                client.send(case.data[:cut] if cut else case.data)
            self.give_turns()
            for client, cut in zip(clients, cuts, strict=True):
                if cut:
                    send_anyway(client, case.data[cut:])
            if case.end == "waits":
                self.give_turns()
            for client, cut in zip(clients, cuts, strict=True):
                with telling(case, cut):
                    self._check_client(case, client, cut)
                client.close()
            self._check_backend(case, cuts)

    def _check_client(self, case: Case, client: Client, cut: int) -> None:
        if case.end == "waits":
            readable, _, _ = select.select([client], [], [], 0)
            assert not readable, f"answered: {client.ending()} {client.wire.unread()!r}"
            client.half_close()
        forwarded = iter(case.forwarded)
        for answer in case.answers:
            message = client.read_response()
            assert message.status in answer.statuses, f"answered: {message.raw!r}"
            if message.status == 200:
                wanted = next(forwarded)
                assert message.body == wanted.method + b" " + wanted.target + b"\n" + wanted.body
        if case.end == "kept":
            client.request(f"/sentinel/{case.name}/{cut}", headers="Connection: close\r\n")
            assert client.read_response().body == f"GET /sentinel/{case.name}/{cut}\n".encode()
        client.ending()
        assert client.wire.unread() == b"", "an answer too many"
        assert client.interim == []

    def _news(self) -> tuple[list[Message], list[str]]:
        """The requests, and what was none, that the backend got since somebody asked."""
        came, malformed = self.peer.requests[self._seen :], self.peer.malformed[self._malformed :]
        self._seen += len(came)
        self._malformed += len(malformed)
        return came, malformed

    def _check_backend(self, case: Case, cuts: list[int]) -> None:
        came, malformed = self._news()
        assert malformed == []
        if self.streamed:  # of what turns out to be broken, or never ends, the backend may see a part
            came = [request for request in came if request.whole]
        for request in came:
            check_fields(request)
            assert not [name for name in case.without if request.values(name)], request.raw
            if case.host is not None and not request.target.startswith(b"/sentinel/"):
                assert request.values("Host") == [case.host], request.raw
        wanted = Counter({one: count * len(cuts) for one, count in Counter(case.forwarded).items()})
        if case.end == "kept":
            wanted.update(Forwarded(b"GET", f"/sentinel/{case.name}/{cut}".encode()) for cut in cuts)
        got = Counter(Forwarded(request.method, request.target, request.body) for request in came)
        assert got == wanted, f"{case.name}: too many {got - wanted}, missing {wanted - got}"


@contextlib.contextmanager
def telling(case: Case, cut: int) -> Iterator[None]:
    """Name the case and the cut in whatever fails inside."""
    try:
        yield
    except Exception as error:
        where = f"cut behind {case.data[:cut]!r}"[:300] if cut else "whole"
        raise AssertionError(f"{case.name}, {where}: {type(error).__name__}: {error}") from error


def send_anyway(client: Client, data: bytes) -> None:
    """Send to a server that may have closed already."""
    with contextlib.suppress(Reset):
        client.send(data)


# Answers


class Backend:
    """The backend of one case: it says the bytes of the case, in two parts.

    The first parts are not sent before every request of a batch is here. Otherwise one of them might find an
    idle connection whose second part is still to come, and nobody could tell that from its own answer.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.surplus: list[bytes] = []
        self._lock = threading.Lock()
        self._waiting = 0
        self.peer = Peer(self._script)

    def _script(self, connection: Connection) -> None:
        while True:
            request = connection.receive()
            batch, cut = map(int, request.target.decode().split("/")[-2:])
            self._wait_for(connection, f"first parts {batch}")
            if cut:
                connection.send(self.case.data[:cut])
            self._wait_for(connection, f"second parts {batch}")
            connection.send(self.case.data[cut:])
            if self.case.end != "kept":
                break
        if self.case.backend_closes:
            return
        rest = connection.receive_to_end()
        if rest:
            self.surplus.append(rest)

    def _wait_for(self, connection: Connection, label: str) -> None:
        with self._lock:
            self._waiting += 1
        self.peer.something_happened()
        connection.wait_for(label)

    def _let_go(self, label: str, count: int, turns: Client) -> None:
        self.peer.wait_until(lambda: self._waiting == count, f"{label} to be due")
        for _ in range(2):
            assert turns.get("/here").body == b"here"
        self._waiting = 0
        self.peer.tell(label)

    def run(self, port: int, turns: Client) -> None:
        """Let clients ask, and check all that can be seen."""
        for batch, cuts in enumerate(self.case.batches()):
            before = len(self.peer.connections)
            clients = [Client(port) for _ in cuts]
            for client, cut in zip(clients, cuts, strict=True):
                client.request(f"/{self.case.name}/{batch}/{cut}", method=self.case.method)
            self._let_go(f"first parts {batch}", len(cuts), turns)
            self._let_go(f"second parts {batch}", len(cuts), turns)
            for client, cut in zip(clients, cuts, strict=True):
                with telling(self.case, cut):
                    self._check_client(client)
                client.close()
            self._check_backend(before)

    def _check_client(self, client: Client) -> None:
        (answer,) = self.case.answers
        reading = client.start_response(self.case.method)
        message = reading.message
        assert message.status in answer.statuses, f"answered: {message.raw!r} {client.wire.unread()!r}"
        assert not [name for name in self.case.without if message.values(name)], message.raw
        try:
            reading.finish()
        except Ended:
            assert answer.cut, f"cut: {message.raw!r}"
        if answer.cut:
            assert not message.whole, f"looks whole: {message.raw!r}"
            assert answer.body is not None and answer.body.startswith(message.body), message.raw
            return
        assert answer.body is None or message.body == answer.body, message.raw
        if not message.says_close:
            client.request("/here", headers="Connection: close\r\n")
            assert client.read_response().body == b"here"
        assert client.ending() == "eof"
        assert client.wire.unread() == b"", "an answer too many"

    def _check_backend(self, before: int) -> None:
        if self.case.end == "closed":
            new = self.peer.connections[before:]
            self.peer.wait_until(lambda: all(one.script_over for one in new), "the ends of the connections")
            assert [len(one.requests) for one in new] == [1] * len(new), "asked again over a bad connection"
        assert self.surplus == []
