"""server_tokens with a text of one's own: the Server field and the last line of error pages."""

from __future__ import annotations

from tests.e2e.support import Serve, proxyd_only
from tests.support.client import Client, fetch
from tests.support.messages import Message

pytestmark = proxyd_only("nginx sells it")

CONFIG = """
    server {
        listen 127.0.0.1:{port0};
        server_name shop.example;
        server_tokens "Shop of $host";
        location / { return 404; }
        location /own { return 200 ok; }
        location /none { server_tokens ""; return 404; }
        location /argument { server_tokens $arg_a; return 404; }
        location ~ ^/decoded(?<rest>[^!]*)$ { server_tokens "a$rest"; return 404; }
    }
"""


def answer(serve: Serve, target: str) -> Message:
    return fetch(serve(CONFIG).port(0), target, headers="Host: shop.example\r\n")


def test_the_text_is_said_in_the_field_and_on_pages(serve: Serve) -> None:
    page = answer(serve, "/")
    assert page.header("Server") == b"Shop of shop.example"
    assert page.body.endswith(b"<hr><center>Shop of shop.example</center>\r\n</body>\r\n</html>\r\n")


def test_an_answer_of_the_configuration_has_the_field_too(serve: Serve) -> None:
    assert answer(serve, "/own").header("Server") == b"Shop of shop.example"


def test_an_empty_text_leaves_field_and_line_out(serve: Serve) -> None:
    page = answer(serve, "/none")
    assert page.header("Server") is None
    assert page.body.endswith(b"<center><h1>404 Not Found</h1></center>\r\n</body>\r\n</html>\r\n")


def test_what_a_client_writes_into_it_is_no_html(serve: Serve) -> None:
    page = answer(serve, "/argument?a=<script>&b")
    assert b"<hr><center>&lt;script></center>" in page.body


def test_what_a_client_writes_into_it_ends_no_line(serve: Serve) -> None:
    page = answer(serve, "/decoded%0d%0aX-Evil:%20yes")
    assert page.header("X-Evil") is None
    assert page.header("Server") == b"a  X-Evil: yes"


def test_a_request_that_is_none_gets_it_from_the_default_server(serve: Serve) -> None:
    with Client(serve(CONFIG).port(0)) as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.read_response().header("Server") == b"Shop of shop.example"
