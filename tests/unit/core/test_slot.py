"""The slot rule, spelled out."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from agentspace.core import slot as slot_module
from agentspace.core.change import Change, Refused, Writer, Written
from agentspace.core.slot import Erase, Put, SlotTable
from agentspace.core.values.names import check_name
from agentspace.errors import LimitError, SlotNameError, WriteError

ANNE, BERT = Writer("anne", 1), Writer("bert", 7)


class Table:
    """A slot table with the list of its changes."""

    def __init__(self) -> None:
        self.changes: list[Change[Any]] = []
        self.gone: list[str] = []
        self.table: SlotTable[Any] = SlotTable(lambda change, slot: self.changes.append(change), self.gone.extend)

    @property
    def kinds(self) -> list[str]:
        return [str(change.kind) for change in self.changes]


@pytest.fixture
def told() -> Table:
    return Table()


def test_value_is_valid_up_to_but_not_at_its_end(told):
    """The interval is half open: at valid_to itself the value is gone and a lower priority is accepted."""
    table = told.table
    table.write(Put("a", 1, priority=5, validity=2.0), 10.0, ANNE)
    assert table.get("a", math.nextafter(12.0, 0)) is not None
    assert not table.write(Put("a", 2), math.nextafter(12.0, 0), BERT)
    assert table.write(Put("a", 3), 12.0, BERT)
    assert told.kinds == ["written", "expired", "written"]


def test_none_is_a_value(told):
    """A slot that holds None is readable, an empty one is not."""
    told.table.write(Put("a", None), 0.0, ANNE)
    slot = told.table.get("a", 0.0)
    assert slot is not None
    assert slot.value is None
    assert told.table.get("b", 0.0) is None


def test_equal_priority_overwrites_and_lower_is_refused_even_for_the_owner(told):
    """A role that lowers its priority is refused like anybody else."""
    table = told.table
    assert table.write(Put("a", 1, priority=2), 0.0, ANNE)
    assert table.write(Put("a", 2, priority=2), 0.0, BERT)
    assert table.write(Put("a", 3, priority=3), 0.0, BERT)
    assert table.write(Put("a", 4, priority=2.5), 0.0, BERT) == Refused("a", 2.5, BERT, 3.0, None)


def test_refusal_changes_nothing(told):
    """A refused write or delete leaves value, revision, validity and the log of changes as they were."""
    table = told.table
    table.write(Put("a", "kept", priority=1, validity=4.0), 0.0, ANNE)
    before = list(told.changes)
    assert not table.write(Put("a", "lost"), 1.0, BERT)
    assert not table.delete(Erase("a", validity=9.0), 1.0, BERT)
    assert told.changes == before
    assert table.revision("a") == 1
    assert table.next_deadline() == 4.0


def test_refusal_explains_itself():
    """The text of a refusal names slot, holder, both priorities and the time left."""
    assert str(Refused("arm", 1.0, BERT, 2.5, 0.25)) == (
        "'arm' is held by bert#7 with priority 2.5 for another 0.25 s; priority 1 is refused"
    )
    assert "anne with priority 0 without end" in str(Refused("arm", -1.0, Writer("anne"), 0.0, None))
    assert not Refused("arm", 1.0, BERT, 2.5, None)
    assert Written("arm", 1)


def test_delete_with_validity_inhibits_lower_priorities(told):
    """A slot that is held empty reads as empty, refuses lower priorities, and is free at the end."""
    table = told.table
    table.write(Put("a", 1), 0.0, ANNE)
    assert table.delete(Erase("a", priority=2, validity=3.0), 1.0, BERT) == Written("a", 2)
    assert table.get("a", 1.0) is None
    assert table.write(Put("a", 2, priority=1), 2.0, ANNE) == Refused("a", 1.0, BERT, 2.0, 2.0)
    assert [slot.name for slot in table.slots(2.0)] == ["a"]
    assert table.write(Put("a", 3), 4.0, ANNE)
    assert told.kinds == ["written", "deleted", "expired", "written"]


def test_delete_without_validity_frees_for_everybody(told):
    """After a plain delete of high priority, the lowest priority is accepted, and no expiry follows."""
    table = told.table
    table.write(Put("a", 1, priority=9, validity=1.0), 0.0, ANNE)
    table.delete(Erase("a", priority=9), 0.5, BERT)
    assert table.next_deadline() is None
    assert table.write(Put("a", 2, priority=-9), 0.5, ANNE)
    table.advance(99.0)
    assert told.kinds == ["written", "deleted", "written"]


def test_deleting_what_is_empty_changes_nothing_and_takes_no_room(told):
    """A delete of an unknown slot is accepted, emits nothing and makes no slot."""
    assert told.table.delete(Erase("never"), 0.0, ANNE) == Written("never", 0)
    assert told.changes == []
    assert len(told.table) == 0
    with pytest.raises(SlotNameError):
        told.table.delete(Erase("not a name"), 0.0, ANNE)


def test_delayed_value_holds_its_slot_before_it_is_readable(told):
    """From its acceptance a delayed value refuses lower priorities, empties the slot, and ripens as an event."""
    table = told.table
    table.write(Put("a", "old"), 0.0, ANNE)
    table.write(Put("a", "new", priority=1, delay=2.0, validity=1.0), 1.0, BERT)
    assert table.get("a", 1.0) is None
    assert table.write(Put("a", "x"), 2.0, ANNE) == Refused("a", 0.0, BERT, 1.0, 2.0)
    assert table.get("a", 3.0).value == "new"
    table.advance(4.0)
    assert told.kinds == ["written", "delayed", "written", "expired"]
    assert [change.revision for change in told.changes] == [1, 2, 2, 2]
    assert [change.at for change in told.changes] == [0.0, 1.0, 3.0, 4.0]


def test_one_long_jump_tells_everything_that_happened_in_order(told):
    """When time passes over many deadlines at once, ripening and expiry of all slots come in order of time."""
    table = told.table
    table.write(Put("late", 1, delay=3.0, validity=1.0), 0.0, ANNE)
    table.write(Put("soon", 2, validity=1.0), 0.0, ANNE)
    table.write(Put("mid", 3, delay=2.0, validity=5.0), 0.0, ANNE)
    told.changes.clear()
    table.advance(100.0)
    assert [(c.at, c.name, str(c.kind)) for c in told.changes] == [
        (1.0, "soon", "expired"),
        (2.0, "mid", "written"),
        (3.0, "late", "written"),
        (4.0, "late", "expired"),
        (7.0, "mid", "expired"),
    ]


def test_time_never_runs_backwards(told):
    """A clock that steps back neither revives an expired value nor shifts a new one into the past."""
    table = told.table
    table.write(Put("a", 1, validity=1.0), 10.0, ANNE)
    table.advance(11.0)
    assert table.get("a", 10.5) is None
    table.write(Put("a", 2, validity=1.0), 10.5, ANNE)
    assert told.changes[-1].at == 11.0
    assert table.get("a", 11.75) is not None


@pytest.mark.parametrize("start", [1e6, 1e15])
@pytest.mark.parametrize("act", ["write", "delete"])
def test_validity_too_short_for_the_clock_still_ends(told, start, act):
    """Where now + validity rounds to now, the claim is over at once; it does not hold for ever."""
    table = told.table
    if act == "write":
        table.write(Put("a", 1, priority=1, validity=5e-324), start, ANNE)
    else:
        table.delete(Erase("a", priority=1, validity=5e-324), start, ANNE)
    assert table.write(Put("a", 2), start, BERT)
    assert told.kinds[1:] == ["expired", "written"]


def test_delay_beyond_all_times_is_just_never_readable(told):
    """The largest possible delay and validity overflow to infinity without an error."""
    huge = 1.7e308
    assert told.table.write(Put("a", 1, delay=huge, validity=huge), huge, ANNE)
    assert told.table.get("a", huge) is None
    assert told.table.next_deadline() is None


@pytest.mark.parametrize("number", [1, np.float32(1), np.int64(1), Fraction(1), np.float64(1)])
def test_every_real_number_counts_as_a_float(told, number):
    """Exotic numbers neither leak into entries and refusals nor spoil the precision of the clock."""
    table, now = told.table, 1e9 + 0.125
    table.write(Put("a", 1, priority=number, validity=number, delay=number), now, ANNE)
    refused = table.write(Put("a", 2, priority=number / 2), now, BERT)
    assert {type(refused.priority), type(refused.held_priority), type(refused.time_left)} == {float}
    change = told.changes[0]
    assert (type(change.priority), change.valid_to) == (float, now + 2)
    assert type(change.valid_to) is float
    table.delete(Erase("a", priority=number, validity=number), now, ANNE)
    assert told.changes[-1].valid_to == now + 1
    assert type(told.changes[-1].priority) is float


@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, -math.inf, 10**400, -(10**400), "1", None, True, Decimal(1), 1j]
)
@pytest.mark.parametrize("what", ["priority", "validity", "delay"])
def test_numbers_out_of_range_are_refused_before_anything_happens(told, what, bad):
    """A priority, validity or delay that is no finite number is a WriteError that names it; no slot is made."""
    if (what, bad) == ("validity", None):
        bad = 0
    with pytest.raises(WriteError, match=what):
        told.table.write(Put("a", 1, **{what: bad}), 0.0, ANNE)
    if what != "delay":
        with pytest.raises(WriteError, match=what):
            told.table.delete(Erase("a", **{what: bad}), 0.0, ANNE)
    assert told.changes == []
    assert len(told.table) == 0


@pytest.mark.parametrize(("what", "number"), [("delay", -1e-9), ("validity", -1), ("validity", 0.0)])
def test_negative_spans_and_zero_validity_are_refused(told, what, number):
    """A span of time is not negative, and a value that is valid for no time cannot be written."""
    with pytest.raises(WriteError, match=what):
        told.table.write(Put("a", 1, **{what: number}), 0.0, ANNE)


@pytest.mark.parametrize("name", ["a", "a/b/c", "_x", "é/ü", "a.b-c:d", "x" * 255, "\U0001f916"])
def test_names_that_are_names(name):
    """Parts of any visible characters, separated by single slashes, are a name."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "a/", "/a", "a//b", "a b", "a\tb", "a\n", "a*", "?", "[a]", "a]", "\x00", "\x7f", "x" * 256),
        *("a\u200cb", "a\u200db", "a\u2060", "a\U000e0041", "a\u061c", "a\xad", "a\u3164", "a\ufe0f", "a\u034f"),
        *("\x9b", "a\xa0b", "a\u202eb", "a\u2066", "\ufeffa", "a\u200b", "a\u2028"),
        *("\ud800", "a/\udfff", None, 5, b"a", ["a"]),
    ],
)
def test_names_that_are_none(told, name):
    """Whatever could be mistaken for a mask, cannot be encoded or is no str is refused, and makes no slot."""
    with pytest.raises(SlotNameError):
        check_name(name)
    if name.__hash__ is not None:
        with pytest.raises(SlotNameError):
            told.table.write(Put(name, 1), 0.0, ANNE)
    assert len(told.table) == 0


