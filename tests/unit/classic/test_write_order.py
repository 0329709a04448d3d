"""The order in which an agent of the original is told of names and values, beside the original's queue."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentspace.classic.tokens import Tokens
from agentspace.classic.write_order import WriteOrder
from agentspace.core.change import SPACE, Kind
from agentspace.core.space import Entry

NAMES, VALUES = ("a", "b"), ("v", "w")


def change(slot: str, revision: int) -> Entry:
    """A change of a slot of which each value is told."""
    return Entry(slot, Kind.WRITTEN, revision, revision, 0.0, SPACE, 0.0, None, 0.0)


class Busy:
    """An agent at work: its order, and what its mailbox in the server collects meanwhile."""

    def __init__(self) -> None:
        self.order = WriteOrder()
        self.names: dict[str, None] = {}
        self.changes: list[Entry] = []
        self.revisions = dict.fromkeys((*NAMES, *VALUES), 0)

    def write(self, slot: str, *, own: bool = True) -> None:
        """The program, or another one, writes a slot."""
        self.revisions[slot] += 1
        if slot in NAMES:
            self.names[slot] = None
        else:
            self.changes.append(change(slot, self.revisions[slot]))
        if own:
            self.order.note(slot, self.revisions[slot])

    def wake(self) -> list[str | tuple[str, int]]:
        """What its next wake-up tells, in order."""
        self.order.mark()
        told = self.order.sort(self.names, self.changes)
        self.names, self.changes = {}, []
        return [one if isinstance(one, str) else (one.name, one.revision) for one in told]


def queue(writes: list[str]) -> list[str | tuple[str, int]]:
    """The original's queue after these writes: each name once, each value."""
    tokens, revisions, found = Tokens(), dict.fromkeys(VALUES, 0), list[str | tuple[str, int]]()
    for slot in writes:
        if slot in NAMES:
            tokens.put(slot)
        else:
            revisions[slot] += 1
            tokens.put_value(slot, revisions[slot])
    while tokens:
        found.append(tokens.take())
    return found


@given(st.lists(st.sampled_from(NAMES + VALUES)))
def test_it_is_that_of_the_original(writes: list[str]) -> None:
    """Of what one process wrote while the agent was at work: names where they were written first."""
    agent = Busy()
    for slot in writes:
        agent.write(slot)
    assert agent.wake() == queue(writes)


@given(st.lists(st.lists(st.sampled_from(NAMES + VALUES))))
def test_one_wake_up_leaves_nothing_to_the_next(rounds: list[list[str]]) -> None:
    """A name that was written often has its place by its first write since the last wake-up."""
    agent, fresh = Busy(), Busy()
    for writes in rounds:
        fresh.names, fresh.changes, fresh.order = {}, [], WriteOrder()
        for slot in writes:
            agent.write(slot)
            fresh.write(slot)
        assert agent.wake() == fresh.wake()


@given(st.lists(st.tuples(st.sampled_from(NAMES + VALUES), st.booleans())))
def test_what_others_write_is_told_once_too(writes: list[tuple[str, bool]]) -> None:
    """Nothing is lost or told twice, and values keep their order."""
    agent = Busy()
    for slot, own in writes:
        agent.write(slot, own=own)
    changes = [(one.name, one.revision) for one in agent.changes]
    told = agent.wake()
    assert [one for one in told if isinstance(one, tuple)] == changes
    assert sorted(one for one in told if isinstance(one, str)) == sorted({slot for slot, _ in writes} & {*NAMES})


def test_writes_that_are_told_of_only_later_are_not_forgotten() -> None:
    """The wake-up was on its way when they were noted."""
    order = WriteOrder()
    order.mark()
    order.note("v", 1)
    order.note("a", 1)
    order.note("v", 2)
    assert order.sort(["a"], [change("v", 1)]) == [change("v", 1), "a"]
    order.note("b", 1)
    assert order.sort(["b"], [change("v", 2)]) == [change("v", 2), "b"]


def test_it_is_bounded() -> None:
    """An agent that never looks costs a few thousand pairs; then the rest is in order."""
    order = WriteOrder()
    for revision in range(1, 10_000):
        order.note("v", revision)
    order.note("a", 1)
    assert order.sort(["a"], [change("v", 9_999)]) == [change("v", 9_999), "a"]
