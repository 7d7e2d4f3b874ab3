"""Which backend gets a request, what happens when it fails, and which connections to it are kept."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.support import KIND, Serve, proxyd_only, proxying
from tests.support.client import Client, fetch
from tests.support.messages import Ended
from tests.support.peer import Connection, Peer, Script, answering
from tests.support.ports import ReservedPort, UnansweringPort
from tests.support.server import Server
from tests.support.waiting import wait_until

IDEMPOTENT = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]
NOT_IDEMPOTENT = ["POST", "LOCK", "PATCH"]

SHARED = "zone shared 256k;" if KIND == "nginx" else ""  # proxyd shares the state of every upstream


@contextlib.contextmanager
def named_peers(count: int) -> Iterator[list[Peer]]:
    """Backends that answer with their own number."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Peer(answering(str(number)))) for number in range(count)]


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """An address at which nobody listens, and nobody else will."""
    with ReservedPort() as port:
        yield f"127.0.0.1:{port.number}"


def addresses(peers: list[Peer]) -> dict[str, str]:
    """{backend0}, {backend1}, ... of a configuration."""
    return {f"backend{number}": peer.address for number, peer in enumerate(peers)}


def group(servers: str, location: str = "", http: str = "") -> str:
    """An upstream of these `server` lines and a server that proxies to it."""
    return f"{http}\nupstream u {{ {SHARED} {servers} }}\n" + proxying(location, backend="u")


def answers(server: Server, count: int) -> str:
    """Who answered these requests, one digit each."""
    with Client(server.port()) as client:
        return "".join(client.get().body.decode() for _ in range(count))


def closes_unanswered(connection: Connection) -> None:
    """Read a request, say nothing, go."""
    connection.receive()


def closes_the_second(connection: Connection) -> None:
    """Answer one request; the second finds a connection that dies."""
    connection.receive()
    connection.respond("first")
    connection.receive()


# Round robin


def test_equal_backends_take_turns(serve: Serve) -> None:
    with named_peers(3) as peers:
        server = serve(group("server {backend0}; server {backend1}; server {backend2};"), **addresses(peers))
        assert answers(server, 9) == "012012012"


def test_weights_are_spread_smoothly(serve: Serve) -> None:
    with named_peers(3) as peers:
        server = serve(
            group("server {backend0} weight=5; server {backend1}; server {backend2};"), **addresses(peers)
        )
        assert answers(server, 14) == "0010200" * 2


def test_uneven_weights_are_spread_smoothly(serve: Serve) -> None:
    with named_peers(2) as peers:
        server = serve(group("server {backend0} weight=3; server {backend1} weight=2;"), **addresses(peers))
        assert answers(server, 10) == "01010" * 2


def test_requests_of_all_connections_take_part_in_one_round(serve: Serve) -> None:
    with named_peers(2) as peers:
        server = serve(group("server {backend0}; server {backend1};"), **addresses(peers))
        assert "".join(fetch(server.port()).body.decode() for _ in range(6)) == "010101"


def test_a_backend_that_is_down_is_never_asked(serve: Serve) -> None:
    with named_peers(3) as peers:
        server = serve(
            group("server {backend0} down; server {backend1}; server {backend2};"), **addresses(peers)
        )
        assert answers(server, 6) == "121212"
        assert peers[0].connections == []


def test_when_all_backends_are_down_the_answer_is_502(serve: Serve) -> None:
    with named_peers(2) as peers:
        server = serve(group("server {backend0} down; server {backend1} down;"), **addresses(peers))
        assert fetch(server.port()).status == 502
        server.wait_for_log(r"no live upstreams while connecting to upstream, client: 127\.0\.0\.1")


# Failures and recovery


def test_a_backend_that_failed_max_fails_times_is_left_alone(serve: Serve) -> None:
    with refusing() as dead, named_peers(1) as peers:
        server = serve(
            group("server {dead} max_fails=2 fail_timeout=1h; server {backend0};"),
            dead=dead,
            **addresses(peers),
        )
        assert answers(server, 20) == "0" * 20
        assert len(server.wait_for_log(r"connect\(\) failed \(111: Connection refused\)", 2)) == 2
        assert (
            len(server.wait_for_log("upstream server temporarily disabled while connecting to upstream")) == 1
        )


