"""The slot rule, row by row, and spaces of other names: on every kind of space."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from agentspace import Kind, Refused, Space, Trigger, Writer, Written
from agentspace.errors import SlotNameError, WriteError
from tests.support.eventually import SOON, eventually
from tests.system.conformance.sessions import SHORT, follow, handled


def test_read_gives_the_default_only_for_an_empty_slot(space):
    """None is a value, not emptiness; a slot that nobody wrote gives the default."""
    assert space.read("x") is None
    assert space.read("x", 7) == 7
    space.write("x", None)
    assert space.read("x", 7) is None
    assert space.entry("x") is not None
    assert space.entry("never") is None


def test_write_of_equal_or_higher_priority_is_accepted(join):
    """A value of priority p gives way to priority p and above, whoever writes; revisions count up by one."""
    anne, bert = join("anne"), join("bert")
    assert anne.write("x", 1, priority=2.0) == Written("x", 1)
    assert bert.write("x", 2, priority=2.0) == Written("x", 2)
    assert anne.write("x", 3, priority=2.5) == Written("x", 3)


def test_write_of_lower_priority_is_refused_and_says_why(space, join):
    """A refusal names the holder with its epoch, its priority and its time left; it changes nothing."""
    anne, bert = join("anne"), join("bert")
    anne.write("x", "hers", priority=2.0, validity=100.0)
    refusal = bert.write("x", "his", priority=1.5)
    assert isinstance(refusal, Refused)
    assert not refusal
    assert (refusal.name, refusal.priority) == ("x", 1.5)
    assert (refusal.holder, refusal.held_priority) == (Writer("anne", anne.epoch), 2.0)
    assert 90.0 < refusal.time_left <= 100.0
    anne.write("y", 1, priority=0.0)
    assert bert.write("y", 2, priority=-1.0).time_left is None
    assert space.read("x") == "hers"
    assert space.entry("x").revision == 1


def test_lower_priority_is_refused_even_to_its_own_writer(join):
    """A role that holds a slot with priority 2 is refused with priority 1 like anybody."""
    anne = join("anne")
    anne.write("x", 1, priority=2.0)
    assert anne.write("x", 2, priority=1.0).holder == Writer("anne", anne.epoch)
    assert anne.delete("x", priority=1.0).held_priority == 2.0


def test_value_expires_and_frees_its_slot(space, another):
    """After its validity a value reads as empty, and any priority is accepted."""
    assert space.write("x", 1, validity=SHORT, priority=9.0)
    other = another()
    eventually(lambda: other.read("x", "empty") == "empty")
    assert space.entry("x") is None
    assert "x" not in space.snapshot()
    assert other.write("x", 2, priority=-9.0)


def test_rewriting_renews_or_ends_the_validity(space):
    """What counts is the validity of the newest write: its end is neither kept from the old value nor lost."""
    space.write("x", 1, validity=SHORT)
    space.write("x", 2)
    space.write("y", 1)
    space.write("y", 2, validity=SHORT)
    eventually(lambda: space.read("y") is None)
    assert space.read("x") == 2
    assert space.entry("x").time_left is None


def test_delayed_value_holds_its_slot_and_is_readable_later(space, join):
    """Until it is readable a delayed value reads as empty, refuses lower priorities and is seen in a snapshot."""
    session = join("anne")
    space.write("x", "old")
    session.write("x", "new", delay=100.0, priority=1.0, validity=50.0)
    assert space.read("x", "empty") == "empty"
    refusal = space.write("x", "low")
    assert refusal.holder == Writer("anne", session.epoch)
    assert 140.0 < refusal.time_left <= 150.0
    seen = space.snapshot("x")["x"]
    assert (seen.kind, seen.value, seen.priority) == (Kind.DELAYED, None, 1.0)
    space.write("y", "soon", delay=SHORT)
    assert eventually(lambda: space.read("y")) == "soon"
    assert space.entry("y").kind is Kind.WRITTEN
    assert space.entry("y").revision == 1


def test_delete_empties(space, another):
    """A deleted slot reads as empty, is in no snapshot, and takes any priority again."""
    space.write("x", 1, priority=1.0)
    assert not another().delete("x", priority=0.5)
    assert space.read("x") == 1
    assert another().delete("x", priority=1.0) == Written("x", 2)
    assert space.read("x", "empty") == "empty"
    assert "x" not in space.snapshot()
    assert space.write("x", 2, priority=-1.0) == Written("x", 3)


def test_delete_of_an_empty_slot_is_accepted_and_changes_nothing(space):
    """Nothing to delete is no error and no change."""
    assert space.delete("x") == Written("x", 0)
    space.write("x", 1)
    space.delete("x")
    assert space.delete("x") == Written("x", 2)


def test_delete_with_validity_inhibits(space, another):
    """A slot that is held empty refuses lower priorities, accepts equal ones, and is free in the end."""
    low = another()
    space.write("x", 1)
    space.delete("x", priority=2.0, validity=100.0)
    assert low.read("x", "empty") == "empty"
    assert low.write("x", 2, priority=1.0).held_priority == 2.0
    assert space.snapshot("x")["x"].kind is Kind.DELETED
    assert space.write("x", 3, priority=2.0)
    space.delete("y", priority=2.0, validity=SHORT)
    assert eventually(lambda: low.write("y", 2))


def test_entry_tells_everything(space, join):
    """An entry has value, kind, revision, priority, writer, age, time left and latency."""
    session = join("anne")
    session.write("x", [1], validity=100.0, priority=3.0)
    entry = eventually(lambda: (e := space.entry("x")) and e.age > 0.01 and e)
    assert (entry.name, entry.kind, entry.value, entry.revision) == ("x", Kind.WRITTEN, [1], 1)
    assert (entry.priority, entry.writer) == (3.0, Writer("anne", session.epoch))
    assert 0.01 < entry.age < SOON
    assert entry.time_left == pytest.approx(100.0 - entry.age, abs=0.001)
    assert entry.latency == 0.0


def test_snapshot_is_of_a_mask_and_hides_the_spaces_own_slots(space):
    """Masks choose slots; the space's own are seen only by masks that ask for them."""
    for name in ("a", "arm/left", "arm/right", "arm/left/elbow"):
        space.write(name, name)
    assert sorted(space.snapshot()) == ["a", "arm/left", "arm/left/elbow", "arm/right"]
    assert sorted(space.snapshot("arm/*t")) == ["arm/left", "arm/right"]
    assert sorted(space.snapshot("?")) == ["a"]
    assert list(space.snapshot("arm/left")) == ["arm/left"]
    assert space.snapshot("nothing*") == {}
    assert all(name.startswith("_/") for name in space.snapshot("_*"))


