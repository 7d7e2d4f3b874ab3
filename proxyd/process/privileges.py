"""Who a worker is: user, groups, limits. Looked up in the master, applied in the child."""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import resource
import struct
from contextlib import suppress
from dataclasses import dataclass

from proxyd.config.plan import Process
from proxyd.process.sockets import OpenError

DEFAULT_USER = "nobody"
_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38
_CAP_NET_RAW = 13
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True)
class Identity:
    """The user that workers and helper become; None of it when the master is no super-user itself."""

    name: str
    uid: int
    gid: int


def look_up(process: Process) -> Identity | None:
    """Find the user and group of the ``user`` directive; raises OpenError."""
    if process.transparent and not _effective() >> _CAP_NET_RAW & 1:
        raise OpenError('"proxy_bind ... transparent" needs the capability CAP_NET_RAW, which is not there')
    if os.geteuid() != 0:
        return None
    name = process.user or DEFAULT_USER
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise OpenError(f'getpwnam("{name}") failed: there is no such user ("user" directive)') from None
    group = process.group or (process.user and name)
    if not group:
        return Identity(name, user.pw_uid, user.pw_gid)
    try:
        return Identity(name, user.pw_uid, grp.getgrnam(group).gr_gid)
    except KeyError:
        raise OpenError(f'getgrnam("{group}") failed: there is no such group ("user" directive)') from None


def limit_descriptors(number: int | None) -> str | None:
    """``worker_rlimit_nofile``; before privileges are dropped, as the hard limit may have to rise.

    Without the privilege for it a worker has as many descriptors as it may, which is for the log: containers
    run configurations that were written for more. A number that no process of this machine can have raises
    OSError.
    """
    if number is None:
        return None
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
    except (OSError, ValueError) as error:
        failed = f"setrlimit(RLIMIT_NOFILE, {number}) failed: {error} (worker_rlimit_nofile)"
        if number > _most_descriptors():
            raise OSError(f"{failed}; fs.nr_open is {_most_descriptors()}") from error
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return f"{failed}, {hard} are used"
    return None


def _most_descriptors() -> int:
    with open("/proc/sys/fs/nr_open", "rb") as file:
        return int(file.read())


def become(identity: Identity | None, *, net_raw: bool = False) -> None:
    """Give up the privileges of the master, for good; all but CAP_NET_RAW, where that is to stay."""
    libc = ctypes.CDLL(None, use_errno=True)
    with suppress(OSError, AttributeError):
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if identity is None:
        return
    os.initgroups(identity.name, identity.gid)
    os.setgid(identity.gid)
    if net_raw:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setuid(identity.uid)
    if net_raw:
        _keep_only(libc, 1 << _CAP_NET_RAW)


def _keep_only(libc: ctypes.CDLL, capabilities: int) -> None:
    """capset(2): these, all below 32, are permitted and in effect, and no others."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    low = (capabilities, capabilities, 0)  # effective, permitted, inheritable
    sets = struct.pack("6I", *low, 0, 0, 0)
    if libc.capset(header, sets) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"capset() failed ({error}: {os.strerror(error)})")


def _effective() -> int:
    """The capabilities of this process, as bits."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0
