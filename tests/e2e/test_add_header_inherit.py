"""add_header_inherit and add_trailer_inherit."""

from __future__ import annotations

from tests.e2e.support import Serve, proxyd_only
from tests.support.client import Client

pytestmark = proxyd_only("the nginx of the tests is older than these directives")

CONFIG = """
add_header X-Outer 1;
server {
    listen 127.0.0.1:{port0};
    add_header_inherit merge;
    add_header X-Server 2;
    location / { return 200; }
    location /merged { add_header X-Inner 3; return 200; }
    location /none { add_header_inherit off; return 200; }
    location /own { add_header_inherit off; add_header X-Own 4; return 200; }
    location /usual { add_header_inherit on; add_header X-Own 4; return 200; }
    location /trailer {
        add_trailer X-T 1;
        location /trailer/merged { add_trailer_inherit merge; add_trailer X-U 2; return 200 x; }
        location /trailer/off { add_trailer_inherit off; return 200 x; }
    }
}
"""


def test_headers_of_outer_levels_are_joined_dropped_or_replaced(serve: Serve) -> None:
    server = serve(CONFIG)

    def fields(path: str) -> list[bytes]:
        with Client(server.port()) as client:
            return [name for name, _ in client.get(path).headers if name.startswith(b"X-")]

    assert fields("/") == [b"X-Server", b"X-Outer"]
    assert fields("/merged") == [b"X-Inner", b"X-Server", b"X-Outer"]
    assert fields("/none") == []
    assert fields("/own") == [b"X-Own"]
    assert fields("/usual") == [b"X-Own"]


def test_trailers_follow_their_own_rule(serve: Serve) -> None:
    server = serve(CONFIG)
    with Client(server.port()) as client:
        assert client.get("/trailer/merged").trailers == ((b"X-U", b"2"), (b"X-T", b"1"))
        assert client.get("/trailer/off").trailers == ()
