"""The slot rule on random histories, beside a naive model."""

import math
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from agentspace.core.change import Change, Kind, Refused, Writer, Written
from agentspace.core.slot import Erase, Put, SlotTable
from agentspace.core.values.agenda import FOREVER
from tests.support.examples import examples

ANNE, BERT = Writer("anne", 1), Writer("bert", 7)


@dataclass
class Act:
    """One accepted write or delete, as history knows it."""

    op: int  # which operation it was
    at: float
    name: str
    revision: int
    deleted: bool
    value: Any
    writer: Writer
    priority: float
    delayed: bool
    valid_from: float
    valid_to: float
    superseded: float = math.inf  # when the next act on that slot came
    forgotten: bool = False

    @property
    def turns(self) -> list[tuple[float, Kind]]:
        """What happens to it by itself, and when, as far as nobody supersedes it before."""
        turns = [(self.valid_from, Kind.WRITTEN)] if self.delayed else []
        turns += [(self.valid_to, Kind.EXPIRED)] if -FOREVER < self.valid_to < FOREVER else []
        return [turn for turn in turns if turn[0] <= self.superseded]


@dataclass
class History:
    """Never keeps a state: each answer is a search through all acts; what was forgotten is only marked."""

    times: list[float] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)

    @property
    def now(self) -> float:
        return max(self.times, default=-math.inf)

    def last(self, name: str) -> Act | None:
        return next((act for act in reversed(self.acts) if act.name == name and not act.forgotten), None)

    def holder(self, name: str) -> Act | None:
        act = self.last(name)
        return act if act is not None and self.now < act.valid_to else None

    def holds(self, name: str) -> bool:
        """Whether something holds the slot; where the clock is too coarse for its end, until time passes."""
        last = self.last(name)
        ends_at_once = last is not None and last.op == len(self.times) - 1 and last.valid_to > -FOREVER
        return ends_at_once or self.holder(name) is not None

    def revision(self, name: str) -> int:
        last = self.last(name)
        given = [act.revision for act in self.acts if act.forgotten]
        return max(given, default=0) if last is None else last.revision

    def readable(self, name: str) -> Act | None:
        act = self.holder(name)
        return act if act is not None and not act.deleted and act.valid_from <= self.now else None

    def write(self, now, name, value, writer, priority, validity, delay):
        refusal = self._tick(now, name, priority)
        if refusal is not None:
            return refusal
        return self._accept(name, False, value, writer, priority, delay, validity)

    def delete(self, now, name, writer, priority, validity):
        refusal = self._tick(now, name, priority)
        if refusal is not None:
            return refusal
        if self.holder(name) is None and validity is None:
            return Written(name, self.revision(name))
        # A delete without validity holds nothing: it was over before it began, and no expiry tells so.
        return self._accept(name, True, None, writer, priority, 0.0, -FOREVER if validity is None else validity)

    def pass_time(self, now):
        self.times.append(now)

    def forget(self, before):
        for last in [self.last(name) for name in {act.name for act in self.acts if not act.forgotten}]:
            if self.now >= last.valid_to and max(last.at, last.valid_to) <= before:
                for act in self.acts:
                    act.forgotten = act.forgotten or act.name == last.name

    def log(self):
        """All changes so far, in order, each with the operation that made it happen."""
        ops = [max(self.times[: i + 1]) for i in range(len(self.times))]
        found = []
        for act in self.acts:
            kind = Kind.DELETED if act.deleted else Kind.DELAYED if act.delayed else Kind.WRITTEN
            found.append(((act.op, 1, act.at, act.op, 0), act, kind, act.at))
            for turn, (when, kind) in enumerate(act.turns):
                op = next((i for i in range(act.op + 1, len(ops)) if ops[i] >= when), None)
                if op is not None:
                    found.append(((op, 0, when, act.op, turn), act, kind, when))
        found.sort(key=lambda item: item[0])
        return [
            (
                a.name,
                kind,
                a.revision,
                a.value if kind is Kind.WRITTEN else None,
                a.writer,
                a.priority,
                at,
                max(a.valid_to, a.at),
            )
            for _, a, kind, at in found
        ]

    def next_deadline(self):
        live = [self.last(name) for name in {act.name for act in self.acts if not act.forgotten}]
        newest = len(self.times) - 1
        turns = (when for act in live for when, _ in act.turns if when > self.now or act.op == newest)
        return min(turns, default=None)

    def _tick(self, now, name, priority):
        self.times.append(now)
        held = self.holder(name)
        if held is None or held.priority <= priority:
            return None
        left = None if held.valid_to == FOREVER else held.valid_to - self.now
        return Refused(name, priority, held.writer, held.priority, left)

    def _accept(self, name, deleted, value, writer, priority, delay, validity):
        valid_from = self.now + delay
        valid_to = FOREVER if validity is None else valid_from + validity
        before, revision = self.last(name), self.revision(name) + 1
        if before is not None:
            before.superseded = self.now
        op = len(self.times) - 1
        self.acts.append(
            Act(op, self.now, name, revision, deleted, value, writer, priority, delay > 0, valid_from, valid_to)
        )
        return Written(name, revision)


