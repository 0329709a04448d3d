"""Descriptors of shared memory, from clients that lie."""

from __future__ import annotations

import fcntl
import os
import socket as sockets
from collections.abc import Iterator
from contextlib import contextmanager

import msgpack
import numpy as np
import pytest

from agentspace.wire import from_client, from_server
from agentspace.wire.format import VERSION
from tests.support.eventually import eventually
from tests.system.server.raw_client import MEBI

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


@contextmanager
def memory(size: int, seals: int = SEALS) -> Iterator[int]:
    """A segment of shared memory."""
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(fd, size)
        if seals:
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
        yield fd
    finally:
        os.close(fd)


def by_reference(nbytes: int) -> bytes:
    """A value that is an array of bytes, payload 0."""
    return msgpack.packb(msgpack.ExtType(5, msgpack.packb(["|u1", [nbytes], "C", 0])))


def test_valid_descriptor_is_taken(raw, space):
    """The measure of the tests below: with a sealed segment of the right size the write is accepted."""
    sender = raw().hello(shares=True)
    with memory(MEBI) as fd:
        os.pwrite(fd, b"\7" * MEBI, 0)
        ref = [1, fd, MEBI, MEBI]
        answer = sender.ask(2, 1, "DATA", "", 0, "mapped", None, 0.0, 0.0, [ref], frames=(by_reference(MEBI),))
        assert answer[0] == from_server.Decided.CODE
        assert np.array_equal(space.read("mapped"), np.full(MEBI, 7, np.uint8))
    space.delete("mapped")


@pytest.mark.parametrize(
    ("change", "seals"),
    [
        ({"fd": 987_654}, SEALS),
        ({"fd": -1}, SEALS),
        ({"fd": 2**63}, SEALS),
        ({"size": 2 * MEBI}, SEALS),
        ({"size": -MEBI}, SEALS),
        ({"size": 0}, SEALS),
        ({"size": 2**64 - 1}, SEALS),
        ({"nbytes": MEBI + 1}, SEALS),
        ({"nbytes": -1}, SEALS),
        ({"nbytes": MEBI - 1}, SEALS),
        ({}, 0),
        ({}, fcntl.F_SEAL_GROW),
        ({}, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW),
    ],
    ids=str,
)
def test_descriptors_that_lie_are_refused(raw, space, server, change, seals):
    """No file, another size, or not sealed against shrinking: refused, and the server keeps nothing of it open."""
    sender = raw().hello(shares=True)
    before = server.descriptors
    with memory(MEBI, seals) as fd:
        ref = {"number": 1, "fd": fd, "size": MEBI, "nbytes": MEBI, **change}
        for number in range(1, 4):
            refs = [[number, ref["fd"], ref["size"], ref["nbytes"]]]
            write = (2, 1, "DATA", "", 0, "lie", None, 0.0, 0.0, refs)
            assert sender.refused(*write, frames=(by_reference(MEBI),))[0] == "ProtocolError"
    assert space.entry("lie") is None
    if "nbytes" not in change:  # there the segment itself is one, and is known from now on
        assert server.descriptors <= before


@pytest.mark.parametrize("kind", ["fifo", "file", "folder", "socket", "device", "event"])
def test_descriptors_of_other_things_are_refused(raw, space, server, tmp_path, kind):
    """What is no sealed memory is refused without waiting for it, and is closed again."""
    sender = raw().hello(shares=True)
    if kind == "fifo":
        os.mkfifo(tmp_path / "fifo")
        fd = os.open(tmp_path / "fifo", os.O_RDWR)
    elif kind == "file":
        (tmp_path / "file").write_bytes(bytes(MEBI))
        fd = os.open(tmp_path / "file", os.O_RDONLY)
    elif kind == "socket":
        fd = sockets.socket().detach()
    elif kind == "event":
        fd = os.eventfd(0)
    else:
        fd = os.open("/" if kind == "folder" else "/dev/zero", os.O_RDONLY)
    try:
        before = server.descriptors
        write = (2, 1, "DATA", "", 0, "odd", None, 0.0, 0.0, [[1, fd, MEBI, MEBI]])
        assert sender.refused(*write, frames=(by_reference(MEBI),))[0] == "ProtocolError"
        assert server.descriptors <= before
    finally:
        os.close(fd)


def test_segment_in_use_cannot_be_filled_again(raw, space):
    """The same number in two slots at once would change what a reader sees."""
    sender = raw().hello(shares=True)
    with memory(MEBI) as fd:
        write = (2, 1, "DATA", "", 0)
        tail = (None, 0.0, 0.0, [[1, fd, MEBI, MEBI]])
        assert sender.ask(*write, "once", *tail, frames=(by_reference(MEBI),))[0] == from_server.Decided.CODE
        assert "in use" in sender.refused(*write, "twice", *tail, frames=(by_reference(MEBI),))[1]
    space.delete("once")


def test_client_of_another_machine_cannot_share(raw, space):
    """References from one that did not say that it can share are refused."""
    with memory(MEBI) as fd:
        write = (2, 1, "DATA", "", 0, "far", None, 0.0, 0.0, [[1, fd, MEBI, MEBI]])
        assert "cannot share" in raw().hello().refused(*write, frames=(by_reference(MEBI),))[1]


def test_value_cannot_make_the_server_large(raw, space, server):
    """Neither extensions in extensions, each with a copy of all inside, nor arrays of elements without bytes."""
    nested = msgpack.packb(bytes(24 * MEBI))
    for _ in range(60):
        nested = msgpack.packb(msgpack.ExtType(1, b"\x91" + nested))  # a tuple of one
    endless = msgpack.packb(msgpack.ExtType(4, msgpack.packb(["|S0", [10**15], "C", b""])))
    for frame in (nested, endless):
        error, _ = raw().hello().refused(2, 1, "DATA", "", 0, "bomb", None, 0.0, 0.0, [], frames=(frame,))
        assert error == "ProtocolError"
    assert space.entry("bomb") is None


def test_segments_of_a_client_are_limited(raw, space, server):
    """A client cannot use up the server's file descriptors."""
    sender = raw().hello(shares=True)
    before = server.descriptors
    answers = []
    with memory(65536) as fd:
        for number in range(3000):
            refs = [[number, fd, 65536, 65536]]
            header = from_client.Write(1, "DATA", "", 0, f"many/{number}", None, 0.0, 0.0, refs).pack()
            sender.say(header, by_reference(65536))
            answers.append(sender.hear())  # at once: who does not listen is not waited for
    failed = [answer for answer in answers if answer[0] == from_server.Failed.CODE]
    assert failed
    assert {answer[2] for answer in failed} == {"LimitError"}
    assert server.descriptors - before < 600
    sender.say(from_client.Bye().pack())
    for name in space.snapshot("many/*"):
        space.delete(name)
    eventually(lambda: server.descriptors <= before)


def test_bogus_releases_harm_nobody(raw, space):
    """A client that gives back what it does not hold takes nothing from those who do."""
    image = np.arange(MEBI, dtype=np.uint8)
    space.write("image", image)
    view = space.read("image")
    liar = raw().hello(shares=True)
    for _ in range(50):
        liar.say(from_client.Release([*range(2000), -1, 2**64 - 1]).pack())
    liar.say(msgpack.packb([VERSION, 12, ["a", None, 1.5, [1]]]))
    assert liar.ask(13, 5)[0] == from_server.Done.CODE
    for number in range(20):
        space.write("image", np.full(MEBI, number, np.uint8))
    assert np.array_equal(view, image)
