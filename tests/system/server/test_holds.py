"""Nobody waits until something large of somebody else is done: small requests are answered in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import dedent

import msgpack
import numpy as np
import pytest

from agentspace import Trigger
from agentspace.wire import from_client, from_server
from agentspace.wire.codec import encode
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import MEBI, Raw

SLOTS = 20_000
NUMBERS = 3_000_000
BETWEEN = 5  # of dozens; a server that does one after the other answers two at most, when messages cross


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server with many slots."""
    with ServerProcess("--lease", "1") as process:
        raw = Raw(process.address).hello()
        for number in range(SLOTS):
            raw.say(write(number, f"many/{number:05}"), msgpack.packb(number))
        for _ in range(SLOTS):
            raw.hear()
        raw.close()
        yield process


def write(call: int, name: str) -> bytes:
    return from_client.Write(call, "DATA", "", 0, name, None, 0.0, 0.0, []).pack()


def count_between(space, raw: Raw, *message: bytes) -> int:
    """How many small writes of another client are answered before a message is."""
    raw.say(*message)
    count = 0
    while not raw.socket.poll(0):
        space.write("small", count)
        count += 1
    return count


def read_all(call: int = 1) -> bytes:
    return from_client.Read(call, "DATA", "many/*", True).pack()


LARGE: dict[str, Callable[[], tuple[bytes, ...]]] = {
    "all slots are read": lambda: (read_all(),),
    "all slots are watched": lambda: (from_client.Follow(1, "DATA", "many/*", "normal", {}).pack(),),
    "a list of numbers": lambda: (write(1, "large"), encode([1.5] * NUMBERS)),
    "many texts in a dict": lambda: (write(1, "large"), encode({str(n): "text" for n in range(NUMBERS // 6)})),
    "a list that is none at its end": lambda: (write(1, "large"), encode([1.5] * NUMBERS + [1])[:-1] + b"\xc1"),
    "a header of many names": lambda: (
        from_client.Follow(1, "DATA", "many/*", "normal", {f"no/{n}": n for n in range(300_000)}).pack(),
    ),
}


@pytest.mark.parametrize("what", LARGE)
def test_others_are_answered_in_between(server, space, raw, what):
    """However large a request is, and whether it is right or wrong."""
    message = LARGE[what]()
    assert count_between(space, raw().hello(), *message) > BETWEEN


def test_an_array_within_a_dict_is_not_copied_to_be_checked(server, space, raw):
    """Its size does not matter: the server holds it once."""
    before, image = server.memory, np.zeros(64 * MEBI, np.uint8)
    frame = encode({"image": image, "at": 1.5})
    client = raw().hello()
    client.say(write(1, "large"), frame)
    assert client.hear()[0] == from_server.Decided.CODE
    assert server.memory - before < 1.5 * image.nbytes
    assert space.read("large")["image"].nbytes == image.nbytes
    space.delete("large")


def test_an_array_is_put_into_a_message_in_pieces(server, space, raw):
    """A reader that shares no memory gets a copy; others are answered in between."""
    space.write("shared", {"image": np.full(128 * MEBI, 7, np.uint8)})
    message = from_client.Read(1, "DATA", "shared", False).pack()
    client = raw().hello()
    assert count_between(space, client, message) > BETWEEN
    assert len(client.socket.recv_multipart()[1]) > 128 * MEBI
    space.delete("shared")


def test_a_connection_keeps_its_order(server, space, raw):
    """What is sent after something large is done after it, and answered after it."""
    large = encode([1.5] * NUMBERS)
    client = raw().hello()
    client.say(write(1, "order"), large)
    client.say(write(2, "order"), encode("small"))
    client.say(read_all(3))
    client.say(write(4, "many/00000"), encode("new"))
    client.say(from_client.Read(5, "DATA", "order", False).pack())
    answers = [client.hear() for _ in range(6)]
    kind, _, first = answers.pop(2)
    assert kind == from_server.Portion.CODE
    assert [answer[1] for answer in answers] == [1, 2, 3, 4, 5]
    assert [answer[2][0][1] for answer in answers[:2]] == [1, 2]  # revisions
    heads = {head[0]: head for head in (*first, *answers[2][2])}
    assert len(heads) == SLOTS
    assert heads["many/00000"][2] == answers[3][2][0][1] - 1
    assert space.read("order") == "small"


def test_who_watches_many_slots_misses_nothing(server, space):
    """What is written while a watcher begins is in its first batch, or comes after it."""
    writer = server.client(
        dedent("""
            for number in range(2000):
                space.write(f"many/{number:05}", -number)
            say("done")
        """)
    )
    with space.watch("many/*", Trigger.NORMAL) as watch:
        seen = {}
        while len(seen) < SLOTS or not all(seen[f"many/{number:05}"] == -number for number in range(2000)):
            entries = watch.next(20.0)
            assert entries is not None, "something was missed"
            seen.update((entry.name, entry.value) for entry in entries)
    writer.expect("done")
    assert len(seen) == SLOTS


def test_who_is_killed_in_the_middle_leaves_nothing(server, space):
    """No value of it that is not whole, no client, no memory."""
    space.write("killed", "before")
    before = server.memory
    writer = server.client(
        dedent(f"""
            large = [1.5] * {NUMBERS}
            say("writes")
            while True:
                space.write("killed", large)
        """)
    )
    writer.expect("writes")
    eventually(lambda: space.entry("killed").revision > 1)
    eventually(lambda: writer.pid in space.read("_/server")["heard"])
    writer.kill()
    eventually(lambda: writer.pid not in space.read("_/server")["heard"])
    assert len(space.read("killed")) == NUMBERS
    space.delete("killed")
    eventually(lambda: server.memory - before < 64 * MEBI)
    space.write("well", "alone")
