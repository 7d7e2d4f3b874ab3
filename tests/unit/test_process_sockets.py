"""Listening sockets: what is bound, what is told when it cannot be, what is left behind."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from proxyd.config.plan import Keepalive, ListenSocket
from proxyd.process import sockets
from proxyd.process.sockets import AddressInUse, BoundSocket, OpenError
from tests.support.ports import ReservedPort


def spec(address: str = "127.0.0.1", port: int = 0, **changes: object) -> ListenSocket:
    family = 6 if ":" in address else 1 if "/" in address else 4
    values: dict[str, object] = {
        "backlog": 511,
        "reuseport": False,
        "ipv6only": True,
        "origin": "site.conf:3",
    }
    values |= changes
    return ListenSocket(f"listen:{address}:{port}", family, address, port, **values)  # type: ignore[arg-type]


def port_of(bound: BoundSocket) -> int:
    with socket.socket(fileno=os.dup(bound.fds[0])) as one:
        port: int = one.getsockname()[1]
        return port


def answers(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        return probe.connect_ex((host, port)) == 0


def test_it_listens_and_close_ends_that() -> None:
    bound = sockets.bind(spec(port=free_port()), 1)
    port = port_of(bound)
    assert answers(port)
    assert not os.get_inheritable(bound.fds[0]) and not os.get_blocking(bound.fds[0])
    bound.close()
    assert not answers(port)


def test_an_occupied_address_is_told_in_nginxs_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUse) as told:
            sockets.bind(spec(port=port), 1)
    expected = f"bind() to 127.0.0.1:{port} failed (98: Address already in use) in site.conf:3"
    assert str(told.value) == expected


def test_other_errors_are_told_too(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match=r"bind\(\) to 192.0.2.1:1 failed \(99: Cannot assign requested"):
        sockets.bind(spec("192.0.2.1", 1), 1)
    with pytest.raises(OpenError, match=r"bind\(\) to unix:/nonexistent/x failed \(2: No such file"):
        sockets.bind(spec("/nonexistent/x"), 1)


def test_ipv6_addresses_are_for_ipv6_only_unless_asked() -> None:
    alone = sockets.bind(spec("::", free_port()), 1)
    assert answers(port_of(alone), "::1") and not answers(port_of(alone))
    both = sockets.bind(spec("::", ipv6only=False), 1)
    assert answers(port_of(both), "::1") and answers(port_of(both))
    assert sockets.name_of(spec("::1", 80)) == "[::1]:80"
    alone.close()
    both.close()


def test_a_unix_socket_is_open_to_all_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s"
    bound = sockets.bind(spec(str(path)), 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    bound.close()
    assert not path.exists()


def test_a_unix_socket_that_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    bound = sockets.bind(spec(str(path)), 1)
    bound.close()


def test_a_unix_socket_in_use_and_a_file_are_left_alone(tmp_path: Path) -> None:
    used, file = tmp_path / "used", tmp_path / "file"
    file.write_text("precious")
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(used))
        alive.listen()
        for path in (used, file):
            with pytest.raises(AddressInUse):
                sockets.bind(spec(str(path)), 1)
    assert file.read_text() == "precious"


def test_another_process_socket_file_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    bound = sockets.bind(spec(str(path)), 1)
    path.unlink()
    path.write_text("somebody else's")
    bound.close()
    assert path.exists()


def accepted(bound: BoundSocket) -> list[int]:
    """Take what waits in each socket's queue: how many connections that was."""
    counts = []
    for fd in bound.fds:
        with socket.socket(fileno=os.dup(fd)) as one:
            one.setblocking(False)
            counts.append(0)
            while True:
                try:
                    one.accept()[0].close()
                except BlockingIOError:
                    break
                counts[-1] += 1
    return counts


def connect_often(port: int, times: int = 64) -> None:
    for _ in range(times):
        with socket.create_connection(("127.0.0.1", port)):
            pass


def test_with_reuseport_each_worker_has_a_socket_of_its_own() -> None:
    bound = sockets.bind(spec(reuseport=True, port=free_port()), 3)
    assert len({bound.fd_of(worker) for worker in range(3)}) == 3
    connect_often(port_of(bound))
    assert all(accepted(bound))
    bound.close()


_RESERVED: list[ReservedPort] = []


def free_port() -> int:
    """A port that no other process gets as long as this one lives."""
    _RESERVED.append(ReservedPort())
    return _RESERVED[-1].number


def test_a_group_that_shrinks_is_steered_empty_before_its_sockets_are_closed() -> None:
    bound = sockets.bind(spec(reuseport=True, port=free_port()), 4)
    sockets.steer(bound, 2)
    connect_often(port_of(bound))
    counts = accepted(bound)
    assert sum(counts) == 64 and counts[2:] == [0, 0]
    sockets.shrink(bound, 2)
    connect_often(port_of(bound))
    assert sum(accepted(bound)) == 64 and len(bound.fds) == 2
    bound.close()