@pytest.mark.parametrize("name", ["", "a b", "a//b", "a*", "\ud800", "x" * 256, "_/roles/x", None, 3])
def test_bad_names_are_refused(space, name):
    """A name that is none, or one of the space's own, can neither be written nor deleted."""
    with pytest.raises(SlotNameError):
        space.write(name, 1)
    with pytest.raises(SlotNameError):
        space.delete(name)


@pytest.mark.parametrize("name", ["", "a b", "a//b", "a/", "a*", "\ud800", "x" * 256, None, 3, ["a"]])
def test_bad_names_cannot_be_read(space, name):
    """Nor can a space have one."""
    for reads in (space.read, space.entry, space.named):
        with pytest.raises(SlotNameError):
            reads(name)


@pytest.mark.parametrize("kind", ["bad", None, 3])
def test_bad_kinds_of_triggers_are_refused(space, join, kind):
    """With those that there are."""
    for attaches in (space.watch, join("anne").attach_trigger):
        with pytest.raises(ValueError, match="is not a kind of trigger; there are: normal, names, every, quiet"):
            attaches("x", kind)


@pytest.mark.parametrize("mask", ["", "a b", "\n", "x" * 256, "\ud800", None])
def test_bad_masks_are_refused(space, join, mask):
    """A mask that is none is an error where it is given."""
    session = join("anne")
    with pytest.raises(SlotNameError):
        space.snapshot(mask)
    with pytest.raises(SlotNameError):
        space.watch(mask)
    with pytest.raises(SlotNameError):
        session.attach_trigger(mask)


@pytest.mark.parametrize(
    "numbers",
    [
        *({"validity": 0}, {"validity": -1}, {"validity": 10**400}, {"validity": True}),
        *({"priority": math.nan}, {"priority": math.inf}, {"priority": "1"}, {"delay": -1}, {"delay": None}),
    ],
    ids=str,
)
def test_bad_numbers_are_refused(space, numbers):
    """Priority, validity and delay are finite numbers in their range."""
    with pytest.raises(WriteError):
        space.write("x", 1, **numbers)
    assert space.entry("x") is None


def test_numbers_of_other_types_are_taken_as_floats(space, another):
    """NumPy scalars and ints are welcome as priority, validity and delay, and appear as floats."""
    assert space.write("x", 1, validity=np.float32(100), priority=np.int64(2))
    entry = another().entry("x")
    assert (type(entry.priority), type(entry.time_left)) == (float, float)
    assert type(another().write("x", 1, priority=1).held_priority) is float


def test_revisions_count_accepted_writes_of_many_threads(another):
    """Under concurrent writers each slot's revision is the number of its accepted changes, none twice."""
    accepted: list[Written] = []

    def work(user: Space, n: int) -> None:
        for i in range(50):
            decision = user.write("shared", (n, i), priority=float(i % 3))
            if decision:
                accepted.append(decision)
            assert user.write(f"own/{n}", i) == Written(f"own/{n}", i + 1)

    threads = [threading.Thread(target=work, args=(another(), n), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decision.revision for decision in accepted) == list(range(1, len(accepted) + 1))
    assert another().entry("shared").revision == len(accepted)


def test_named_spaces_are_independent(space, another, join):
    """Slots, roles and watchers of one space know nothing of the other."""
    other = another().named("OTHER")
    assert other.name == "OTHER" != space.name
    space.write("x", 1)
    assert other.read("x") is None
    other.write("x", 2, priority=9.0)
    assert space.read("x") == 1
    assert another().named("OTHER").read("x") == 2
    assert space.named(space.name).read("x") == 1
    join("anne")
    session = other.join("anne")
    session.attach_trigger("x", Trigger.EVERY)
    session.running()
    space.write("x", 3)
    other.write("x", 4, priority=9.0)
    assert follow(handled(session).changes) == [("x", "written", 4)]
    session.leave("stopped")
    assert space.read("_/roles/anne")["state"] == "starting"