@dataclass(frozen=True)
class Op:
    """One operation of a history, `step` seconds after the one before."""

    step: float
    what: str
    name: str
    writer: Writer
    priority: float
    validity: float | None
    delay: float


def ops(steps, spans, delays):
    """Operations on few slots with few numbers, so that claims meet and boundaries are hit."""
    return st.builds(
        Op,
        step=steps,
        what=st.sampled_from(["write", "write", "write", "delete", "advance", "read", "forget"]),
        name=st.sampled_from(["a", "a", "a/b", "c"]),
        writer=st.sampled_from([ANNE, BERT]),
        priority=st.sampled_from([0.0, 0.0, 1.0, -1.0, 0.5]),
        validity=st.none() | spans,
        delay=st.just(0.0) | delays,
    )


GRID = ops(st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0, -0.5]), *[st.sampled_from([0.25, 0.5, 1.0])] * 2)
WILD = ops(
    st.floats(0, 2, allow_nan=False), st.floats(1e-9, 2, allow_nan=False), st.floats(1e-9, 2, allow_nan=False)
)
NAMES = ("a", "a/b", "c")


def act_on_both(table: SlotTable[Any], model: History, op: Op, number: int, time: float) -> None:
    """Carries out one operation; decisions and readings must agree."""
    if op.what == "write":
        numbers = {"priority": op.priority, "validity": op.validity, "delay": op.delay}
        got = table.write(Put(op.name, number, **numbers), time, op.writer)
        assert got == model.write(time, op.name, number, op.writer, **numbers)
    elif op.what == "delete":
        got = table.delete(Erase(op.name, priority=op.priority, validity=op.validity), time, op.writer)
        assert got == model.delete(time, op.name, op.writer, op.priority, op.validity)
    elif op.what == "forget":
        model.pass_time(time)
        table.advance(time)
        before = model.now - op.delay
        table.sweep(before, len(NAMES))
        model.forget(before)
    else:
        model.pass_time(time)
        table.advance(time)


def compare(table: SlotTable[Any], model: History) -> None:
    """Everything that can be seen without letting time pass must agree."""
    assert table.next_deadline() == model.next_deadline()
    assert [table.revision(name) for name in NAMES] == [model.revision(name) for name in NAMES]
    assert len(table) == len({act.name for act in model.acts if not act.forgotten})
    assert table.held == sum(model.holds(name) for name in NAMES)


def compare_readings(table: SlotTable[Any], model: History, time: float) -> None:
    """What readers see at that time must agree."""
    model.pass_time(time)
    for name in NAMES:
        seen, known = table.get(name, time), model.readable(name)
        assert (seen is None) == (known is None)
        if seen is not None:
            assert (seen.value, seen.revision) == (known.value, known.revision)
            assert (seen.change.kind, seen.change.value) == (Kind.WRITTEN, known.value)
    held = {slot.name: slot.readable for slot in table.slots(time)}
    assert held == {name: model.readable(name) is not None for name in NAMES if model.holder(name)}


def play(history: list[Op], start: float) -> None:
    """Runs a history through table and model, comparing all that can be seen after every step, and the log."""
    changes: list[Change[Any]] = []
    table: SlotTable[Any] = SlotTable(lambda change, slot: changes.append(change))
    model = History()
    time = start
    for number, op in enumerate(history):
        time += op.step
        act_on_both(table, model, op, number, time)
        compare(table, model)
        if op.what == "read":
            compare_readings(table, model, time)
    compare_readings(table, model, time)
    revisions = [(c.name, c.revision) for c in changes if c.kind not in (Kind.WRITTEN, Kind.EXPIRED)]
    assert len(set(revisions)) == len(revisions)
    log = [(c.name, c.kind, c.revision, c.value, c.writer, c.priority, c.at, c.valid_to) for c in changes]
    assert log == model.log()


@examples(2000)
@given(st.lists(GRID, min_size=1, max_size=24))
@example([Op(0, "write", "a", ANNE, 0, 0.5, 0.5), Op(1.0, "write", "a", BERT, -1, None, 0)])
@example([Op(0, "delete", "a", ANNE, 1, 0.5, 0), Op(0.5, "write", "a", BERT, 0, None, 0)])
def test_table_does_what_history_says_on_boundaries(history):
    """On a grid of times, where claims end exactly when others come, table and model agree in every respect."""
    play(history, start=100.0)


@examples(500)
@given(st.lists(WILD, min_size=1, max_size=24), st.sampled_from([0.0, 1e6, 1e12]))
def test_table_does_what_history_says_at_any_time(history, start):
    """With arbitrary times, also where the clock is too coarse for them, table and model agree."""
    play(history, start)
