"""Who a worker is: user, groups, limits. Looked up in the master, applied in the child."""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import resource
from contextlib import suppress
from dataclasses import dataclass

from proxyd.config.plan import Process
from proxyd.process.sockets import OpenError

DEFAULT_USER = "nobody"
_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True)
class Identity:
    """The user that workers and helper become; None of it when the master is no super-user itself."""

    name: str
    uid: int
    gid: int


def look_up(process: Process) -> Identity | None:
    """Find the user and group of the ``user`` directive; raises OpenError."""
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


def become(identity: Identity | None) -> None:
    """Give up the privileges of the master, for good."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if identity is not None:
        os.initgroups(identity.name, identity.gid)
        os.setgid(identity.gid)
        os.setuid(identity.uid)
