"""A server against whoever speaks to it: garbage, lies and floods cost their sender an error, others nothing."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import random
import socket as sockets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import zmq

from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import AddressError, AgentspaceError, LimitError, SpaceUnreachableError
from agentspace.server.registry import IDENT, MAX_SPACES
from agentspace.server.server import Server
from agentspace.wire import messages
from agentspace.wire.address import Address, Lock, machine, parse
from agentspace.wire.codec import encode
from agentspace.wire.format import CODES, VERSION
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess

MESSAGES = {cls.__name__: cls for cls in CODES.values()}
TO_SERVER = [name for name, cls in MESSAGES.items() if cls.CODE < 64]
TO_CLIENT = [name for name, cls in MESSAGES.items() if cls.CODE >= 64]
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
MEBI = 1 << 20
HUGE = b"\xdd\xff\xff\xff\xff"


class Raw:
    """A connection that says whatever it wants."""

    def __init__(self, endpoint: str) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def say(self, *frames: bytes) -> None:
        """Sends frames."""
        self.socket.send_multipart(frames)

    def hear(self) -> list[Any]:
        """The fields of the next message, after its version."""
        assert self.socket.poll(10_000), "no answer"
        return msgpack.unpackb(self.socket.recv_multipart()[0])[1:]

    def ask(self, code: int, *fields: Any, frames: tuple[bytes, ...] = ()) -> list[Any]:
        """The answer to a message."""
        self.say(msgpack.packb([VERSION, code, *fields]), *frames)
        return self.hear()

    def refused(self, code: int, *fields: Any, frames: tuple[bytes, ...] = ()) -> tuple[str, str]:
        """The error, and what it says, with which a message is answered."""
        answer = self.ask(code, *fields, frames=frames)
        while answer[0] == messages.Recycle.CODE:
            answer = self.hear()
        assert answer[0] == messages.Failed.CODE, answer
        assert answer[1] == fields[0]
        return answer[2], answer[3]

    def hello(self, client: bytes | None = None, shares: bool = False) -> Raw:
        """Introduces itself."""
        mark = machine() if shares else ""
        assert self.ask(1, 1, client or os.urandom(IDENT), "raw", os.getpid(), mark)[0] == messages.Welcome.CODE
        return self

    def close(self) -> None:
        """Closes the connection."""
        self.socket.close()
        self._context.term()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for this module: what one test does to it, all others find."""
    with ServerProcess("--bind", "tcp://127.0.0.1:0", "--lease", "1") as process:
        yield process


@pytest.fixture
def raw(server: ServerProcess) -> Iterator[Callable[[], Raw]]:
    """Makes raw connections."""
    made: list[Raw] = []

    def make() -> Raw:
        made.append(Raw(server.address))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    """A well-behaved user, who must not notice anything."""
    with server.connect() as user:
        user.write("well", "alone")
        yield user
        assert user.read("well") == "alone"


# --- garbage


def test_random_bytes_are_answered_with_an_error(raw, space):
    """Random multiparts: each has its answer, and the server goes on."""
    dice = random.Random(1)
    sender = raw()
    for size in (0, 1, 2, 5, 30, 1000, 100_000):
        for count in (1, 2, 5):
            sender.say(*(dice.randbytes(size) for _ in range(count)))
            answer = sender.hear()
            assert answer[0] == messages.Failed.CODE
            assert answer[2] in ("ProtocolError", "FencedError")


@pytest.mark.parametrize(
    "header",
    [b"", b"\xc1", HUGE, b"\x93\x01\x02" + HUGE, b"\x9c\x01\x02\x01" + b"\xdb\xff\xff\xff\xff", b"\x91" * 5000],
    ids=["empty", "never used", "array", "field", "str", "deep"],
)
def test_headers_that_lie_are_answered_with_an_error(raw, space, header):
    """Neither a declared length nor a depth is trusted."""
    sender = raw()
    sender.say(header, b"value")
    assert sender.hear()[:3] == [messages.Failed.CODE, 0, "ProtocolError"]


@pytest.mark.parametrize("version", [0, 1, 99, -1, "2", None])
def test_other_versions_are_told_which_is_spoken(raw, space, version):
    """A newer client learns why it is not understood."""
    sender = raw()
    sender.say(msgpack.packb([version, 13, 1]))
    answer = sender.hear()
    assert (answer[2], "version" in answer[3], str(VERSION) in answer[3]) == ("ProtocolError", True, True)


