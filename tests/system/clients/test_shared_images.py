"""Shared memory between real processes."""

from __future__ import annotations

import gc
import mmap
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentspace import Trigger
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.slot import Put
from agentspace.errors import SpaceUnreachableError
from agentspace.wire.codec import SMALL
from tests.support.eventually import eventually
from tests.support.images import SEGMENT, descriptors, image
from tests.support.server_process import LEASE, ServerProcess, pool_of


def ultimate(array: np.ndarray[Any, Any]) -> Any:
    """What an array's elements lie in."""
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    return base


def hearts() -> int:
    """How many users in this process give signs of life on their own."""
    return [thread.name for thread in threading.enumerate()].count("agentspace-heart")


def let_the_lease_pass(server: ServerProcess, space: RemoteSpace) -> None:
    """Waits until the server has given up one that fell silent just now."""
    sleeper = server.client("s = space.join('sleeper'); s.running(); say('joined'); wait()", "sleeper")
    sleeper.expect("joined")
    sleeper.signal(signal.SIGSTOP)
    eventually(lambda: space.read("_/roles/sleeper")["state"] == "gone")
    sleeper.close()


@pytest.fixture
def reader(server: ServerProcess) -> Iterator[RemoteSpace]:
    """Another one."""
    with server.connect("reader") as user:
        yield user


KEEPER = """
view = space.read("image")
said = int(view[0, 0, 0])
say("keeps", said)
while wait() == "check":
    say("same" if (view == said).all() and not view.flags.writeable else "changed")
"""


@pytest.mark.parametrize("kind", ["array", "nested", "fortran", "structured", "strided"])
def test_reader_gets_a_view_without_a_copy(space, reader, kind):
    """Two readings lie in the same mapped memory, however deep; nobody can write there."""
    dtype = np.dtype([("x", "<f4"), ("n", "<u2", (3,))])
    value = {
        "array": image(3),
        "nested": {"a": [image(1), (image(2),)]},
        "fortran": np.asfortranarray(np.random.default_rng(1).random((300, 200))),
        "structured": np.zeros(9000, dtype),
        "strided": np.arange(100_000)[::2],
    }[kind]
    space.write("view", value)
    one, two = reader.read("view"), reader.read("view")
    pairs = zip(*([x["a"][0], x["a"][1][0]] if kind == "nested" else [x] for x in (one, two)), strict=True)
    for left, right in pairs:
        assert np.shares_memory(left, right)
        assert isinstance(ultimate(left), mmap.mmap)
        assert not left.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            left[...] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            left.flags.writeable = True
    if kind == "strided":
        assert np.array_equal(one, value)


@pytest.mark.parametrize(("nbytes", "shared"), [(SMALL - 1, False), (SMALL, True), (SMALL + 1, True)])
def test_boundary_of_32_kib(space, reader, nbytes, shared):
    """Exactly from 32 KiB on arrays lie in shared memory."""
    space.write("boundary", np.full(nbytes, 9, np.uint8))
    found = reader.read("boundary")
    assert found.nbytes == nbytes
    assert (found == 9).all()
    assert isinstance(ultimate(found), mmap.mmap) is shared


def test_array_beyond_the_pool_travels_inside(space, reader):
    """When the pool is full, everything still works, inline."""
    pool_of(space).limit = SEGMENT
    space.write("one", image(1))
    space.write("two", image(2))
    assert isinstance(ultimate(reader.read("one")), mmap.mmap)
    assert not isinstance(ultimate(reader.read("two")), mmap.mmap)
    assert (reader.read("two") == 2).all()


def test_view_is_kept_while_its_slot_is_overwritten(space, server):
    """A thousand writes later another process still sees what it read; four segments were enough."""
    space.write("image", image(99))
    keeper = server.client(KEEPER)
    keeper.expect("keeps 99")
    pool = pool_of(space)
    size = pool.size
    for number in range(1000):
        space.write("image", image(number))
    assert pool.size - size <= 4 * SEGMENT
    assert pool.size <= 4 * SEGMENT
    keeper.say("check")
    keeper.expect("same")
    keeper.close()


def test_commits_recycle_too(server, space):
    """What a handler writes, and nobody answers, comes back to its pool: as a camera does with a timer."""
    with server.connect("camera") as user:
        camera = user.join("camera")
        camera.running()
        pool = pool_of(user)
        for number in range(300):
            camera.commit(None, [Put("camera", camera.prepare(image(number)))])
            assert camera.receive(0.0) is None
            if number % 10 == 0:
                eventually(lambda n=number: int(space.read("camera", image(-1))[0, 0, 0]) == n % 256)
        assert pool.size <= 40 * SEGMENT  # of 300: ten commits go out at a time, and nobody waits for them
        camera.leave("stopped")


