"""Whatever a client sends, the server and its other users go on."""

from __future__ import annotations

import os
import random

import msgpack
import numpy as np
import pytest

from agentspace.core.spaces import MAX_SPACES
from agentspace.errors import LimitError
from agentspace.server.registry import IDENT
from agentspace.wire import from_client, from_server
from agentspace.wire.address import machine
from agentspace.wire.codec import encode
from agentspace.wire.format import CODES, VERSION
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import MEBI

MESSAGES = {cls.__name__: cls for cls in CODES.values()}
TO_SERVER = [name for name, cls in MESSAGES.items() if cls.CODE < 64]
TO_CLIENT = [name for name, cls in MESSAGES.items() if cls.CODE >= 64]
HUGE = b"\xdd\xff\xff\xff\xff"


def test_random_bytes_are_answered_with_an_error(raw, space):
    """Random multiparts: each has its answer, and the server goes on."""
    dice = random.Random(1)
    sender = raw()
    for size in (0, 1, 2, 5, 30, 1000, 100_000):
        for count in (1, 2, 5):
            sender.say(*(dice.randbytes(size) for _ in range(count)))
            answer = sender.hear()
            assert answer[0] == from_server.Failed.CODE
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
    assert sender.hear()[:3] == [from_server.Failed.CODE, 0, "ProtocolError"]


@pytest.mark.parametrize(
    ("parts", "call"),
    [
        ([14, 7, "DATA", None], 7), ([14, 7, "DATA"], 7), ([14, 7], 7), ([14, 7, "DATA", "x", 1, 2], 7),
        ([14, "7", "DATA", "x"], 0), ([14], 0), ([30, "soon"], 0), ([999, 7], 0),
    ],
)  # fmt: skip
def test_a_request_with_a_wrong_field_is_answered_as_that_request(raw, space, parts, call):
    """Whoever waits for its answer has it at once; what has no number, or none that is one, is answered with 0."""
    sender = raw()
    sender.say(msgpack.packb([VERSION, *parts]))
    assert sender.hear()[:3] == [from_server.Failed.CODE, call, "ProtocolError"]


@pytest.mark.parametrize("version", [0, 1, 99, -1, "2", None])
def test_other_versions_are_told_which_is_spoken(raw, space, version):
    """A newer client learns why it is not understood."""
    sender = raw()
    sender.say(msgpack.packb([version, 13, 1]))
    answer = sender.hear()
    assert (answer[2], "version" in answer[3], str(VERSION) in answer[3]) == ("ProtocolError", True, True)


@pytest.mark.parametrize("code", [3, 4], ids=["scalar", "array"])
def test_dtypes_that_end_whoever_compares_them_are_refused(raw, space, code):
    """A time with the multiplier 0 ends a process by SIGFPE: neither server nor reader meets one."""
    sender = raw().hello()
    for dtype in ("<m8[s]", "<m8[0s]", "<M8[0D]", "<m8[s]"):
        shape = [] if code == 3 else [[1], "C"]
        value = msgpack.packb(msgpack.ExtType(code, msgpack.packb([dtype, *shape, bytes(8)])))
        answer = sender.ask(2, 1, "DATA", "", 0, "time", None, 0.0, 0.0, [], frames=[value])
        assert (answer[0] == from_server.Decided.CODE) == ("[s]" in dtype), answer
    assert space.read("time") == np.timedelta64(0, "s")


@pytest.mark.parametrize("name", TO_CLIENT)
def test_messages_for_clients_are_refused(raw, space, name):
    """What only a server says is answered with its name."""
    cls = MESSAGES[name]
    example = {"int": 1, "str": "s", "bytes": b"b", "bool": True, "float": 0.5, "list": [], "dict": {}}
    fields = [example[kinds[0].__name__] for _, kinds in cls.FIELDS]
    sender = raw().hello()
    answer = sender.ask(cls.CODE, *fields)
    assert answer[0] == from_server.Failed.CODE
    assert (answer[2], name in answer[3]) == ("ProtocolError", True)


