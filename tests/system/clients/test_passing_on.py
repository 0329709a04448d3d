"""Arrays that are written as they were read: by reference, between real processes."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from agents.camera import Camera
from agentspace import Agent, Trigger
from agentspace.agent.runner import Runner
from agentspace.client.space import RemoteSpace
from agentspace.core.slot import Put
from agentspace.errors import ProtocolError
from agentspace.wire import from_client
from agentspace.wire.codec import encode
from tests.support.eventually import eventually
from tests.support.images import IMAGE, SEGMENT, image
from tests.support.server_process import ServerProcess, pool_of


@pytest.fixture
def user(server: ServerProcess) -> Iterator[Callable[[str], RemoteSpace]]:
    """Gives one more user, with a pool of its own."""
    users = list[RemoteSpace]()

    def connect(name: str) -> RemoteSpace:
        users.append(server.connect(name))
        return users[-1]

    yield connect
    for one in users:
        one.close()


def same_memory(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> bool:
    """Whether two arrays that one process has read lie in the same segment."""
    return left.__array_interface__["data"] == right.__array_interface__["data"]


FORMS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda array: array,
    "nested": lambda array: {"here": [array, 1]},
    "twice": lambda array: (array, array),
    "another form": lambda array: array.reshape(-1).view("<u4"),
    "as RGB": lambda array: array[:, :, :3],
}


@pytest.mark.parametrize("form", FORMS)
def test_what_was_read_is_passed_on_by_reference(server, user, form):
    """No further segment is made, by nobody; whoever reads both slots sees one memory."""
    writer, passer, reader = user("writer"), user("passer"), user("reader")
    writer.write("from", image(3))
    read = passer.read("from")
    passer.read("from")  # what it takes to share is there by now
    before = server.descriptors
    passed = FORMS[form](read)
    assert passer.write("to", passed)
    assert pool_of(passer).size == 0
    found = reader.read("to")
    arrays = {"nested": lambda: [found["here"][0]], "twice": lambda: list(found)}.get(form, lambda: [found])()
    for array in arrays:
        assert same_memory(array, reader.read("from"))
        assert array.tobytes() == image(3).tobytes()
        assert not array.flags.writeable
    assert pool_of(writer).size == SEGMENT
    assert server.descriptors <= before + 4  # the reader's connections


@pytest.mark.parametrize(
    "changed",
    [
        lambda array: array[:-1],
        lambda array: array[::-1],
        lambda array: array.copy(),
        lambda array: np.broadcast_to(array[:1], IMAGE),
        lambda array: array[:, :, ::-1],
    ],
    ids=["part", "upside down", "copy", "repeated", "colours exchanged"],
)
def test_what_is_not_all_of_it_is_copied(user, changed):
    """A part, or another order, is an array of its own."""
    writer, passer = user("writer"), user("passer")
    source = np.random.default_rng(1).integers(0, 255, IMAGE, np.uint8)
    writer.write("from", source)
    passer.write("to", changed(passer.read("from")))
    assert pool_of(passer).size == SEGMENT
    assert np.array_equal(writer.read("to"), changed(source))


def test_what_was_passed_on_stays_while_it_is_held(user):
    """The slot that it was read from is written over and over: the other one keeps it, until it is deleted."""
    writer, passer, reader = user("writer"), user("passer"), user("reader")
    pool = pool_of(writer)
    writer.write("from", image(1))
    passer.write("to", passer.read("from"))
    gc.collect()
    for number in range(2, 50):
        writer.write("from", image(number))
    assert (reader.read("to") == 1).all()
    assert pool.size <= 4 * SEGMENT
    assert len(pool.used) >= 2
    passer.delete("to")
    writer.delete("from")
    eventually(lambda: reader.read("nothing") is None and writer.read("nothing") is None and not pool.used)


def test_it_goes_on_from_hand_to_hand(user):
    """Through ten slots, each written by who has read the one before; all are one memory."""
    users = [user(f"hand-{k}") for k in range(10)]
    users[0].write("hand/0", image(8))
    for number, one in enumerate(users[1:], 1):
        one.write(f"hand/{number}", one.read(f"hand/{number - 1}"))
    assert [pool_of(one).size for one in users] == [SEGMENT] + [0] * 9
    first = users[0].read("hand/0")
    assert all(same_memory(first, users[0].read(f"hand/{number}")) for number in range(10))


@pytest.mark.parametrize("who", ["writer", "passer", "both"])
def test_whoever_is_killed_it_stays_and_is_freed_in_the_end(server, space, who):
    """`kill -9` of who wrote it, and of who passed it on: the slot keeps it; then nothing is left."""
    space.write("from", image(1))
    assert (space.read("from") == 1).all()  # what it takes to share is there by now
    before = server.descriptors + 2  # one more segment of its own
    writer = server.client("space.write('from', np.full((480, 640, 3), 42, np.uint8)); say('done'); wait()", "w")
    writer.expect("done")
    passer = server.client("kept = space.read('from'); space.write('to', kept); say('done'); wait()", "p")
    passer.expect("done")
    for program in {"writer": [writer], "passer": [passer], "both": [writer, passer]}[who]:
        program.kill()
    space.write("from", image(2))
    assert (space.read("to") == 42).all()
    for program in (writer, passer):
        program.kill()
    assert (space.read("to") == 42).all()
    space.delete("to")
    eventually(lambda: space.write("other", 1) and server.descriptors <= before)


class Relay(Agent):
    """Passes each picture on, and keeps the last ones."""

    def init(self) -> None:
        """Wakes for pictures."""
        self.kept = list[Any]()
        self.attach_trigger("relay/from")

    def sense_select_act(self) -> None:
        """Passes it on, alone and with its number."""
        picture = self.read("relay/from")
        if picture is not None:
            self.kept = [*self.kept[-2:], picture]
            self.write("relay/to", picture)
            self.write("relay/both", {"picture": picture, "level": int(picture[0, 0, 0])})
            assert self.read("relay/to") is not None


def test_agent_passes_on_by_reference(user, start):
    """With its handler's commit; hundreds of pictures later nobody has more memory, and none is torn."""
    writer, passer, reader = user("writer"), user("relay"), user("reader")
    start(Relay(), passer, "relay")
    pool = pool_of(writer)
    with reader.watch("relay/both") as passed:
        for number in range(300):
            writer.write("relay/from", image(number))
            for entry in passed.next(0.0 if number % 50 else 10.0) or ():
                assert (entry.value["picture"] == entry.value["level"]).all()
    eventually(lambda: reader.read("relay/both", {"level": -1})["level"] == 299 % 256)
    assert pool_of(passer).size == 0
    assert pool.size <= 12 * SEGMENT
    assert same_memory(reader.read("relay/to"), reader.read("relay/both")["picture"])


