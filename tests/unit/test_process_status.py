"""`proxyd status` for people: what its page shows, and how it fits a terminal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from proxyd.process import columns, tallies
from proxyd.process.known import KnownPeer
from proxyd.process.status import _connections
from proxyd.process.table import PEERS, SERVERS, ZONES, Kind, render, section
from proxyd.process.tallies import percentile_ms
from proxyd.shared.cells import LATENCY_BUCKETS, SLOT_CELLS
from proxyd.shared.counters import COUNTERS
from proxyd.shared.segments import PeerState, peer_key

BUSY = [7] + [0] * (SLOT_CELLS - 1)
"""Cells of a peer that was tried seven times."""


def test_the_status_page_shows_everything_and_no_zeros() -> None:
    known = [KnownPeer("backend", f"10.0.0.{number}:80", 1, 10000, number == 2, False) for number in (1, 2)]
    generation = cast(Any, SimpleNamespace(peers=known))
    zone = SimpleNamespace(peers=lambda: [PeerState(0, peer_key(b"backend", b"10.0.0.1:80"), 0, 0, 0)])
    crew = cast(Any, SimpleNamespace(zone=zone, ledgers=[SimpleNamespace(active=lambda: [3])]))
    counters = {counter.name: 0 for counter in COUNTERS} | {"requests": 1234}
    worker = {
        "pid": 5,
        "index": 0,
        "state": "serving",
        "generation": 2,
        "seconds": 7200.0,
        "counters": counters,
    }
    status = {
        "version": "1",
        "pid": 4,
        "configuration": "/x.conf",
        "started": "then",
        "activated": "now",
        "generation": 2,
        "reloads": 1,
        "reloads_failed": 0,
        "worker_deaths": 3,
        "helper_deaths": 0,
        "listen": ["0.0.0.0:80", "unix:/s"],
        "helper": {"pid": 6},
        "workers": [worker],
        "given_up": [1],
        "counters": counters,
        "connections": _connections(counters),
        "servers": [],
        "zones": [],
        "peers": tallies.peers([crew], generation, {peer_key(b"backend", b"10.0.0.1:80"): BUSY}),
    }
    text = render(status)
    lines = [line.split() for line in text.splitlines()]
    assert ["0", "5", "serving", "2", "2h", "0", "0", "1234"] in lines
    assert ["requests", "1234", "requests"] in lines
    assert ["backend", "10.0.0.1:80", "up", "3", "0", "7", *"000---"] in lines
    assert ["backend", "10.0.0.2:80", "down", "-", "-", *"0000---"] in lines
    assert "0.0.0.0:80, unix:/s" in text and "workers 1; see the error log" in text
    assert not any(line[:1] == ["bytes_sent"] for line in lines)
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_a_percentile_is_the_bound_of_its_bucket() -> None:
    buckets = [0] * LATENCY_BUCKETS
    assert percentile_ms(buckets, 50) is None
    buckets[0], buckets[3], buckets[-1] = 90, 9, 1
    assert [percentile_ms(buckets, percent) for percent in (50, 90, 99)] == [1, 1, 8]
    assert percentile_ms(buckets, 100) is None  # longer than any bound


def test_of_many_rows_the_weightiest_are_shown_and_how_many_more_there_are() -> None:
    rows = [{"name": f"n{number}", "weight": number % 50} for number in range(100)]

    def shown(everything: bool) -> str:
        kind = Kind(["name", "weight"], [], lambda row: list(row.values()), lambda row: int(row["weight"]))
        return section(kind, rows, everything)[0]

    some = shown(False).splitlines()
    assert len(some) == 22 and some[1].split() == ["n40", "40"] and "80 more" in some[-1]
    assert len(shown(True).splitlines()) == 101


def lengths(text: str) -> list[int]:
    return [len(line) for line in text.splitlines()]


def test_a_table_gives_up_what_it_can_spare_to_fit_a_terminal_and_says_what() -> None:
    head = ("name", "alpha", "beta", "gamma")
    rows = [["first", 1, 22, 333], ["second", 4444, "-", 6]]
    wide = columns.table(head, rows, None, ("beta", "alpha"))
    assert wide == "name    alpha  beta  gamma\nfirst       1    22    333\nsecond   4444     -      6"
    assert columns.table(head, rows, max(lengths(wide)), ("beta", "alpha")) == wide
    assert columns.table(head, rows, max(lengths(wide)) - 1, ("beta", "alpha")).splitlines() == [
        "name    alpha  gamma",
        "first       1    333",
        "second   4444      6",
        "(no room for beta)",
    ]
    narrow = columns.table(head, rows, 14, ("beta", "alpha")).splitlines()
    assert narrow[:3] == ["name    gamma", "first     333", "second      6"]
    assert "(no room for alpha, beta)" in " ".join(narrow[3:])


def test_the_text_of_a_last_column_goes_on_below_itself() -> None:
    text = columns.table(("why", "n", "which means"), [["no_peer", 7, "No peer of it is up."]], 30)
    assert text.splitlines() == [
        "why      n  which means",
        "no_peer  7  No peer of it is",
        "            up.",
    ]
    assert (
        columns.pairs([("to", "0.0.0.0:80, [::]:80")], 32)
        == "to:            0.0.0.0:80,\n" + " " * 15 + "[::]:80"
    )


def test_the_status_of_a_terminal_is_no_wider_than_it() -> None:
    latency = {"p50": 1, "p90": 12, "p99": 1200, "buckets": {"1": 9}}
    classes = {"1xx": 0, "2xx": 1234567, "3xx": 0, "4xx": 1234, "5xx": 12}
    server = {
        "server": "www.example.com",
        "listen": "0.0.0.0:80",
        "responses": classes,
        "latency_ms": latency,
    }
    server |= {"bytes_received": 123456, "bytes_sent": 123456789}
    peer = {"upstream": "backend", "peer": "192.168.100.100:8080", "state": "up", "active": 12, "fails": 0}
    peer |= {"tries": 1234567, "responses": classes, "latency_ms": latency}
    zone = dict.fromkeys(
        ("keys", "capacity", "passed", "delayed", "rejected", "evictions", "refusals"), 123456
    )
    for width in (60, 80, 100):
        for kind, row in ((SERVERS, server), (PEERS, peer), (ZONES, {"zone": "one", **zone})):
            assert max(lengths(section(kind, [row], False, width)[0])) <= width