@pytest.mark.parametrize("name", TO_SERVER)
def test_nothing_is_done_for_strangers(raw, space, name):
    """Without a Hello, every message but that is refused: it is no known connection."""
    cls = MESSAGES[name]
    if cls is from_client.Hello:
        return
    example = {"int": 1, "str": "s", "bytes": b"b", "bool": True, "float": 0.5, "list": [], "dict": {}}
    answer = raw().ask(cls.CODE, *[example[kinds[0].__name__] for _, kinds in cls.FIELDS])
    assert (answer[0], answer[2]) == (from_server.Failed.CODE, "FencedError")


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
        from_client.Write(1, "DATA", "", 0, "mutant", None, 0.0, 0.0, []).pack(),
        from_client.Delete(1, "DATA", "", 0, "mutant", 0.0, None).pack(),
        from_client.Read(1, "DATA", "mutant", False).pack(),
        from_client.Join(1, "DATA", "mutant").pack(),
        from_client.Attach(1, "DATA", "mutant", 1, "mutant", "every").pack(),
        from_client.Commit(1, "DATA", "mutant", 1, None, 0, [["mutant", 1.0, 0.0, 0.0, []]], None).pack(),
        from_client.Follow(1, "DATA", "mutant", "normal", {"mutant": 1}).pack(),
        from_client.Release([1]).pack(),
        from_client.Seen(1).pack(),
    ]
    value = encode({"a": [np.arange(4), "b"]})
    for _ in range(600):
        header = bytearray(dice.choice(headers))
        header[dice.randrange(len(header))] = dice.randrange(256)
        frame = bytearray(value)
        frame[dice.randrange(len(frame))] = dice.randrange(256)
        sender.say(bytes(header[: dice.randrange(len(header) + 1) or None]), bytes(frame))
    sender.say(from_client.Beat(4711).pack())
    while sender.hear()[:2] != [from_server.Failed.CODE, 4711]:  # a mutant may have said Bye or HangUp
        if not sender.socket.poll(0):
            sender.say(from_client.Beat(4711).pack())
            answer = sender.hear()
            if answer[:2] in ([from_server.Done.CODE, 4711], [from_server.Failed.CODE, 4711]):
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
    frame = encode({} if code in (from_client.Join.CODE, from_client.Running.CODE) else None)
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


@pytest.mark.parametrize(
    "info",
    [
        {"stops": "x"},
        {"set": {"refused": [1]}},
        {"state": "running"},
        {"live": 7},
        {"left_out": 7},
        {"host": None},
    ],
    ids=lambda info: next(iter(info)),
)
def test_what_a_role_says_of_itself_can_be_read(raw, space, info):
    """What everybody reads has its type, and what the space tells of a role the role does not say, at any time."""
    sender, role, frames = raw().hello(), f"liar/{next(iter(info))}", (encode(info),)
    assert sender.refused(from_client.Join.CODE, 1, "DATA", role, frames=frames)[0] == "ValueTypeError"
    assert space.snapshot(f"_/roles/{role}") == {}
    epoch = sender.ask(from_client.Join.CODE, 2, "DATA", role, frames=(encode({"mood": "good"}),))[2]
    assert sender.refused(from_client.Running.CODE, 3, "DATA", role, epoch, frames=frames)[0] == "ValueTypeError"
    other = raw().hello()
    assert other.refused(from_client.StandBy.CODE, 1, "DATA", role, 0, frames=frames)[0] == "ValueTypeError"
    assert space.read(f"_/roles/{role}")["mood"] == "good"


def test_client_is_known_by_16_bytes(raw, space):
    """Nobody makes the server keep a name of another length, or an unfit signature."""
    assert raw().refused(1, 1, b"", "raw", 1, "")[0] == "ProtocolError"
    assert raw().refused(1, 1, bytes(MEBI), "raw", 1, "")[0] == "ProtocolError"
    assert raw().refused(1, 1, os.urandom(IDENT), "a b", 1, "")[0] == "SlotNameError"


@pytest.mark.parametrize("pid", [0, -1, 2**63, 2**64 - 1, 4_194_304])
def test_pid_that_is_none_means_no_shared_memory(raw, space, pid):
    """A client whose process cannot be watched is served, by messages alone."""
    answer = raw().ask(1, 1, os.urandom(IDENT), "raw", pid, machine())
    assert (answer[0], answer[6]) == (from_server.Welcome.CODE, False)


def test_spaces_are_limited():
    """One client cannot fill spaces without end; those that are there go on."""
    with ServerProcess() as own, own.connect() as space:
        for number in range(MAX_SPACES - 1):  # beside DATA
            assert space.named(f"S{number}").write("x", number)
        with pytest.raises(LimitError, match=f"{MAX_SPACES} already"):
            space.named("one-more").read("x")
        assert space.named("S0").read("x") == 0
        assert space.write("x", 1)
