"""Servers and clients that fall silent."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from agentspace import SpaceAccount, Trigger
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.change import Kind
from agentspace.core.slot import Put
from agentspace.core.space import Session
from agentspace.errors import FencedError, SpaceUnreachableError
from tests.support.eventually import SOON, eventually
from tests.support.program import client
from tests.support.server_process import LEASE, ServerProcess


def test_late_answer_is_not_taken_for_another():
    """After a request ran out of time, the next one gets its own answer, not the late one."""
    with ServerProcess() as server:
        with connect(server.address, "test", timeout=30.0, patience=0.3) as space:
            space.write("x", "x")
            space.write("y", "y")
            server.process.signal(signal.SIGSTOP)
            with pytest.raises(SpaceUnreachableError, match=r"0\.3 s"):
                space.read("x")
            server.process.signal(signal.SIGCONT)
            eventually(lambda: reads(space, "y", "y"))
            assert [space.read(name) for name in "xyxy"] == ["x", "y", "x", "y"]


def reads(space: RemoteSpace, name: str, value: object) -> bool:
    """Whether a slot can be read and has this value."""
    try:
        return bool(space.read(name) == value)
    except SpaceUnreachableError:
        return False


def test_stopped_server_ends_sessions_with_an_error():
    """A session whose server does not answer learns of it, and does not wait for ever."""
    with ServerProcess("--lease", "0.4") as server:
        with connect(server.address, "test", timeout=30.0, patience=0.3) as space:
            session = space.join("anne")
            session.running()
            server.process.signal(signal.SIGSTOP)
            with pytest.raises(SpaceUnreachableError):
                session.receive(60.0)
            server.process.signal(signal.SIGCONT)


def test_killed_server_comes_back():
    """Plain users go on, watches begin anew with what is there, sessions come back; nobody has to reconnect."""
    with ServerProcess("--lease", str(LEASE)) as server, server.connect() as space:
        space.write("x", 1)
        with space.watch("x") as newest, space.watch("x", Trigger.EVERY) as every:
            assert [entry.value for entry in newest.next(SOON) or ()] == [1]
            assert [entry.value for entry in every.next(SOON) or ()] == [1]
            session = space.join("anne")
            session.attach_trigger("x")
            session.running()
            server.kill()
            server.start()
            assert space.read("x") is None
            with pytest.raises(FencedError):
                session.receive(60.0)
            assert session.come_back()
            assert not session.come_back()  # nothing has cut it off since
            session.running()
            assert not session.receive(0.0)  # its trigger was attached again, and nothing is there
            session.leave("stopped")
            for watch in (newest, every):
                gone = watch.next(SOON) or ()  # of the new server: what was there is there no more
                assert [(entry.name, str(entry.kind), entry.value) for entry in gone] == [("x", "deleted", None)]
            for number in (2, 3):
                assert space.write("x", number).revision == number - 1
                for watch in (newest, every):
                    assert [entry.value for entry in watch.next(SOON) or ()] == [number]
        assert space.join("anne").epoch == 2


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("kind", Trigger)
def test_a_role_hears_what_became_empty_with_its_server(kind, stored, tmp_path):
    """Of slots of which it was told, whatever the trigger; not of those of whose end it was told, too."""
    store = ("--store", str(tmp_path / "kept.db"), "--durable", "other") if stored else ()
    with ServerProcess("--lease", str(LEASE), *store) as server, server.connect() as space:
        session = space.join("anne")
        session.attach_trigger("of/*", kind)
        session.attach_trigger("wake")
        session.running()
        for name in ("of/gone", "of/over", "of/again"):
            space.write(name, 1)
        hears_of(space, session, {"of/gone", "of/over", "of/again", "wake"})
        space.delete("of/over")
        hears_of(space, session, {"of/over"})
        server.kill()
        server.start()
        space.write("of/again", 2)
        with pytest.raises(FencedError):
            session.receive(60.0)
        assert session.come_back()
        session.running()
        wake = session.receive(SOON)
        told = {*wake.names}
        if kind is Trigger.NAMES or kind is Trigger.QUIET:
            told -= {"of/over"}  # it was not told with what
        again = kind is not Trigger.EVERY or stored  # an EVERY trigger that was kept hears of each change since
        if kind is Trigger.WRITES:
            assert told == {"wake"}  # it hears of what is done while it is there
            return
        assert told == {"of/gone", "wake", *(["of/again"] if again else [])}
        assert wake.values["wake"] is None
        if kind is Trigger.NORMAL:
            assert wake.values["of/gone"] is None
        if kind is Trigger.EVERY:
            gone = [(change.name, str(change.kind)) for change in wake.changes if change.name != "of/again"]
            assert gone == [("of/gone", "deleted")]
        session.commit(wake, ())
        assert session.receive(0.0) is None


def hears_of(space: RemoteSpace, session: Session, names: set[str]) -> None:
    """The session is woken until it has heard of these slots."""
    told: set[str] = set()
    while not names <= told:
        space.write("wake", 1)
        wake = session.receive(SOON)
        assert wake is not None
        told |= {*wake.names}
        session.commit(wake, ())


MIRROR = """
mirror = {}
with space.watch("slot/*") as watch:
    while True:
        entries = watch.next(0.1) or ()
        for entry in entries:
            mirror.pop(entry.name, None)
            if entry.kind == "written":
                mirror[entry.name] = entry.value
        if entries:
            say(sorted(mirror.items()))