def test_with_max_fails_zero_a_backend_is_tried_again_and_again(serve: Serve) -> None:
    with refusing() as dead, named_peers(1) as peers:
        server = serve(group("server {dead} max_fails=0; server {backend0};"), dead=dead, **addresses(peers))
        assert answers(server, 10) == "0" * 10
        server.wait_for_log(r"connect\(\) failed", 4)
        assert "temporarily disabled" not in server.log()


def test_a_backend_that_recovered_is_used_again_after_fail_timeout(serve: Serve) -> None:
    with named_peers(2) as peers:
        server = serve(group("server {backend0} fail_timeout=1s; server {backend1};"), **addresses(peers))
        peers[0].stop_listening()
        assert answers(server, 4) == "1111"
        peers[0].listen()
        wait_until(lambda: fetch(server.port()).body == b"0", "the recovered backend to be asked")
        assert Counter(answers(server, 20)) == {"0": 10, "1": 10}


def test_while_a_backend_stays_dead_only_one_request_in_a_while_looks_after_it(serve: Serve) -> None:
    with refusing() as dead, named_peers(1) as peers:
        server = serve(
            group("server {dead} fail_timeout=1s; server {backend0};"), dead=dead, **addresses(peers)
        )

        def failed_twice() -> bool:
            assert fetch(server.port()).body == b"0"
            # A second may have passed between any two requests; not between all of them.
            return 2 <= server.log().count("connect() failed") < len(peers[0].requests)

        wait_until(failed_twice, "a second attempt, and more requests than attempts")
        assert all(request.whole for request in peers[0].requests)


