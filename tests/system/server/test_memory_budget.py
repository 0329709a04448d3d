"""Values and messages for which there is no room: they are refused in words, and everybody else is served."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agentspace.client.space import RemoteSpace
from agentspace.core.mailbox import Trigger
from agentspace.core.role import State
from agentspace.core.slot import Put
from agentspace.errors import AgentspaceError, LimitError
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import MEBI

HOG = """
from agentspace.errors import LimitError
def value(size): return np.full(size, 1, np.uint8) if shared else bytes(size)
def fill(size):
    count = 0
    try:
        while count < 1000:
            space.write(f"hog/{count}", value(size))
            count += 1
    except LimitError as error:
        say("refused", count, error)
def write_over(size):
    try:
        for count in range(100):
            space.write("hog/0", value(size))
    except LimitError as error:
        say("refused", count, error)
while True:
    eval(wait())
    say("done")
"""


@pytest.fixture
def small() -> Iterator[ServerProcess]:
    """A server whose values may take 64 MB."""
    with ServerProcess("--memory", "64") as process:
        yield process


def hog_of(server: ServerProcess, *, shared: bool = False) -> Program:
    """A client that fills slots with what it is told."""
    return server.client(f"shared = {shared}\n" + HOG, "hog")


def order(program: Program, code: str) -> None:
    """Lets a client do something."""
    program.say(code)
    program.expect("done")


def serves(space: RemoteSpace) -> None:
    """Somebody else writes and reads, small values and larger ones."""
    assert space.write("others/small", 7)
    assert space.write("others/large", bytes(MEBI))
    assert space.write("others/array", np.full(MEBI, 3, np.uint8))
    assert (space.read("others/small"), len(space.read("others/large"))) == (7, MEBI)
    assert space.read("others/array")[-1] == 3


@pytest.mark.parametrize("shared", [False, True])
def test_who_fills_slots_is_refused_and_others_go_on(small, shared):
    """One client gets a half of the room, inside messages or in shared memory; the refusal has the numbers."""
    hog = hog_of(small, shared=shared)
    with small.connect() as other:
        hog.say(f"fill({4 * MEBI})")
        refusal = hog.expect("refused 7 no room for values")
        assert f"those of pid {hog.pid} take 32.0 MiB, all together 32.0 MiB of the 64.0 MiB" in refusal
        hog.expect("done")
        serves(other)
        assert len(other.snapshot("hog/*")) == 7
        assert len(bytes(other.read("hog/6"))) == 4 * MEBI


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_deleted_written_over_or_expired_gives_room(small, shared):
    """At once: as much can be written again."""
    hog = hog_of(small, shared=shared)
    hog.say(f"fill({4 * MEBI})")
    hog.expect("refused 7")
    hog.expect("done")
    for gives in (
        "space.delete('hog/0')",
        "space.write('hog/0', 1)",
        f"space.write('hog/1', value({4 * MEBI}), validity=0.001)",
    ):
        order(hog, gives)
        with small.connect() as other:
            eventually(lambda space=other: len(space.snapshot("hog/*")) <= 7)
        order(hog, f"[space.write('hog/1', value({4 * MEBI})) for _ in range(9)]")
        hog.say(f"fill({4 * MEBI})")
        hog.expect("refused 7")
        hog.expect("done")


def test_who_leaves_all_its_values_here_leaves_room(small):
    """One after the other fills what it can: each time there is less, and always something."""
    with small.connect() as other:
        for _ in range(3):
            hog = hog_of(small)
            hog.say(f"fill({MEBI // 2})")
            hog.expect("refused")
            hog.kill()
        serves(other)
        for name in other.snapshot("hog/*"):
            other.delete(name)
        order(hog_of(small), f"[space.write(f'again/{{n}}', value({MEBI})) for n in range(28)]")


def test_queues_count(small):
    """What waits for a role that does not take it counts, too, for whoever wrote it."""
    with small.connect() as other, small.connect("slow").join("slow") as slow:
        slow.attach_trigger("hog/*", Trigger.EVERY)
        slow.running()
        hog = hog_of(small)
        hog.say(f"write_over({MEBI})")
        hog.expect("refused 32 no room for values")
        serves(other)


def test_states_count(small):
    """A role keeps what it knows if there is room for it; a new one takes the place of the one before."""
    with small.connect().join("wise") as wise, small.connect() as other:
        wise.running()
        for number in range(3):
            wise.commit(None, [Put("done", wise.prepare(number))], State(1, bytes(20 * MEBI)))
        eventually(lambda: other.read("done", None) == 2)
        serves(other)


def test_what_was_kept_comes_back_though_there_is_less_room():
    """It counts: nobody can add to it, everybody can delete of it and write small values in its place."""
    with ServerProcess("--memory", "64", durable=("d/*",)) as server:
        with server.connect() as space:
            for number in range(30):
                space.write(f"d/{number}", bytes(MEBI))
        server.kill()
        server._options = ("--memory", "16", *server._options[2:])  # private: it is started with another option
        server.start()
        assert "takes 30.0 MiB of the 16.0 MiB" in server.process.expect_error("what was kept")
        with server.connect() as space:
            assert all(len(space.read(f"d/{number}")) == MEBI for number in range(30))
            with pytest.raises(LimitError, match="no room for values"):
                space.write("new", bytes(MEBI))
            for number in range(25):
                assert space.delete(f"d/{number}")
            assert space.write("new", bytes(MEBI))


def test_a_server_of_little_memory_is_not_ended_by_messages():
    """With `ulimit -v`, its budgets follow from that: large messages and many values are refused."""
    with ServerProcess(addresses=900 * MEBI) as server, server.connect() as other:
        hog = server.client(
            """
for size in range(50, 251, 50):
    try:
        space.write("large", bytes(size << 20))
        say("taken", size)
    except AgentspaceError as error:
        say("refused", size, type(error).__name__, error)
for count in range(200):
    try:
        space.write(f"many/{count}", bytes(10 << 20))
    except AgentspaceError as error:
        say("full", count, type(error).__name__, error)
        break
say("end")
wait()
"""
        )
        assert "LimitError" in hog.expect("refused 250", 120.0)
        assert "LimitError no room for values" in hog.expect("full", 120.0)
        hog.expect("end")
        serves(other)
        with server.connect("late") as late:
            serves(late)


def starve(server: ServerProcess, left: int) -> None:
    """Leaves a server that does not know of it so many bytes of addresses."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + left
    resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))


def attempt(space: RemoteSpace, name: str, size: int) -> str:
    """Writes, and gives what is said to that."""
    try:
        space.write(name, bytes(size))
    except AgentspaceError as error:
        return str(error)
    return ""


def test_memory_that_has_run_out_ends_no_server():
    """Also if there is less than it counts with: who sends what it cannot take is told, others are served."""
    with ServerProcess() as server, server.connect() as other:
        serves(other)
        starve(server, 100 * MEBI)
        with server.connect("hog") as hog:
            assert "the server has no memory left" in attempt(hog, "large", 200 * MEBI)
            serves(other)
            said = [attempt(hog, f"many/{number}", 9 * MEBI) for number in range(20)]
            assert any("the server has no memory left" in text for text in said)
            assert not said[0]
            assert not server.process.ended
            hog.delete("many/0")
        serves(other)
        assert server.end() == 0
