"""What every space does, whether it lives in this process or behind a server: one suite for all implementations.

Only the protocols `Space`, `Session` and `Watch` are used. The fixture `another` gives one more user of the same
space, `join(role)` a session of a user of its own, `run(agent, role)` an agent in a thread.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from agentspace import Agent, Entry, Kind, Refused, Session, SlotName, Space, Trigger, Wake, Writer, Written
from agentspace.core.mailbox import BATCH_LIMIT, EVERY_LIMIT
from agentspace.core.slot import Erase, Put
from agentspace.errors import (
    AgentspaceError,
    FencedError,
    RoleNotFoundError,
    RoleTakenError,
    SlotNameError,
    ValueTypeError,
    WriteError,
)
from tests.support.eventually import eventually

SOON = 10.0  # seconds in which what must come has come, also on a busy machine
NEVER = 0.05  # seconds for which we look whether something comes that must not
SHORT = 0.05  # seconds of validity or delay


def woken(session: Session) -> Wake:
    """The next wake-up, which must come."""
    wake = session.receive(SOON)
    assert wake is not None, "no wake-up in time"
    return wake


def handled(session: Session, *acts: Put[Any] | Erase) -> Wake:
    """The next wake-up, acknowledged together with acts."""
    wake = woken(session)
    session.commit(wake, acts)
    return wake


def ready(session: Session, **triggers: Trigger) -> Session:
    """The session with its triggers attached, running."""
    for name, kind in triggers.items():
        session.attach_trigger(name, kind)
    session.running()
    return session


def newest(session: Session, wake: Wake) -> dict[str, Any]:
    """The values that came with a wake-up."""
    return {name: known and session.reveal(known[0]) for name, known in wake.values.items()}


def put(session: Session, name: str, value: Any, **numbers: float) -> Put[Any]:
    """A write to be committed."""
    return Put(name, session.prepare(value), **numbers)


def collect(session: Session, count: int) -> list[Entry]:
    """The next changes of EVERY triggers, however many batches they take."""
    found: list[Entry] = []
    while len(found) < count:
        found += handled(session).changes
    return found


def follow(entries: Iterable[Entry]) -> list[tuple[str, str, Any]]:
    """What matters of changes."""
    return [(entry.name, str(entry.kind), entry.value) for entry in entries]


def raises_soon(error: type[AgentspaceError], session: Session, act: Callable[[], object]) -> None:
    """The error comes with the act or, where acts are sent without waiting, with what is received next."""

    def act_and_listen() -> None:
        act()
        end = time.monotonic() + SOON
        while time.monotonic() < end:
            session.receive(NEVER)

    with pytest.raises(error):
        act_and_listen()


def same(left: Any, right: Any) -> bool:
    """Equal in type, shape and every bit (so NaN is NaN and 0.0 is not -0.0)."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray | np.generic):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    return left == right or (left != left and right != right)


# --- values

