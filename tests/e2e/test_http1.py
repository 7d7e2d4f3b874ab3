"""HTTP/1.1 with clients and with backends: what stays in order, what stays open, what is never lost.

Buffers and memory are test_buffering.py's theme, refusals test_hostile.py's.
"""

from __future__ import annotations

import itertools
import socket
from pathlib import Path

import pytest

from tests.e2e.support import Serve, proxying
from tests.support.client import Client, fetch
from tests.support.messages import Ended, Message, Reset, Wire, read_response
from tests.support.peer import Connection, Peer, answering, echo, response

MANY = "keepalive_requests 100000; client_max_body_size 64m;\n"
KEPT = "upstream u { server {backend0}; keepalive 8; }\n"


def naming_the_target() -> Peer:
    """A backend whose answers say which request they are for."""
    return Peer(answering(lambda request: request.method + b" " + request.target + b"\n"))


def requests_for(targets: list[str]) -> bytes:
    """These GET requests, one behind the other."""
    return "".join(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n" for target in targets).encode()


# Keep-alive and its end


def test_many_requests_share_a_connection_on_both_sides(serve: Serve) -> None:
    with naming_the_target() as peer:
        server = serve(
            "upstream u { server {backend0}; keepalive 8; }" + proxying(backend="u"), backend0=peer.address
        )
        with Client(server.port()) as client:
            for number in range(50):
                assert client.get(f"/{number}").body == f"GET /{number}\n".encode()
        assert len(peer.connections) == 1


@pytest.mark.parametrize("where", ["proxied", "made-here"])
def test_a_client_that_asks_for_close_is_told_so_and_really_disconnected(serve: Serve, where: str) -> None:
    with naming_the_target() as peer:
        server = serve(
            "server { listen 127.0.0.1:{port0};"
            " location /proxied { proxy_pass http://{backend0}; }"
            " location /made-here { return 200 x; } }",
            backend0=peer.address,
        )
        with Client(server.port()) as client:
            answer = client.get(f"/{where}", headers="Connection: close\r\n")
            assert answer.status == 200
            assert answer.lists("Connection", b"close")
            assert client.read_to_end() == b""


def test_after_keepalive_requests_the_connection_is_closed_as_announced(serve: Serve) -> None:
    with naming_the_target() as peer:
        server = serve("keepalive_requests 3;" + proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            says = [client.get(f"/{number}").says_close for number in range(3)]
            assert says == [False, False, True]
            assert client.read_to_end() == b""


def test_what_was_pipelined_behind_the_last_request_of_a_connection_is_not_answered(serve: Serve) -> None:
    with naming_the_target() as peer:
        server = serve("keepalive_requests 2;" + proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(requests_for(["/1", "/2", "/3"]))
            assert [client.read_response().body for _ in range(2)] == [b"GET /1\n", b"GET /2\n"]
            assert client.ending() in ("eof", "reset")
            assert client.wire.unread() == b""
        assert [request.target for request in peer.requests] == [b"/1", b"/2"]


def test_a_keepalive_timeout_of_zero_closes_after_each_answer(serve: Serve) -> None:
    with naming_the_target() as peer:
        server = serve("keepalive_timeout 0;" + proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            assert client.get().says_close
            assert client.read_to_end() == b""


def test_a_backend_that_closes_after_its_answer_does_not_close_the_client(serve: Serve) -> None:
    def closes(connection: Connection) -> None:
        connection.receive()
        connection.respond("bye", headers=[("Connection", "close")])

    with Peer(closes) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            for _ in range(3):
                answer = client.get()
                assert (answer.body, answer.says_close) == (b"bye", False)
        assert len(peer.connections) == 3


# Pipelining


@pytest.mark.parametrize("config", ["return 200 $request_uri;", "proxy_pass http://{backend0};"])
def test_a_thousand_requests_in_one_write_are_answered_in_order(serve: Serve, config: str) -> None:
    with Peer(answering(lambda request: request.target)) as peer:
        server = serve(
            MANY + "server { listen 127.0.0.1:{port0}; location / { " + config + " } }", backend0=peer.address
        )
        targets = [f"/{number}" for number in range(1000)]
        with Client(server.port()) as client:
            client.send(requests_for(targets))
            assert [client.read_response().body.decode() for _ in targets] == targets
            assert client.get("/behind").body == b"/behind"


def test_a_pipelined_request_waits_for_the_slow_one_before_it(serve: Serve) -> None:
    def slow(connection: Connection) -> None:
        connection.receive()
        connection.wait_for("answer")
        connection.respond("slow")

    with Peer(slow) as peer:
        server = serve(
            "server { listen 127.0.0.1:{port0};"
            " location / { return 200 fast; }"
            " location /slow { proxy_pass http://{backend0}; } }",
            backend0=peer.address,
        )
        with Client(server.port()) as client:
            client.send(requests_for(["/slow", "/fast"]))
            peer.wait_for_requests(1)
            assert fetch(server.port(), "/other").body == b"fast"  # nobody else waits
            peer.tell("answer")
            assert [client.read_response().body for _ in range(2)] == [b"slow", b"fast"]


def test_pipelined_requests_with_bodies_keep_their_own_bodies(serve: Serve) -> None:
    with Peer(answering(lambda request: request.target + b" " + request.body)) as peer:
        server = serve(proxying(), backend0=peer.address)
        sent = b"".join(
            b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (number, number, b"x" * number)
            if number % 2
            else b"POST /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n"
            % (number, b"1\r\nx\r\n" * number)
            for number in range(40)
        )
        with Client(server.port()) as client:
            client.send(sent)
            for number in range(40):
                assert client.read_response().body == b"/%d %b" % (number, b"x" * number)


@pytest.mark.parametrize("framing", ["Content-Length: 300000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"])
def test_a_body_that_nobody_wants_is_skipped_before_the_next_request(serve: Serve, framing: str) -> None:
    server = serve("server { listen 127.0.0.1:{port0}; location / { return 200 $request_uri; } }")
    body = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".ljust(300000, b"x")
    if "chunked" in framing:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with Client(server.port()) as client:
        client.send(f"POST /1 HTTP/1.1\r\nHost: a\r\n{framing}".encode() + body + requests_for(["/2"]))
        assert [client.read_response().body for _ in range(2)] == [b"/1", b"/2"]


def test_empty_lines_before_a_request_are_skipped(serve: Serve) -> None:
    server = serve("server { listen 127.0.0.1:{port0}; location / { return 200 $request_uri; } }")
    with Client(server.port()) as client:
        client.send(b"\r\n\r\n" + requests_for(["/1"]) + b"\r\n" + requests_for(["/2"]))
        assert [client.read_response().body for _ in range(2)] == [b"/1", b"/2"]


# Clients that end their side


def test_a_client_that_half_closes_behind_its_requests_gets_the_answers_made_here(serve: Serve) -> None:
    server = serve("server { listen 127.0.0.1:{port0}; location / { return 200 $request_uri; } }")
    with Client(server.port()) as client:
        client.send(requests_for(["/1", "/2", "/3"]))
        client.half_close()
        assert [client.read_response().body for _ in range(3)] == [b"/1", b"/2", b"/3"]
        assert client.read_to_end() == b""


def test_a_client_that_half_closes_while_its_request_is_proxied_has_given_it_up(serve: Serve) -> None:
    # As nginx has it: a FIN behind the request cannot be told from a client that has gone.
    def waits(connection: Connection) -> None:
        connection.receive()
        connection.receive_to_end()

    with Peer(waits) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.request("/given-up")
            peer.wait_for_requests(1)
            client.half_close()
            assert client.read_to_end() == b""
        assert peer.wait_for_end(1)
        assert '"GET /given-up HTTP/1.1" 499 0' in server.wait_for_access(1)[0]
        server.wait_for_log("client prematurely closed connection, so upstream connection is closed too")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_takes_its_request_from_the_backend(serve: Serve, how: str) -> None:
    def waits(connection: Connection) -> None:
        connection.receive()
        connection.receive_to_end()

    with Peer(waits) as peer:
        server = serve(proxying(), backend0=peer.address)
        client = Client(server.port())
        client.request("/left")
        peer.wait_for_requests(1)
        getattr(client, how)()
        assert peer.wait_for_end(1)
        assert '"GET /left HTTP/1.1" 499 0' in server.wait_for_access(1)[0]


def test_a_client_that_leaves_in_the_middle_of_its_body_never_reaches_the_backend(serve: Serve) -> None:
    with naming_the_target() as peer:
        server = serve(proxying(), backend0=peer.address)
        client = Client(server.port())
        client.send("POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        client.close()
        assert '"POST /cut HTTP/1.1" 400 0' in server.wait_for_access(1)[0]
        assert peer.requests == []


def test_a_streamed_body_that_is_cut_never_looks_whole_to_the_backend(serve: Serve) -> None:
    for framing, part in (
        ("Content-Length: 10", "half"),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n"),
        ("Transfer-Encoding: chunked", "6\r\nhalf"),
    ):

        def reads(connection: Connection) -> None:
            connection.receive_head()
            connection.receive_piece(4)
            connection.tell("read")
            connection.receive_body()

        with Peer(reads) as peer:
            server = serve(proxying("proxy_request_buffering off;"), backend0=peer.address)
            client = Client(server.port())
            client.send(f"POST /cut HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{part}")
            peer.wait_for_label("read")
            client.close()
            assert peer.wait_for_end(1)
            assert not peer.requests[0].whole


# Expect


def test_100_continue_is_sent_when_the_body_is_wanted_and_not_before(serve: Serve) -> None:
    with Peer(answering(lambda request: request.body)) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            assert client.read_any_response().status == 100
            client.send("hello")
            assert client.read_any_response().body == b"hello"
        assert peer.requests[0].header("Expect") is None


def test_100_continue_comes_once_for_a_body_in_many_pieces(serve: Serve) -> None:
    with Peer(answering(lambda request: request.body)) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            assert client.read_any_response().status == 100
            client.dribble("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
            assert client.read_any_response().body == b"hello world"


def test_a_client_of_http_1_0_is_never_told_to_continue(serve: Serve) -> None:
    with Peer(answering(lambda request: request.body)) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
            assert client.read_any_response().body == b"hello"


def test_a_body_that_is_too_large_is_refused_without_100_continue(serve: Serve) -> None:
    server = serve("client_max_body_size 4;" + proxying(), backend0="127.0.0.1:1")
    with Client(server.port()) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert client.read_any_response().status == 413
        assert client.ending() == "eof"


# Clients of HTTP/1.0, HEAD, forms of the target


def test_a_client_of_http_1_0_gets_a_chunked_answer_without_chunks(serve: Serve) -> None:
    def streams(connection: Connection) -> None:
        connection.receive()
        connection.send(response("in chunks", chunked=True))

    with Peer(streams) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send("GET / HTTP/1.0\r\n\r\n")
            answer = client.read_response()
            assert (answer.framing, answer.body) == ("close", b"in chunks")
            assert answer.values("Transfer-Encoding") == []


def test_a_client_of_http_1_0_may_keep_its_connection_where_a_length_is_known(serve: Serve) -> None:
    with naming_the_target() as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            for number in range(3):
                client.send(f"GET /{number} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                answer = client.read_response()
                assert answer.body == f"GET /{number}\n".encode()
                assert answer.lists("Connection", b"keep-alive")
            client.send("GET /last HTTP/1.0\r\n\r\n")
            assert client.read_response().body == b"GET /last\n"
            assert client.read_to_end() == b""


@pytest.mark.parametrize("chunked", [False, True])
def test_the_answer_to_head_has_the_head_of_get_and_no_body(serve: Serve, chunked: bool) -> None:
    def answers(connection: Connection) -> None:
        while True:
            request = connection.receive()
            connection.send(
                response(
                    "hello\n", chunked=chunked, head_only=request.method == b"HEAD", headers=[("X-A", "b")]
                )
            )

    with Peer(answers) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            whole = client.get()
            head = client.get(method="HEAD")
            assert whole.body == b"hello\n"
            assert head.body == b""
            assert head.status == 200
            assert head.header("Content-Length") == whole.header("Content-Length")
            assert head.header("X-A") == b"b"
            assert client.get().body == b"hello\n"  # nothing of a body was left on the connection


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_that_have_no_body_leave_the_connection_usable(serve: Serve, status: str) -> None:
    def bodiless(connection: Connection) -> None:
        while True:
            connection.receive()
            connection.send(f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n")

    with Peer(bodiless) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            for _ in range(3):
                answer = client.get()
                assert (answer.status, answer.body) == (int(status[:3]), b"")
                assert answer.values("Transfer-Encoding") == []


@pytest.mark.parametrize(
    ("target", "reaches"),
    [("http://b.example/x?y", b"/x?y"), ("HTTP://B.example", b"/"), ("http://b.example:81/", b"/")],
)
def test_an_absolute_target_names_the_server_and_is_forwarded_as_a_path(
    serve: Serve, target: str, reaches: bytes
) -> None:
    with naming_the_target() as peer:
        server = serve(
            "server { listen 127.0.0.1:{port0}; return 404; }"
            "server { listen 127.0.0.1:{port0}; server_name b.example;"
            " location / { proxy_set_header Host $host; proxy_pass http://{backend0}; } }",
            backend0=peer.address,
        )
        assert fetch(server.port(), target, headers="Host: b.example\r\n").status == 200
        assert peer.requests[0].target == reaches
        assert peer.requests[0].header("Host") == b"b.example"


def test_the_host_of_an_absolute_target_overrules_the_host_field(serve: Serve) -> None:
    with naming_the_target() as peer:
        server = serve(
            "server { listen 127.0.0.1:{port0}; return 404; }"
            "server { listen 127.0.0.1:{port0}; server_name b.example;"
            " location / { proxy_set_header Host $host; proxy_pass http://{backend0}; } }",
            backend0=peer.address,
        )
        assert fetch(server.port(), "http://b.example/", headers="Host: other\r\n").status == 200
        assert peer.requests[0].values("Host") == [b"b.example"]


# Heads


def test_a_head_that_fills_the_large_buffers_passes_unchanged(serve: Serve) -> None:
    with Peer(echo()) as peer:
        server = serve(proxying(), backend0=peer.address)
        target = "/" + "t" * 8000
        fields = "".join(f"X-{number}: {'v' * 7800}\r\n" for number in range(3))
        answer = fetch(server.port(), target, headers=fields)
        assert answer.status == 200
        assert peer.requests[0].target == target.encode()
        for number in range(3):
            assert peer.requests[0].header(f"X-{number}") == b"v" * 7800


@pytest.mark.parametrize(
    ("target", "field", "status"), [("/" + "t" * 8192, "", 414), ("/", "X-Long: " + "v" * 8192 + "\r\n", 400)]
)
def test_a_head_that_fits_no_buffer_is_refused(serve: Serve, target: str, field: str, status: int) -> None:
    server = serve(proxying(), backend0="127.0.0.1:1")
    with Client(server.port()) as client:
        client.request(target, headers=field)
        assert client.read_response().status == status
        assert client.ending() == "eof"


def test_many_fields_pass_in_order_in_both_directions(serve: Serve) -> None:
    fields = [(f"X-Field-{number}", f"value {number}") for number in range(150)]
    with Peer(answering("x", headers=fields)) as peer:
        server = serve(
            "proxy_buffer_size 16k; proxy_busy_buffers_size 24k;" + proxying(), backend0=peer.address
        )
        answer = fetch(server.port(), headers="".join(f"{name}: {value}\r\n" for name, value in fields))
        wanted = [(name.encode(), value.encode()) for name, value in fields]
        assert [field for field in answer.headers if field[0].startswith(b"X-Field")] == wanted
        assert [field for field in peer.requests[0].headers if field[0].startswith(b"X-Field")] == wanted


def test_an_answer_whose_head_is_larger_than_proxy_buffer_size_is_502(serve: Serve) -> None:
    with Peer(answering("x", headers=[("X-Long", "v" * 5000)])) as peer:
        server = serve(proxying("proxy_buffer_size 4k;"), backend0=peer.address)
        assert fetch(server.port()).status == 502
        server.wait_for_log("upstream sent too big header while reading response header from upstream")


# Bodies of requests


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 16384, 100_000, 3_000_000])
def test_the_body_of_a_request_arrives_byte_for_byte(
    serve: Serve, framing: str, buffering: str, size: int
) -> None:
    body = bytes(itertools.islice(itertools.cycle(range(251)), size))
    with Peer(answering(lambda request: b"%d" % len(request.body))) as peer:
        server = serve(MANY + proxying(f"proxy_request_buffering {buffering};"), backend0=peer.address)
        with Client(server.port()) as client:
            if framing == "length":
                client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode() + body)
            else:
                client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                for at in range(0, size, 70_001):
                    piece = body[at : at + 70_001]
                    client.send(b"%X;x=y\r\n%b\r\n" % (len(piece), piece))
                client.send("0\r\nX-Trailer: x\r\n\r\n")
            assert client.read_response().body == b"%d" % size
            assert client.get("/next").body == b"0"
        assert peer.requests[0].body == body


def test_a_small_body_is_gathered_before_the_backend_is_asked(serve: Serve) -> None:
    with Peer(answering(lambda request: request.body)) as peer:
        server = serve(
            "server { listen 127.0.0.1:{port0};"
            " location / { proxy_pass http://{backend0}; }"
            " location /here { return 200 x; } }",
            backend0=peer.address,
        )
        with Client(server.port()) as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")
            assert fetch(server.port(), "/here").status == 200  # the worker has had its turns
            assert fetch(server.port(), "/here").status == 200
            assert peer.connections == []
            client.send("later")
            assert client.read_response().body == b"firstlater"


def test_an_unbuffered_body_reaches_the_backend_piece_by_piece(serve: Serve) -> None:
    def reads(connection: Connection) -> None:
        connection.receive_head()
        for number in range(5):
            assert connection.receive_piece(5) == b"turn%d" % number
            connection.tell(f"read {number}")
        connection.receive_body()
        connection.respond("read all")

    with Peer(reads) as peer:
        server = serve(proxying("proxy_request_buffering off;"), backend0=peer.address)
        with Client(server.port()) as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(5):
                client.send(f"5\r\nturn{number}\r\n")
                peer.wait_for_label(f"read {number}")
            client.send("0\r\n\r\n")
            assert client.read_response().body == b"read all"
        assert peer.requests[0].framing == "chunked"


def test_a_gathered_chunked_body_is_forwarded_with_a_length(serve: Serve) -> None:
    with Peer(answering(lambda request: request.body)) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            )
            assert client.read_response().body == b"abc"
        assert (peer.requests[0].framing, peer.requests[0].body) == ("length", b"abc")


# Refusals and early answers: the client can read them


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_413_can_be_read_although_the_client_goes_on_sending_megabytes(serve: Serve, framing: str) -> None:
    server = serve("client_max_body_size 1k;" + proxying(), backend0="127.0.0.1:1")
    block = b"x" * 65536
    with Client(server.port()) as client:
        if framing == "length":
            client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {128 * len(block)}\r\n\r\n")
            wire = block
        else:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            wire = b"%x\r\n%b\r\n" % (len(block), block)
        for _ in range(128):  # 8 MB, long after the refusal; nobody resets the connection
            client.send(wire)
        assert client.read_response().status == 413
        assert client.read_to_end() == b""


def test_an_early_answer_of_the_backend_reaches_a_client_that_is_still_sending(serve: Serve) -> None:
    def refuses(connection: Connection) -> None:
        connection.receive_head()
        connection.send(response("no\n", "403 Forbidden"))
        connection.stall()  # the body is never read, the connection stays

    with Peer(refuses) as peer:
        server = serve(MANY + proxying("proxy_request_buffering off;"), backend0=peer.address)
        with Client(server.port()) as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\nstart")
            answer = client.read_response()
            assert (answer.status, answer.body) == (403, b"no\n")
        peer.go_on()
        assert len(peer.requests) == 1


def test_the_rest_of_a_body_is_not_taken_for_a_request_after_an_early_answer(serve: Serve) -> None:
    def refuses(connection: Connection) -> None:
        connection.receive_head()
        connection.send(response("no\n", "403 Forbidden"))
        connection.stall()

    hidden = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    with Peer(refuses, answering(lambda request: request.target)) as peer:
        server = serve(MANY + proxying("proxy_request_buffering off;"), backend0=peer.address)
        with Client(server.port()) as client:
            client.send(f"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: {5 + len(hidden)}\r\n\r\nstart")
            assert client.read_response().status == 403
            client.send(hidden + requests_for(["/2"]))
            try:  # the connection may end here or go on behind the body
                assert client.read_response().body == b"/2"
            except (Ended, Reset):
                assert client.wire.unread() == b""
        peer.go_on()
        assert b"/smuggled" not in [request.target for request in peer.requests]


def test_a_backend_connection_whose_request_was_not_read_whole_is_not_used_again(serve: Serve) -> None:
    def refuses(connection: Connection) -> None:
        connection.receive_head()
        connection.send(response("no\n", "403 Forbidden"))
        connection.receive_to_end()

    with Peer(refuses, answering("second connection")) as peer:
        server = serve(
            MANY + KEPT + proxying("proxy_request_buffering off;", backend="u"),
            backend0=peer.address,
        )
        with Client(server.port()) as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nstart")
            assert client.read_response().status == 403
            assert peer.wait_for_end(1)
        assert fetch(server.port()).body == b"second connection"


def test_a_backend_that_answers_and_closes_with_a_body_unread_is_still_heard(serve: Serve) -> None:
    def refuses(connection: Connection) -> None:
        connection.receive_head()
        connection.send(response("no\n", "403 Forbidden", headers=[("Connection", "close")]))
        connection.half_close()
        connection.receive_to_end()

    with Peer(refuses) as peer:
        server = serve(MANY + proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.request(method="POST", body=b"x" * 3_000_000)
            answer = client.read_response()
            assert (answer.status, answer.body) == (403, b"no\n")


# Bodies of answers


def test_a_chunked_answer_is_decoded_and_framed_anew(serve: Serve) -> None:
    def streams(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send("5;ext=1\r\nhello\r\n00001\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: x\r\n\r\n")
        connection.receive()
        connection.send(response("again", chunked=True))

    with Peer(streams) as peer:
        server = serve(
            "upstream u { server {backend0}; keepalive 1; }" + proxying(backend="u"), backend0=peer.address
        )
        with Client(server.port()) as client:
            assert client.get().body == b"hello world"
            assert client.get().body == b"again"
        assert len(peer.connections) == 1


def test_an_answer_that_ends_with_the_connection_is_chunked_for_the_client(serve: Serve) -> None:
    def until_close(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.0 200 OK\r\n\r\nto the end")

    with Peer(until_close) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            for _ in range(2):
                answer = client.get()
                assert (answer.framing, answer.body) == ("chunked", b"to the end")


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        ("Content-Length: 10\r\n\r\nhalf", b"half"),
        ("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b"half"),
        ("Transfer-Encoding: chunked\r\n\r\n8\r\nhalf", b"half"),
        ("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", b"half"),
    ],
)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_answer_that_was_cut_never_looks_whole_to_the_client(
    serve: Serve, answer: str, passes: bytes, end: str
) -> None:
    def cuts(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\n" + answer)
        if end == "reset":  # not before the client has the bytes: a reset may discard them on the way
            connection.wait_for("heard")
            connection.reset()

    with Peer(cuts) as peer:
        server = serve(proxying("proxy_buffering off;"), backend0=peer.address)
        with Client(server.port()) as client:
            client.request()
            reading = client.start_response()
            assert reading.exactly(len(passes)) == passes
            peer.tell("heard")
            with pytest.raises(Ended):
                reading.finish()
        assert not reading.message.whole
        word = "upstream prematurely closed connection" if end == "close" else r"recv\(\) failed \(104: "
        server.wait_for_log(f"{word}.*while (reading upstream|sending to client)")


def test_a_cut_answer_to_a_client_of_http_1_0_that_counts_bytes_is_short(serve: Serve) -> None:
    def cuts(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    with Peer(cuts) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            with pytest.raises(Ended):
                client.read_response()


def test_bytes_behind_an_answer_are_not_passed_on_and_end_that_backend_connection(serve: Serve) -> None:
    def says_more(connection: Connection) -> None:
        connection.receive()
        connection.send(response("one") + response("nobody asked"))
        connection.receive_to_end()

    with Peer(says_more, answering("two")) as peer:
        server = serve(
            "upstream u { server {backend0}; keepalive 8; }" + proxying(backend="u"), backend0=peer.address
        )
        with Client(server.port()) as client:
            assert client.get("/1").body == b"one"
            assert client.get("/2").body == b"two"
            assert client.wire.unread() == b""


def test_what_a_backend_says_while_idle_answers_nobody(serve: Serve) -> None:
    def speaks_later(connection: Connection) -> None:
        connection.receive()
        connection.respond("one")
        connection.wait_for("idle")
        connection.send(response("poison"))
        connection.tell("poisoned")
        connection.receive_to_end()

    with Peer(speaks_later, answering("two")) as peer:
        server = serve(
            "upstream u { server {backend0}; keepalive 8; }" + proxying(backend="u"), backend0=peer.address
        )
        with Client(server.port()) as client:
            assert client.get("/1").body == b"one"
            peer.tell("idle")
            peer.wait_for_label("poisoned")
            assert peer.wait_for_end(1)
            assert client.get("/2").body == b"two"


def test_interim_answers_of_a_backend_do_not_take_the_place_of_the_final_one(serve: Serve) -> None:
    def interim(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 100 Continue\r\n\r\n")
        connection.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        connection.send(response("final"))

    with Peer(interim) as peer:
        server = serve(proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            answer = client.get()
            assert (answer.status, answer.body) == (200, b"final")


# One byte at a time


def without_framing(message: Message) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """What of a message must not depend on how it was cut."""
    framing = (b"content-length", b"transfer-encoding")
    return (
        message.start_line,
        [field for field in message.headers if field[0].lower() not in framing],
        message.body,
    )


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_a_request_one_byte_at_a_time_is_the_same_request(serve: Serve, buffering: str) -> None:
    with Peer() as peer:
        server = serve(proxying(f"proxy_request_buffering {buffering};"), backend0=peer.address)
        for sent in (
            b"GET /plain?x=y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
            b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
            b"POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n6;x\r\n world\r\n0\r\nT: x\r\n\r\n",
        ):
            with Client(server.port()) as client:
                client.send(sent)
                client.read_response()
                client.dribble(sent)
                client.read_response()
            whole, dribbled = peer.requests[-2:]
            assert without_framing(dribbled) == without_framing(whole)


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_an_answer_one_byte_at_a_time_is_the_same_answer(serve: Serve, buffering: str, framing: str) -> None:
    body = b"0\r\n\r\n5\r\nhello\r\n" * 8  # looks like framing, and is not

    def dribbles(connection: Connection) -> None:
        connection.receive()
        if framing == "close":
            connection.dribble(b"HTTP/1.1 200 OK\r\nX-A: b\r\nConnection: close\r\n\r\n" + body)
        else:
            connection.dribble(response(body, headers=[("X-A", "b")], chunked=framing == "chunked"))

    with Peer(dribbles) as peer:
        server = serve(proxying(f"proxy_buffering {buffering};"), backend0=peer.address)
        answer = fetch(server.port())
        assert (answer.status, answer.header("X-A"), answer.body) == (200, b"b", body)


def test_the_last_byte_of_a_request_may_come_with_the_first_of_the_next(serve: Serve) -> None:
    one = b"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    two = b"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ndef"
    with Peer(answering(lambda request: request.target + request.body)) as peer:
        server = serve(MANY + proxying(), backend0=peer.address)
        with Client(server.port()) as client:
            stream = (one + two) * 20
            for at in range(0, len(stream), len(one) + 1):  # never cut where a request ends
                client.send(stream[at : at + len(one) + 1])
            for _ in range(20):
                assert client.read_response().body == b"/1abc"
                assert client.read_response().body == b"/2def"


# Addresses


def test_backends_on_unix_sockets_and_ipv6_are_reached(serve: Serve, directory: Path) -> None:
    with (
        Peer(answering("unix"), path=f"{directory}/backend.sock") as unix,
        Peer(answering("v6"), host="::1") as v6,
    ):
        server = serve(
            "server { listen 127.0.0.1:{port0};"
            " location /unix { proxy_pass http://{unix}; }"
            " location /v6 { proxy_pass http://{six}; } }",
            unix=unix.address,
            six=v6.address,
        )
        assert fetch(server.port(), "/unix").body == b"unix"
        assert fetch(server.port(), "/v6").body == b"v6"
        assert v6.requests[0].header("Host") == v6.address.encode()


def test_clients_on_unix_sockets_and_ipv6_are_served(serve: Serve, directory: Path) -> None:
    server = serve(
        "server { listen [::1]:{port0}; listen unix:{socket}; return 200 $remote_addr; }",
        socket=str(directory / "front.sock"),
    )
    assert fetch(("::1", server.port())).body == b"::1"
    assert fetch(str(directory / "front.sock")).body == b"unix:"


# Many at once


def test_two_hundred_connections_with_requests_of_every_kind_get_their_own_answers(serve: Serve) -> None:
    with Peer(answering(lambda request: request.target + b" " + request.body)) as peer:
        server = serve(MANY + proxying(), backend0=peer.address, workers=2)
        clients = [Client(server.port()) for _ in range(200)]
        for turn in range(3):
            for number, client in enumerate(clients):
                if number % 3 == 0:
                    client.send(requests_for([f"/{turn}/{number}"]))
                else:
                    client.request(f"/{turn}/{number}", method="POST", body=b"y" * number * 50)
            for number, client in enumerate(clients):
                body = b"" if number % 3 == 0 else b"y" * number * 50
                assert client.read_response().body == f"/{turn}/{number} ".encode() + body
        for client in clients:
            client.close()


def test_an_answer_to_a_pipelined_burst_survives_a_client_that_reads_one_byte_at_a_time(serve: Serve) -> None:
    server = serve(MANY + "server { listen 127.0.0.1:{port0}; location / { return 200 $request_uri; } }")
    sock = socket.create_connection(("127.0.0.1", server.port()))
    sock.sendall(requests_for([f"/{number}" for number in range(20)]))
    got = bytearray()
    while got.count(b"HTTP/1.1 200 OK") < 20 or not got.endswith(b"/19"):
        byte = sock.recv(1)
        assert byte, f"closed after {bytes(got[-200:])!r}"
        got += byte
    sock.close()
    ours, theirs = socket.socketpair()
    theirs.sendall(got)
    wire = Wire(ours)
    assert [read_response(wire).body for _ in range(20)] == [f"/{number}".encode() for number in range(20)]
