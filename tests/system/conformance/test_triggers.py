"""What wakes a role, and with what: on every kind of space."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from agentspace import Trigger, Writer
from agentspace.core.mailbox import BATCH_LIMIT, EVERY_LIMIT
from tests.support.eventually import SOON, eventually
from tests.system.conformance.sessions import NEVER, SHORT, collect, follow, handled, newest, ready, woken


def test_normal_trigger_wakes_with_the_newest_value(space, join):
    """A write wakes whoever has a trigger on the slot, and the value travels along."""
    session = ready(join("anne"), x=Trigger.NORMAL)
    space.write("x", 1)
    wake = woken(session)
    assert (wake.names, wake.changes, wake.timer, wake.missed) == (("x",), (), False, 0)
    assert newest(session, wake) == {"x": 1}


def test_many_changes_while_busy_are_one_wake_up(space, join):
    """What changes during a handler is one wake-up after it, with the newest value; names keep their order."""
    session = ready(join("anne"), x=Trigger.NORMAL, y=Trigger.NAMES)
    space.write("x", 0)
    busy = woken(session)
    for n in range(5):
        space.write("y", n)
        space.write("x", n)
    assert session.receive(NEVER) is None
    session.commit(busy, ())
    wake = handled(session)
    assert wake.names == ("y", "x")
    assert newest(session, wake) == {"x": 4}
    assert session.receive(NEVER) is None


def test_names_trigger_wakes_without_values(space, join):
    """NAMES tells which slots changed, each once, and leaves reading to the handler."""
    session = ready(join("anne"), **{"x*": Trigger.NAMES})
    space.write("x1", np.zeros(3))
    wake = handled(session)
    assert (wake.names, dict(wake.values), wake.changes) == (("x1",), {}, ())


def test_writes_trigger_wakes_for_what_is_written_from_now_on(space, join):
    """WRITES tells neither what is there nor what expires; writes and deletes, each slot once."""
    space.write("x", 0)
    session = ready(join("anne"), **{"x*": Trigger.WRITES})
    assert session.receive(NEVER) is None
    space.write("x2", 1, validity=SHORT)
    space.delete("x")
    wake = handled(session)
    assert set(wake.names) | set(handled(session).names if len(wake.names) < 2 else ()) == {"x", "x2"}
    assert dict(wake.values) == {}
    eventually(lambda: space.entry("x2") is None)
    assert session.receive(NEVER) is None


def test_every_trigger_gives_each_change_in_order(space, join):
    """EVERY tells writes, delays, deletes and expiries one by one, with values, revisions and writers."""
    session, writer = ready(join("anne"), x=Trigger.EVERY), join("bert")
    writer.write("x", "a")
    space.write("x", "b", priority=2.0)
    space.write("x", "refused", priority=1.0)
    space.delete("x", priority=2.0)
    space.write("x", "c", delay=SHORT, validity=SHORT)
    changes = collect(session, 6)
    assert follow(changes) == [
        ("x", "written", "a"),
        ("x", "written", "b"),
        ("x", "deleted", None),
        ("x", "delayed", None),
        ("x", "written", "c"),
        ("x", "expired", None),
    ]
    assert [change.revision for change in changes] == [1, 2, 3, 4, 4, 4]
    assert changes[0].writer == Writer("bert", writer.epoch)
    assert changes[1].priority == 2.0


def test_every_trigger_gives_arrays_as_they_were(space, join):
    """Each change keeps its own big array, also if the slot was overwritten long since."""
    session = ready(join("anne"), x=Trigger.EVERY)
    for n in range(8):
        space.write("x", np.full((100, 100), n))
    changes = collect(session, 8)
    assert [int(change.value.min()) for change in changes] == list(range(8))
    assert [int(change.value.max()) for change in changes] == list(range(8))


def test_every_trigger_goes_on_over_many_batches(space, join):
    """More changes than one batch takes come in the next ones, none lost, none twice, in order."""
    session = ready(join("anne"), x=Trigger.EVERY)
    space.write("x", 0)
    busy = woken(session)
    count = 2 * BATCH_LIMIT + 10
    for n in range(1, count):
        space.write("x", n)
    session.commit(busy, ())
    assert [change.value for change in collect(session, count - 1)] == list(range(1, count))


def test_overflow_of_every_is_counted_and_visible(space, join):
    """Beyond its limit EVERY loses the oldest changes, tells the next handler, and the count can be read."""
    session = ready(join("anne"), x=Trigger.EVERY)
    space.write("x", 0)
    busy = woken(session)
    for n in range(1, EVERY_LIMIT + 6):
        space.write("x", n)
    session.commit(busy, ())
    first = woken(session)
    session.commit(first, ())
    rest = collect(session, EVERY_LIMIT - len(first.changes))
    assert [change.value for change in (*first.changes, *rest)] == list(range(6, EVERY_LIMIT + 6))
    assert (busy.lost, first.lost) == (0, 5)
    eventually(lambda: space.read("_/overflows", {}).get("roles") == {"anne": 5})
    assert eventually(lambda: space.read("_/loads")["anne"]["overflow"]) == 5


def test_quiet_trigger_does_not_wake_but_is_told_with_the_next(space, join):
    """QUIET collects; its names come with the next wake-up of another trigger."""
    session = ready(join("anne"), quiet=Trigger.QUIET, loud=Trigger.NORMAL)
    space.write("quiet", 1)
    space.write("quiet", 2)
    assert session.receive(NEVER) is None
    space.write("loud", 3)
    wake = handled(session)
    assert wake.names == ("quiet", "loud")
    assert newest(session, wake) == {"loud": 3}


def test_what_a_quiet_trigger_collects_can_be_asked_for(space, join):
    """A timer's wake-up asks for what QUIET has collected; with nothing collected, nothing comes."""
    session = ready(join("anne"), quiet=Trigger.QUIET)
    session.collect()
    assert session.receive(NEVER) is None
    space.write("quiet", 1)
    session.collect()
    assert handled(session).names == ("quiet",)
    session.collect()
    assert session.receive(NEVER) is None