@pytest.mark.parametrize("name", TO_CLIENT)
def test_messages_for_clients_are_refused(raw, space, name):
    """What only a server says is answered with its name."""
    cls = MESSAGES[name]
    example = {"int": 1, "str": "s", "bytes": b"b", "bool": True, "float": 0.5, "list": [], "dict": {}}
    fields = [example[kinds[0].__name__] for _, kinds in cls.FIELDS]
    sender = raw().hello()
    answer = sender.ask(cls.CODE, *fields)
    assert answer[0] == messages.Failed.CODE
    assert (answer[2], name in answer[3]) == ("ProtocolError", True)


@pytest.mark.parametrize("name", TO_SERVER)
def test_nothing_is_done_for_strangers(raw, space, name):
    """Without a Hello, every message but that is refused: it is no known connection."""
    cls = MESSAGES[name]
    if cls is messages.Hello:
        return
    example = {"int": 1, "str": "s", "bytes": b"b", "bool": True, "float": 0.5, "list": [], "dict": {}}
    answer = raw().ask(cls.CODE, *[example[kinds[0].__name__] for _, kinds in cls.FIELDS])
    assert (answer[0], answer[2]) == (messages.Failed.CODE, "FencedError")


@pytest.mark.parametrize("name", TO_SERVER)
def test_wrong_fields_are_refused_by_name(raw, space, name):
    """Each field of each message, with a value of a type that it does not take."""
    cls = MESSAGES[name]
    sender = raw().hello()
    example = {"int": 1, "str": "s", "bytes": b"b", "bool": True, "float": 0.5, "list": [], "dict": {}}
    good = [example[kinds[0].__name__] for _, kinds in cls.FIELDS]
    for index, (field, kinds) in enumerate(cls.FIELDS):
        wrong = "text" if str not in kinds else 7
        answer = sender.ask(cls.CODE, *[*good[:index], wrong, *good[index + 1 :]])
        assert (answer[2], f"{name}.{field}" in answer[3]) == ("ProtocolError", True)
    answer = sender.ask(cls.CODE, *good, "surplus")
    assert (answer[2], "fields" in answer[3]) == ("ProtocolError", True)


def test_mutated_messages_harm_nobody(raw, space):
    """Valid messages with a changed byte or a missing end: the server answers or not, and goes on."""
    dice = random.Random(2)
    sender = raw().hello()
    headers = [
        messages.Write(1, "DATA", "", 0, "mutant", None, 0.0, 0.0, []).pack(),
        messages.Delete(1, "DATA", "", 0, "mutant", 0.0, None).pack(),
        messages.Read(1, "DATA", "mutant", False).pack(),
        messages.Join(1, "DATA", "mutant").pack(),
        messages.Attach(1, "DATA", "mutant", 1, "mutant", "every").pack(),
        messages.Commit(1, "DATA", "mutant", 1, None, 0, [["mutant", 1.0, 0.0, 0.0, []]], None).pack(),
        messages.Follow(1, "DATA", "mutant", "normal", {"mutant": 1}).pack(),
        messages.Release([1]).pack(),
        messages.Seen(1).pack(),
    ]
    value = encode({"a": [np.arange(4), "b"]})
    for _ in range(600):
        header = bytearray(dice.choice(headers))
        header[dice.randrange(len(header))] = dice.randrange(256)
        frame = bytearray(value)
        frame[dice.randrange(len(frame))] = dice.randrange(256)
        sender.say(bytes(header[: dice.randrange(len(header) + 1) or None]), bytes(frame))
    sender.say(messages.Beat(4711).pack())
    while sender.hear()[:2] != [messages.Failed.CODE, 4711]:  # a mutant may have said Bye or HangUp
        if not sender.socket.poll(0):
            sender.say(messages.Beat(4711).pack())
            answer = sender.hear()
            if answer[:2] in ([messages.Done.CODE, 4711], [messages.Failed.CODE, 4711]):
                break
    space.write("after", 1)
    assert space.read("after") == 1


@pytest.mark.parametrize(
    "frames",
    [(), (b"\xc0", b"\xc0"), (b"",), (b"\xc1",), (HUGE,), (b"\xc7\x01\x04\x90",), (b"\x91" * 2000,)],
    ids=["none", "two", "empty", "never used", "array", "ext", "deep"],
)
def test_values_that_are_none_are_refused(raw, space, frames):
    """A slot never holds what its readers could not decode; nothing is written."""
    sender = raw().hello()
    assert sender.refused(2, 1, "DATA", "", 0, "bad", None, 0.0, 0.0, [], frames=frames)[0] == "ProtocolError"
    assert space.entry("bad") is None


