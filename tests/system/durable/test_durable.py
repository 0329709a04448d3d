"""What is kept when a server is killed, and what is not."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agentspace import Agent, Kind, Parameter, Trigger
from agentspace.agent.runner import Runner
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.role import State
from agentspace.core.slot import Put
from agentspace.errors import FencedError
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.system.durable.conftest import Durable

WHATEVER = {"a": [1, 2.5, None, "ö"], "b": np.arange(100_000, dtype=np.int16).reshape(100, -1)}


def test_what_was_answered_is_there(server: Durable) -> None:
    """Values with all that is known of them, large arrays too; slots that are not durable are empty."""
    with server.connect("anna") as space:
        space.write("d/value", WHATEVER, priority=3)
        space.write("d/gone", 1)
        space.delete("d/gone")
        space.write("other", 1)
        before = space.entry("d/value")
    server.reborn()
    with server.connect() as space:
        after = space.entry("d/value")
        assert (after.revision, after.priority, after.writer) == (before.revision, 3, before.writer)
        assert after.value["a"] == WHATEVER["a"]
        np.testing.assert_array_equal(after.value["b"], WHATEVER["b"])
        assert sorted(space.snapshot()) == ["d/value"]
        refused = space.write("d/value", 1, priority=2)
        assert not refused
        assert refused.held_priority == 3
        assert refused.holder.role == before.writer.role


def test_validity_goes_on_while_nobody_serves(server: Durable) -> None:
    """What has run out meanwhile is empty, also a hold by a delete; the rest has as long as it had; delays end."""
    with server.connect() as space:
        space.write("d/short", 1, validity=0.3, priority=1)
        space.delete("d/held", priority=1, validity=0.3)
        space.delete("d/long", priority=1, validity=600)
        space.write("d/lasting", 1, validity=600)
        space.write("d/late", "now", delay=0.3)
        space.write("d/later", "then", delay=600)
        server.kill()
        server.process.wait()
        began = time.monotonic()
        eventually(lambda: time.monotonic() > began + 0.3)  # what the test is about is that this time passes
    server.start()
    with server.connect() as space:
        assert space.write("d/short", 2)
        assert space.write("d/held", 2)
        assert not space.write("d/long", 2)
        assert 0 < space.entry("d/lasting").time_left < 600
        assert eventually(lambda: space.read("d/late")) == "now"
        later = space.snapshot("d/later")["d/later"]
        assert (later.kind, later.value) == (Kind.DELAYED, None)


def test_numbers_never_go_back(server: Durable) -> None:
    """Revisions of all slots, of durable ones that were emptied too, epochs, numbers of swaps; over two kills."""
    revisions, epochs, swaps = dict.fromkeys(("d/kept", "d/gone", "other"), 0), [0], [0]
    for _ in range(3):
        with server.connect() as space:
            for name in revisions:
                for value in range(3):
                    revision = space.write(name, value).revision
                    assert revision > revisions[name]
                    revisions[name] = revision
            space.delete("d/gone")
            with space.join("r") as session:
                epochs.append(session.epoch)
                session.running()
                swaps.append(space.request_swap("r", None, {}))
        server.reborn()
    assert epochs == sorted(set(epochs))
    assert swaps == sorted(set(swaps))


def test_numbers_are_exact_after_an_end_in_order(server: Durable) -> None:
    """No revision is left out then."""
    with server.connect() as space:
        before = space.write("other", 1).revision
        space.write("d/kept", 1)
    assert server.end() == 0
    server.start()
    with server.connect() as space:
        assert space.write("d/kept", 2).revision == before + 1


def test_who_was_away_acts_no_more(server: Durable) -> None:
    """A session of before the kill writes nothing: its epoch is over, whoever has it now."""
    with server.connect() as old, old.join("r") as session:
        session.running()
        server.reborn()
        with server.connect() as space, space.join("r") as other:
            assert other.epoch > session.epoch
            with pytest.raises(FencedError):
                session.write("d/x", 1)


def test_queues_are_kept(server: Durable) -> None:
    """Changes that wait for EVERY triggers, or are with a handler, in order; those that were handled are not."""
    with server.connect() as space:
        session = space.join("r")
        session.attach_trigger("d/*", Trigger.EVERY)
        session.running()
        for value in range(3):
            space.write("d/x", value)
        handled = session.receive(5.0)
        while len(handled.changes) < 3:
            session.commit(handled, [])
            handled = _joined(handled, session.receive(5.0))
        session.commit(handled, [Put("d/done", session.prepare(True))])
        eventually(lambda: space.read("d/done"))
        for value in range(3, 6):
            space.write("d/x", value)
        space.write("d/y", "after")
        assert session.receive(5.0) is not None  # it is with a handler now
        server.kill()
        server.process.wait()
    server.start()
    with server.connect() as space, space.join("r") as session:
        session.attach_trigger("d/*", Trigger.EVERY)
        session.running()
        found = []
        while len(found) < 5:
            wake = session.receive(5.0)
            found += [(change.name, change.value) for change in wake.changes]
            session.commit(wake, [])
        assert found == [("d/done", True), *(("d/x", value) for value in range(3, 6)), ("d/y", "after")]
        assert session.receive(0.2) is None


def _joined(first: Any, second: Any) -> Any:
    return second._replace(changes=(*first.changes, *second.changes))


def test_what_a_role_keeps_and_its_settings_are_kept(server: Durable) -> None:
    """A state, and what was set while it ran; once it has ended well, no more."""
    with server.connect() as space:
        session = space.join("r", {"class": "x:Y"})
        session.running()
        session.commit(None, [Put("d/seen", session.prepare(1))], State(2, {"count": 7}))
        eventually(lambda: space.read("d/seen"))
    server.reborn()
    with server.connect() as space:
        session = space.join("r")
        assert session.inherited == State(2, {"count": 7})
        session.running()
        session.leave("stopped")
    server.reborn()
    with server.connect() as space, space.join("r") as session:
        assert session.inherited is None


class Counter(Agent):
    """Counts each change once, with what it keeps."""

    gain = Parameter(1, "of a count", live=True)

    def init(self) -> None:
        self._count = 0
        self.attach_trigger("d/in", Trigger.EVERY)

    def sense_select_act(self) -> None:
        self._count += self.gain * len(self.wake.changes)
        self.write("d/count", self._count)
        self.checkpoint()

    def get_state(self) -> tuple[int, int]:
        return 1, self._count

    def set_state(self, version: int, state: int) -> None:
        self._count = state


def test_an_agent_counts_each_change_once(server: Durable) -> None:
    """Over five kills in the middle of its work: the agent lives, takes up what was kept, and misses nothing."""
    patient = connect(server.address, "counter", timeout=20.0, patience=math.inf)  # as an agent's process is
    runner = Runner(Counter(), patient.join("counter"), ROOT)
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    with server.connect() as space:
        eventually(lambda: space.read("_/roles/counter", {}).get("state") == "running")
        sent = 0
        for _ in range(5):
            for _ in range(20):
                sent += 1
                space.write("d/in", sent)
            server.reborn()
        eventually(lambda: _read(space) == sent, 20.0)
        space.write("d/in", sent + 1)
        eventually(lambda: _read(space) == sent + 1)
        assert space.read("_/roles/counter")["epoch"] > 1
    runner.stop()
    thread.join()


def _read(space: RemoteSpace) -> Any:
    return space.read("d/count")


def test_nobody_is_shown_what_is_not_kept(server: Durable) -> None:
    """Who saw a value, by reading or by watching, finds it or a later one after the kill, each of five times."""
    for number in range(5):
        with server.connect() as writer, server.connect() as reader:
            with reader.watch("d/n", Trigger.EVERY) as watch:
                watch.next(5.0)
                stop = threading.Event()
                thread = threading.Thread(target=_write, args=(writer, number, stop), daemon=True)
                thread.start()
                seen = [eventually(lambda: reader.read("d/n") or None)]
                seen += [entry.value for entry in watch.next(5.0) or ()]
                server.kill()
                stop.set()
                server.process.wait()
        server.start()
        with server.connect() as space:
            assert space.read("d/n") >= max(seen)
        thread.join()


def _write(space: RemoteSpace, number: int, stop: threading.Event) -> None:
    value = 1_000_000 * number
    while not stop.is_set():
        value += 1
        try:
            space.write("d/n", value)
        except Exception:  # the server was killed meanwhile
            return


def test_a_watcher_goes_on(server: Durable) -> None:
    """It hears of no change twice, and of each that comes after the kill."""
    with server.connect() as space, space.watch("d/*") as watch:
        space.write("d/x", 1)
        heard = _collect(watch, lambda found: ("d/x", 1) in found)
        server.reborn()
        space.write("d/x", 2)
        space.write("d/y", 3)
        heard += _collect(watch, lambda found: {("d/x", 2), ("d/y", 3)} <= set(found))
        assert heard.count(("d/x", 1)) == 1


def _collect(watch: Any, enough: Callable[[list[tuple[str, Any]]], bool]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def look() -> bool:
        found.extend((entry.name, entry.value) for entry in watch.next(0.1) or ())
        return enough(found)

    eventually(look)
    return found