def test_number_of_slots_is_limited_but_not_for_the_space_itself(told, monkeypatch):
    """A full table refuses new names, still takes known ones, and the space's own slots always fit."""
    monkeypatch.setattr(slot_module, "MAX_SLOTS", 2)
    table = told.table
    table.write(Put("a", 1), 0.0, ANNE)
    table.write(Put("b", 1), 0.0, ANNE)
    with pytest.raises(LimitError, match="room for c"):
        table.write(Put("c", 1), 0.0, ANNE)
    with pytest.raises(LimitError):
        table.delete(Erase("c", validity=1.0), 0.0, ANNE)
    with pytest.raises(LimitError, match="c, d"):
        table.check_room({"a", "c", "d"})
    table.check_room({"a", "b"})
    assert table.write(Put("a", 2), 0.0, ANNE)
    assert table.write(Put.own("roles/x", 1), 0.0, ANNE)
    assert table.delete(Erase("c"), 0.0, ANNE)
    assert (len(table), table.held) == (2, 2)


def test_full_table_forgets_what_is_over(told, monkeypatch):
    """Room for a new slot comes from one that nothing holds, deleted or expired, the longest over first."""
    monkeypatch.setattr(slot_module, "MAX_SLOTS", 3)
    monkeypatch.setattr(slot_module, "ROOM", 1)
    table = told.table
    table.write(Put("kept", 1), 0.0, ANNE)
    table.write(Put("expired", 1, validity=1.0), 0.0, ANNE)
    table.write(Put("deleted", 1), 0.0, ANNE)
    table.delete(Erase("deleted"), 2.0, ANNE)
    assert table.write(Put("new", 1), 2.0, ANNE)
    assert told.gone == ["expired"]
    assert table.write(Put("newer", 1), 2.0, ANNE)
    assert told.gone == ["expired", "deleted"]
    with pytest.raises(LimitError, match="holds 3 slots"):
        table.write(Put("newest", 1), 2.0, ANNE)


