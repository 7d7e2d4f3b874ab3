"""What happened in a run, as lines of text that two servers can have in common."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from tests.support.messages import Message

_LONG_BODY = 4000
_LONG_LINE = 400
_SERVER = re.compile(r"\b(?:nginx|proxyd)/[0-9][0-9a-z.\-+]*")
_PAGE_NAME = re.compile(r"<center>(?:nginx|proxyd)</center>")
_LOG_TIMES = (
    (re.compile(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"), "[{time}]"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"), "{time}"),
    (re.compile(r"(?<![\d.])\d{10}\.\d{3}(?![\d.])"), "{time}"),
    (re.compile(r"(?<![\d.])\d{1,3}\.\d{3}(?![\d.])"), "{seconds}"),
)
_RAW_DATE = re.compile(r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
_FIXED_EXPIRES = ("Thu, 01 Jan 1970 00:00:01 GMT", "Thu, 31 Dec 2037 23:55:55 GMT")
_USUAL = ("Connection: keep-alive", "Date: {date}", "Server: {server}")
_REASON = re.compile(r", reason: [a-z_]+$")  # proxyd's own, behind nginx's words
_ERROR_LINE_START = re.compile(r"^[\d/]+ [\d:]+ (\[\w+\]) \d+#\d+: (?:\*\d+ )?")
_ERROR_LINE = re.compile(r"[\d/]+ [\d:]+ (\[\w+\]) \d+#\d+: (?:\*\d+ )?(.*)")


_EXCESS = re.compile(r"(?<=excess: )(\d+)\.([5-9]\d\d)\b")  # 1r/m: what half a minute takes off at most


class Names:
    """Numbers and paths that differ from run to run, and what stands for them in a transcript."""

    def __init__(self, plain: set[str]) -> None:
        """`plain`: numbers of the case, which no port is taken for."""
        self.plain = plain
        self._paths: dict[str, str] = {}
        self._ports: dict[str, str] = {}

    def add_path(self, path: str, name: str) -> None:
        """Write `name` for `path`."""
        self._paths[path] = name

    def add_port(self, port: int, name: str) -> None:
        """Write `name` for a port number, wherever it stands as a number of its own."""
        if str(port) not in self.plain:
            self._ports[str(port)] = name

    def hide_in(self, text: str) -> str:
        """The text with every known path and port replaced."""
        for path, name in self._paths.items():
            text = text.replace(path, name)
        return re.sub(r"(?<!\d)\d{4,5}(?!\d)", lambda match: self._ports.get(match[0], match[0]), text)


def visible(data: bytes) -> str:
    """Bytes as text on one line."""

    def shown(byte: int) -> str:
        if 0x20 <= byte < 0x7F and byte != 0x5C:
            return chr(byte)
        return {0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}.get(byte, f"\\x{byte:02x}")

    return "".join(map(shown, data))


def of_response(message: Message, names: Names, *, page_length: bool = False) -> list[str]:
    """A response as the client saw it. Headers are sorted by name; equal names keep their order.

    `page_length`: an answer to HEAD whose Content-Length is that of a page which names the server.
    """
    body = _neutral_page(message.body)
    longer = len(body) - len(message.body)
    if page_length:
        server = (message.header("Server") or b"").decode("latin-1")
        longer = len("{server}") - len(server)
    headers = []
    for name, value in message.headers:
        text = value.decode("latin-1")
        if name.lower() == b"content-length" and longer:
            text = str(int(text) + longer)
        headers.append((name.decode("latin-1"), _neutral_header(name.lower(), text)))
    headers.sort(key=lambda header: header[0].lower())
    lines = [visible(message.start_line)]
    lines += _shortened([f"{name}: {visible(value.encode('latin-1'))}" for name, value in headers])
    title = message.start_line.partition(b" ")[2].decode("latin-1")
    lines += [f"| the page {title!r}"] if body == _page(title) else _body_lines(body)
    lines += _trailer_lines(message)
    if message.framing == "close":
        lines.append("[until the connection closed]")
    return [_abridged(names.hide_in(line)) for line in lines]


def of_request(message: Message, names: Names) -> list[str]:
    """A request as a backend received it: every header in its place."""
    lines = [visible(message.start_line)]
    lines += [visible(name + b": " + value) for name, value in message.headers]
    lines += _body_lines(message.body)
    lines += _trailer_lines(message)
    if not message.whole:
        lines.append("[incomplete]")
    return [_abridged(names.hide_in(line)) for line in lines]


def of_bytes(data: bytes, names: Names) -> list[str]:
    """Raw bytes."""
    text = _RAW_DATE.sub("Date: {date}", _neutral_page(data).decode("latin-1"))
    return [names.hide_in(line) for line in _body_lines(text.encode("latin-1"))]


def of_access_log(lines: list[str], names: Names) -> list[str]:
    """Lines of an access log (or of an error log that is one of several) without the times."""
    result = []
    for line in lines:
        if _ERROR_LINE_START.match(line):
            line = _as_at_once(_REASON.sub("", _ERROR_LINE_START.sub(r"\1 ", line)))
        for pattern, word in _LOG_TIMES:
            line = pattern.sub(word, line)
        result.append(_abridged(_printable(names.hide_in(_SERVER.sub("{server}", line)))))
    return result


def of_error_log(text: str, levels: set[str], names: Names) -> list[str]:
    """Level and message of those lines of an error log whose level is asked for."""
    found = [match for line in text.split("\n") if (match := _ERROR_LINE.fullmatch(line))]
    wanted = [f"{match[1]} {_REASON.sub('', match[2])}" for match in found if match[1][1:-1] in levels]
    return [_abridged(_printable(names.hide_in(_as_at_once(line)))) for line in wanted]


def _as_at_once(line: str) -> str:
    """The excess of limit_req that the line would tell had no time passed since the request before."""
    return _EXCESS.sub(lambda match: f"{int(match[1]) + 1}.000", line)


def prefixed(prefix: str) -> Callable[[str], str]:
    """A function that puts the speaker before a line."""
    return lambda line: f"{prefix}: {line}".rstrip()


def _neutral_page(body: bytes) -> bytes:
    """A page that the server made, without the server's name and version."""
    text = body.decode("latin-1")
    return _PAGE_NAME.sub("<center>{name}</center>", _SERVER.sub("{server}", text)).encode("latin-1")