def test_idle_agent_lets_go_of_what_it_passed_on(user, start):
    """It tells so on its own connection, also when nothing wakes it any more."""
    writer, passer = user("writer"), user("relay")
    agent = Relay()
    start(agent, passer, "relay")
    writer.write("relay/from", image(1))
    eventually(lambda: agent.kept and writer.read("relay/both") is not None)
    for name in ("relay/from", "relay/to", "relay/both"):
        writer.delete(name)
    agent.kept.clear()
    eventually(lambda: writer.read("nothing") is None and not pool_of(writer).used)


def test_camera_passes_another_slot_on(user, start):
    """A camera that looks at a slot has no picture of its own; one that has to make RGB of it has."""
    writer, passer, reader = user("writer"), user("camera"), user("reader")
    start(Camera(device="slot:eye/view", rate=200.0), passer, "camera")
    eventually(lambda: reader.read("camera/state", {"state": ""})["state"] == "waiting")
    writer.write("eye/view", image(5))
    eventually(lambda: reader.read("camera") is not None)
    view = reader.read("camera")
    assert same_memory(view, reader.read("eye/view"))
    assert pool_of(passer).size == 0
    writer.write("eye/view", image(6)[:, :, 0].copy())
    eventually(lambda: (found := reader.read("camera")) is not None and int(found.max()) == 6)
    assert pool_of(passer).size == SEGMENT


@pytest.fixture
def start() -> Iterator[Callable[[Agent, RemoteSpace, str], None]]:
    """Runs an agent in a thread; it is stopped in the end."""
    running = list[tuple[Runner, threading.Thread]]()

    def run(agent: Agent, space: RemoteSpace, role: str) -> None:
        runner = Runner(agent, space.join(role))
        running.append((runner, threading.Thread(target=runner.run)))
        running[-1][1].start()

    yield run
    for runner, thread in running:
        runner.stop()
        thread.join()