@pytest.mark.parametrize(
    ("code", "fields", "error"),
    [
        (2, ("DATA", "", 0, "a b", None, 0.0, 0.0, []), "SlotNameError"),
        (2, ("DATA", "", 0, "_/server", None, 0.0, 0.0, []), "SlotNameError"),
        (2, ("a b", "", 0, "x", None, 0.0, 0.0, []), "SlotNameError"),
        (2, ("DATA", "", 0, "x", 0, 0.0, 0.0, []), "WriteError"),
        (2, ("DATA", "", 0, "x", float("nan"), 0.0, 0.0, []), "WriteError"),
        (2, ("DATA", "", 0, "x", None, float("inf"), 0.0, []), "WriteError"),
        (2, ("DATA", "", 0, "x", None, 0.0, -1, []), "WriteError"),
        (2, ("DATA", "nobody", 1, "x", None, 0.0, 0.0, []), "FencedError"),
        (2, ("DATA", "nobody", -1, "x", None, 0.0, 0.0, []), "FencedError"),
        (2, ("DATA", "", 0, "x", None, 0.0, 0.0, [1]), "ProtocolError"),
        (3, ("DATA", "", 0, "", 0.0, None), "SlotNameError"),
        (4, ("DATA", "", True), "SlotNameError"),
        (4, ("DATA", "x" * 300, True), "SlotNameError"),
        (5, ("DATA", "_"), "SlotNameError"),
        (6, ("DATA", "nobody", 1, "x", "normal"), "FencedError"),
        (7, ("DATA", "nobody", 1), "FencedError"),
        (8, ("DATA", "nobody", 0, None, 0, [], None), "FencedError"),
        (9, ("DATA", "nobody", 1, "stopped", None), "FencedError"),
        (10, ("DATA", "*", "sometimes", {}), "ProtocolError"),
        (14, ("DATA", "nobody"), "RoleNotFoundError"),
    ],
)
def test_requests_that_cannot_be_carried_out_say_why(raw, space, code, fields, error):
    """By the name of an error of the library, so that a client raises the same as a local space does."""
    frame = encode({} if code == messages.Join.CODE else None)
    assert raw().hello().refused(code, 1, *fields, frames=(frame,))[0] == error
    assert space.snapshot("x") == {}


@pytest.mark.parametrize(
    "act",
    [
        1,
        [],
        ["x"],
        ["x", None, 0.0, 0.0],
        ["x", None, 0.0, 0.0, [], 1],
        [1, None, 0.0, 0.0, []],
        ["x", "1", 0.0, 0.0, []],
        ["x", None, None, 0.0, []],
        ["x", None, 0.0, 0.0, [[1, 2, 3, 4]]],
        ["x", None, 0.0, 0.0, [[1]]],
        {"x": 1},
        msgpack.ExtType(5, b"abcde"),
    ],
    ids=str,
)
def test_acts_that_are_none_are_refused_with_the_whole_commit(raw, space, act):
    """One bad act, and nothing of the commit is done."""
    role = f"actor-{os.urandom(4).hex()}"
    sender = raw().hello()
    epoch = sender.ask(5, 1, "DATA", role, frames=(encode({}),))[2]
    good = ["fine", None, 0.0, 0.0, []]
    commit = (8, 2, "DATA", role, epoch, None, 0, [good, act], None)
    assert sender.refused(*commit, frames=(b"\xc0", b"\xc0"))[0] == "ProtocolError"
    assert space.entry("fine") is None
    assert space.read(f"_/roles/{role}")["state"] == "starting"


def test_info_of_a_role_is_a_dict(raw, space):
    """Anything else in the frame of a Join is refused, and the role stays free."""
    sender = raw().hello()
    for frames in ((), (encode([1]),), (encode(None),), (b"\xc1",)):
        assert sender.refused(5, 1, "DATA", "shapeless", frames=frames)[0] == "ProtocolError"
    assert space.snapshot("_/roles/shapeless") == {}


