"""The scenarios, as data: what is asked of each server and how many connections ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from loadtests.servers import MANY_LOCATIONS, MANY_SERVERS

BROWSER = {
    "Host": "app.example.com",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Cache-Control": "max-age=0",
    "Cookie": "session=3f1a9c0d6be84f0c9f4c1a2b7d5e6f70; theme=dark; consent=1",
    "Referer": "https://app.example.com/dashboard",
    "Sec-Ch-Ua": '"Chromium";v="131", "Not_A Brand";v="24"',
    "Sec-Ch-Ua-Mobile": "?0",
    "Sec-Ch-Ua-Platform": '"Linux"',
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Upgrade-Insecure-Requests": "1",
}
"""What a browser sends with a page request, about 800 bytes."""


class Unit(Enum):
    """What a scenario's cost is counted in."""

    CPU = "CPU us/request"
    MEMORY = "bytes/connection"


class Load(Enum):
    """Who makes the load."""

    WRK = "wrk"
    WEBSOCKET = "websocket"
    IDLE = "idle"


@dataclass(frozen=True)
class Scenario:
    """One question.

    `answer_bytes`: the least that an answer has. `only`: the servers that can be asked, where not all can.
    `refused`: the limiter answers nearly all. `keys`: each request draws one of so many keys of a limit
    zone, which knows all of them before anything is measured.
    """

    name: str
    title: str
    path: str = "/small"
    headers: dict[str, str] = field(default_factory=lambda: BROWSER)
    method: str = "GET"
    body_bytes: int = 0
    answer_bytes: int = 0
    refused: bool = False
    keys: int = 0
    bare: bool = False
    many: bool = False
    load: Load = Load.WRK
    unit: Unit = Unit.CPU
    only: frozenset[str] | None = None


SAME_FILE = frozenset({"proxyd", "nginx"})
"""Both read conf/nginx.conf."""

FILES = SAME_FILE | {"caddy"}

# "counters" compares two builds of proxyd; see uncounted.py.
# "many" asks for the last location of a server in the middle: every expression before it is tried in vain.
SCENARIOS = (
    Scenario("small", "small answer, keep-alive, proxy headers, log"),
    Scenario("4k", "4 KB answer", path="/body/4k", answer_bytes=4 << 10),
    Scenario("64k", "64 KB answer", path="/body/64k", answer_bytes=64 << 10),
    Scenario("1m", "1 MB answer", path="/body/1m", answer_bytes=1 << 20),
    Scenario("post", "POST 16 KB", method="POST", body_bytes=16 << 10),
    Scenario("bare", "proxy_pass http://127.0.0.1:PORT alone", bare=True),
    Scenario("connect", "a new client connection per request", headers=BROWSER | {"Connection": "close"}),
    Scenario(
        "many",
        f"{MANY_SERVERS} servers with {MANY_LOCATIONS} regex locations each",
        path=f"/site{MANY_SERVERS // 2}/section{MANY_LOCATIONS - 1}/page.html",
        headers=BROWSER | {"Host": f"site{MANY_SERVERS // 2}.example.com"},
        many=True,
        only=SAME_FILE,
    ),
    Scenario(
        "regex",
        "a dozen regex locations",
        path="/api/v2/users/4711/orders",
        headers=BROWSER | {"Host": "regex.example.com"},
        only=SAME_FILE,
    ),
    Scenario("limited", "limit_req, admitted and proxied", path="/limited/x", only=SAME_FILE),
    Scenario("refused", "limit_req, refused", path="/refused/x", refused=True, only=SAME_FILE),
    Scenario("keys-few", "limit_req, a zone that knows 100 keys", path="/", keys=100, only=SAME_FILE),
    Scenario(
        "keys-million",
        "limit_req, a zone that knows 1,000,000 keys",
        path="/",
        keys=1_000_000,
        only=SAME_FILE,
    ),
    Scenario("static-4k", "static file of 4 KB", path="/files/4k", answer_bytes=4 << 10, only=FILES),
    Scenario("static-1m", "static file of 1 MB", path="/files/1m", answer_bytes=1 << 20, only=FILES),
    Scenario("counters", "small answer, with and without counters", only=frozenset({"proxyd", "uncounted"})),
    Scenario("return", "return 200", path="/ok"),
    Scenario("websocket", "WebSocket echo of 100 bytes", load=Load.WEBSOCKET),
    Scenario("idle", "idle keep-alive connections", load=Load.IDLE, unit=Unit.MEMORY),
)