def test_mask_triggers_cover_slots_that_come_later(space, join):
    """A mask means all slots that match, present and future, and nothing else."""
    session = ready(join("anne"), **{"arm/*": Trigger.NORMAL})
    space.write("leg/left", 0)
    space.write("arm/left", 1)
    assert newest(session, handled(session)) == {"arm/left": 1}
    space.write("arm/right/elbow", 2)
    assert handled(session).names == ("arm/right/elbow",)


def test_mask_for_all_does_not_cover_the_spaces_own_slots(space, join):
    """The mask * wakes nobody for the space's own account of itself; _/* does."""
    session = ready(join("anne"), **{"*": Trigger.EVERY})
    observer = ready(join("bert"), **{"_/roles/carl": Trigger.EVERY})
    join("carl")
    space.write("sentinel", 1)
    assert follow(collect(session, 1)) == [("sentinel", "written", 1)]
    assert collect(observer, 1)[0].value["state"] == "starting"


@pytest.mark.parametrize("kind", [Trigger.NORMAL, Trigger.NAMES])
def test_trigger_starts_with_what_is_there(space, join, kind):
    """A late joiner hears of present values at once; of slots that are empty, delayed or held empty, not."""
    space.write("x/here", 1)
    space.write("x/gone", 2)
    space.delete("x/gone")
    space.write("x/later", 3, delay=100.0)
    space.delete("x/held", validity=100.0)
    session = ready(join("anne"), **{"x/*": kind})
    wake = handled(session)
    assert wake.names == ("x/here",)
    assert newest(session, wake) == ({"x/here": 1} if kind is Trigger.NORMAL else {})


def test_every_trigger_starts_with_what_comes(space, join):
    """EVERY tells changes; what was there before is none, also if another trigger tells of it."""
    space.write("x", "before")
    session = join("anne")
    session.attach_trigger("*", Trigger.EVERY)
    session.attach_trigger("x", Trigger.NORMAL)
    session.running()
    wake = handled(session)
    assert (wake.changes, newest(session, wake)) == ((), {"x": "before"})
    space.write("x", "after")
    wake = handled(session)
    assert follow(wake.changes) == [("x", "written", "after")]
    assert newest(session, wake) == {"x": "after"}


def test_trigger_that_is_attached_while_running_works_at_once(space, join):
    """A handler may attach triggers; they too start with what is there, without waiting for the next change."""
    session = ready(join("anne"))
    space.write("x", 1)
    session.attach_trigger("x")
    assert newest(session, handled(session)) == {"x": 1}
    space.write("x", 2)
    assert newest(session, handled(session)) == {"x": 2}