"""


def test_a_watch_that_was_cut_off_learns_what_is_there_no_more(server, space):
    """What was deleted, has run out or has changed while its process was stopped, for longer than its lease."""
    for name in "abcd":
        space.write(f"slot/{name}", 1)
    mirror = server.client(MIRROR, "mirror")
    mirror.expect("[('slot/a', 1), ('slot/b', 1), ('slot/c', 1), ('slot/d', 1)]")
    eventually(lambda: mirror.pid in space.read("_/server")["heard"])
    mirror.signal(signal.SIGSTOP)
    eventually(lambda: mirror.pid not in space.read("_/server")["heard"])
    space.delete("slot/a")
    space.write("slot/b", 2, validity=0.1)
    eventually(lambda: space.read("slot/b") is None)
    space.write("slot/c", 2)
    mirror.signal(signal.SIGCONT)
    mirror.expect("[('slot/c', 2), ('slot/d', 1)]")


def test_watch_waits_for_a_server_that_stays_away():
    """However long it takes: then it follows the new one."""
    with ServerProcess("--lease", "0.4") as server:
        with connect(server.address, "test", timeout=30.0, patience=0.3) as space, space.watch("x") as watch:
            assert watch.next(SOON) == []
            server.kill()
            assert watch.next(1.0) is None
            server.start()
            assert watch.next(SOON) == []
            space.write("x", 1)
            assert [entry.value for entry in watch.next(SOON) or ()] == [1]


def test_plain_user_may_be_silent(server, space):
    """The server forgets one that says nothing for longer than the lease; the next request meets it again."""
    silent = server.connect("silent")
    silent.write("x", 1)
    other = server.client("s = space.join('other'); s.running(); say('joined'); wait()")
    other.expect("joined")
    other.signal(signal.SIGSTOP)
    eventually(lambda: space.read("_/roles/other")["state"] == "gone")
    assert silent.read("x") == 1
    assert silent.write("x", np.zeros(50_000))
    silent.close()
    other.close()


WATCHER = """
with space.watch("tick", Trigger.EVERY) as watch:
    watch.next(20)
    say("watching")
    for entry in watch:
        say("saw", entry.value)