def test_client_is_known_by_16_bytes(raw, space):
    """Nobody makes the server keep a name of another length, or an unfit signature."""
    assert raw().refused(1, 1, b"", "raw", 1, "")[0] == "ProtocolError"
    assert raw().refused(1, 1, bytes(MEBI), "raw", 1, "")[0] == "ProtocolError"
    assert raw().refused(1, 1, os.urandom(IDENT), "a b", 1, "")[0] == "SlotNameError"


@pytest.mark.parametrize("pid", [0, -1, 2**63, 2**64 - 1, 4_194_304])
def test_pid_that_is_none_means_no_shared_memory(raw, space, pid):
    """A client whose process cannot be watched is served, by messages alone."""
    answer = raw().ask(1, 1, os.urandom(IDENT), "raw", pid, machine())
    assert (answer[0], answer[6]) == (messages.Welcome.CODE, False)


def test_spaces_are_limited(server, raw):
    """One client cannot make spaces without end; those that are there go on."""
    with ServerProcess() as own, own.connect() as space:
        sender = Raw(own.address).hello()
        answers = [sender.ask(4, 1, f"S{number}", "*", True) for number in range(MAX_SPACES + 1)]
        assert [answer[0] for answer in answers].count(messages.Entries.CODE) == MAX_SPACES - 1  # beside DATA
        assert (answers[-1][2], str(MAX_SPACES) in answers[-1][3]) == ("LimitError", True)
        assert space.write("x", 1)
        sender.close()


# --- descriptors of shared memory


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
        assert answer[0] == messages.Decided.CODE
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
        assert sender.ask(*write, "once", *tail, frames=(by_reference(MEBI),))[0] == messages.Decided.CODE
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
            header = messages.Write(1, "DATA", "", 0, f"many/{number}", None, 0.0, 0.0, refs).pack()
            sender.say(header, by_reference(65536))
            answers.append(sender.hear())  # at once: who does not listen is not waited for
    failed = [answer for answer in answers if answer[0] == messages.Failed.CODE]
    assert failed
    assert {answer[2] for answer in failed} == {"LimitError"}
    assert server.descriptors - before < 600
    sender.say(messages.Bye().pack())
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
        liar.say(messages.Release([*range(2000), -1, 2**64 - 1]).pack())
    liar.say(msgpack.packb([VERSION, 12, ["a", None, 1.5, [1]]]))
    assert liar.ask(13, 5)[0] == messages.Done.CODE
    for number in range(20):
        space.write("image", np.full(MEBI, number, np.uint8))
    assert np.array_equal(view, image)


# --- connections


def test_repeated_hello_is_one_connection(raw, space, server):
    """A client that says Hello again and again is not kept several times; its watch is still one."""
    ident = os.urandom(IDENT)
    sender = raw().hello(ident)
    assert sender.ask(10, 2, "DATA", "well", "every", {})[0] == messages.Done.CODE
    assert sender.hear()[0] == messages.Changes.CODE
    for _ in range(100):
        sender.hello(ident)
    for _ in range(3):
        assert sender.ask(10, 2, "DATA", "well", "every", {})[0] == messages.Done.CODE
        assert sender.hear()[0] == messages.Changes.CODE
    sender.say(messages.Seen(1).pack())
    space.write("well", "alone")
    assert sender.hear()[:2] == [messages.Changes.CODE, 2]
    assert sender.ask(13, 9) == [messages.Done.CODE, 9]  # and no second copy came in between


def test_identity_of_another_client_does_not_get_its_messages(raw, space):
    """A connection that changes its mind on who it is, is another client; what it had before ends."""
    sender = raw().hello()
    assert sender.ask(5, 2, "DATA", "turncoat", frames=(encode({}),))[0] == messages.Joined.CODE
    sender.hello()
    eventually(lambda: space.read("_/roles/turncoat")["state"] == "gone")


def test_role_ends_with_its_connection(raw, space):
    """A connection that hangs up frees its role, while its client goes on."""
    ident = os.urandom(IDENT)
    one, other = raw().hello(ident), raw().hello(ident)
    assert one.ask(5, 2, "DATA", "short-lived", frames=(encode({}),))[0] == messages.Joined.CODE
    assert one.refused(5, 2, "DATA", "second", frames=(encode({}),))[0] == "AgentspaceError"
    assert one.ask(messages.HangUp.CODE, 3) == [messages.Done.CODE, 3]
    assert space.read("_/roles/short-lived")["state"] == "gone"
    assert other.ask(13, 1)[0] == messages.Done.CODE
    assert one.refused(13, 1)[0] == "FencedError"


