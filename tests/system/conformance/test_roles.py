"""Who fills a role, and who comes after: on every kind of space."""

from __future__ import annotations

import pytest

from agentspace import Entry, Trigger
from agentspace.errors import FencedError, RoleNotFoundError, RoleTakenError, SlotNameError, ValueTypeError
from tests.support.eventually import SOON, eventually
from tests.system.conformance.sessions import (
    NEVER,
    Odd,
    collect,
    follow,
    handled,
    newest,
    put,
    raises_soon,
    ready,
    woken,
)


def test_role_is_filled_by_one_incarnation_at_a_time(join, another):
    """A second incarnation is turned away while the first lives, and has a higher epoch afterwards."""
    first = join("anne")
    assert first.role == "anne"
    with pytest.raises(RoleTakenError, match="anne"):
        another().join("anne")
    first.leave("stopped")
    assert join("anne").epoch > first.epoch


def test_session_that_left_is_fenced(space, join):
    """Whatever a session does after it left is refused with FencedError, and changes nothing."""
    session = ready(join("anne"), go=Trigger.NORMAL)
    act = put(session, "x", 1)
    session.leave("stopped")
    for late in (
        lambda: session.write("x", 1),
        lambda: session.delete("x"),
        lambda: session.receive(0.0),
        session.running,
        lambda: session.attach_trigger("y"),
        lambda: session.detach_trigger("go"),
        lambda: session.leave("stopped"),
    ):
        with pytest.raises(FencedError):
            late()
    raises_soon(FencedError, session, lambda: session.commit(None, [act]))
    assert space.entry("x") is None
    assert space.read("_/roles/anne")["state"] == "stopped"


def test_replaced_session_neither_writes_nor_takes_from_its_successor(space, join):
    """With a successor in place, the old incarnation gets none of its batches, and none of its writes count."""
    old = ready(join("anne"), go=Trigger.NORMAL)
    act = put(old, "x", "old")
    old.leave("failed")
    new = ready(join("anne"), go=Trigger.NORMAL)
    space.write("go", 1)
    with pytest.raises(FencedError):
        old.receive(0.0)
    raises_soon(FencedError, old, lambda: old.commit(None, [act]))
    with pytest.raises(FencedError):
        old.write("x", "old")
    with pytest.raises(FencedError):
        old.leave("failed")
    assert newest(new, handled(new, put(new, "x", "new"))) == {"go": 1}
    assert eventually(lambda: space.read("x")) == "new"


def test_unacknowledged_batch_returns_to_the_successor(space, join):
    """What an incarnation was handling when it ended is handled again, merged with what changed since."""
    old = ready(join("anne"), x=Trigger.NORMAL, y=Trigger.NAMES, z=Trigger.EVERY)
    space.write("x", 1)
    space.write("y", 1)
    space.write("z", 1)
    seen: set[str] = set()
    acknowledged: list[Entry] = []
    while seen != {"x", "y", "z"}:  # acknowledge all but the last batch
        wake = woken(old)
        seen |= set(wake.names)
        if seen != {"x", "y", "z"}:
            old.commit(wake, ())
            acknowledged += wake.changes
    space.write("x", 2)
    space.write("z", 2)
    old.leave("failed", "Traceback: boom")
    space.write("z", 3)
    new = ready(join("anne"), x=Trigger.NORMAL, y=Trigger.NAMES, z=Trigger.EVERY)
    again = handled(new)
    assert set(wake.names) | {"x", "z"} == set(again.names)
    assert newest(new, again) == {"x": 2}
    assert [entry.value for entry in (*acknowledged, *again.changes)] == [1, 2, 3]


def test_batch_that_nobody_picked_up_returns_to_the_successor(space, join):
    """What was sent to an incarnation that ended without looking reaches its successor, once, when that runs."""
    old = ready(join("anne"), x=Trigger.EVERY)
    space.write("x", 1)
    old.leave("stopped")
    new = join("anne")
    new.attach_trigger("x", Trigger.EVERY)
    assert new.receive(NEVER) is None
    new.running()
    assert follow(handled(new).changes) == [("x", "written", 1)]
    assert new.receive(NEVER) is None


def test_successor_finds_what_came_while_the_role_was_vacant(space, join):
    """Triggers belong to the role: they collect while nobody fills it."""
    old = ready(join("anne"), x=Trigger.NORMAL)
    old.leave("stopped")
    space.write("x", "meanwhile")
    new = ready(join("anne"), x=Trigger.NORMAL)
    assert newest(new, handled(new)) == {"x": "meanwhile"}


def test_every_change_reaches_one_of_many_successors_exactly_once(space, join):
    """Incarnations that die in the middle lose nothing, and what was acknowledged is not told again."""
    done: list[int] = []
    sent = 0
    for life in range(6):
        session = ready(join("anne"), x=Trigger.EVERY)
        for _ in range(7):
            space.write("x", sent)
            sent += 1
        wake = woken(session)
        done += [change.value for change in wake.changes]
        session.commit(wake, ())
        doomed = session.receive(0.0) if life % 2 else None  # its handler dies
        session.leave("failed" if doomed else "stopped")
    session = ready(join("anne"), x=Trigger.EVERY)
    done += [change.value for change in collect(session, sent - len(done))]
    assert done == list(range(sent))


def test_successor_keeps_only_the_triggers_that_it_attaches(space, join):
    """A trigger that the new incarnation does not attach any more is forgotten."""
    ready(join("anne"), old=Trigger.NORMAL, both=Trigger.NORMAL).leave("stopped")
    session = ready(join("anne"), both=Trigger.NORMAL, new=Trigger.NORMAL)
    for name in ("old", "both", "new"):
        space.write(name, 1)
    names: set[str] = set()
    while "new" not in names:
        names |= set(handled(session).names)
    assert names == {"both", "new"}


def test_stop_request_reaches_the_session(space, join):
    """A role that is asked to end returns from waiting and knows it; its successor starts unburdened."""
    session = ready(join("anne"))
    assert not session.stop_requested
    space.stop("anne")
    assert session.receive(SOON) is None
    assert session.stop_requested
    assert space.read("_/roles/anne")["stop_requested"] is True
    session.leave("stopped")
    successor = ready(join("anne"))
    assert not successor.stop_requested
    assert space.read("_/roles/anne")["stop_requested"] is False


def test_stop_of_an_unknown_role_names_those_that_there_are(space, join):
    """Asking nobody to end is an error that lists the roles."""
    join("anne")
    with pytest.raises(RoleNotFoundError, match="anne"):
        space.stop("ann")


@pytest.mark.parametrize("role", ["", "a b", "a*", "x" * 256, "x" * 250, "_", "\ud800"])
def test_bad_role_is_refused_and_stays_free(space, another, role):
    """A role that cannot be shown as a slot is refused with the same error each time: it never counts as taken."""
    for _ in range(2):
        with pytest.raises(SlotNameError):
            another().join(role)
    assert not space.snapshot("_/roles/*")


def test_bad_info_is_refused_and_the_role_stays_free(join, another):
    """What an incarnation says of itself is a value; if it is none, the role is not filled."""
    with pytest.raises(ValueTypeError):
        another().join("anne", {"what": Odd()})
    assert join("anne", {"what": "fine"}).epoch >= 1