def test_a_single_backend_is_asked_however_often_it_failed(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(group("server {backend0} max_fails=1 fail_timeout=1h;"), backend0=peer.address)
        peer.stop_listening()
        with Client(server.port()) as client:
            assert [client.get().status for _ in range(3)] == [502, 502, 502]
            assert len(server.wait_for_log(r"connect\(\) failed", 3)) == 3
            peer.listen()
            assert client.get().status == 200
        assert "no live upstreams" not in server.log()


def test_when_every_backend_has_failed_there_are_no_live_upstreams(serve: Serve) -> None:
    with refusing() as one, refusing() as two:
        server = serve(group("server {one} fail_timeout=1h; server {two} fail_timeout=1h;"), one=one, two=two)
        assert [fetch(server.port()).status for _ in range(3)] == [502, 502, 502]
        server.wait_for_log("no live upstreams while connecting to upstream", 2)
        assert len(server.wait_for_log(r"connect\(\) failed", 2)) == 2


def test_an_answer_that_comes_in_time_does_not_heal_a_failure_before_fail_timeout(serve: Serve) -> None:
    # Failures are counted within fail_timeout, not in a row.
    def every_other_dies(connection: Connection) -> None:
        connection.receive()
        if connection.number % 2:
            connection.respond("flaky", headers=[("Connection", "close")])

    with Peer(every_other_dies) as flaky, Peer(answering("fine")) as fine:
        server = serve(
            group("server {flaky} max_fails=3 fail_timeout=1h; server {fine};"),
            flaky=flaky.address,
            fine=fine.address,
        )
        with Client(server.port()) as client:
            bodies = [client.get().body for _ in range(40)]
        assert set(bodies) == {b"flaky", b"fine"}
        assert len(server.wait_for_log("upstream prematurely closed connection", 3)) == 3
        assert set(bodies[-20:]) == {b"fine"}


def test_backups_serve_only_while_no_other_backend_lives(serve: Serve) -> None:
    with named_peers(3) as peers:
        server = serve(
            group("server {backend0} fail_timeout=1s; server {backend1} backup; server {backend2} backup;"),
            **addresses(peers),
        )
        assert answers(server, 4) == "0000"
        peers[0].crash()
        assert set(answers(server, 4)) == {"1", "2"}
        peers[0].listen()
        wait_until(lambda: fetch(server.port()).body == b"0", "the first backend to be asked again")
        assert answers(server, 4) == "0000"


@pytest.mark.parametrize("max_fails", [1, 2])
def test_workers_agree_on_failures(serve: Serve, max_fails: int) -> None:
    with refusing() as dead, named_peers(1) as peers:
        server = serve(
            f"upstream u {{ {SHARED}"
            f" server {{dead}} max_fails={max_fails} fail_timeout=1h; server {{backend0}}; }}"
            "server { listen 127.0.0.1:{port0} reuseport; add_header X-Worker $pid;"
            " location / { proxy_pass http://u; } }",
            workers=2,
            dead=dead,
            **addresses(peers),
        )
        asked: Counter[bytes] = Counter()

        def both_were_asked_often() -> bool:
            answer = fetch(server.port())
            assert answer.body == b"0"
            asked[answer.header("X-Worker") or b""] += 1
            return len(asked) == 2 and min(asked.values()) >= 8

        wait_until(both_were_asked_often, lambda: f"both workers to take requests: {asked}")
        # One request follows the other, so no two workers find out at the same time.
        assert server.log().count("connect() failed") == max_fails


# The next upstream


@pytest.mark.parametrize("status", [500, 502, 503, 504, 403, 404, 429])
def test_a_status_leads_to_the_next_backend_only_where_it_is_named(serve: Serve, status: int) -> None:
    with Peer(answering("bad", f"{status} Bad")) as bad, Peer(answering("good")) as good:
        server = serve(
            "upstream u { server {bad} max_fails=0; server {good} max_fails=0; }"
            "server { listen 127.0.0.1:{port0};"
            f" location /named {{ proxy_next_upstream http_{status}; proxy_pass http://u; }}"
            " location /other { proxy_next_upstream error timeout; proxy_pass http://u; } }",
            bad=bad.address,
            good=good.address,
        )
        with Client(server.port()) as client:
            assert [client.get("/named").body for _ in range(4)] == [b"good"] * 4
            assert {client.get("/other").status for _ in range(4)} == {200, status}


def test_the_answer_of_the_last_backend_passes_whatever_it_is(serve: Serve) -> None:
    with Peer(answering("zero", "503 No")) as zero, Peer(answering("one", "503 No")) as one:
        server = serve(
            group("server {zero}; server {one};", "proxy_next_upstream http_503;"),
            zero=zero.address,
            one=one.address,
        )
        answer = fetch(server.port())
        assert (answer.status, answer.body) == (503, b"one")
        assert len(zero.requests) == 1


def test_a_named_status_counts_as_a_failure_of_the_backend(serve: Serve) -> None:
    with Peer(answering("bad", "500 Bad")) as bad, Peer(answering("good")) as good:
        server = serve(
            group(
                "server {bad} max_fails=2 fail_timeout=1h; server {good};", "proxy_next_upstream http_500;"
            ),
            bad=bad.address,
            good=good.address,
        )
        with Client(server.port()) as client:
            assert {client.get().body for _ in range(20)} == {b"good"}
        assert len(bad.requests) == 2


@pytest.mark.parametrize("status", [403, 404])
def test_a_backend_that_finds_nothing_is_not_to_blame(serve: Serve, status: int) -> None:
    with Peer(answering("none", f"{status} None")) as none, Peer(answering("good")) as good:
        server = serve(
            group(
                "server {none} max_fails=1 fail_timeout=1h; server {good};",
                f"proxy_next_upstream http_{status};",
            ),
            none=none.address,
            good=good.address,
        )
        with Client(server.port()) as client:
            assert {client.get().body for _ in range(10)} == {b"good"}
        assert len(none.requests) >= 4


@pytest.mark.parametrize("conditions", ["invalid_header", "error timeout"])
def test_an_answer_that_is_no_http_leads_on_only_for_invalid_header(serve: Serve, conditions: str) -> None:
    def gibberish(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nX-Zero: \0\r\nContent-Length: 1\r\n\r\nx")

    with Peer(gibberish) as bad, Peer(answering("good")) as good:
        server = serve(
            group("server {bad}; server {good};", f"proxy_next_upstream {conditions};"),
            bad=bad.address,
            good=good.address,
        )
        assert fetch(server.port()).status == (200 if conditions == "invalid_header" else 502)


def test_off_means_that_the_first_backend_is_the_only_one(serve: Serve) -> None:
    with refusing() as dead, named_peers(1) as peers:
        server = serve(
            group("server {dead} max_fails=0; server {backend0};", "proxy_next_upstream off;"),
            dead=dead,
            **addresses(peers),
        )
        assert {fetch(server.port()).status for _ in range(4)} == {200, 502}


@pytest.mark.parametrize("conditions", ["timeout", "error"])
def test_a_backend_that_accepts_no_connection_leads_on_only_for_timeout(
    serve: Serve, conditions: str
) -> None:
    with UnansweringPort() as port, named_peers(1) as peers:
        server = serve(
            group(
                "server {silent}; server {backend0};",
                f"proxy_connect_timeout 400ms; proxy_next_upstream {conditions};",
            ),
            silent=f"127.0.0.1:{port.number}",
            **addresses(peers),
        )
        assert fetch(server.port()).status == (200 if conditions == "timeout" else 504)


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_no_more_backends_are_asked_than_next_upstream_tries(serve: Serve, tries: int) -> None:
    scripts: list[Script] = [closes_unanswered, closes_unanswered, answering("third")]
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(script)) for script in scripts]
        server = serve(
            group(
                "server {backend0}; server {backend1}; server {backend2};",
                f"proxy_next_upstream_tries {tries};",
            ),
            **addresses(peers),
        )
        assert fetch(server.port()).status == (200 if tries == 3 else 502)
        assert [len(peer.requests) for peer in peers] == [1, int(tries >= 2), int(tries >= 3)]