def test_flood_without_reading_costs_others_little(raw, space):
    """One that asks for large values and never takes the answers does not keep the others waiting."""
    with_image = space.write("large", np.zeros(4 * MEBI, np.uint8))
    assert with_image
    deaf = raw().hello()
    for _ in range(50):
        deaf.say(messages.Read(1, "DATA", "large", False).pack())
    begin = time.monotonic()
    for number in range(20):
        space.write("quick", number)
    assert time.monotonic() - begin < 5.0
    space.delete("large")


def test_memory_and_descriptors_do_not_grow(raw, space, server):
    """After much garbage and many connections the server is as small as before."""

    def torment(count: int) -> None:
        dice = random.Random(3)
        for number in range(count):
            sender = Raw(server.address).hello(shares=True)
            for _ in range(20):
                sender.say(dice.randbytes(10_000), dice.randbytes(10_000))
                sender.say(messages.Write(1, "DATA", "", 0, "x" * 2000, None, 0.0, 0.0, []).pack(), bytes(10_000))
                sender.say(messages.Read(1, "DATA", f"*{dice.random()}", True).pack())
            sender.say(messages.Beat(2).pack())
            while sender.hear() != [messages.Done.CODE, 2]:
                pass
            if number % 2:
                sender.say(messages.Bye().pack())
                sender.say(messages.Beat(3).pack())
                assert sender.hear()[2] == "FencedError"  # it has heard the Bye
            sender.close()

    torment(20)
    descriptors = server.descriptors
    memory_before = server.memory
    torment(60)
    eventually(lambda: server.descriptors <= descriptors)
    assert server.memory - memory_before < 8 * MEBI


# --- other machines


@pytest.fixture
def keys(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the server's keys, which are now this process's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(server.run / "config"))
    monkeypatch.delenv("AGENTSPACE_KEY", raising=False)
    return server.run / "config" / "agentspace"


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_tcp_with_the_key(server, space, keys, monkeypatch, place):
    """With the key a client does what a local one does; from elsewhere, arrays travel inside the messages."""
    if place == "elsewhere":
        monkeypatch.setattr("agentspace.client.acquaintance.machine", lambda: "another one")
    image = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    space.write("image", {"left": image, "small": np.arange(3)})
    assert server.tcp is not None
    with connect(server.tcp, "far", timeout=30.0) as far:
        seen = far.read("image")
        assert isinstance(ultimate(seen["left"]), mmap.mmap) is (place == "here")
        assert np.array_equal(seen["left"], image)
        assert far.write("back", seen["left"][::2])
        assert np.array_equal(space.read("back"), image[::2])
        with far.watch("image") as watch:
            assert np.array_equal((watch.next(10.0) or [])[0].value["left"], image)
        session = far.join(f"from-{place}")
        session.attach_trigger("image")
        session.running()
        wake = session.receive(10.0)
        assert wake is not None
        assert np.array_equal(session.reveal(wake.values["image"][0])["left"], image)
        session.commit(wake, ())
        session.leave("stopped")


def ultimate(array: np.ndarray[Any, Any]) -> Any:
    """What an array's elements lie in."""
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    return base


def test_tcp_is_shown(server, space):
    """The endpoint, with the port that was chosen, is in `_/server`."""
    assert space.read("_/server")["endpoints"] == [server.address, server.tcp]
    assert not server.tcp.endswith(":0")


def test_tcp_without_a_key_is_refused_at_once(server, tmp_path, monkeypatch):
    """The error says where the key comes from."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("AGENTSPACE_KEY", raising=False)
    with pytest.raises(SpaceUnreachableError, match=r"space\.key"):
        connect(server.tcp)


def test_tcp_with_a_wrong_key_is_refused_soon(server, keys, tmp_path, monkeypatch):
    """Another server's key, or a key pair that the server does not know, is told as an error within seconds."""
    right = json.loads((keys / "space.key").read_text())
    public, secret = (key.decode() for key in zmq.curve_keypair())
    for wrong in ({"server": public}, {"public": public, "secret": secret}):
        file = tmp_path / "wrong.key"
        file.write_text(json.dumps(right | wrong))
        monkeypatch.setenv("AGENTSPACE_KEY", str(file))
        begin = time.monotonic()
        with pytest.raises(SpaceUnreachableError, match="key"):
            connect(server.tcp, timeout=1.0)
        assert time.monotonic() - begin < 5.0


