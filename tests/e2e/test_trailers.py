"""Fields behind a body, and hints in front of a head."""

from __future__ import annotations

import pytest

from tests.e2e.support import Serve, proxyd_only, proxying
from tests.support.client import Client
from tests.support.messages import Message
from tests.support.peer import Connection, Peer, Script

ASKING = 'proxy_set_header TE "trailers"; proxy_set_header Connection "te"; proxy_pass_trailers on;\n'

pytestmark = proxyd_only("the nginx of the tests is older than these directives")


def with_trailers(*lines: str, size: str = "5\r\nhello\r\n") -> Script:
    """Answers in chunks, with these lines behind them."""

    def script(connection: Connection) -> None:
        while True:
            connection.receive()
            trailer = "".join(f"{line}\r\n" for line in lines)
            connection.send(
                "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
                f"{size}0\r\n{trailer}\r\n"
            )

    return script


def hinting(*heads: str) -> Script:
    """Says these interim heads before its answer."""

    def script(connection: Connection) -> None:
        while True:
            connection.receive()
            for head in heads:
                connection.send(head + "\r\n\r\n")
            connection.respond("answer")

    return script


def ask(serve: Serve, script: Script, config: str, version: str = "1.1") -> list[Message]:
    """Everything that one client is answered."""
    with Peer(script) as backend:
        server = serve(proxying(config), backend0=backend.address)
        with Client(server.port()) as client:
            client.send(f"GET / HTTP/{version}\r\nHost: a\r\nUser-Agent: one\r\n\r\n")
            found = [client.read_any_response()]
            while found[-1].status < 200:
                found.append(client.read_any_response())
            return found


def test_trailers_of_a_backend_are_passed_where_asked(serve: Serve) -> None:
    (answer,) = ask(serve, with_trailers("X-Sum: 1", "x-other:2"), ASKING)
    assert answer.trailers == ((b"X-Sum", b"1"), (b"x-other", b"2"))
    assert answer.header("Trailer") == b"X-Sum"
    assert answer.body == b"hello"


def test_trailers_that_come_byte_by_byte_are_whole(serve: Serve) -> None:
    def script(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.dribble("3\r\nabc\r\n0\r\nX-Sum:  a b \r\n\r\n")

    (answer,) = ask(serve, script, ASKING)
    assert (answer.body, answer.trailers) == (b"abc", ((b"X-Sum", b"a b"),))


def test_variables_tell_what_came_and_what_is_sent(serve: Serve) -> None:
    with Peer(with_trailers("X-Sum: 1", "x_hide: 2", "X-Sum: 3")) as backend:
        server = serve(
            proxying(ASKING + "proxy_hide_header x_hide; add_trailer X-Own own;"),
            log_format="[$upstream_trailer_x_sum][$upstream_trailer_x_hide][$upstream_trailer_x_own]"
            "[$sent_trailer_x_sum][$sent_trailer_x_hide][$sent_trailer_x_own]",
            backend0=backend.address,
        )
        with Client(server.port()) as client:
            assert client.get("/").status == 200
        assert server.wait_for_access(1) == ["[1, 3][2][-][1, 3][-][own]"]


def test_trailers_are_dropped_unless_asked_for(serve: Serve) -> None:
    (answer,) = ask(serve, with_trailers("X-Sum: 1"), "")
    assert answer.trailers == ()
    assert answer.header("Trailer") is None


def test_hidden_and_framing_fields_do_not_come_behind_a_body(serve: Serve) -> None:
    lines = (
        *("Content-Length: 5", "Transfer-Encoding: chunked", "Host: x", "X-Hide: 1", "Content-Type: a/b"),
        *("Connection: close", "X-Accel-Redirect: /x", "X-Sum: 1", "Trailer: y"),
    )
    (answer,) = ask(serve, with_trailers(*lines), ASKING + "proxy_hide_header X-Hide;")
    assert answer.trailers == ((b"X-Sum", b"1"),)


def test_an_http_1_0_client_gets_no_trailers(serve: Serve) -> None:
    (answer,) = ask(serve, with_trailers("X-Sum: 1"), ASKING, "1.0")
    assert answer.body == b"hello"
    assert answer.framing == "close"


def test_trailers_longer_than_a_head_may_be_end_the_answer(serve: Serve) -> None:
    with Peer(with_trailers(*(f"X-{n}: {'v' * 100}" for n in range(60)))) as backend:
        server = serve(proxying(ASKING), backend0=backend.address)
        with Client(server.port()) as client:
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert not client.read_to_end().endswith(b"0\r\n\r\n")
        server.wait_for_log("upstream sent invalid chunked response")


def test_a_connection_is_kept_behind_trailers(serve: Serve) -> None:
    with Peer(with_trailers("X-Sum: 1")) as backend:
        server = serve(proxying(ASKING), backend0=backend.address)
        with Client(server.port()) as client:
            for _ in range(3):
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.read_response().trailers == ((b"X-Sum", b"1"),)
        assert len(backend.connections) == 1


LINK = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style"


def test_early_hints_are_passed_where_a_condition_holds(serve: Serve) -> None:
    found = ask(
        serve, hinting(LINK + "\r\nX-Accel-Expires: 1\r\nServer: x"), 'early_hints "" 0 $http_user_agent;'
    )
    assert [message.status for message in found] == [103, 200]
    assert found[0].headers == ((b"Link", b"</style.css>; rel=preload; as=style"),)
    assert found[1].body == b"answer"


@pytest.mark.parametrize("config", ["", 'early_hints "";', "early_hints 0 $arg_nothing;"])
def test_early_hints_are_not_passed_otherwise(serve: Serve, config: str) -> None:
    assert [message.status for message in ask(serve, hinting(LINK), config)] == [200]


def test_only_early_hints_are_passed_of_interim_answers(serve: Serve) -> None:
    heads = ("HTTP/1.1 100 Continue", LINK, "HTTP/1.1 102 Processing", LINK)
    found = ask(serve, hinting(*heads), "early_hints 1;")
    assert [message.status for message in found] == [103, 103, 200]


def test_an_http_1_0_client_gets_no_hints(serve: Serve) -> None:
    assert [message.status for message in ask(serve, hinting(LINK), "early_hints 1;", "1.0")] == [200]


def test_hints_are_bounded_by_the_size_of_a_head(serve: Serve) -> None:
    long = LINK + "".join(f"\r\nLink: </{n}{'x' * 90}>" for n in range(9))
    found = ask(serve, hinting(*[long] * 9), "early_hints 1; proxy_buffer_size 2k; proxy_buffers 8 2k;")
    assert [message.status for message in found] == [103, 103, 200]
