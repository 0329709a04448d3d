"""The account that a space gives of itself, on every kind of space."""

from __future__ import annotations

import numpy as np
import pytest

from agentspace import SpaceAccount, Trigger
from agentspace.core.space import Wake
from agentspace.errors import SlotNameError, ValueTypeError
from tests.support.eventually import eventually
from tests.system.conformance.sessions import handled, put, ready


def test_each_refusal_is_a_change_while_somebody_follows(space):
    """Who follows ``_/refused`` sees every refusal, writes and deletes, in order."""
    space.write("x", 1, priority=2)
    space.write("x", 0)
    assert space.entry("_/refused") is None
    with space.watch("_/refused", Trigger.EVERY) as refusals:
        assert refusals.next(1.0) == []
        space.write("x", 0)
        space.delete("x", priority=1)
        found = []
        while len(found) < 2:
            found += refusals.next(10.0) or []
    assert [(entry.value["kind"], entry.value["priority"]) for entry in found] == [("write", 0.0), ("delete", 1.0)]


def test_readers_are_told_by_their_role(space, join):
    """What an incarnation asks for is told under its role's name, also when it follows a slot."""
    session = join("anne")
    session.running()
    session.read("picture")
    session.watch("sound").close()
    assert eventually(lambda: space.read("_/links", {}).get("reads", {}).get("anne") == ["picture", "sound"])
    session.write("word", b"four")
    assert eventually(lambda: space.read("_/links")["writes"].get("anne") == ["word"])


def test_lag_tells_how_long_the_oldest_change_waits(space, join):
    """Before anybody takes it, the time that a change waits grows; afterwards nothing waits."""
    session = join("anne")
    session.attach_trigger("x")
    session.running()
    space.write("x", 1)
    first = session.receive(10.0)
    space.write("x", 2)
    assert eventually(lambda: space.read("_/loads", {}).get("anne", {}).get("lag", 0.0) > 0.0)
    session.commit(first, [])
    session.receive(10.0)
    assert eventually(lambda: space.read("_/loads")["anne"]["lag"] == 0.0)


def test_roles_are_visible(space, join):
    """`_/roles/ROLE` tells state, epoch, triggers and what the incarnation says, which cannot say the rest."""
    with pytest.raises(ValueTypeError, match="no role says 'state' of itself"):
        join("anne", {"class": "Anne", "state": "lie"})
    session = join("anne", {"class": "Anne", "numbers": np.arange(3)})
    shown = space.read("_/roles/anne")
    assert (shown["state"], shown["epoch"], shown["class"]) == ("starting", session.epoch, "Anne")
    ready(session, **{"x*": Trigger.EVERY})
    shown = space.read("_/roles/anne")
    assert shown["state"] == "running"
    assert [list(trigger) for trigger in shown["triggers"]] == [["x*", "every"]]
    assert shown["stop_requested"] is False
    session.leave("failed", "Traceback: boom")
    assert space.read("_/roles/anne")["state"] == "failed"
    assert space.read("_/errors/anne") == {"epoch": session.epoch, "traceback": "Traceback: boom"}


def test_own_slots_belong_to_the_space(space, join):
    """Nobody else may write or delete them, with whatever priority; the space signs them."""
    session = ready(join("anne"))
    for user in (space, session):
        with pytest.raises(SlotNameError, match="_/"):
            user.write("_/roles/anne", "mine", priority=1e9)
        with pytest.raises(SlotNameError, match="_/"):
            user.delete("_/roles/anne", priority=1e9)
    assert space.entry("_/roles/anne").writer.role == "_"
    assert space.write("_mine", 1)


def test_refusals_are_counted_and_shown(space, join):
    """`_/refusals` counts refused writes by slot and keeps the last ones with writer and holder."""
    session = ready(join("anne"))
    space.write("x", 1, priority=5.0, validity=100.0)
    session.write("x", 2, priority=1.0)
    session.delete("x")
    shown = eventually(lambda: (s := space.read("_/refusals")) and s["counts"].get("x") == 2 and s)
    recent = shown["recent"][0]
    assert (recent["slot"], recent["priority"], recent["held_priority"]) == ("x", 1.0, 5.0)
    assert recent["writer"] == f"anne#{session.epoch}"
    assert eventually(lambda: (s := space.read("_/loads")) and s["anne"]["refused"]) == 2


def test_loads_and_rates_are_shown(space, join):
    """`_/loads` tells what handlers do, missed ticks included; `_/rates` how often slots are written."""
    session = ready(join("anne"), x=Trigger.NORMAL)
    for n in range(3):
        space.write("x", n)
        handled(session)
    session.ticked(4, alone=True)
    session.commit(None, [put(session, "y", 1)])
    load = eventually(lambda: (s := space.read("_/loads")) and s["anne"]["missed_ticks"] and s["anne"])
    assert (load["handled"], load["missed_ticks"], load["overflow"], load["busy"]) == (4, 4, 0, False)
    assert 0 <= load["handler_ms"] <= load["handler_ms_p99"]
    assert "timer_ms" not in load  # of what `init` wrote
    session.ticked(0, alone=True)
    session.commit(Wake(timer=True), [])
    timed = eventually(lambda: (s := space.read("_/loads")) and "timer_ms" in s["anne"] and s["anne"])
    assert 0 <= timed["timer_ms"] <= timed["timer_ms_p99"]

    def rate() -> float:
        space.write("x", 0)
        return space.read("_/rates", {}).get("x", 0.0)

    assert eventually(rate) > 0


def test_clock_beats_from_the_start(space, another):
    """A space tells its time as soon as it is there, goes on by itself, and tells everybody the same server."""
    first = SpaceAccount.of(space).clock
    assert first is not None
    assert len(first.server) == 32
    with space.watch("_/clock", Trigger.EVERY) as beats:
        found = []
        while len(found) < 2:
            found += beats.next(10.0) or []
    times = [entry.value["now"] for entry in found]
    assert first.now <= times[0] < times[1]
    assert (
        {entry.value["server"] for entry in found} == {first.server} == {SpaceAccount.of(another()).clock.server}
    )
    assert all(0 < entry.time_left <= 3 * first.period for entry in found)


def test_clock_is_seen_by_those_alone_who_ask(space):
    """A listing or watch of everything is not disturbed by the heartbeat; nobody else may write it."""
    space.write("x", 1)
    assert list(space.snapshot("*")) == ["x"]
    with pytest.raises(SlotNameError):
        space.write("_/clock", {"now": 0.0})


def test_writers_that_take_turns_are_told(space, join):
    """Writers of equal priority that write over each other's valid values are told; others are not."""
    session = join("anne")
    session.running()
    for number in range(5):
        space.write("x", number)
        session.write("x", -number)
        space.write("mine", number, priority=1)
        session.write("mine", number)
        space.write("short", number, validity=1e-9)
    session.write("short", 1)
    told = eventually(lambda: (turns := SpaceAccount.of(space).turns) and turns["x"].turns >= 9 and turns)
    assert told.keys() == {"x"}
    assert told["x"].turns == 9
    assert "anne" in told["x"].writers
    assert len(told["x"].writers) == 2