def test_tcp_without_encryption_is_not_served(server):
    """A plain connection to the port gets no answer at all."""
    plain = Raw(server.tcp)
    plain.say(messages.Hello(1, os.urandom(IDENT), "plain", 1, "").pack())
    assert not plain.socket.poll(300)
    plain.close()


def test_garbage_on_the_port_harms_nobody(server, space, keys):
    """Bytes that are not even ZeroMQ, half a greeting, or a connection that says nothing."""
    host, _, port = server.tcp.removeprefix("tcp://").partition(":")
    open_ones = []
    for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(10_000), b"\xff\0\0\0\0\0\0\0\1\x7f\3", b"\xff" * 64, b""):
        connection = sockets.create_connection((host, int(port)), timeout=10)
        connection.sendall(data)
        open_ones.append(connection)
    with connect(server.tcp, "far", timeout=30.0) as far:
        assert far.read("well") == "alone"
    for connection in open_ones:
        connection.close()


# --- a server in this process, for what a command line cannot ask


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Address]:
    """Of a server that a test makes itself."""
    with sockets.socket(sockets.AF_UNIX):
        yield parse(f"ipc://{tmp_path}/s.sock")


@pytest.fixture
def private_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize(
    "bind", ["", "x", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:65536", "ipc:///tmp/x"]
)
def test_endpoint_that_is_none_is_refused_before_anything_is_made(address, private_keys, bind):
    """A wrong endpoint leaves no socket and no lock behind."""
    with pytest.raises(AddressError, match="tcp://INTERFACE:PORT"):
        Server(address, bind)
    assert not address.path.exists()


def test_interface_or_port_that_cannot_be_bound_is_told(address, private_keys):
    """The error names the endpoint; the address is free again."""
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        for bind in (f"tcp://127.0.0.1:{taken.getsockname()[1]}", "tcp://203.0.113.7:7447", "tcp://nowhere:1"):
            with pytest.raises(AgentspaceError, match=bind):
                Server(address, bind)
    Lock(address).release()


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """A server in a thread."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
        server.close()


@pytest.mark.alone
def test_server_stops_from_another_thread(address):
    """`stop` ends `run` at once, not at its next event."""
    server = Server(address)
    thread = threading.Thread(target=server.run)
    thread.start()
    with connect(address, timeout=30.0) as space:
        space.write("x", 1)
    begin = time.monotonic()
    server.stop()
    thread.join(10.0)
    assert time.monotonic() - begin < 0.5
    server.close()
    assert not address.path.exists()


def test_slots_are_limited(address, monkeypatch):
    """The error says so, the space goes on, and its own slots are still written."""
    monkeypatch.setattr("agentspace.core.slot.MAX_SLOTS", 100)
    with running(Server(address)), connect(address, timeout=30.0) as space:

        def fill() -> None:
            for number in range(101):
                space.write(f"s{number}", number)

        with pytest.raises(LimitError, match="100"):
            fill()
        assert space.write("s1", "still")
        assert space.join("late").epoch == 1
        assert "_/roles/late" in space.snapshot("_/*")


def test_clients_are_limited(address, monkeypatch):
    """One client too many is told so; those that are there go on, and one that ends makes room."""
    monkeypatch.setattr("agentspace.server.registry.MAX_CLIENTS", 2)
    with running(Server(address)), connect(address, timeout=30.0) as space:
        with connect(address), pytest.raises(LimitError, match="2"):
            connect(address)
        connect(address).close()
        assert space.write("x", 1)


def test_commit_with_a_slot_of_the_space_is_refused_whole(space: RemoteSpace, raw: Callable[[], Raw]) -> None:
    """A client that does not check its acts is refused by the server, and nothing of its commit is carried out."""
    liar = raw().hello()
    joined = liar.ask(5, 1, "DATA", "liar", frames=(msgpack.packb({}),))
    assert joined[0] == messages.Joined.CODE
    epoch = joined[2]
    acts = [["whole/x", None, 0.0, 0.0, []], ["_/roles/liar", None, 0.0, 0.0, []], ["whole/y", None, 0.0, 0.0, []]]
    values = (msgpack.packb(1), msgpack.packb(2), msgpack.packb(3))
    error, text = liar.refused(8, 2, "DATA", "liar", epoch, None, 0, acts, None, frames=values)
    assert (error, "the space's own" in text) == ("SlotNameError", True)
    assert space.snapshot("whole/*") == {}
    assert space.entry("_/roles/liar").value["state"] == "starting"
