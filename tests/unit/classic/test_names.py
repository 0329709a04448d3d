"""Names of the original as slots and roles, and what a copy of it tells."""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.classic.generation import Generation, copy_in
from agentspace.classic.naming import role_of, slot_of, space_named, space_of, unnamed_space
from agentspace.core.values.names import check_free_name, check_role
from agentspace.wire.address import parse
from tests.system.classic.doubles import FIRST, LOOPING, NEWEST, SECOND, THIRD

LATE = """
class Agent:
    def run(self):
        print("stopping agent", 1)
    def trigger(self):
        if self.stopped: return
"""
LISTS = """
class Agent:
    def trigger(self, name):
        self.triggered_.append(name)
    def triggered(self):
        return self.triggered_
"""
KEYS = st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.tuples(st.text(), st.integers()))


@given(KEYS)
def test_anything_names_a_slot(name: object) -> None:
    """Whatever a program calls a slot, there is one that a client may write."""
    check_free_name(slot_of(name))


@given(st.text(alphabet="ab/% *[?]_=é\n", max_size=8), st.text(alphabet="ab/% *[?]_=é\n", max_size=8))
def test_two_names_are_two_slots(one: str, other: str) -> None:
    """No two names become one slot."""
    assert (slot_of(one) == slot_of(other)) == (one == other)


@pytest.mark.parametrize(
    ("names", "slot"),
    [
        ((7, 7.0, Fraction(7), Decimal(7), np.int64(7), np.float32(7), 7 + 0j), "%=7"),
        ((1, True, 1.0), "%=1"),
        ((("t", 1), ("t", 1.0), ("t", True)), "%=('t',%201)"),
        ((2.5, Fraction(5, 2)), "%=2.5"),
    ],
)
def test_equal_keys_of_a_dict_are_one_slot(names: tuple[Hashable, ...], slot: str) -> None:
    """Whichever is asked for first."""
    assert len({*names}) == 1
    for name in names:
        assert slot_of(name) == slot
    assert slot_of(str(names[0])) != slot


class _Key:
    def __repr__(self) -> str:
        return "key"


def test_keys_that_look_alike_are_two_slots() -> None:
    """Objects that are not equal; each keeps its own."""
    keys = [_Key(), _Key(), _Key()]
    slots = [slot_of(key) for key in keys]
    assert len({*slots}) == 3
    assert [slot_of(key) for key in keys] == slots
    for slot in slots:
        check_free_name(slot)


def test_many_keys_take_no_longer_each() -> None:
    """A program may have a slot for each number."""
    assert len({slot_of(number) for number in range(20_000)}) == 20_000


def test_what_is_no_key_names_nothing() -> None:
    """As in the original, whose slots are in a dict."""
    with pytest.raises(TypeError, match="unhashable"):
        slot_of([1])  # type: ignore[arg-type]


@given(KEYS, KEYS, KEYS)
def test_a_slot_of_a_named_space_is_no_other(space: Hashable, name: Hashable, other: Hashable) -> None:
    """Neither one of the usual space nor of one without a name; and anybody may write it."""
    slot = slot_of(name, space_named(space))
    check_free_name(slot)
    assert slot not in (slot_of(other), slot_of(name, unnamed_space(1)))
    assert (slot == slot_of(name, space_named(other))) == (space_named(space) == space_named(other))


@pytest.mark.parametrize("name", ["camera", "left/arm", "a.b-c_d", "točka"])
def test_a_name_stays_as_it_is_if_it_can(name: str) -> None:
    """So the tools show what the program says."""
    assert slot_of(name) == name


@pytest.mark.parametrize("name", ["CameraAgent", "Agent", "_Agent", "ŽmurkAgent", "A" * 400])
def test_every_class_has_a_role(name: str) -> None:
    """Its name without 'Agent', if that is one."""
    check_role(role_of(name))


@pytest.mark.parametrize("file", ["/x/main.py", "/main.py", "/a b/main.py", "/x/ü.py", "/x/-.py"])
def test_every_program_has_a_space(file: str) -> None:
    """That an address can name."""
    assert parse(f"lab#{space_of(Path(file))}").space


def test_a_copy_tells_its_habits() -> None:
    """What an agent prints, and what a timer is called, are read from the copy of the original."""
    assert Generation.of(FIRST) == Generation.of(SECOND) == Generation()
    assert Generation.of(THIRD) == Generation(says_start=True, says_stop=True, hides_none=True)
    assert Generation.of(NEWEST) == Generation(names_timer=True)
    assert Generation.of(LOOPING) == Generation(loops=True)
    assert Generation.of(LATE) == Generation(says_end=True, sleeps_on=True)
    assert Generation.of(LISTS) == Generation(lists_names=True)
    daemons = SECOND.replace("        self.t.start()", "        self.t.daemon = True\n        self.t.start()")
    assert Generation.of(daemons) == Generation(ends_with_main=True)


def test_only_the_original_is_a_copy_of_it(tmp_path: Path) -> None:
    """Another file of that name is not."""
    assert copy_in(tmp_path) is None
    (tmp_path / "agentspace.py").write_text("x = 1\n")
    assert copy_in(tmp_path) is None
    (tmp_path / "agentspace.py").write_text(SECOND)
    assert copy_in(tmp_path) == tmp_path / "agentspace.py"
