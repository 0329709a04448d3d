"""What every space does with arrays that their writers fill in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agentspace import EMPTY, Agent, AgentspaceError, Refused, Written
from agentspace.errors import LimitError, SlotNameError, ValueTypeError, WriteError
from tests.support.eventually import eventually

SMALL, LARGE = (3, 4), (480, 640, 3)


@pytest.mark.parametrize("shape", [SMALL, LARGE, 7, (), (2, 0)])
def test_loan_is_written_when_its_block_ends(another, shape):
    """Nobody sees it before; then all do, and nobody can change it, neither its readers nor its writer."""
    writer, reader = another(), another()
    loan = writer.loan("picture", shape, np.uint8, validity=60.0, priority=2.0)
    with loan as array:
        array[...] = 7
        assert reader.read("picture", EMPTY) is EMPTY
        assert loan.decision is None
    assert isinstance(loan.decision, Written)
    entry = reader.entry("picture")
    assert entry is not None
    assert (entry.value.shape, entry.value.dtype) == (np.zeros(shape).shape, np.uint8)
    assert (entry.value == 7).all()
    assert entry.priority == 2.0
    assert entry.time_left is not None
    for mine in (array, entry.value):
        with pytest.raises(ValueError, match="read-only"):
            mine[...] = 8


def test_loan_may_be_delayed_and_refused(another):
    """The decision is that of a write."""
    writer, other = another(), another()
    writer.write("held", 1, priority=5.0)
    for name, delay in (("held", 0.0), ("later", 60.0)):
        loan = other.loan(name, LARGE, "uint8", delay=delay)
        with loan as array:
            array[...] = 1
        assert isinstance(loan.decision, Refused if name == "held" else Written)
    assert writer.read("held") == 1
    assert writer.read("later", EMPTY) is EMPTY
    assert "later" in writer.snapshot()


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_error_in_the_block_writes_nothing(space, shape):
    """What was there stays; the error goes on, and the array is of no use any more."""
    space.write("picture", "before")
    loan = space.loan("picture", shape, "float32")
    with pytest.raises(ZeroDivisionError), loan as array:
        array[...] = 1 / 0
    assert loan.decision is None
    assert space.read("picture") == "before"
    assert not array.flags.writeable


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_view_that_the_block_leaves_behind_changes_nothing(another, shape):
    """Whoever keeps a view of the array can write into that; what was written stays as it was."""
    writer, reader = another(), another()
    with writer.loan("picture", shape, "uint8") as array:
        array[...] = 1
        left = array[1:]
    left[...] = 2
    assert (reader.read("picture") == 1).all()
    left[...] = 3
    assert (reader.read("picture") == 1).all()


def test_array_of_the_writer_stays_as_it_is(another):
    """The writer may keep the array, to compare the next one with it: its memory is not filled meanwhile."""
    writer, kept = another(), list[np.ndarray[Any, Any]]()
    for number in range(6):
        with writer.loan("picture", LARGE, "uint8") as array:
            array[...] = number
        kept.append(array)
    assert [int(array.min()) for array in kept] == [int(array.max()) for array in kept] == list(range(6))


def test_structured_loan(another):
    """Any dtype that a slot can hold, also one with fields that are arrays."""
    writer, reader = another(), another()
    dtype = np.dtype([("at", "<f8"), ("rgb", "u1", (3,))])
    with writer.loan("points", 9000, dtype) as points:
        points["at"], points["rgb"] = np.arange(9000), 5
    read = reader.read("points")
    assert read.dtype == dtype
    assert read["at"][-1] == 8999
    assert (read["rgb"] == 5).all()


@pytest.mark.parametrize(
    ("error", "told", "given"),
    [
        (ValueTypeError, r"\(3, -1\)", ("a", (3, -1), "uint8")),
        (ValueTypeError, "2.5", ("a", 2.5, "uint8")),
        (ValueTypeError, "'12'", ("a", "12", "uint8")),
        (ValueTypeError, "'nonsense'", ("a", 3, "nonsense")),
        (ValueTypeError, "None", ("a", 3, None)),
        (ValueTypeError, "dtype\\('O'\\)", ("a", 3, object)),
        (ValueTypeError, "m8", ("a", 3, "m8[0s]")),
        (LimitError, "1099511627776", ("a", 1 << 40, "uint8")),
        (LimitError, "40 dimensions", ("a", (1,) * 40, "uint8")),
        (SlotNameError, "a b", ("a b", 3, "uint8")),
        (SlotNameError, "_/a", ("_/a", 3, "uint8")),
        (WriteError, "nan", ("a", 3, "uint8", float("nan"))),
    ],
)
def test_bad_loans_are_refused_by_name(space, error, told, given):
    """Before the block begins: the bad value is told."""
    with pytest.raises(error, match=told):
        space.loan(*given)


def test_loan_is_for_one_block(space):
    """Whoever wants to write again asks again."""
    loan = space.loan("a", 3, "uint8")
    with loan as array:
        array[...] = 1
    with pytest.raises(AgentspaceError, match="one block"), loan:
        pass


class Filler(Agent):
    """Fills two slots in place with each number that it gets, or fails at it."""

    def init(self) -> None:
        """Wakes for numbers."""
        self.seen = list[tuple[bool, int]]()
        self.attach_trigger("number")

    def sense_select_act(self) -> None:
        """Writes a large and a small array; a number below 0 is one that it fails at, within the block."""
        number = self.read("number", 0)
        with self.loan("large", LARGE, "uint8", priority=1.0) as large:
            large[...] = abs(number)
        try:
            with self.loan("small", SMALL, "float64") as small:
                small[...] = np.sqrt(abs(number))
                if number < 0:
                    raise ArithmeticError(number)
        except ArithmeticError:
            self.write("failed", number)
        self.seen.append((self.space.read("large", EMPTY) is EMPTY, int(self.read("large")[0, 0, 0])))
        self.write("done", number)


def test_agent_writes_its_loans_with_everything_else(another, run):
    """With the end of the handler, and not before; the handler itself reads them back."""
    space = another()
    agent = Filler()
    run(agent, "filler")
    space.write("number", 9)
    eventually(lambda: space.read("done") == 9)
    assert agent.seen == [(True, 9)]
    assert (space.read("large") == 9).all()
    assert (space.read("small") == 3.0).all()
    entry = space.entry("large")
    assert entry is not None
    assert (entry.priority, entry.writer.role) == (1.0, "filler")
    space.write("number", -4)
    eventually(lambda: space.read("done") == -4)
    assert space.read("failed") == -4
    assert (space.read("large") == 4).all()
    assert (space.read("small") == 3.0).all()


def test_session_writes_loans_at_once(another, join):
    """The space of an agent writes at once, with the role's signature."""
    session = join("writer")
    loan = session.loan("array", LARGE, "uint8")
    with loan as array:
        array[...] = 1
    assert isinstance(loan.decision, Written)
    entry = another().entry("array")
    assert entry is not None
    assert entry.writer.role == "writer"