def test_room_is_not_made_of_what_is_about_to_be_written(told, monkeypatch):
    """A commit that needs room keeps the slots that are over and that it writes itself."""
    monkeypatch.setattr(slot_module, "MAX_SLOTS", 2)
    told.table.write(Put("a", 1, validity=1.0), 0.0, ANNE)
    told.table.write(Put("b", 1, validity=1.0), 0.0, ANNE)
    told.table.advance(1.0)
    told.table.check_room({"a", "c"})
    assert told.gone == ["b"]


def test_revisions_of_a_forgotten_slot_go_on(told):
    """A name that comes again after it was forgotten begins after every revision that was ever given."""
    table = told.table
    for number in range(5):
        table.write(Put("a", number), 0.0, ANNE)
    table.delete(Erase("a"), 1.0, ANNE)
    table.sweep(before=0.9, most=9)
    assert told.gone == []
    table.sweep(before=1.0, most=9)
    assert (told.gone, table.floor) == (["a"], 6)
    assert table.delete(Erase("a"), 2.0, ANNE) == Written("a", 6)
    assert table.write(Put("b", 1), 2.0, ANNE) == Written("b", 7)
    assert table.write(Put("a", 1), 2.0, ANNE) == Written("a", 7)


def test_deleted_slots_of_the_space_are_forgotten_at_once(told):
    """What the space told of a role goes with it; its revisions do not come again."""
    table = told.table
    table.write(Put.own("roles/x", 1), 0.0, ANNE)
    table.delete(Erase._make(("_/roles/x", 0.0, None)), 1.0, ANNE)  # private: nobody else may
    assert table.write(Put.own("roles/x", 1), 2.0, ANNE) == Written("_/roles/x", 3)
    assert (len(table), table.held) == (0, 0)