"""


def test_watch_goes_on_after_a_pause(server, space):
    """A watch in a process that was stopped for longer than the lease follows again when it goes on."""
    watcher = server.client(WATCHER)
    watcher.expect("watching")
    space.write("tick", 0)
    watcher.expect("saw 0")
    watcher.signal(signal.SIGSTOP)
    pause = server.client("s = space.join('pause'); s.running(); say('joined'); wait()")
    pause.expect("joined")
    pause.signal(signal.SIGSTOP)
    eventually(lambda: space.read("_/roles/pause")["state"] == "gone")
    pause.close()
    for number in range(1, 10):
        space.write("tick", number)
    watcher.signal(signal.SIGCONT)
    watcher.expect("saw 9")  # what was missed is the present content now
    space.write("tick", 10)
    watcher.expect("saw 10")
    watcher.close()


def test_session_hears_that_it_was_forgotten_even_if_its_heart_heard_first(server, space):
    """A handler that does nothing for the space, in a process that was stopped meanwhile: the role is lost."""
    code = """
session = space.join("dreamer")
session.attach_trigger("dream")
session.running()
say("joined")
wait()          # the handler of a timer, say; the heart beats on and is the first to hear
try:
    session.receive(20)
    say("woken")
except AgentspaceError as error:
    say(type(error).__name__)
"""
    dreamer = server.client(code)
    dreamer.expect("joined")
    dreamer.signal(signal.SIGSTOP)
    eventually(lambda: space.read("_/roles/dreamer")["state"] == "gone")
    dreamer.signal(signal.SIGCONT)
    clients = eventually(lambda: space.read("_/server")["clients"])
    eventually(lambda: space.read("_/server")["clients"] >= clients)
    with space.watch("_/server") as watch:  # a second passes, in which the heart has met the server again
        for _ in range(2):
            watch.next(2 * LEASE)
    dreamer.say()
    dreamer.expect("FencedError")
    dreamer.close()


def test_client_in_another_folder(server, tmp_path: Path, space):
    """Nothing depends on the folder in which a client runs."""
    with client(server.address, "say(space.write('from-afar', os.getcwd()))", folder=tmp_path) as program:
        program.expect("Written")
    assert space.read("from-afar") == str(tmp_path)


def test_clock_of_a_server_that_hung_goes_on_and_that_of_another_is_told_apart():
    """A stopped server sends no beat; continued it goes on with its name and time; another has another name."""
    with ServerProcess() as server:
        with server.connect() as space, space.watch("_/clock", Trigger.EVERY) as beats:
            before = beats.next(SOON)[-1]
            server.process.signal(signal.SIGSTOP)
            while beats.next(2 * before.value["period"]):  # what was under way
                pass
            server.process.signal(signal.SIGCONT)
            after = eventually(lambda: newest_beat(beats.next(SOON)))
            assert after["server"] == before.value["server"]
            assert after["now"] > before.value["now"] + 2 * after["period"]
        server.kill()
        server.start()
        with server.connect() as space:
            assert SpaceAccount.of(space).clock.server != after["server"]


def newest_beat(entries):
    """The last clock among these changes; None if it only ran out."""
    return next((entry.value for entry in reversed(entries or ()) if entry.kind is Kind.WRITTEN), None)


def test_watch_keeps_nothing_of_slots_that_are_over(server, space):
    """Names that change for months: what it remembers for the next server is what there is."""
    with server.connect("elsewhere") as user, user.watch("name/*") as watch:
        for number in range(20):
            space.write(f"name/{number}", 1, validity=0.05)
        space.write("name/stays", 1)
        over = set[str]()
        while len(over) < 20:
            over |= {entry.name for entry in watch.next(SOON) or () if entry.kind == "expired"}
        assert set(watch._known) == {"name/stays"}  # private: what it would tell another server


def test_a_server_that_was_stopped_hears_first_what_has_come_meanwhile():
    """Longer than a lease: whoever has said something is not taken for silent."""
    with ServerProcess("--lease", "0.5") as server, server.connect() as space:
        session = space.join("anne")
        session.running()
        server.process.signal(signal.SIGSTOP)
        session.commit(None, [Put("x", session.prepare(1))])
        time.sleep(1.5)  # three leases: this is about that time
        server.process.signal(signal.SIGCONT)
        assert eventually(lambda: space.read("x")) == 1
        assert not session.come_back()
