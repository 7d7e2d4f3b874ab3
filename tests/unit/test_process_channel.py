"""Channels: whole messages with descriptors, and a master that never waits for a reader."""

from __future__ import annotations

import fcntl
import os
import socket

import pytest

from proxyd.process import channel, messages
from proxyd.process.channel import ChannelError, Outbox


@pytest.fixture
def ends() -> tuple[socket.socket, socket.socket]:
    mine, other = channel.pair()
    other.setblocking(False)
    return mine, other


Ends = tuple[socket.socket, socket.socket]


def test_a_message_brings_its_descriptors(ends: Ends) -> None:
    mine, other = ends
    fds = [os.memfd_create(str(number)) for number in range(channel.DESCRIPTORS_AT_ONCE)]
    channel.send(mine, b"hello", fds)
    payload, received = channel.receive(other, 100, descriptors=channel.DESCRIPTORS_AT_ONCE)
    assert payload == b"hello"
    assert [os.fstat(fd).st_ino for fd in received] == [os.fstat(fd).st_ino for fd in fds]
    assert not any(os.get_inheritable(fd) for fd in received)
    channel.close_all(fds + received)


def test_descriptors_that_nobody_asked_for_are_dropped(ends: Ends) -> None:
    mine, other = ends
    read_fd, write_fd = os.pipe2(os.O_NONBLOCK)
    channel.send(other, b"take this", [write_fd])
    os.close(write_fd)
    with pytest.raises(ChannelError):
        channel.receive(mine, 100)
    assert os.read(read_fd, 1) == b""  # the only copy of the other end is closed
    os.close(read_fd)


def test_too_long_and_the_end_are_errors(ends: Ends) -> None:
    mine, other = ends
    channel.send(other, b"x" * 101)
    with pytest.raises(ChannelError, match="longer"):
        channel.receive(mine, 100)
    with pytest.raises(BlockingIOError):
        channel.receive(mine, 100)
    other.close()
    with pytest.raises(ChannelError, match="end of file"):
        channel.receive(mine, 100)
    with pytest.raises(ChannelError, match="sendmsg"):
        channel.send(mine, b"anybody?")


def test_many_keys_are_split_so_that_each_part_fits(ends: Ends) -> None:
    keys = [f"listen:{'x' * (number % 5000)}:{number}" for number in range(2000)]
    parts = list(channel.batches(keys))
    assert [key for part in parts for key in part] == keys
    for part in parts:
        assert len(part) <= channel.DESCRIPTORS_AT_ONCE
        assert len(messages.encode(messages.Descriptors(part))) < channel.LONGEST_TO_WORKER


def test_what_a_stalled_reader_does_not_take_waits_in_order(ends: Ends) -> None:
    mine, other = ends
    outbox = Outbox(mine)
    sent = [b"%05d" % number + b"x" * 1000 for number in range(500)]
    read_fd, write_fd = os.pipe()
    for payload in sent:
        outbox.post(payload, [write_fd])
    os.close(write_fd)  # the outbox has its own copies
    assert outbox
    received = []
    while len(received) < len(sent):
        outbox.flush()
        payload, fds = channel.receive(other, 2000, descriptors=1)
        received.append(payload)
        assert len(fds) == 1
        channel.close_all(fds)
    assert received == sent and not outbox
    assert os.read(read_fd, 1) == b""
    os.close(read_fd)


def test_what_a_withdrawn_offer_has_not_sent_is_taken_back(ends: Ends) -> None:
    mine, other = ends
    outbox = Outbox(mine)
    filler = 0
    while not outbox:
        outbox.post(b"x" * 1000, generation=1)
        filler += 1
    outbox.post(b"of generation 2", generation=2)
    outbox.post(b"of generation 3", generation=3)
    outbox.take_back(2)
    received = []
    for _ in range(filler + 1):
        outbox.flush()
        received.append(channel.receive(other, 2000)[0])
    assert received[-1] == b"of generation 3" and b"of generation 2" not in received


def test_a_reader_that_is_gone_is_no_error(ends: Ends) -> None:
    mine, other = ends
    other.close()
    outbox = Outbox(mine)
    outbox.post(b"a", [0])
    outbox.flush()
    assert not outbox


def test_a_sealed_plan_cannot_be_changed() -> None:
    content = os.urandom(100_000)
    fd = channel.sealed_memfd("plan", content)
    assert channel.read_memfd(fd) == content
    with pytest.raises(PermissionError):
        os.pwrite(fd, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(fd, 0)
    assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SEAL
    os.close(fd)


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x80", b"\x81\xa2is\xa5ready", b"\xdf\xff" * 32, b"\x93\x01"]
)
def test_nonsense_from_a_worker_is_no_message(payload: bytes) -> None:
    with pytest.raises(messages.msgspec.DecodeError):
        messages.decode_to_master(payload)
