"""Hostile requests for files, ranges, conditions and limits, and hostile answers that command proxyd.

Each is sent whole; what must not happen is a crash, a leak, a byte of a file that is nobody's business, or a
client beside it that is not served. (test_hostile.py does the same for framing, cut at every byte.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from tests.e2e.support import check_it_lived_well, make_server, proxyd_only, quit_in_order
from tests.support.client import Client, fetch
from tests.support.peer import Connection, Peer
from tests.support.server import Server

pytestmark = proxyd_only("it repairs much that proxyd refuses")

SECRET = b"SECRET-outside-of-every-root"
FILE = b"0123456789" * 100

CONFIG = """
limit_req_zone $arg_k zone=by_key:64k rate=1000000r/s;
limit_conn_zone $http_x_key zone=held:64k;
server {
    listen 127.0.0.1:{port0};
    location / { return 404; }
    location /here { return 200 here; }
    location /root/ { root {dir}/www; }
    location /alias/ { alias {dir}/www/root/; }
    location /sloppy { alias {dir}/www/root/; }
    location /tries/ { root {dir}/www; try_files $uri $uri/ $uri.html =404; }
    location /dir/ { root {dir}/www; index index.html; }
    location ~ ^/regex/(.*)$ { alias {dir}/www/root/$1; }
    location /keyed { limit_req zone=by_key burst=1000 nodelay; limit_conn held 5; stub_status; }
    location /hidden/ { internal; alias {dir}/www/root/; }
    location /answers/ {
        proxy_pass http://{backend0}/;
        proxy_force_ranges on;
        proxy_cookie_domain ~^(.+)$ $1.example;
        proxy_cookie_path ~*^/(.*) /new/$1;
        proxy_cookie_flags ~ secure httponly samesite=lax;
        proxy_redirect ~^http://([^/]*)(.*)$ http://front.example$2;
        proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k;
    }
}
"""

TRAVERSALS = [
    "../secret",
    "../../secret",
    "..%2f..%2fsecret",
    "%2e%2e/%2e%2e/secret",
    "%2e%2e%2f%2e%2e%2fsecret",
    ".%2e/.%2e/secret",
    "..%252f..%252fsecret",
    "%252e%252e/secret",
    "..%5c..%5csecret",
    "..\\..\\secret",
    "....//....//secret",
    "..;/..;/secret",
    "..%00/..%00/secret",
    "%00../../secret",
    "../../secret%00.html",
    "..%c0%af..%c0%afsecret",
    "..%ef%bc%8f..%ef%bc%8fsecret",
    "%c0%ae%c0%ae/%c0%ae%c0%ae/secret",
    "..%u2216..%u2216secret",
    "..//..//secret",
    "./.././../secret",
    "a/../../../secret",
    "a/b/../../../../secret",
    "..%09/..%09/secret",
    "..%0d%0a/../secret",
    "%2e%2e%2e%2e//secret",
    "../" * 60 + "secret",
    "%2e%2e%2f" * 60 + "secret",
    "link-out",
    "?../../secret",
    "..?/../secret",
]

PREFIXES = ["/root/", "/alias/", "/tries/", "/dir/", "/regex/", "/sloppy", "/sloppy/"]


class Ask(NamedTuple):
    """A request and the statuses that it may have."""

    name: str
    headers: str
    statuses: tuple[int, ...]
    target: str = "/root/file"
    method: str = "GET"


def ranges(name: str, value: str, *statuses: int) -> Ask:
    """A GET with a Range."""
    return Ask(f"range-{name}", f"Range: {value}\r\n", statuses)


ASKS = [
    ranges("many-bytes", "bytes=" + ",".join("0-0" for _ in range(1000)), 200, 206, 416),
    ranges("many-overlapping", "bytes=" + ",".join(f"{n}-" for n in range(1000)), 200, 206, 416),
    ranges("growing", "bytes=" + ",".join(f"0-{n}" for n in range(1000)), 200, 206, 416),
    ranges("falling", "bytes=" + ",".join(f"{n}-{n}" for n in range(999, 0, -2)), 200, 206, 416),
    ranges("all-suffixes", "bytes=" + ",".join(f"-{n}" for n in range(1, 900)), 200, 206, 416),
    ranges("commas", "bytes=" + "," * 5000, 200, 416),
    ranges("blanks", "bytes=" + " " * 5000 + "0-1", 200, 206, 416),
    ranges("negative-both", "bytes=-1--2", 200, 416),
    ranges("negative-zero", "bytes=-0", 416, 200),
    ranges("backwards", "bytes=9-1", 416, 200),
    ranges("beyond", "bytes=1000-", 416),
    ranges("last", "bytes=999-", 206),
    ranges("sign", "bytes=+1-2", 416, 200),
    ranges("two-to-63", "bytes=9223372036854775807-9223372036854775808", 416, 200),
    ranges("two-to-64", "bytes=18446744073709551615-18446744073709551616", 416, 200),
    ranges("wraps", "bytes=18446744073709551616-18446744073709551620", 416, 200),
    ranges("to-two-to-63", "bytes=0-9223372036854775807", 206, 200),
    ranges("to-wraps", "bytes=5-18446744073709551617", 206, 200, 416),
    ranges("suffix-huge", "bytes=-9223372036854775807", 206, 200),
    ranges("suffix-wraps", "bytes=-18446744073709551617", 206, 200, 416),
    ranges("hundred-digits", "bytes=0-" + "9" * 100, 206, 200, 416),
    ranges("hex", "bytes=0x0-0x9", 416, 200),
    ranges("no-digits", "bytes=-", 416, 200),
    ranges("nothing", "bytes=", 416, 200),
    ranges("other-unit", "lines=0-1", 200),
    ranges("upper-case", "BYTES=0-1", 200, 206),
    ranges("no-equals", "bytes 0-1", 200),
    ranges("letters", "bytes=a-b", 416, 200),
    ranges("behind", "bytes=0-1x", 416, 200),
    ranges("semicolon", "bytes=0-1;2-3", 416, 200),
    ranges("zeros", "bytes=" + "0" * 200 + "-0", 206, 200, 416),
    ranges("bytes-above", "bytes=\xff-\xfe", 416, 200),
    Ask("range-twice", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n", (200, 206, 400)),
    Ask("range-head", "Range: bytes=0-1\r\n", (206, 200), method="HEAD"),
    Ask("range-post", "Range: bytes=0-1\r\nContent-Length: 0\r\n", (405,), method="POST"),
    Ask("if-range-junk", "Range: bytes=0-1\r\nIf-Range: ???\r\n", (200,)),
    Ask("if-range-open", 'Range: bytes=0-1\r\nIf-Range: "\r\n', (200,)),
    Ask("if-range-empty", "Range: bytes=0-1\r\nIf-Range:\r\n", (200, 206)),
    Ask("if-range-weak", 'Range: bytes=0-1\r\nIf-Range: W/"x"\r\n', (200,)),
    Ask("if-range-long", 'Range: bytes=0-1\r\nIf-Range: "' + "x" * 6000 + '"\r\n', (200,)),
    Ask("if-match-junk", "If-Match: junk\r\n", (412,)),
    Ask("if-match-open", 'If-Match: "abc\r\n', (412,)),
    Ask("if-match-many", "If-Match: " + ",".join(['"a"'] * 1500) + "\r\n", (412,)),
    Ask("if-match-commas", "If-Match: " + "," * 6000 + "\r\n", (412,)),
    Ask("if-match-star", "If-Match: *\r\n", (200,)),
    Ask("if-match-stars", "If-Match: **\r\n", (412, 200)),
    Ask("if-none-junk", "If-None-Match: junk\r\n", (200,)),
    Ask("if-none-open", 'If-None-Match: W/"\r\n', (200,)),
    Ask("if-none-many", "If-None-Match: " + ",".join(['W/"a"'] * 1000) + "\r\n", (200,)),
    Ask("if-none-star", "If-None-Match: *\r\n", (304,)),
    Ask("modified-junk", "If-Modified-Since: yesterday\r\n", (200,)),
    Ask("modified-empty", "If-Modified-Since:\r\n", (200,)),
    Ask("modified-32", "If-Modified-Since: Sun, 32 Sep 2001 01:46:40 GMT\r\n", (200,)),
    Ask("modified-feb", "If-Modified-Since: Sun, 30 Feb 2001 01:46:40 GMT\r\n", (200,)),
    Ask("modified-year-0", "If-Modified-Since: Sun, 09 Sep 0000 01:46:40 GMT\r\n", (200,)),
    Ask("modified-year-9999", "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n", (200, 304)),
    Ask("modified-hour", "If-Modified-Since: Sun, 09 Sep 2001 25:61:61 GMT\r\n", (200,)),
    Ask("modified-long", "If-Modified-Since: " + "9" * 6000 + "\r\n", (200,)),
    Ask("modified-old", "If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT\r\n", (200, 304)),
    Ask("modified-asctime", "If-Modified-Since: Sun Sep  9 01:46:40 2001\r\n", (200, 304)),
    Ask("unmodified-junk", "If-Unmodified-Since: x\r\n", (200, 412)),
    Ask("unmodified-old", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", (412,)),
    Ask("name-too-long", "", (400, 404, 403, 414), "/root/" + "x" * 300),
    Ask("path-too-long", "", (400, 404, 403, 414), "/root/" + "x/" * 2500),
    Ask("under-a-file", "", (404,), "/root/file/below"),
    Ask("slash-behind-a-file", "", (404,), "/root/file/"),
    Ask("method-of-files", "", (405,), method="DELETE"),
    Ask("internal", "", (404,), "/hidden/file"),
    Ask("internal-encoded", "", (404,), "/%68idden/file"),
    Ask("internal-dots", "", (404,), "/x/../hidden/file"),
    Ask("key-none", "", (200,), "/keyed"),
    Ask("key-empty", "", (200,), "/keyed?k="),
    Ask("key-nul", "", (200, 400), "/keyed?k=%00"),
    Ask("key-raw", "", (200,), "/keyed?k=\xff\xfe"),
    Ask("key-7k", "", (200, 414), "/keyed?k=" + "k" * 7000),
    Ask("key-64k", "", (414,), "/keyed?k=" + "k" * 65536),
    Ask("key-twice", "", (200,), "/keyed?k=a&k=b"),
    Ask("connection-key-empty", "X-Key:\r\n", (200,), "/keyed"),
    Ask("connection-key-long", "X-Key: " + "k" * 7000 + "\r\n", (200,), "/keyed"),
    Ask("cookies", "Cookie: " + "a=b; " * 1500 + "\r\n", (200,)),
    Ask("cookies-too-large", "Cookie: " + "a=b; " * 20000 + "\r\n", (400,)),
    Ask("names-with-underscores", "Content_Length: 5\r\nTransfer_Encoding: chunked\r\n", (200,)),
]

ANSWERS: dict[str, bytes] = {
    "accel-loop": b"X-Accel-Redirect: /answers/accel-loop\r\n",
    "accel-outside": b"X-Accel-Redirect: /hidden/../../secret\r\n",
    "accel-encoded": b"X-Accel-Redirect: /hidden/%2e%2e/%2e%2e/secret\r\n",
    "accel-relative": b"X-Accel-Redirect: secret\r\n",
    "accel-nothing": b"X-Accel-Redirect:\r\n",
    "accel-nowhere": b"X-Accel-Redirect: @nowhere\r\n",
    "accel-url": b"X-Accel-Redirect: http://127.0.0.1/secret\r\n",
    "accel-nul": b"X-Accel-Redirect: /hidden/file%00.txt\r\n",
    "accel-long": b"X-Accel-Redirect: /" + b"x" * 3000 + b"\r\n",
    "accel-twice": b"X-Accel-Redirect: /here\r\nX-Accel-Redirect: /hidden/file\r\n",
    "accel-rate-huge": b"X-Accel-Limit-Rate: 99999999999999999999\r\n",
    "accel-rate-minus": b"X-Accel-Limit-Rate: -1\r\n",
    "accel-rate-words": b"X-Accel-Limit-Rate: fast\r\n",
    "accel-buffering": b"X-Accel-Buffering: perhaps\r\n",
    "accel-charset": b"X-Accel-Charset: \xff\xfe\r\n",
    "accel-expires": b"X-Accel-Expires: @99999999999999999999\r\n",
    "cookie-empty": b"Set-Cookie:\r\n",
    "cookie-semicolons": b"Set-Cookie: " + b";" * 2000 + b"\r\n",
    "cookie-equals": b"Set-Cookie: ====;===;path=;domain=\r\n",
    "cookie-domains": b"Set-Cookie: a=b" + b"; domain=x" * 300 + b"\r\n",
    "cookie-paths": b"Set-Cookie: a=b" + b"; path=/p" * 300 + b"\r\n",
    "cookie-flags": b"Set-Cookie: a=b" + b"; Secure; HttpOnly" * 150 + b"\r\n",
    "cookie-bytes": b"Set-Cookie: \xff=\xfe; domain=\xfd; path=/\xfc\r\n",
    "cookie-many": b"Set-Cookie: a=b; path=/\r\n" * 60,
    "cookie-quotes": b'Set-Cookie: a="b; path=/x"; domain="y\r\n',
    "location-empty": b"Location:\r\n",
    "location-scheme": b"Location: http://\r\n",
    "location-long": b"Location: http://" + b"h" * 3000 + b"/\r\n",
    "location-bytes": b"Location: http://\xff/\xfe\r\n",
    "location-javascript": b"Location: javascript:alert(1)\r\n",
    "location-dollars": b"Location: http://$host/$1$2$uri\r\n",
    "location-twice": b"Location: http://a/\r\nLocation: http://b/\r\n",
    "refresh-junk": b"Refresh: url=;;;url=http://\r\n",
    "refresh-no-url": b"Refresh: 5; url=\r\n",
    "content-range-lies": b"Content-Range: bytes 0-9/5\r\n",
    "content-range-junk": b"Content-Range: x\r\n",
    "accept-ranges-lies": b"Accept-Ranges: lines\r\n",
    "last-modified-junk": b"Last-Modified: yesterday\r\n",
    "etag-open": b'ETag: "open\r\n',
    "etag-long": b'ETag: "' + b"e" * 3000 + b'"\r\n',
    "trailer-lies": b"Trailer: Content-Length, Transfer-Encoding\r\n",
}


def hostile_answer(connection: Connection) -> None:
    """What ANSWERS says, for the name that is asked for."""
    while True:
        request = connection.receive()
        name = request.target.decode("latin-1").strip("/").split("?")[0]
        if name == "hints":
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" * 200)
        status = b"302 Found" if name.startswith("location") else b"200 OK"
        head = b"HTTP/1.1 " + status + b"\r\n" + ANSWERS.get(name, b"") + b"Content-Length: 10\r\n\r\n"
        connection.send(head + b"0123456789")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for all; at the end nothing is left over."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="proxyd-test-")))
        directory.chmod(0o755)
        peer = stack.enter_context(Peer(hostile_answer, tolerant=True))
        server = make_server(directory, CONFIG, backend0=peer.address)
        for place in ("root", "tries", "dir"):
            (directory / "www" / place).mkdir(parents=True)
            (directory / "www" / place / "file").write_bytes(FILE)
        (directory / "www" / "dir" / "index.html").write_bytes(b"index")
        (directory / "secret").write_bytes(SECRET)
        (directory / "www" / "secret").write_bytes(SECRET)
        stack.enter_context(server)
        yield server
        quit_in_order(server)
        check_it_lived_well(server)


def serves_others(server: Server) -> None:
    """A client beside the hostile one."""
    assert fetch(server.port(), "/here").body == b"here"
    assert fetch(server.port(), "/root/file").body == FILE


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.name)
def test_a_hostile_request_gets_its_status_and_harms_nobody(server: Server, ask: Ask) -> None:
    with Client(server.port()) as client:
        client.request(ask.target, method=ask.method, headers=ask.headers)
        answer = client.read_response(ask.method)
        assert answer.status in ask.statuses
        assert SECRET not in answer.raw + answer.body
        assert len(answer.body) < 300_000, "a small request makes a huge answer"
        serves_others(server)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", TRAVERSALS, ids=lambda path: path[:40].encode("unicode_escape").decode())
def test_no_path_leads_out_of_a_root(server: Server, prefix: str, path: str) -> None:
    with Client(server.port()) as client:
        client.request(prefix + path)
        answer = client.read_response()
        assert SECRET not in answer.body
        assert answer.status in (200, 301, 400, 403, 404)
    assert fetch(server.port(), "/here").body == b"here"


@pytest.mark.parametrize("name", [*ANSWERS, "hints"])
@pytest.mark.parametrize("range_of", ["", "Range: bytes=2-3,5-\r\n"], ids=["whole", "ranges"])
def test_a_hostile_answer_harms_nobody(server: Server, name: str, range_of: str) -> None:
    with Client(server.port()) as client:
        client.request(f"/answers/{name}", headers=range_of)
        answer = client.read_response()
        assert answer.status in (200, 206, 302, 400, 403, 404, 414, 416, 500, 502)
        assert SECRET not in answer.body
        serves_others(server)


def test_there_are_as_many_as_were_promised() -> None:
    assert len(ASKS) + len(TRAVERSALS) * len(PREFIXES) >= 200
    assert len(ANSWERS) >= 40
