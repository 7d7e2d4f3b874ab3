"""Thousands of idle and slow clients beside one that is neither."""

from __future__ import annotations

from tests.e2e.crowd import CONFIG, EVENTS, MAIN, Crowd, allow_descriptors
from tests.e2e.support import Serve, memory_kilobytes, only_worker
from tests.support.client import Client, fetch
from tests.support.peer import Peer, answering

IDLE, SLOW = 2000, 500


def test_a_healthy_client_is_served_beside_idle_and_slow_ones(serve: Serve) -> None:
    allow_descriptors(8192)
    with Peer(answering("small")) as peer, Crowd(IDLE, SLOW) as crowd:
        server = serve(CONFIG, main=MAIN, events=EVENTS, backend0=peer.address, backend1=crowd.backend)
        worker = only_worker(server)
        with Client(server.port()) as client:
            assert client.get("/small").body == b"small"
            before = memory_kilobytes(worker)
            crowd.come(server.port())
            for _ in range(500):
                assert client.get("/small").body == b"small"
                assert client.get("/").body == b"here"
            for _ in range(20):
                assert fetch(server.port(), "/small").body == b"small"
            grown = memory_kilobytes(worker) - before
            left = crowd.leave()
            assert client.get("/small").body == b"small"
        assert left["answered"] == left["asked"]  # none of the idle ones was closed
        assert left["sent"] > 0
        # An idle connection costs less than 1 KB; a slow one a few buffers.
        assert grown < IDLE * 1 + SLOW * 100 + 8 * 1024
        assert all(request.method == b"GET" for request in peer.requests)  # no body was complete