def test_what_a_lost_server_lent_is_copied_for_the_next():
    """A view outlives its server; the next one knows nothing of it, and gets the bytes."""
    with ServerProcess() as server, server.connect("writer") as writer, server.connect("passer") as passer:
        writer.write("from", image(7))
        session = passer.join("passer")
        session.running()
        view = passer.read("from")
        prepared = session.prepare(view)
        assert not prepared.is_lost
        server.kill()
        server.start()
        assert passer.write("to", view)
        assert (writer.read("to") == 7).all()
        assert prepared.is_lost
        writer.write("from", image(8))
        fresh = passer.read("from")
        del view
        gc.collect()
        for number in range(30):  # the release of what the old server lent is not told to the new one
            writer.write("from", image(number))
            passer.read("nothing")
        assert (fresh == 8).all()


def test_session_in_another_thread_copies(user):
    """In another thread than that of its agent it passes nothing on: it commits there on another connection."""
    writer, passer = user("writer"), user("passer")
    writer.write("first/from", image(4))
    session = passer.join("first")
    session.running()
    view = passer.read("first/from")
    # private: as if another thread had the session
    session._owner = 0
    session.commit(None, [Put("first/to", session.prepare(view))])
    eventually(lambda: writer.read("first/to") is not None)
    assert pool_of(passer).size == SEGMENT
    session.leave("stopped")


def test_order_of_the_release(user):
    """Pictures are passed on and let go of at once, while another connection tells what is released."""
    writer, passer, reader = user("writer"), user("passer"), user("reader")
    session = passer.join("quick")
    session.attach_trigger("quick/from", Trigger.NORMAL)
    session.running()
    for number in range(200):
        writer.write("quick/from", image(number))
        wake = session.receive(10.0)
        assert wake is not None
        picture = session.reveal(wake.values["quick/from"][0])
        values = {"quick/to": picture, "quick/level": int(picture[0, 0, 0])}
        session.commit(wake, [Put(name, session.prepare(value)) for name, value in values.items()])
        del picture, wake, values
        reader.read("nothing")
        passer.read("nothing")  # on the connection of the user, with all that is to be released
    eventually(lambda: reader.read("quick/level") == 199)
    assert (reader.read("quick/to") == 199).all()
    assert pool_of(passer).size == 0
    session.leave("stopped")


@pytest.mark.parametrize(
    ("refs", "told"),
    [
        ([[999_999, image(0).nbytes]], "is not lent"),
        ([[-1, image(0).nbytes]], "is not lent"),
        ([["ident", image(0).nbytes - 1]], "bytes, not"),
        ([["ident", 0]], "bytes, not"),
        ([["ident", 1 << 62]], "bytes, not"),
        ([["ident"]], "not a payload"),
        ([["ident", image(0).nbytes, 1]], "not a payload"),
        ([["foreign", image(0).nbytes]], "is not lent"),
        ([["released", image(0).nbytes]], "is not lent"),
    ],
)
def test_hostile_references_are_refused(user, refs, told):
    """What was never lent to this client, or is not any more, or has another size; and all others are served."""
    writer, hostile = user("writer"), user("hostile")
    for name in ("lent", "foreign", "released"):
        writer.write(name, image(9))
    views = {name: hostile.read(name) for name in ("lent", "released")}
    idents = {"ident": ident_of(views["lent"]), "released": ident_of(views.pop("released"))}
    idents["foreign"] = ident_of(writer.read("foreign"))
    hostile.read("nothing")  # tells what is released
    wrong = [[idents.get(part, part) if isinstance(part, str) else part for part in ref] for ref in refs]
    # private: a message that no client makes
    connection = hostile._link.connection()
    frame = encode(image(0), lambda _: 0)
    message = from_client.Write(connection.number(), "DATA", "", 0, "stolen", None, 0.0, 0.0, wrong)
    with pytest.raises(ProtocolError, match=told):
        connection.call(message, (frame,))
    assert writer.read("stolen") is None
    assert hostile.write("still", views["lent"])
    assert (writer.read("still") == 9).all()


def ident_of(view: np.ndarray[Any, Any]) -> int:
    """The server's number of the segment that a view lies in."""
    ident: int = view.base.holding.segments[0][0]
    return ident