RECORD = np.dtype([("id", "<u4"), ("pose", "<f8", (3,)), ("name", "S4")])
VALUES = {
    "none": None,
    "bool": True,
    "int": -3,
    "huge int": 2**200,
    "least int": -(2**63) - 1,
    "float": 0.1,
    "nan": math.nan,
    "inf": -math.inf,
    "str": "Žltý kôň 🐎\0",
    "bytes": b"\x00\xff",
    "list": [1, [2.0, ["three"]], []],
    "tuple": (1, (), [(None,)]),
    "dict": {"": 0, "a": {"b": (1, [b"x"])}},
    "scalar": np.float32(1.5),
    "big-endian": np.arange(5, dtype=">i4"),
    "half": np.ones((2, 3), np.float16),
    "bool array": np.array([True, False]),
    "complex": np.array([1 + 2j], np.complex64),
    "0-d": np.array(7, np.uint8),
    "empty": np.zeros((3, 0, 2), np.int16),
    "text": np.array(["ab", "c"]),
    "datetime": np.array(["2026-01-01", "NaT"], "M8[ms]"),
    "structured": np.array([(1, (1, 2, 3), b"ab"), (2, (4, 5, 6), b"cd")], RECORD),
    "record": np.array([(1, (1, 2, 3), b"ab")], RECORD)[0],
    "strided": np.arange(24).reshape(4, 6)[::2, ::-3],
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "nested": {"pair": (np.arange(3), [np.float64(2), {"deep": np.eye(2)}])},
}
RNG = np.random.default_rng(1)
BIG = {
    "image": RNG.integers(0, 255, (480, 640, 3), np.uint8),
    "fortran": np.asfortranarray(RNG.random((300, 200))),
    "strided": RNG.random((400, 400))[::2, 1::3],
    "transposed": RNG.random((20, 30, 40)).transpose(1, 2, 0),
    "structured": np.array([(7, (1, 2, 3), b"abcd")] * 4000, RECORD),
    "just below": np.zeros(32 * 1024 - 1, np.uint8),
    "just at": np.ones(32 * 1024, np.uint8),
    "several": {"a": RNG.random(10_000), "b": [RNG.random(20_000), (RNG.random(5), RNG.random(30_000))]},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_every_value_arrives_as_it_was(space, another, value):
    """What one user writes, another reads with the same type, dtype, shape and bits, as default or not."""
    assert space.write("x", value)
    assert same(another().read("x", "default"), value)


@pytest.mark.parametrize("value", BIG.values(), ids=BIG)
def test_big_arrays_arrive_as_they_were(space, another, value):
    """Arrays around and above 32 KiB, alone and nested, arrive unchanged."""
    space.write("x", value)
    assert same(another().read("x"), value)


@pytest.mark.parametrize("value", [*VALUES.values(), *BIG.values()], ids=[*VALUES, *(f"big {n}" for n in BIG)])
def test_every_value_is_committed_as_it_was(space, join, value):
    """A value that a handler writes goes through prepare, reveal and commit unchanged, and wakes with it."""
    writer, reader = ready(join("writer")), ready(join("reader"), x=Trigger.NORMAL)
    prepared = writer.prepare(value)
    assert same(writer.reveal(prepared), value)
    writer.commit(None, [Put("x", prepared)])
    wake = woken(reader)
    assert same(newest(reader, wake)["x"], value)
    assert same(space.read("x", "default"), value)


@pytest.mark.parametrize("shape", [(3,), (200, 200)])
def test_arrays_are_read_only(space, shape):
    """A reader cannot change what belongs to all readers."""
    space.write("x", {"in": [np.zeros(shape)]})
    array = space.read("x")["in"][0]
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize("shape", [(3,), (200, 200)])
def test_writer_may_reuse_its_array(space, another, join, shape):
    """What a writer does to its array after `write` or `prepare` has no effect on the slot."""
    reader, writer = another(), ready(join("writer"))
    array, holder = np.zeros(shape), [np.zeros(shape)]
    space.write("x", array)
    space.write("y", holder)
    act = put(writer, "z", array)
    array[:] = 1
    holder[0][:] = 1
    holder.append("more")
    writer.commit(None, [act])
    eventually(lambda: reader.entry("z"))
    assert not reader.read("x").any()
    assert not reader.read("z").any()
    assert len(reader.read("y")) == 1
    assert not reader.read("y")[0].any()


def test_writer_may_reuse_the_array_that_a_record_was_taken_from(space):
    """A NumPy record is a view of its array; the slot keeps the value that it had when it was written."""
    records = np.array([(1, (1, 2, 3), b"ab")], RECORD)
    space.write("x", records[0])
    space.write("y", [records[0]])
    records["id"] = 99
    assert space.read("x")["id"] == 1
    assert space.read("y")[0]["id"] == 1


def test_reader_owns_the_containers_that_it_reads(space, another):
    """Lists and dicts that were read can be changed without anybody else noticing."""
    space.write("x", {"list": [1, 2]})
    space.read("x")["list"].append(3)
    space.entry("x").value.clear()
    space.snapshot("x")["x"].value["list"].clear()
    assert another().read("x") == {"list": [1, 2]}
    assert space.read("x") == {"list": [1, 2]}


def test_view_outlives_what_happens_to_its_slot(space, another):
    """A reader keeps an image while its slot is overwritten a hundred times and deleted: no bit changes."""
    reader = another()
    image = RNG.integers(0, 255, (200, 300, 3), np.uint8)
    space.write("x", image)
    view = reader.read("x")
    part = reader.read("x")[10:20, ::2]
    held = {"watched": None}
    with reader.watch("x") as watch:
        held["watched"] = watch.next(SOON)[0].value
        for n in range(100):
            space.write("x", np.full_like(image, n))
            if n % 10 == 0:
                assert (reader.read("x") == n).all()
        space.delete("x")
    for n in range(20):
        space.write("y", np.full_like(image, n))
    assert np.array_equal(view, image)
    assert np.array_equal(part, image[10:20, ::2])
    assert np.array_equal(held["watched"], image)


class Odd:
    """No value of a slot."""


UNFIT = {
    "object": (Odd(), "value"),
    "nested": ({"a": [1, (2, Odd())]}, r"value\['a'\]\[1\]\[1\]"),
    "set": ({1}, "value"),
    "key": ({1: 2}, "key 1"),
    "object array": ([np.array([None])], r"value\[0\]"),
    "object field": (np.zeros(2, [("a", "O")]), r"value\['a'\]"),
    "surrogate": ("\ud800", "value"),
    "subclass": (type("Text", (str,), {})("x"), "Text"),
    "masked": (np.ma.masked_array([1]), "MaskedArray"),
    "module": (math, "module"),
}


@pytest.mark.parametrize(("value", "path"), UNFIT.values(), ids=UNFIT)
def test_unfit_values_are_refused_at_the_writer(space, join, value, path):
    """What a slot cannot hold is an error that names type and place, where it is written; the slot stays."""
    session = ready(join("writer"))
    space.write("x", "before")
    with pytest.raises(ValueTypeError, match=path):
        space.write("x", value)
    with pytest.raises(ValueTypeError, match=path):
        session.prepare(value)
    assert space.read("x") == "before"


def test_value_that_contains_itself_is_refused(space):
    """A list inside itself is an error, no endless recursion."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueTypeError, match="nested deeper"):
        space.write("x", loop)


# --- the slot rule, row by row


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
    assert not low.write("y", 1)
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


# --- triggers


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
    """Beyond its limit EVERY loses the oldest changes, counts them, and the count can be read."""
    session = ready(join("anne"), x=Trigger.EVERY)
    space.write("x", 0)
    busy = woken(session)
    for n in range(1, EVERY_LIMIT + 6):
        space.write("x", n)
    session.commit(busy, ())
    assert [change.value for change in collect(session, EVERY_LIMIT)] == list(range(6, EVERY_LIMIT + 6))
    assert eventually(lambda: space.read("_/overflows", {}).get("roles")) == {"anne": 5}
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


# --- watching


def test_watch_begins_with_the_present_then_follows(space, another):
    """The first answer is the present content, by name; then come changes of every kind."""
    space.write("x", 1)
    space.write("y", 2)
    with another().watch() as watch:
        assert follow(watch.next(SOON)) == [("x", "written", 1), ("y", "written", 2)]
        space.delete("x")
        assert follow(watch.next(SOON)) == [("x", "deleted", None)]
        space.write("y", 3, validity=SHORT)
        seen = []
        while len(seen) < 1 or seen[-1][1] != "expired":
            seen += follow(watch.next(SOON))
        assert seen[-1] == ("y", "expired", None)


def test_watch_of_nothing_begins_with_an_empty_answer(another):
    """Also an empty space answers at once: so a watcher knows that it has seen everything."""
    with another().watch("x*") as watch:
        assert watch.next(SOON) == []
        assert watch.next(NEVER) is None


def test_watch_without_waiting_gives_all_that_was_accepted(space, another):
    """With a timeout of 0, what was accepted before the call comes, however much; None says it was all."""
    with another().watch("x", Trigger.EVERY) as watch:
        assert watch.next(0.0) == []
        for n in range(100):
            space.write("x", n)
            assert follow(watch.next(0.0)) == [("x", "written", n)]
            assert watch.next(0.0) is None
        for n in range(EVERY_LIMIT):
            space.write("x", n)
        assert sum(len(entries) for entries in iter(lambda: watch.next(0.0), None)) == EVERY_LIMIT


def test_watch_coalesces_or_tells_every_change(space, another):
    """NORMAL gives a slow watcher the newest value of each slot, EVERY each change."""
    with another().watch("x") as newest_only, another().watch("x", Trigger.EVERY) as each:
        newest_only.next(SOON), each.next(SOON)
        space.write("x", 0)
        assert follow(newest_only.next(SOON)) == [("x", "written", 0)]
        for n in range(1, 6):
            space.write("x", n)
        assert follow(newest_only.next(SOON)) == [("x", "written", 5)]
        seen: list[Entry] = []
        while len(seen) < 6:
            seen += each.next(SOON)
        assert [entry.value for entry in seen] == [0, 1, 2, 3, 4, 5]
        assert newest_only.overflow == each.overflow == 0


def test_watch_joins_a_stream_without_gap_or_repetition(space, another):
    """However a watcher falls into a stream of writes, present content and changes fit together seamlessly."""
    stop = threading.Event()

    def write(user: Space) -> None:
        for n in itertools.count(1):
            if stop.is_set():
                return
            user.write("x", n)

    thread = threading.Thread(target=write, args=(another(),), daemon=True)
    thread.start()
    try:
        for _ in range(10):
            with another().watch("x", Trigger.EVERY) as watch:
                seen = [entry.revision for entry in watch.next(SOON)]
                while len(seen) < 20:
                    seen += [entry.revision for entry in watch.next(SOON)]
                assert watch.overflow or seen == list(range(seen[0], seen[0] + len(seen)))
    finally:
        stop.set()
        thread.join()


def test_slow_watcher_loses_the_oldest_and_counts_them(space, another):
    """A watcher of every change that does not look loses the oldest ones; the count is its own and visible."""
    with another().watch("x", Trigger.EVERY) as watch, another().watch("x", Trigger.EVERY) as other:
        watch.next(SOON), other.next(SOON)
        for n in range(EVERY_LIMIT + 20):
            space.write("x", n)
            if n % 100 == 0:
                other.next(SOON)
        seen = [entry.value for entry in watch.next(SOON)]
        while seen[-1] != EVERY_LIMIT + 19:
            seen += [entry.value for entry in watch.next(SOON)]
        assert watch.overflow > 0
        assert len(seen) + watch.overflow == EVERY_LIMIT + 20
        assert seen == sorted(set(seen))
        assert other.overflow == 0
        assert eventually(lambda: list(space.read("_/overflows", {}).get("watchers", {}).values()))
        lost = watch.overflow
    assert watch.overflow == lost


def test_closing_a_watch_ends_its_iteration(space, another):
    """A thread that iterates over a watch ends when the watch is closed; closing twice does no harm."""
    seen: list[Entry] = []
    space.write("x", 1)
    watch = another().watch("x")
    thread = threading.Thread(target=lambda: seen.extend(watch), daemon=True)
    thread.start()
    eventually(lambda: seen)
    watch.close()
    thread.join(SOON)
    assert not thread.is_alive()
    assert follow(seen) == [("x", "written", 1)]
    assert watch.next(0.0) is None
    assert watch.overflow == 0
    watch.close()


# --- commit


def test_commit_carries_out_all_acts_in_order(space, join):
    """Writes and deletes of one commit act in order, with their numbers, signed by role and epoch."""
    session = ready(join("anne"))
    space.write("gone", 1)
    acts = [put(session, "x", 1), put(session, "x", 2, priority=3.0, validity=100.0), Erase("gone")]
    session.commit(None, [*acts, Erase("held", 2.0, 100.0), put(session, "later", 1, delay=100.0)])
    held = eventually(lambda: (s := space.snapshot()) and "later" in s and s)
    assert {name: str(entry.kind) for name, entry in held.items()} == {
        "held": "deleted",
        "later": "delayed",
        "x": "written",
    }
    entry = space.entry("x")
    assert (entry.value, entry.revision, entry.priority) == (2, 2, 3.0)
    assert entry.writer == Writer("anne", session.epoch)


def test_commit_writes_all_or_nothing(space, join):
    """An act that fails keeps all the others from being carried out."""
    session = ready(join("anne"), go=Trigger.NORMAL)
    space.write("go", 1)
    wake = woken(session)
    raises_soon(
        SlotNameError,
        session,
        lambda: session.commit(
            wake, [put(session, "x", 1), put(session, "_/roles/anne", 2), put(session, "y", 3)]
        ),
    )
    assert space.entry("x") is None
    assert space.entry("y") is None


def test_failed_commit_does_not_acknowledge(space, join):
    """The wake-up of a commit that failed returns to the successor."""
    session = ready(join("anne"), go=Trigger.NORMAL)
    space.write("go", 1)
    wake = woken(session)
    raises_soon(WriteError, session, lambda: session.commit(wake, [put(session, "x", 1, validity=-1.0)]))
    session.leave("failed")
    successor = ready(join("anne"), go=Trigger.NORMAL)
    assert newest(successor, handled(successor)) == {"go": 1}


def test_refused_acts_do_not_stop_the_others_and_are_reported(space, join):
    """A refusal is no failure: the other acts count, and the session hears what was refused."""
    session = ready(join("anne"))
    heard: list[Any] = []
    session.on_decisions = heard.extend
    space.write("x", "strong", priority=1.0)
    session.commit(None, [put(session, "x", "weak"), put(session, "y", 1)])
    eventually(lambda: session.receive(0.01) or heard)
    assert [bool(decision) for decision in heard] == [False, True]
    assert (heard[0].name, heard[0].held_priority) == ("x", 1.0)
    assert (space.read("x"), space.read("y")) == ("strong", 1)


def test_commit_acknowledges_only_once(space, join):
    """The same wake-up committed twice writes once: the second time it is fenced."""
    session = ready(join("anne"), go=Trigger.NORMAL)
    space.write("go", 1)
    wake = handled(session, put(session, "x", "first"))
    raises_soon(FencedError, session, lambda: session.commit(wake, [put(session, "x", "second")]))
    assert space.read("x") == "first"


def test_watchers_see_a_commit_at_once(space, join, another):
    """All that a handler wrote is there as soon as any of it is."""
    session, observer = ready(join("anne")), another()
    for n in range(1, 30):
        session.commit(None, [put(session, name, n) for name in ("a", "b", "c")])
        seen = observer.snapshot()
        assert len({entry.value for entry in seen.values()}) <= 1
    eventually(lambda: observer.read("c") == 29)


# --- roles, epochs, successors


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


# --- the space's account of itself


def test_roles_are_visible(space, join):
    """`_/roles/ROLE` tells state, epoch, triggers and what the incarnation says, which cannot hide the rest."""
    session = join("anne", {"class": "Anne", "state": "lie", "numbers": np.arange(3)})
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
    session.tick_missed(4)
    session.commit(None, [put(session, "y", 1)])
    load = eventually(lambda: (s := space.read("_/loads")) and s["anne"]["missed_ticks"] and s["anne"])
    assert (load["handled"], load["missed_ticks"], load["overflow"], load["busy"]) == (4, 4, 0, False)
    assert 0 <= load["handler_ms"] <= load["handler_ms_p99"]

    def rate() -> float:
        space.write("x", 0)
        return space.read("_/rates", {}).get("x", 0.0)

    assert eventually(rate) > 0


# --- origins


def test_latency_adds_up_along_a_chain_of_handlers(space, join):
    """What a handler writes keeps the origin of what woke it: the end of the chain knows the age of the frame."""
    second, third = ready(join("second"), a=Trigger.NORMAL), ready(join("third"), b=Trigger.EVERY)
    space.write("a", "frame")
    wake = woken(second)
    eventually(lambda: space.entry("a").age > 0.03)
    second.commit(wake, [put(second, "b", 1)])
    wake = woken(third)
    eventually(lambda: space.entry("b").age > 0.03)
    third.commit(wake, [put(third, "c", 2)])
    seen = eventually(lambda: (s := space.snapshot()) and "c" in s and s)
    a, b, c = seen["a"], seen["b"], seen["c"]
    assert a.latency == 0.0
    assert 0.03 < b.latency < c.latency - 0.03
    assert b.latency == pytest.approx(a.age - b.age, abs=1e-6)
    assert c.latency == pytest.approx(a.age - c.age, abs=1e-6)


def test_write_outside_of_a_handler_is_its_own_origin(join, space):
    """A timer's or a source's write has no latency."""
    session = ready(join("anne"))
    session.commit(None, [put(session, "x", 1)])
    assert eventually(lambda: space.entry("x")).latency == 0.0


# --- named spaces


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


# --- agents on sessions


class Doubler(Agent):
    """Twice the number."""

    source = SlotName("number")
    result = SlotName("double")

    def init(self) -> None:
        self.attach_trigger(self.source)

    def sense_select_act(self) -> None:
        self.write(self.result, 2 * self.read(self.source, 0))


def test_agents_work_in_a_chain(space, run):
    """Two agents of one class under two roles, slots remapped, compute four times the number, again and again."""
    run(Doubler(), "first")
    run(Doubler(source="double", result="fourfold"), "second")
    for n in range(1, 20):
        space.write("number", n)
        eventually(lambda: space.read("fourfold") == 4 * n)  # noqa: B023  (asked at once)
    assert space.entry("fourfold").writer.role == "second"
    assert space.entry("fourfold").latency > 0


class Sweeper(Agent):
    """Looks now and then at what has changed."""

    def init(self) -> None:
        self.attach_trigger("dust/*", Trigger.QUIET)
        self.attach_timer(0.02)

    def sense_select_act(self) -> None:
        if self.wake.names:
            self.write("swept", [self.wake.timer, *self.wake.names])


def test_timers_wake_up_brings_what_was_collected(space, run):
    """An agent with a timer and only QUIET triggers hears of the changes, and its runs are counted."""
    run(Sweeper(), "sweeper")
    for n in range(5):
        space.write(f"dust/{n}", n)
        eventually(lambda: f"dust/{n}" in (space.read("swept") or ()))  # noqa: B023  (asked at once)
    assert space.read("swept")[0] is True
    assert eventually(lambda: space.read("_/loads", {}).get("sweeper", {}).get("handled", 0) > 5)


def test_agent_fails_with_its_traceback_in_a_slot(space, run):
    """An exception in a handler ends the agent as failed; its writes are not made; its traceback can be read."""
    run(Doubler(result="other"), "fragile")
    space.write("number", {})
    error = eventually(lambda: space.read("_/errors/fragile"))
    assert "TypeError" in error["traceback"]
    assert "sense_select_act" in error["traceback"]
    assert eventually(lambda: space.read("_/roles/fragile")["state"] == "failed")
    assert space.entry("other") is None


def test_agent_ends_when_its_role_is_stopped(space, run):
    """`stop` ends an agent as a success, also one that has nothing to do."""
    run(Doubler(), "idle")
    eventually(lambda: space.read("_/roles/idle")["state"] == "running")
    space.stop("idle")
    assert eventually(lambda: space.read("_/roles/idle")["state"] == "stopped")
    assert space.entry("_/errors/idle") is None


def test_successor_repeats_what_the_failed_handler_left_undone(space, run):
    """The value that killed an agent waits for its successor, which writes exactly once what was not written."""
    run(Doubler(result="out"), "worker")
    space.write("number", [])  # 2 * [] is [], a value
    eventually(lambda: space.read("out") == [])
    space.write("number", {})
    eventually(lambda: space.read("_/roles/worker")["state"] == "failed")
    assert space.entry("out").revision == 1

    class Tolerant(Doubler):
        def sense_select_act(self) -> None:
            self.write(self.result, ["mended", self.read(self.source)])

    run(Tolerant(result="out"), "worker")
    assert eventually(lambda: space.entry("out").revision == 2)
    assert space.read("out") == ["mended", {}]
