"""Arrays that are filled in the shared memory itself, between real processes."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from agentspace import Agent
from agentspace.agent.runner import Runner
from agentspace.client.link import Link
from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import LateError
from agentspace.wire.codec import SMALL
from agentspace.wire.pool import Pool
from tests.support.eventually import SOON, eventually
from tests.support.images import IMAGE, SEGMENT, image
from tests.support.server_process import ServerProcess, pool_of


def fill(space: RemoteSpace, name: str, number: int) -> None:
    """Fills a slot in place, in one colour."""
    with space.loan(name, IMAGE, "uint8") as array:
        array[...] = number


def lies_in(pool: Pool, array: np.ndarray[Any, Any]) -> bool:
    """Whether an array lies in a segment that is in use."""
    return any(np.shares_memory(array, np.frombuffer(own.memory, np.uint8)) for own in pool.used.values())


def test_reader_sees_the_memory_that_the_writer_filled(server, space):
    """Not a copy of it: what the writer's process does to the segment afterwards, which nobody should, is seen."""
    with server.connect("reader") as reader, server.connect("writer") as writer:
        pool = pool_of(writer)
        with writer.loan("place", IMAGE, "uint8") as array:
            array[...] = 5
            assert lies_in(pool, array)
        view = reader.read("place")
        (segment,) = pool.used.values()
        segment.memory[0] = 77
        assert (view[0, 0, 0], view[0, 0, 1], array[0, 0, 0]) == (77, 5, 77)
        assert pool.size == SEGMENT


@pytest.mark.parametrize(("nbytes", "shared"), [(SMALL - 1, False), (SMALL, True)])
def test_small_loans_travel_inside(server, nbytes, shared):
    """What is copied in any case lies in memory of its own."""
    with server.connect("writer") as writer, writer.loan("border", nbytes, "uint8") as array:
        assert lies_in(pool_of(writer), array) is shared
        assert pool_of(writer).size <= SEGMENT


def test_loan_from_another_machine(monkeypatch):
    """Who shares no memory fills memory of its own, which is sent."""
    with ServerProcess("--bind", "tcp://127.0.0.1:0") as server:
        monkeypatch.setenv("XDG_CONFIG_HOME", server.environment["XDG_CONFIG_HOME"])
        near = server.connect("near")
        monkeypatch.setattr("agentspace.client.handshake.machine", lambda: "another")
        with near, connect(server.tcp or "", "far", timeout=30.0) as far:
            fill(far, "image", 6)
            assert pool_of(far) is None
            assert (near.read("image") == 6).all()
            fill(near, "image", 7)
            assert (far.read("image") == 7).all()


def test_loan_beyond_the_pool_works_all_the_same(server, space):
    """When the pool is full, the array lies in memory of its own, and travels inside."""
    with server.connect("writer") as writer:
        pool_of(writer).limit = SEGMENT
        for number in (1, 2):
            fill(writer, f"beyond/{number}", number)
        assert [int(space.read(f"beyond/{number}").max()) for number in (1, 2)] == [1, 2]
        assert pool_of(writer).size == SEGMENT


def test_memory_of_a_loan_that_failed_is_filled_again(server):
    """A hundred errors need one segment."""
    with server.connect("writer") as writer:
        for _ in range(100):
            with pytest.raises(ZeroDivisionError), writer.loan("failed", IMAGE, "uint8") as array:
                array[...] = 1 // 0
        assert pool_of(writer).size <= 2 * SEGMENT  # the last array is still there when the next one is made


def test_loans_recycle_and_pools_shrink(server, space):
    """A thousand pictures need a few segments; when nobody holds one any more, all of them are let go."""
    with server.connect("writer") as writer:
        pool = pool_of(writer)
        for number in range(1000):
            fill(writer, "stream", number % 256)
        assert pool.size <= 4 * SEGMENT
        writer.delete("stream")
        eventually(lambda: writer.read("stream") is None and not pool.used)
        pool.trim()
        pool.trim()
        assert pool.size == 0


def test_array_that_its_writer_keeps_is_not_filled_again(server, space):
    """Its segment comes back to the pool when the writer, too, has let go of it, and of each view."""
    with server.connect("writer") as writer:
        pool = pool_of(writer)
        with writer.loan("kept", IMAGE, "uint8") as array:
            array[...] = 9
        view = array[:10]
        del array
        for number in range(20):
            fill(writer, "kept", number)
        assert (view == 9).all()
        size = pool.size
        del view
        for number in range(20):
            fill(writer, "kept", number)
        assert pool.size <= size


def test_memory_is_freed_when_its_writer_is_killed_in_the_block(server, space):
    """What was not written yet is gone with the process; what was written is freed when its readers let go."""
    fill(space, "image", 1)
    assert (space.read("image") == 1).all()  # what it takes to share is there by now
    before = server.descriptors + 2  # one more segment of its own
    writer = server.client(
        "with space.loan('image', (480, 640, 3), 'uint8') as array: array[...] = 42\n"
        "with space.loan('image', (480, 640, 3), 'uint8') as array:\n"
        "    array[...] = 43; say('fills'); wait()"
    )
    writer.expect("fills")
    view = space.read("image")
    writer.kill()
    assert (view == 42).all()
    assert (space.read("image") == 42).all()
    fill(space, "image", 7)
    assert (view == 42).all()
    del view
    eventually(lambda: space.write("other", 1) and server.descriptors <= before)