def test_segments_come_back_when_their_readers_are_killed(space, server):
    """What readers held when they died by SIGKILL is filled again: the pool stays as it was."""
    pool = pool_of(space)
    for round_ in range(2):
        space.write("image", image(round_))
        readers = [server.client(KEEPER, f"reader-{k}") for k in range(2)]
        for reader in readers:
            reader.expect(f"keeps {round_}")
        for reader in readers:
            reader.kill()
    for number in range(20):
        space.write("image", image(number))
    eventually(lambda: space.write("image", image(0)) and pool.size <= 3 * SEGMENT)


def test_memory_is_freed_when_its_writer_is_killed(server, space):
    """Readers keep what they hold, the slot its value; when all let go, the server has closed everything."""
    space.write("image", image(1))
    assert (space.read("image") == 1).all()  # what it takes to share is there by now
    before = server.descriptors + 2  # one more segment of its own
    writer = server.client("space.write('image', np.full((480, 640, 3), 42, np.uint8)); say('written'); wait()")
    writer.expect("written")
    assert server.descriptors > before
    view = space.read("image")
    writer.kill()
    assert (space.read("image") == 42).all()
    space.write("image", image(7))
    assert (view == 42).all()
    del view
    eventually(lambda: space.write("other", 1) and server.descriptors <= before)


def test_view_outlives_a_silent_reader(space, server):
    """A reader that was stopped for longer than the lease finds its view unchanged when it goes on."""
    space.write("image", image(50))
    keeper = server.client(KEEPER + "say(space.read('alive'))")
    keeper.expect("keeps 50")
    keeper.signal(signal.SIGSTOP)
    let_the_lease_pass(server, space)
    for number in range(100):
        space.write("image", image(number))
    space.write("alive", "still here")
    keeper.signal(signal.SIGCONT)
    keeper.say("check")
    keeper.expect("same")
    keeper.say("")
    keeper.expect("still here")
    keeper.close()


LETS_GO = {
    "user": """
view = space.read("image")
say("keeps", view[0, 0, 0])
wait()
del view
space.read("nothing")
wait()
""",
    "role": """
session = space.join("holder")
session.attach_trigger("image")
session.running()
wake = session.receive(20)
view = wake.values["image"][0].value()
session.commit(wake, [Put("copy", session.prepare(view))])
say("keeps", view[0, 0, 0])
wait()
del wake, view
while True:
    session.receive(0.1)
""",
}


@pytest.mark.parametrize("lane", ["on", "off"])
@pytest.mark.parametrize("who", LETS_GO)
def test_what_a_silent_reader_lets_go_comes_back(server, monkeypatch, lane, who):
    """It was stopped for longer than the lease, and is forgotten: what it says first is that its view is gone."""
    monkeypatch.setenv("AGENTSPACE_LANE", lane)
    with server.connect("painter") as painter:
        painter.write("image", image(50))
        keeper = server.client(LETS_GO[who], "keeper")
        keeper.expect("keeps 50")
        keeper.signal(signal.SIGSTOP)
        let_the_lease_pass(server, painter)
        for name in ("image", "copy"):
            painter.delete(name)
        assert len(pool_of(painter).used) == 1
        keeper.signal(signal.SIGCONT)
        keeper.say("")
        eventually(lambda: painter.read("nothing") is None and not pool_of(painter).used)
        keeper.close()


def test_view_outlives_an_idle_reader(space, reader, server):
    """One that reads once, and then says nothing for longer than the lease, is not taken for gone."""
    space.write("image", image(60))
    view = reader.read("image")
    let_the_lease_pass(server, space)
    for number in range(100):
        space.write("image", image(number))
    assert (view == 60).all()


def test_view_outlives_its_space(space, server):
    """What was read with a connection that is closed by now stays as it is; then its segment comes back."""
    space.write("image", image(70))
    before = hearts()
    with server.connect("brief") as brief:
        view = brief.read("image")
    for number in range(50):
        space.write("image", image(number))
    assert (view == 70).all()
    pool = pool_of(space)
    size = pool.size
    del view
    eventually(lambda: hearts() == before, 5.0)
    for number in range(20):
        space.write("image", image(number))
    assert pool.size <= size