def test_overwritten_values_leave_no_pile_of_deadlines(told):
    """A slot that is refreshed with a validity a hundred thousand times keeps few reminders, and the right one."""
    table = told.table
    for step in range(100_000):
        table.write(Put("a", step, validity=1000.0), step / 1000, ANNE)
    assert len(table._agenda) <= 64 + 4  # private: what must not grow has no other way to be seen
    assert table.next_deadline() == 99.999 + 1000.0


def test_no_expiry_is_lost_while_old_deadlines_are_swept(told):
    """However often slots are refreshed, in the end each expires exactly once, at its last deadline."""
    names = [f"slot/{n}" for n in range(30)]
    for step in range(3000):
        told.table.write(Put(names[step * 7 % 30], step, validity=100.0), step / 1000, ANNE)
    told.changes.clear()
    told.table.advance(200.0)
    assert [str(change.kind) for change in told.changes] == ["expired"] * 30
    assert {change.name for change in told.changes} == set(names)
    assert [change.at for change in told.changes] == [n / 1000 + 100.0 for n in range(2970, 3000)]


def test_origin_is_the_root_cause_or_the_write_itself(told):
    """A write keeps the origin that it is given, so that latency adds up along a chain of handlers."""
    told.table.write(Put("a", 1), 5.0, ANNE)
    told.table.write(Put("b", 1), 7.0, ANNE, origin=5.0)
    assert [(change.at, change.origin) for change in told.changes] == [(5.0, 5.0), (7.0, 5.0)]


def test_writer_shows_its_epoch_if_it_has_one():
    """A writer reads as role#epoch; one outside of all roles has no epoch."""
    assert (str(ANNE), str(Writer("script"))) == ("anne#1", "script")