def test_memory_comes_back_when_its_readers_are_killed(server, space):
    """What readers held when they died by SIGKILL is filled again."""
    with server.connect("writer") as writer:
        pool = pool_of(writer)
        fill(writer, "image", 3)
        readers = [
            server.client("view = space.read('image'); say(view.max()); wait()", f"r-{k}") for k in range(2)
        ]
        for reader in readers:
            reader.expect("3")
        fill(writer, "image", 4)
        assert len(pool.used) == 2
        for reader in readers:
            reader.kill()
        eventually(lambda: writer.read("nothing") is None and len(pool.used) == 1)


def test_stopped_writer_does_not_tear_what_is_read(server, space):
    """One that stands still in its block has written nothing; what was there stays."""
    fill(space, "image", 1)
    writer = server.client(
        "with space.loan('image', (480, 640, 3), 'uint8') as array:\n    array[:240] = 2; say('half'); wait()\n"
        "    array[240:] = 2\nsay('whole'); wait()"
    )
    writer.expect("half")
    writer.signal(signal.SIGSTOP)
    assert (space.read("image") == 1).all()
    writer.signal(signal.SIGCONT)
    writer.say("")
    writer.expect("whole")
    assert (space.read("image") == 2).all()
    writer.close()


@pytest.mark.parametrize("when", ["in the block", "before the answer"])
def test_server_is_restarted_meanwhile(when):
    """As with a write: what a plain user fills goes to the server that is there when the block ends."""
    with ServerProcess() as server, server.connect("writer") as writer, server.connect("reader") as reader:
        fill(writer, "image", 1)
        loan = writer.loan("image", IMAGE, "uint8")
        with loan as array:
            array[...] = 2
            server.kill()
            server.start()
            if when == "in the block":
                assert writer.read("image") is None  # meets the new one
        assert loan.decision
        assert (reader.read("image") == 2).all()
        for number in range(10):
            fill(writer, "image", number)
            assert (reader.read("image") == number).all()
        assert (array == 2).all()


class Slow(Agent):
    """Fills a slot in place on its first wake-up, and waits in the block; then again on each wake-up."""

    def init(self) -> None:
        """Wakes with a timer."""
        self.count = 0
        self.goes_on = False
        self.attach_timer(0.02)

    def sense_select_act(self) -> None:
        """Fills the slot."""
        with self.loan("slow", IMAGE, "uint8") as array:
            self.count += 1
            array[...] = min(self.count, 255)
            if self.count == 1:
                eventually(lambda: self.goes_on)


def test_server_is_restarted_while_an_agent_fills(server):
    """As with a write: the agent goes on, and what it fills from then on is read whole."""
    with ServerProcess() as own, own.connect("agent", timeout=30.0) as user, own.connect("reader") as reader:
        agent = Slow()
        runner = Runner(agent, user.join("slow"))
        thread = threading.Thread(target=runner.run)
        thread.start()
        eventually(lambda: agent.count == 1)
        own.kill()
        own.start()
        agent.goes_on = True
        eventually(lambda: reader.read("slow", image(0)).min() > 1)
        view = reader.read("slow")
        assert (view == view[0, 0, 0]).all()
        runner.stop()
        thread.join()


def test_what_never_goes_is_filled_again(server, space):
    """Writes that come too late, loans that nobody ends, and prepared values that are not committed."""
    with server.connect("writer") as writer:
        session = writer.join("preparing")
        for number in range(20):
            with pytest.raises(LateError):
                writer.until(time.monotonic() - 1.0).write("late", image(number))
            writer.loan("open", IMAGE, "uint8").__enter__()
            session.prepare(image(number))
        assert pool_of(writer).size <= 2 * SEGMENT
        writer.write("image", image(7))
        assert (space.read("image") == 7).all()
        assert len(pool_of(writer).used) == 1


def test_memory_of_a_peak_comes_back_to_one_who_only_writes(server, monkeypatch):
    """It reads nothing, and fills no role: it lets go of what it does not use, like everybody."""
    monkeypatch.setattr("agentspace.client.handshake.UNUSED", 0.2)
    with server.connect("writer") as writer:
        for number in range(5):
            writer.write(f"peak/{number}", image(number))
        for number in range(5):
            writer.delete(f"peak/{number}")
        eventually(lambda: pool_of(writer).size == 0)


@pytest.mark.parametrize("lane", ["on", "off"])
def test_an_answer_is_looked_at_as_its_own_server_meant_it(monkeypatch, lane):
    """The server ends while a thread has its answer, and another thread meets the next one, with other slots."""
    monkeypatch.setenv("AGENTSPACE_LANE", lane)
    has_answer, goes_on = threading.Event(), threading.Event()
    look = Link.entry

    def slow(link: Link, head: list[Any], frame: bytes) -> Any:
        if head[0] == "picture" and not goes_on.is_set():
            has_answer.set()
            goes_on.wait(SOON)
        return look(link, head, frame)

    with ServerProcess() as server:
        with server.connect("before") as writer, server.connect("reader") as reader:
            for number in range(10):
                writer.write(f"before/{number}", image(50))
            writer.write("picture", image(1))
            monkeypatch.setattr(Link, "entry", slow)
            found = list[Any]()
            thread = threading.Thread(target=lambda: found.append(reader.read("picture", "nothing")))
            thread.start()
            assert has_answer.wait(SOON)
            server.kill()
            server.start()
            with server.connect("after") as other:
                for number in range(20):
                    other.write(f"after/{number}", image(99))
                views = [reader.read(f"after/{number}") for number in range(20)]
                goes_on.set()
                thread.join(SOON)
                assert found == ["nothing"]  # of the next server: the last one's memory is gone with it
                for number in range(20):
                    other.delete(f"after/{number}")
                assert reader.read("nothing") is None
                for number in range(30):
                    other.write(f"later/{number}", image(200))
                assert {int(view.min()) for view in views} == {99}