def test_attaching_twice_is_attaching_once(space, join):
    """The same trigger again neither wakes again nor tells twice."""
    session = ready(join("anne"), x=Trigger.EVERY)
    session.attach_trigger("x", Trigger.EVERY)
    space.write("x", 1)
    assert follow(handled(session).changes) == [("x", "written", 1)]
    assert session.receive(NEVER) is None


def test_detached_trigger_is_silent(space, join):
    """After detaching, changes of that mask do not wake; other masks do."""
    session = ready(join("anne"), x=Trigger.NORMAL, y=Trigger.NORMAL)
    session.detach_trigger("x")
    space.write("x", 1)
    space.write("y", 2)
    assert handled(session).names == ("y",)


@pytest.mark.parametrize("kind", [Trigger.NORMAL, Trigger.NAMES, Trigger.EVERY])
def test_expiry_and_delete_wake(space, join, kind):
    """A trigger fires when its slot is deleted and when its value expires, not only when it is written."""
    space.write("x", 1)
    session = ready(join("anne"), x=kind)
    if kind is not Trigger.EVERY:
        handled(session)
    space.delete("x")
    wake = handled(session)
    assert wake.names == ("x",)
    assert newest(session, wake) == ({"x": None} if kind is Trigger.NORMAL else {})
    space.write("x", 2, validity=SHORT)  # goes out at once, so that the expiry cannot coalesce with it
    written, expired = handled(session), handled(session)
    assert written.names == expired.names == ("x",)
    if kind is Trigger.NORMAL:
        assert (newest(session, written), newest(session, expired)) == ({"x": 2}, {"x": None})
    if kind is Trigger.EVERY:
        assert [str(wake.changes[0].kind) for wake in (written, expired)] == ["written", "expired"]
    assert session.receive(NEVER) is None


@pytest.mark.alone
def test_expiry_wakes_in_time(space, join):
    """Who waits for nothing else is woken when a value expires, not when the space next looks around."""
    session = ready(join("anne"), x=Trigger.NORMAL)
    begin = time.monotonic()
    for n in range(8):
        space.write("x", n, validity=0.02)
        assert [newest(session, handled(session))["x"] for _ in range(2)] == [n, None]
    assert time.monotonic() - begin < 4.0  # looking around happens once a second


def test_wake_up_tells_a_value_of_none_from_emptiness(space, join):
    """A slot that holds None comes with its value, an empty one without."""
    session = ready(join("anne"), x=Trigger.NORMAL)
    space.write("x", None)
    wake = handled(session)
    assert session.reveal(wake.values["x"][0]) is None
    space.delete("x")
    assert handled(session).values["x"] is None


def test_delayed_value_wakes_when_it_becomes_readable(space, join):
    """The wake-up for a delayed write finds an empty slot; a second one comes with the value."""
    session = ready(join("anne"), x=Trigger.NORMAL)
    space.write("x", 1, delay=SHORT)
    assert [newest(session, handled(session))["x"] for _ in range(2)] == [None, 1]


def test_nothing_is_dispatched_before_the_session_runs(space, join):
    """While a role starts, its triggers collect; they come when it runs."""
    session = join("anne")
    session.attach_trigger("x")
    space.write("x", 1)
    assert session.receive(NEVER) is None
    session.running()
    assert newest(session, handled(session)) == {"x": 1}


def test_sessions_are_served_independently(space, join):
    """One that does not acknowledge costs no other anything."""
    stuck, quick = ready(join("stuck"), x=Trigger.NORMAL), ready(join("quick"), x=Trigger.NORMAL)
    space.write("x", 0)
    woken(stuck)
    for n in range(1, 4):
        assert newest(quick, handled(quick)) == {"x": n - 1}
        space.write("x", n)


def test_interrupt_ends_waiting(join):
    """`receive` returns None when another thread interrupts it, and works again afterwards."""
    session = ready(join("anne"), x=Trigger.NORMAL)
    timer = threading.Timer(0.01, session.interrupt)
    timer.start()
    assert session.receive(SOON) is None
    timer.join()
    session.write("x", 1)
    assert handled(session).names == ("x",)


def test_interrupt_before_waiting_is_not_lost(join):
    """An interrupt that comes just before `receive` ends it too."""
    session = ready(join("anne"))
    session.interrupt()
    assert session.receive(SOON) is None