@pytest.mark.parametrize("within", ["50ms", "1h", "0"])
def test_no_next_backend_is_asked_after_next_upstream_timeout(serve: Serve, within: str) -> None:
    with UnansweringPort() as silent, named_peers(1) as peers:
        server = serve(
            group(
                "server {silent}; server {backend0};",
                f"proxy_connect_timeout 300ms; proxy_next_upstream_timeout {within};",
            ),
            silent=f"127.0.0.1:{silent.number}",
            **addresses(peers),
        )
        assert fetch(server.port()).status == (504 if within == "50ms" else 200)
        assert len(peers[0].requests) == (0 if within == "50ms" else 1)


def test_a_request_visits_each_backend_at_most_once(serve: Serve) -> None:
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(closes_unanswered)) for _ in range(3)]
        server = serve(
            group("".join(f"server {{backend{number}}} max_fails=0;" for number in range(3))),
            **addresses(peers),
        )
        assert fetch(server.port()).status == 502
        assert [len(peer.requests) for peer in peers] == [1, 1, 1]


# What is sent again, and what never


@pytest.mark.parametrize("method", IDEMPOTENT)
def test_an_idempotent_request_is_sent_again(serve: Serve, method: str) -> None:
    with Peer(closes_unanswered) as bad, Peer(answering("good")) as good:
        server = serve(group("server {bad}; server {good};"), bad=bad.address, good=good.address)
        assert fetch(server.port(), method=method).status == 200
        assert [request.method for request in good.requests] == [method.encode()]


@pytest.mark.parametrize("method", NOT_IDEMPOTENT)
def test_a_request_that_is_not_idempotent_is_never_sent_twice(serve: Serve, method: str) -> None:
    with Peer(closes_unanswered) as bad, Peer(answering("good")) as good:
        server = serve(group("server {bad}; server {good};"), bad=bad.address, good=good.address)
        assert fetch(server.port(), method=method, body="once").status == 502
        assert good.requests == []


