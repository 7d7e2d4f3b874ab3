"""The options of ``listen`` that say how a listening socket behaves; what it accepts inherits most of them.

Applied when it is bound and at each reload. An option that is not given any more stays as it was, as with
nginx, except ``deferred``. What the kernel refuses is told and ignored.
"""

from __future__ import annotations

import socket

from proxyd.config.plan import ListenSocket

IPPROTO_MPTCP = 262
_UNIX = 1
_ALIKE = ("ipv6only", "multipath")  # fixed when a socket is bound


def tune(one: socket.socket, spec: ListenSocket) -> list[str]:
    """Set the options; gives what could not be set."""
    problems: list[str] = []
    for name, level, option, value in _options(one, spec):
        try:
            one.setsockopt(level, option, value)
        except OSError as error:
            said = f"setsockopt({name}, {value}) {spec.key.removeprefix('listen:')} failed"
            problems.append(f"{said} ({error.errno}: {error.strerror}), ignored, in {spec.origin}")
    return problems


def fixed_differences(before: ListenSocket, after: ListenSocket) -> list[str]:
    """What a socket that is open already cannot become."""
    if before.origin == "":
        return []  # inherited: not known
    where = f"{after.key.removeprefix('listen:')} in {after.origin}"
    changed = [name for name in _ALIKE if getattr(before, name) != getattr(after, name)]
    return [f'"{name}" of {where} cannot change while the socket is open: restart' for name in changed]


def _options(one: socket.socket, spec: ListenSocket) -> list[tuple[str, int, int, int]]:
    """Name, level, option and value of all that is to be set."""
    found: list[tuple[str, int, int, int]] = []
    if spec.rcvbuf is not None:
        found.append(("SO_RCVBUF", socket.SOL_SOCKET, socket.SO_RCVBUF, spec.rcvbuf))
    if spec.sndbuf is not None:
        found.append(("SO_SNDBUF", socket.SOL_SOCKET, socket.SO_SNDBUF, spec.sndbuf))
    if spec.keepalive is not None:
        found.append(("SO_KEEPALIVE", socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(spec.keepalive.on)))
        times = (
            ("TCP_KEEPIDLE", socket.TCP_KEEPIDLE, spec.keepalive.idle),
            ("TCP_KEEPINTVL", socket.TCP_KEEPINTVL, spec.keepalive.interval),
            ("TCP_KEEPCNT", socket.TCP_KEEPCNT, spec.keepalive.count),
        )
        found += [(name, socket.IPPROTO_TCP, option, value) for name, option, value in times if value]
    if spec.fastopen is not None:
        found.append(("TCP_FASTOPEN", socket.IPPROTO_TCP, socket.TCP_FASTOPEN, spec.fastopen))
    if spec.deferred or (spec.family != _UNIX and _is_deferred(one)):
        wanted = int(spec.deferred)
        found.append(("TCP_DEFER_ACCEPT", socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, wanted))
    return found


def _is_deferred(one: socket.socket) -> bool:
    try:
        return one.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) != 0
    except OSError:
        return False
