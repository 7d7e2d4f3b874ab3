"""What master and workers say to each other over a channel, and what a command says to the master.

Each datagram is one of these Structs as msgpack. The master treats what it receives as hostile: msgspec
checks the types, the master checks that the answer fits its question.
"""

from __future__ import annotations

import msgspec

from proxyd.config.change import Change


class _Tagged(msgspec.Struct, frozen=True, tag_field="is", forbid_unknown_fields=True):
    """Base: the tag names the message."""


# Master to worker. A generation has the number that the master counts, whatever the engine calls its own.


class Descriptors(_Tagged, frozen=True, tag="descriptors"):
    """Sockets and logs, one descriptor per key. Several such messages may come before a Prepare."""

    keys: list[str]


class Prepare(_Tagged, frozen=True, tag="prepare"):
    """Load the plan in the one descriptor (a sealed memfd) that comes along. Answer: Ready or Refused."""

    generation: int
    error_logs: list[tuple[str, int]]  # of the worker's Python side: key and level
    shutdown_timeout_ms: int  # for a worker that drains when no master tells it how long


class Activate(_Tagged, frozen=True, tag="activate"):
    """Put a prepared generation into service. Answer: Active."""

    generation: int


class Discard(_Tagged, frozen=True, tag="discard"):
    """Forget a prepared generation."""

    generation: int


class Forget(_Tagged, frozen=True, tag="forget"):
    """Close these descriptors: what the engine uses of them now it has duplicated."""

    keys: list[str]


class Reopen(_Tagged, frozen=True, tag="reopen"):
    """New files for these log keys came with the Descriptors before. Answer: Reopened."""

    serial: int
    keys: list[str]


class Drain(_Tagged, frozen=True, tag="drain"):
    """Accept nothing more, finish what runs (0: however long it takes), leave. Clients whose connection is
    idle get ``idle_ms`` to ask once more.
    """

    timeout_ms: int
    idle_ms: int = 0


ToWorker = Descriptors | Prepare | Activate | Discard | Forget | Reopen | Drain


# Worker to master.


class Failed(_Tagged, frozen=True, tag="failed"):
    """It cannot start to work, and ends."""

    why: str


class Ready(_Tagged, frozen=True, tag="ready"):
    """The generation is loaded."""

    generation: int


class Refused(_Tagged, frozen=True, tag="refused"):
    """The generation could not be loaded; nothing has changed."""

    generation: int
    why: str


class Active(_Tagged, frozen=True, tag="active"):
    """The generation serves."""

    generation: int


class Reopened(_Tagged, frozen=True, tag="reopened"):
    """The new log files are in use."""

    serial: int


ToMaster = Failed | Ready | Refused | Active | Reopened


# A command's request over the control socket, and the master's answer.


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """verb: reload, reopen, upgrade, status, stop or quit; note: why, for the history of configurations."""

    verb: str
    note: str = ""


class Reply(msgspec.Struct, frozen=True):
    """``errors``: why not, each as it is to be shown; ``status``: only for the verb of this name."""

    done: bool
    pid: int
    errors: list[str] = []
    warnings: list[str] = []
    status: dict[str, object] | None = None
    generation: int = 0  # that serves now
    changes: list[Change] = []  # of a reload


_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)
_to_master: msgspec.msgpack.Decoder[ToMaster] = msgspec.msgpack.Decoder(ToMaster)
_request = msgspec.msgpack.Decoder(Request)
_reply = msgspec.msgpack.Decoder(Reply)

# All raise msgspec.DecodeError for what is no such message.
encode = msgspec.msgpack.Encoder().encode


def decode_to_worker(payload: bytes) -> ToWorker:
    """What the master said."""
    return _to_worker.decode(payload)


def decode_to_master(payload: bytes) -> ToMaster:
    """What a worker said."""
    return _to_master.decode(payload)


def decode_request(payload: bytes) -> Request:
    """What a command asked."""
    return _request.decode(payload)


def decode_reply(payload: bytes) -> Reply:
    """What the master replied."""
    return _reply.decode(payload)