@pytest.mark.parametrize("kind", ["watch", "session", "late answer"])
def test_what_nobody_looked_at_is_given_back(server, space, kind):
    """Images on their way to a watch that is closed, a role that is left, or a call that gave up, are not kept."""
    pool = pool_of(space)
    with server.connect("careless") as careless:
        for number in range(60):
            space.write("image", image(number))
            if kind == "watch":
                with careless.watch("image"):
                    space.write("image", image(number + 1))
            elif kind == "session":
                session = careless.join("careless")
                session.attach_trigger("image")
                session.running()
                space.write("image", image(number + 1))
                session.leave("stopped")
            else:
                # private: the user connects with patience, then has none
                careless._link.handshake.patience = 0.0
                with pytest.raises(SpaceUnreachableError):
                    careless.read("image")
                careless._link.handshake.patience = 10.0  # private: as above
                assert careless.read("nothing") is None
        assert pool.size <= 5 * SEGMENT


def test_program_that_keeps_a_view_ends(server, space):
    """A process that forgot its views, or its space, ends as soon as its program does."""
    space.write("image", image(80))
    for code in ("kept = space.read('image'); space.close()", "kept = space.read('image')"):
        program = server.client(code + "; say(int(kept[0, 0, 0]))")
        program.expect("80")
        assert program.wait(5.0) == 0
        assert program.errors == []


def test_idle_writer_does_not_lose_its_segments(server, space):
    """One that writes now and then, silent for longer than the lease between, needs no more memory each time."""
    with server.connect("seldom") as seldom:
        for number in range(3):
            seldom.write("seldom", image(number))
            let_the_lease_pass(server, space)
        assert pool_of(seldom).size <= 2 * SEGMENT
        assert (space.read("seldom") == 2).all()


def test_readers_that_come_and_go_see_whole_images(server, space):
    """Many threads read, keep and drop views while others write: no image is ever torn."""
    torn: list[int] = []
    done = threading.Event()

    def read() -> None:
        kept: list[np.ndarray[Any, Any]] = []
        while not done.is_set():
            kept.append(reading.read("busy"))
            if not all((view == view[0, 0, 0]).all() for view in kept[-2:]):
                torn.append(int(kept[-1][0, 0, 0]))
            if len(kept) > 5:
                kept.clear()

    with server.connect("reading") as reading, server.connect("writing") as writing:
        writing.write("busy", image(0))
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(200):
            writing.write("busy", image(number))
        done.set()
        for thread in threads:
            thread.join()
        assert torn == []
        assert pool_of(writing).size <= 40 * SEGMENT
    eventually(lambda: not [t for t in threading.enumerate() if t.name == "agentspace-heart"])


def test_churn_leaves_nothing_open():
    """Clients that come, share, watch, fill roles and go: the server has as many descriptors as before."""

    def churn(server: ServerProcess, count: int) -> None:
        with server.connect() as space:
            for number in range(count):
                with server.connect(f"churn-{number}") as user, user.watch("churn", Trigger.EVERY) as watch:
                    session = user.join("churn")
                    session.running()
                    user.write("churn", image(number))
                    session.commit(None, [Put("churned", session.prepare(image(number)))])
                    assert watch.next(10.0) is not None
                    session.leave("stopped")
                space.delete("churn")
                space.delete("churned")

    with ServerProcess("--lease", str(LEASE)) as server:
        # Without a client: one that fell silent meanwhile is forgotten, and one descriptor more when it returns.
        before = server.descriptors + 1  # the log of who did what, which the first one opens
        churn(server, 3)
        gc.collect()
        own = descriptors()
        churn(server, 20)
        gc.collect()
        eventually(lambda: server.descriptors <= before)
        eventually(lambda: descriptors() <= own)


def test_nothing_lies_in_dev_shm(server, space, reader):
    """Shared memory has no name: nothing can be left there, whatever is killed."""
    before = sorted(Path("/dev/shm").iterdir())
    space.write("image", image(1))
    view = reader.read("image")
    assert sorted(Path("/dev/shm").iterdir()) == before
    assert (view == 1).all()


def test_restarted_server_never_mixes_the_old_memory_with_the_new():
    """Plain users go on: what they write after the restart is what is read, and old views stay as they were."""
    with ServerProcess() as server, server.connect("one") as one, server.connect("two") as two:
        one.write("image", image(10))
        one.write("other", image(11))
        view = two.read("image")
        size = pool_of(one).size
        server.kill()
        server.start()
        assert two.read("image") is None
        for number in range(20, 30):
            one.write("image", image(number))
            one.write("other", image(number + 100))
            assert (two.read("image") == number).all()
            assert (two.read("other") == number + 100).all()
        assert (view == 10).all()
        assert pool_of(one).size <= size + 2 * SEGMENT


def test_values_of_a_dead_server_are_gone_but_readable():
    """A view outlives the server that lent it."""
    with ServerProcess() as server:
        with connect(server.address, timeout=30.0) as user:
            user.write("image", image(33))
            view = user.read("image")
            server.kill()
            assert (view == 33).all()
        assert (view == 33).all()