@pytest.mark.parametrize("method", NOT_IDEMPOTENT)
def test_a_request_that_was_not_sent_yet_goes_to_the_next_backend(serve: Serve, method: str) -> None:
    with refusing() as dead, named_peers(1) as peers:
        server = serve(group("server {dead}; server {backend0};"), dead=dead, **addresses(peers))
        assert fetch(server.port(), method=method, body="once").status == 200
        assert peers[0].requests[0].body == b"once"


@pytest.mark.parametrize("method", NOT_IDEMPOTENT)
def test_non_idempotent_allows_to_send_again(serve: Serve, method: str) -> None:
    with Peer(closes_unanswered) as bad, Peer(answering("good")) as good:
        server = serve(
            group("server {bad}; server {good};", "proxy_next_upstream error non_idempotent;"),
            bad=bad.address,
            good=good.address,
        )
        assert fetch(server.port(), method=method, body="twice").status == 200
        assert good.requests[0].body == b"twice"


def test_a_body_that_is_sent_again_is_the_whole_body(serve: Serve) -> None:
    body = bytes(range(256)) * 30

    def reads_a_part(connection: Connection) -> None:
        connection.receive_head()
        connection.receive_piece(100)
        connection.reset()

    with Peer(closes_unanswered) as one, Peer(reads_a_part) as two, Peer(answering("good")) as good:
        server = serve(
            group("server {one}; server {two}; server {good};"),
            one=one.address,
            two=two.address,
            good=good.address,
        )
        answer = fetch(server.port(), method="PUT", body=body)
        assert (answer.status, answer.body) == (200, b"good")
        assert good.requests[0].body == body