def test_a_steered_group_that_grows_again_uses_all_its_sockets() -> None:
    grown = spec(reuseport=True, port=free_port())
    bound = sockets.bind(grown, 3)
    sockets.steer(bound, 1)
    sockets.shrink(bound, 1)
    assert sockets.extend(bound, grown, 3) == 2
    sockets.listen(bound, grown)
    sockets.steer(bound, 3)
    connect_often(port_of(bound))
    assert all(accepted(bound))
    bound.close()


def test_sockets_that_a_reload_adds_take_no_connection_before_it_commits() -> None:
    port = free_port()
    bound = sockets.bind(spec(port=port), 1)
    assert sockets.extend(bound, spec(port=port, reuseport=True), 3) == 2
    connect_often(port)
    assert accepted_by_first(bound) == 64
    bound.close()


def accepted_by_first(bound: BoundSocket) -> int:
    return accepted(BoundSocket(bound.spec, bound.fds[:1]))[0]


def test_the_backlog_follows_the_configuration() -> None:
    bound = sockets.bind(spec(backlog=1), 1)
    sockets.listen(bound, spec(backlog=5))
    assert bound.spec.backlog == 5
    listing = Path("/proc/net/tcp").read_text()
    assert f":{port_of(bound):04X}" in listing
    bound.close()


def test_a_wider_address_may_take_the_place_of_a_narrower_one() -> None:
    narrow = sockets.bind(spec(port=free_port()), 1)
    port = port_of(narrow)
    wider = spec("0.0.0.0", port)
    with pytest.raises(AddressInUse):
        sockets.bind(wider, 1)
    with pytest.raises(AddressInUse):
        sockets.bind(wider, 1, [sockets.bind(spec(), 1)])  # another port makes no room
    wide = sockets.bind(wider, 1, [narrow])
    narrow.close()
    assert answers(port)
    wide.close()


def test_hushed_sockets_refuse_also_where_a_copy_is_open() -> None:
    bound = sockets.bind(spec(port=free_port()), 1)
    port, copy = port_of(bound), os.dup(bound.fds[0])
    sockets.hush(bound)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
    bound.close()
    os.close(copy)


# Options of listen.


def option_of(bound: BoundSocket, level: int, option: int) -> int:
    with socket.socket(fileno=os.dup(bound.fds[0])) as one:
        value: int = one.getsockopt(level, option)
        return value


def test_options_are_set_when_it_is_bound_and_at_a_reload() -> None:
    keepalive = Keepalive(on=True, idle=30, interval=7, count=3)
    bound = sockets.bind(spec(rcvbuf=9000, keepalive=keepalive, fastopen=5, deferred=True), 1)
    assert bound.problems == []
    assert option_of(bound, socket.SOL_SOCKET, socket.SO_RCVBUF) == 18000  # the kernel doubles it
    assert option_of(bound, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert option_of(bound, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
    assert option_of(bound, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 7
    assert option_of(bound, socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
    assert option_of(bound, socket.IPPROTO_TCP, socket.TCP_FASTOPEN) == 5
    assert option_of(bound, socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) > 0
    sockets.listen(bound, spec(sndbuf=10000, keepalive=Keepalive(on=False)))
    assert option_of(bound, socket.SOL_SOCKET, socket.SO_SNDBUF) == 20000
    assert option_of(bound, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
    assert option_of(bound, socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) == 0
    assert option_of(bound, socket.IPPROTO_TCP, socket.TCP_FASTOPEN) == 5  # as nginx leaves it
    bound.close()


def test_connections_inherit_what_listen_says() -> None:
    bound = sockets.bind(spec(keepalive=Keepalive(on=True, idle=31)), 1)
    with (
        socket.create_connection(("127.0.0.1", port_of(bound))),
        socket.socket(fileno=os.dup(bound.fds[0])) as one,
    ):
        taken, _ = one.accept()
        with taken:
            assert taken.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 31
    bound.close()


def test_what_the_kernel_refuses_is_told_and_ignored(tmp_path: Path) -> None:
    bound = sockets.bind(spec(str(tmp_path / "x.sock"), deferred=True), 1)
    (problem,) = bound.problems
    assert "setsockopt(TCP_DEFER_ACCEPT, 1)" in problem and "ignored, in site.conf:3" in problem
    bound.close()


def test_what_an_open_socket_cannot_become_is_told() -> None:
    bound = sockets.bind(spec("::"), 1)
    sockets.listen(bound, spec("::", ipv6only=False))
    assert bound.problems == [
        '"ipv6only" of :::0 in site.conf:3 cannot change while the socket is open: restart'
    ]
    assert option_of(bound, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    bound.close()


def test_multipath_sockets_speak_mptcp_where_the_kernel_has_it() -> None:
    try:
        bound = sockets.bind(spec(multipath=True), 1)
    except OpenError as error:
        assert re.match(r"socket\(\) for 127.0.0.1:0 failed", str(error))
        return
    with socket.socket(fileno=os.dup(bound.fds[0])) as one:
        assert one.proto == 262
    bound.close()
