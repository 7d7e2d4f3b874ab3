"""The control socket: commands (`proxyd reload`) ask the master, and learn what came of it.

It lies beside the pid file, mode 0600, and the kernel vouches for the user of each peer before a byte is
read. A request is one datagram of at most 256 bytes with one word in it; the reply is one byte with a
descriptor of a memfd, so that the master never waits for a slow reader. So the master parses nothing that
comes from a network.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from proxyd.process import channel, messages
from proxyd.process.channel import ChannelError
from proxyd.process.files import PidFile
from proxyd.process.messages import Reply, Request
from proxyd.process.poller import Poller
from proxyd.process.sockets import OpenError

_LONGEST_REQUEST = 256
_CLIENTS_AT_ONCE = 32
_LONGEST_PATH = 100  # of a unix socket: 108 bytes with the final NUL
_CREDENTIALS = struct.Struct("3i")
OLD_SUFFIX = ".oldbin"  # nginx's, of a master beside which a new one was started


def socket_path(pid_path: str) -> str:
    """Where the control socket of the master with this pid file is."""
    return pid_path + ".sock"


@contextmanager
def _reachable(path: str) -> Iterator[str]:
    """The path, or a short one for the same place when it is too long for a socket's name."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{os.path.basename(path)}"
    finally:
        os.close(directory)


def connect(pid_path: str) -> socket.socket:
    """Connect to the master that has this pid file; raises OSError."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with _reachable(socket_path(pid_path)) as path:
            end.connect(path)
    except OSError:
        end.close()
        raise
    return end


def peer_of(end: socket.socket) -> tuple[int, int]:
    """Pid and user of the process at the other end, as the kernel knows them."""
    credentials = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(credentials)
    return pid, uid


class Client:
    """A command that waits for its reply."""

    def __init__(self, end: socket.socket, server: Control) -> None:
        self.end = end
        self._server = server

    def reply(self, reply: Reply) -> None:
        """Answer, and be done with it. A command that is gone misses it."""
        memfd = channel.sealed_memfd("proxyd-reply", messages.encode(reply))
        with suppress(BlockingIOError, ChannelError):
            channel.send(self.end, b"\0", [memfd])
        os.close(memfd)
        self._server.drop(self)


class Place:
    """Where a master is to be found: its pid file, and its control socket beside that."""

    def __init__(self, pid_path: str, *, beside: bool = False) -> None:
        """Make both; raises OpenError. The pid is written later. ``beside``: another master is found here
        until then.
        """
        self.pid_path = pid_path
        self.pid_file = PidFile(pid_path, beside=beside)
        self.path = socket_path(pid_path)
        try:
            self.listener = _listen(self.path)
        except OpenError:
            self.pid_file.remove()
            raise
        self._inode = os.stat(self.path).st_ino

    def step_aside(self) -> None:
        """Be found under the pid file's name with ``.oldbin``: a new master takes the place. The socket is
        found here as well until then. Raises OSError.
        """
        aside = self.pid_path + OLD_SUFFIX
        self.pid_file.move(aside)
        with suppress(FileNotFoundError):
            os.unlink(socket_path(aside))
        os.link(self.path, socket_path(aside))

    def step_back(self) -> None:
        """The new master is gone: be found in the old place."""
        aside = socket_path(self.pid_path + OLD_SUFFIX)
        with suppress(OSError):
            self.pid_file.move(self.pid_path)
        with suppress(OSError):
            if self._is_ours(self.path):
                os.unlink(aside)
            else:
                os.rename(aside, self.path)

    def close(self) -> None:
        """Remove both."""
        self.listener.close()
        for path in (self.path, socket_path(self.pid_path + OLD_SUFFIX)):
            with suppress(OSError):
                if self._is_ours(path):
                    os.unlink(path)
        self.pid_file.remove()

    def _is_ours(self, path: str) -> bool:
        with suppress(OSError):
            return os.stat(path).st_ino == self._inode
        return False


class Control:
    """The master's end: accepts commands and hands their requests on."""

    def __init__(self, place: Place, poller: Poller, handle: Callable[[Request, Client], None]) -> None:
        self.place = place
        self._poller = poller
        self._handle = handle
        self._clients: set[Client] = set()
        poller.watch(place.listener.fileno(), self._on_connect)

    def move(self, place: Place) -> None:
        """Be found in another place from now on. Commands that are connected stay so."""
        self._poller.forget(self.place.listener.fileno())
        self.place.close()
        self.place = place
        self.place.pid_file.write()
        self._poller.watch(place.listener.fileno(), self._on_connect)

    def close(self) -> None:
        """Be found no more. Commands that still wait see an end of file."""
        self._poller.forget(self.place.listener.fileno())
        for client in list(self._clients):
            self.drop(client)
        self.place.close()

    def drop(self, client: Client) -> None:
        """Close a command's connection."""
        if client in self._clients:
            self._clients.remove(client)
            self._poller.forget(client.end.fileno())
            client.end.close()

    def _on_connect(self) -> None:
        with suppress(OSError):
            end, _ = self.place.listener.accept()
            _, uid = peer_of(end)
            if uid not in (0, os.geteuid()) or len(self._clients) >= _CLIENTS_AT_ONCE:
                end.close()
                return
            end.setblocking(False)
            client = Client(end, self)
            self._clients.add(client)
            self._poller.watch(end.fileno(), lambda: self._on_request(client))

    def _on_request(self, client: Client) -> None:
        try:
            payload, _ = channel.receive(client.end, _LONGEST_REQUEST)
            request = messages.decode_request(payload)
        except BlockingIOError:
            return
        except (ChannelError, msgspec.DecodeError):
            self.drop(client)
            return
        self._handle(request, client)


def _listen(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    before = os.umask(0o177)
    try:
        beside = f"{path}.new"  # put in place by rename, so that there always is somebody to be found
        with suppress(FileNotFoundError):
            os.unlink(beside)
        with _reachable(beside) as short:
            made.bind(short)
        made.listen(8)
        os.rename(beside, path)
    except OSError as error:
        made.close()
        text = f"bind() to unix:{path} failed ({error.errno}: {error.strerror}), the control socket"
        raise OpenError(text) from error
    finally:
        os.umask(before)
    return made