def _neutral_header(name: bytes, value: str) -> str:
    if name == b"server" and value in ("nginx", "proxyd"):
        return "{name}"
    if name == b"server":
        return _SERVER.sub("{server}", value)
    if name == b"date" and _is_now(value):
        return "{date}"
    if name == b"expires" and value not in _FIXED_EXPIRES:
        return _from_now(value)
    return value


def _is_now(date: str) -> bool:
    try:
        return abs(parsedate_to_datetime(date).timestamp() - time.time()) < 3600
    except ValueError:
        return False


_LONGEST_PAST_MINUTES = 366 * 24 * 60


def _from_now(date: str) -> str:
    """A date that is reckoned from the present, by its distance; any other as it is."""
    try:
        minutes = round((parsedate_to_datetime(date).timestamp() - time.time()) / 60)
    except ValueError:
        return date
    if minutes < -_LONGEST_PAST_MINUTES:
        return date
    return f"{{date}} {minutes:+d} minutes" if minutes else "{date}"


def _shortened(headers: list[str]) -> list[str]:
    """The three headers that nearly every response has, as one line when they are exactly as ever."""
    if all(headers.count(usual) == 1 for usual in _USUAL):
        return ["[usual headers]", *(header for header in headers if header not in _USUAL)]
    return headers


def _page(title: str) -> bytes:
    """A whole error page, to the byte; in transcripts it is one line."""
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    ).encode("latin-1")


def _printable(text: str) -> str:
    """Text of a log, in which a backslash already escapes, with every other byte made visible."""
    return "".join(char if " " <= char <= "~" else f"\\x{ord(char):02x}" for char in text)


def _abridged(line: str) -> str:
    """Lines that no one reads to the end, told apart by a digest."""
    if len(line) <= _LONG_LINE:
        return line
    return f"{line[:60]}... {len(line)} characters, {_digest(line.encode())}"


def _digest(data: bytes) -> str:
    return f"sha256 {hashlib.sha256(data).hexdigest()[:16]}"


def _body_lines(body: bytes) -> list[str]:
    if len(body) > _LONG_BODY:
        return [f"| {len(body)} bytes, {_digest(body)}"]
    return [f"| {visible(line)}" for line in body.splitlines(keepends=True)]


def _trailer_lines(message: Message) -> list[str]:
    return [visible(b"[trailer] " + name + b": " + value) for name, value in message.trailers]