@pytest.mark.parametrize("size", [100_000, 4_000_000])
def test_a_large_body_is_sent_again_whole_or_not_at_all(serve: Serve, size: int) -> None:
    body = bytes(range(250)) * (size // 250)

    def reads_a_part(connection: Connection) -> None:
        connection.receive_head()
        connection.receive_piece(50_000)
        connection.reset()

    with Peer(reads_a_part) as bad, Peer(answering("good")) as good:
        server = serve(
            group("server {bad}; server {good};", http="client_max_body_size 8m;"),
            bad=bad.address,
            good=good.address,
        )
        answer = fetch(server.port(), method="PUT", body=body)
        assert answer.status in (200, 502)
        assert [request.body == body for request in good.requests] == [True] * (answer.status == 200)


def test_after_the_first_byte_of_an_answer_there_is_no_next_backend(serve: Serve) -> None:
    def cuts(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart")

    with Peer(cuts) as bad, Peer(answering("good")) as good:
        server = serve(group("server {bad}; server {good};"), bad=bad.address, good=good.address)
        with Client(server.port()) as client:
            client.request()
            reading = client.start_response()
            with pytest.raises(Ended):
                reading.finish()
        assert reading.message.body in (b"", b"start")
        assert good.requests == []


def test_a_head_that_was_cut_leads_to_the_next_backend(serve: Serve) -> None:
    def cuts(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.1 200 OK\r\nX-From: bad\r\nConte")

    with Peer(cuts) as bad, Peer(answering("good")) as good:
        server = serve(group("server {bad}; server {good};"), bad=bad.address, good=good.address)
        answer = fetch(server.port())
        assert (answer.body, answer.values("X-From")) == (b"good", [])


def test_clients_do_not_notice_a_backend_that_dies_while_another_lives(serve: Serve) -> None:
    with named_peers(2) as peers:
        server = serve(group("server {backend0}; server {backend1}; keepalive 8;"), **addresses(peers))
        assert answers(server, 4) == "0101"
        peers[0].crash()
        assert answers(server, 30) == "1" * 30


# Connections to backends that were left idle


@proxyd_only("nginx keeps connections only for an upstream with keepalive")
def test_a_bare_proxy_pass_keeps_its_connection(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(proxying(), backend0=peer.address)
        for _ in range(10):
            assert fetch(server.port()).status == 200
        assert len(peer.connections) == 1


@proxyd_only("nginx keeps connections only for an upstream with keepalive")
def test_an_upstream_without_keepalive_keeps_its_connections(serve: Serve) -> None:
    with named_peers(2) as peers:
        server = serve(group("server {backend0}; server {backend1};"), **addresses(peers))
        assert answers(server, 10) == "0101010101"
        assert [len(peer.connections) for peer in peers] == [1, 1]


def test_keepalive_zero_keeps_none(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(
            group("server {backend0};" + ("keepalive 0;" if KIND == "proxyd" else "")), backend0=peer.address
        )
        assert [fetch(server.port()).status for _ in range(3)] == [200] * 3
        assert [peer.wait_for_end(number) for number in (1, 2, 3)] == ["eof"] * 3


def test_no_more_connections_are_kept_idle_than_keepalive_says(serve: Serve) -> None:
    def together(connection: Connection) -> None:
        while True:
            request = connection.receive()
            if request.target == b"/together":
                connection.wait_for("all")
            connection.respond("x")

    with Peer(together) as peer:
        server = serve(group("server {backend0}; keepalive 2;"), backend0=peer.address)
        clients = [Client(server.port()) for _ in range(5)]
        for client in clients:
            client.request("/together")
        peer.wait_for_connections(5)
        peer.wait_for_requests(5)
        peer.tell("all")
        for client in clients:
            assert client.read_response().status == 200
        peer.wait_until(lambda: sum(bool(c.ended) for c in peer.connections) == 3, "three to be closed")
        for _ in range(4):
            assert fetch(server.port()).status == 200
        assert len(peer.connections) == 5
        for client in clients:
            client.close()


def test_a_connection_carries_no_more_requests_than_keepalive_requests(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(group("server {backend0}; keepalive 8; keepalive_requests 3;"), backend0=peer.address)
        assert answers(server, 7)
        assert [len(connection.requests) for connection in peer.connections] == [3, 3, 1]
        assert [peer.wait_for_end(number) for number in (1, 2)] == ["eof", "eof"]


def test_an_idle_connection_is_closed_after_keepalive_timeout(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(
            group("server {backend0}; keepalive 8; keepalive_timeout 100ms;"), backend0=peer.address
        )
        assert fetch(server.port()).status == 200
        assert peer.wait_for_end(1) == "eof"
        assert fetch(server.port()).status == 200
        assert len(peer.connections) == 2


def test_a_connection_older_than_keepalive_time_is_not_kept(serve: Serve) -> None:
    with Peer() as peer:
        server = serve(group("server {backend0}; keepalive 8; keepalive_time 100ms;"), backend0=peer.address)

        def a_second_connection() -> bool:
            assert fetch(server.port()).status == 200
            return len(peer.connections) > 1

        wait_until(a_second_connection, "the first connection to become too old")
        assert peer.wait_for_end(1) == "eof"


def test_the_connection_used_last_is_used_next(serve: Serve) -> None:
    def two_at_once(connection: Connection) -> None:
        while True:
            request = connection.receive()
            if request.target == b"/wait":
                connection.wait_for("go")
            connection.respond(str(connection.number))

    with Peer(two_at_once) as peer:
        server = serve(group("server {backend0}; keepalive 8;"), backend0=peer.address)
        with Client(server.port()) as first, Client(server.port()) as second:
            first.request("/wait")
            peer.wait_for_connections(1)
            assert second.get("/now").body == b"2"
            peer.tell("go")
            assert first.read_response().body == b"1"
            assert [second.get("/now").body for _ in range(3)] == [b"1"] * 3


def test_a_backend_that_closed_an_idle_connection_is_not_noticed(serve: Serve) -> None:
    def answers_once(connection: Connection) -> None:
        connection.receive()
        connection.respond("x")
        connection.wait_for(f"close {connection.number}")

    with Peer(answers_once) as peer:
        server = serve(group("server {backend0}; keepalive 8;"), backend0=peer.address)
        for number, method in enumerate(["GET", "POST", "PATCH"], 1):
            assert fetch(server.port(), method=method, body="once").status == 200
            peer.tell(f"close {number}")
            peer.wait_until(lambda at=number: peer.connections[at - 1].script_over, "the close")  # type: ignore[misc]
        assert fetch(server.port()).status == 200
        assert len(peer.connections) == 4


@pytest.mark.parametrize("method", IDEMPOTENT)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_idle_connection_that_dies_under_a_request_is_not_noticed(
    serve: Serve, method: str, how: str
) -> None:
    def dies(connection: Connection) -> None:
        connection.receive()
        connection.respond("first")
        connection.receive()
        getattr(connection, how)()

    with Peer(dies, answering("second")) as peer:
        server = serve(group("server {backend0}; keepalive 8;"), backend0=peer.address)
        assert fetch(server.port()).body == b"first"
        answer = fetch(server.port(), method=method)
        assert answer.status == 200
        assert len(peer.connections) == 2


@pytest.mark.parametrize("method", NOT_IDEMPOTENT)
def test_what_may_have_been_done_on_a_dying_connection_is_not_done_again(serve: Serve, method: str) -> None:
    # nginx's rule, kept: once any of it was sent, such a request is never repeated, also not when the
    # connection had been idle. (A connection that was seen to be closed is not used at all: see above.)
    with Peer(closes_the_second, answering("second")) as peer:
        server = serve(group("server {backend0}; keepalive 8;"), backend0=peer.address)
        assert fetch(server.port()).body == b"first"
        assert fetch(server.port(), method=method, body="once").status == 502
        assert [request.method for request in peer.requests] == [b"GET", method.encode()]


def test_several_dead_idle_connections_in_a_row_are_not_noticed(serve: Serve) -> None:
    def dies_at_the_next(connection: Connection) -> None:
        connection.receive()
        connection.wait_for("all")
        connection.respond("first")
        connection.receive()
        connection.close()

    with Peer(*[dies_at_the_next] * 3, answering("fresh")) as peer:
        server = serve(group("server {backend0}; keepalive 8;"), backend0=peer.address)
        clients = [Client(server.port()) for _ in range(3)]
        for client in clients:
            client.request()
        peer.wait_for_requests(3)
        peer.tell("all")
        assert [client.read_response().body for client in clients] == [b"first"] * 3
        assert clients[0].get().body == b"fresh"
        for client in clients:
            client.close()


def test_backends_that_were_restarted_while_idle_are_not_blamed(serve: Serve) -> None:
    with named_peers(2) as peers:
        server = serve(
            group("server {backend0} fail_timeout=1h; server {backend1} fail_timeout=1h; keepalive 8;"),
            **addresses(peers),
        )
        assert answers(server, 4) == "0101"
        for peer in peers:
            peer.crash()
            peer.listen()
            peer.wait_until(lambda of=peer: all(c.script_over for c in of.connections), "its end")  # type: ignore[misc]
        assert sorted(answers(server, 10)) == sorted("01" * 5)


def test_an_answer_that_says_close_ends_that_connection_to_the_backend(serve: Serve) -> None:
    def says_close(connection: Connection) -> None:
        connection.receive()
        connection.respond("x", headers=[("Connection", "close")])
        connection.receive_to_end()

    with Peer(says_close) as peer:
        server = serve(group("server {backend0}; keepalive 8;"), backend0=peer.address)
        assert [fetch(server.port()).status for _ in range(2)] == [200, 200]
        assert peer.wait_for_end(1) == "eof"
        assert len(peer.connections) == 2


def test_a_backend_of_http_1_0_gets_a_new_connection_each_time(serve: Serve) -> None:
    def old(connection: Connection) -> None:
        connection.receive()
        connection.send("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx")
        connection.receive_to_end()

    with Peer(old) as peer:
        server = serve(group("server {backend0}; keepalive 8;"), backend0=peer.address)
        assert [fetch(server.port()).body for _ in range(2)] == [b"x", b"x"]
        assert len(peer.connections) == 2
