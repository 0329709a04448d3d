"""What a board does a little at a time comes to the same as all at once, whatever happens in between."""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any

import pytest

from agentspace.core.board import Board
from agentspace.core.change import Change, Kind
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import AT_ONCE, Erase, Put, SlotTable
from agentspace.core.slot_collection import STEP
from tests.unit.core.boards import ANNE, out, read, start, write

MANY = 3 * STEP + 7


@pytest.fixture
def board() -> Board[Any]:
    """With many slots."""
    made: Board[Any] = Board("x", lambda value: value)
    for number in random.Random(1).sample(range(MANY), MANY):
        write(made, f"many/{number:05}", number)
    return made


def test_slots_are_gathered_in_the_order_of_their_names(board):
    """As `snapshot` has them, at the moment of the first step; each step looks at few."""
    before = [slot.change for slot in board.snapshot("many/*1*", 0.0)]
    steps, found = board.present.gathering("many/*1*", 0.0), None
    for count in range(MANY):
        try:
            next(steps)
        except StopIteration as end:
            found = list(end.value)
            break
        write(board, f"many/{count:05}", "new")
        write(board, f"many/1{count:05}", "new")
    assert count >= MANY // STEP
    assert found == before


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", [Trigger.NORMAL, Trigger.EVERY])
def test_a_watcher_misses_nothing_that_happens_while_it_begins(board, seed, kind):
    """Its first batch is what was there and what came meanwhile, each change once, the newest last."""
    chance = random.Random(seed)
    before = {slot.name: slot.value for slot in board.snapshot("many/*", 0.0)}
    number, steps = board.present.watching("many/*", kind, {}, 0.0)
    news: list[tuple[str, int]] = []
    for _ in steps:
        assert number not in out(board)
        for _ in range(chance.randrange(4)):
            news.append((f"many/{chance.randrange(MANY + 5):05}", len(news)))
            write(board, *news[-1])
    changed, every = out(board)[number]
    if kind is Trigger.EVERY:
        assert (changed, every) == (before, [value for _, value in news])
    else:
        assert (changed, every) == ({**before, **dict(news)}, [])


@pytest.mark.parametrize("kind", [Trigger.NORMAL, Trigger.EVERY])
def test_who_comes_back_learns_what_is_there_no_more(board, kind):
    """Of slots that it knows: other values; those that nothing holds, that are held empty, or not yet readable.

    What is as it was is not told, nor what it does not follow, nor names that are none.
    """
    known: dict[Any, Any] = {
        slot.name: slot.revision for slot in board.snapshot("many/*", 0.0) if slot.name != "many/00009"
    }
    board.apply(Erase("many/00001"), ANNE, 0.0)
    board.apply(Erase("many/00002", validity=9.0), ANNE, 0.0)
    write(board, "many/00003", "later", delay=9.0)
    write(board, "many/00004", "new")
    write(board, "many/00005", "short", validity=1.0)
    board.advance(2.0)
    known |= {"many/ago": 7, "other/x": 1, "": 1, 5: 5, b"many/b": 1, None: None}
    number, steps = board.present.watching("many/*", kind, known, 2.0)
    for _ in steps:
        write(board, "many/00006", "meanwhile", 2.0)
    (delivery,) = board.deliveries(2.0)
    assert delivery.to == number
    told = {name: str(change.kind) for name, change in delivery.batch.changed.items()}
    told.pop("many/00006", None)
    assert told == {
        "many/00001": "deleted",
        "many/00002": "deleted",
        "many/00003": "delayed",
        "many/00004": "written",
        "many/00005": "deleted",
        "many/00009": "written",
        "many/ago": "deleted",
    }
    gone = delivery.batch.changed["many/ago"]
    assert (gone.value, str(gone.writer), gone.valid_to) == (None, "_", 2.0)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", [Trigger.NORMAL, Trigger.EVERY])
def test_the_mirror_of_who_comes_back_is_the_truth(board, seed, kind):
    """Whatever happens while it is away, and while it begins again."""
    chance, names = random.Random(seed), [f"many/{number:05}" for number in range(MANY)]
    mirror = {slot.name: (slot.revision, slot.value) for slot in board.snapshot("many/*", 0.0)}

    def happen(count: int) -> None:
        for name in chance.sample(names, count):
            if chance.random() < 0.5:
                board.apply(Erase(name), ANNE, 0.0)
            else:
                write(board, name, chance.random())

    happen(50)
    known = {name: revision for name, (revision, _) in mirror.items()}
    _, steps = board.present.watching("many/*", kind, known, 0.0)
    for _ in steps:
        happen(3)
    for _, batch in board.deliveries(0.0):
        for change in batch.all():
            mirror.pop(change.name, None)
            if change.kind is Kind.WRITTEN:
                mirror[change.name] = change.revision, change.value
    assert mirror == {slot.name: (slot.revision, slot.value) for slot in board.snapshot("many/*", 0.0)}


@pytest.mark.parametrize("seed", range(20))
def test_a_role_is_woken_by_the_newest_when_its_trigger_is_there(board, seed):
    """While a role begins to follow many slots it is not woken; then it is told the newest of each."""
    chance = random.Random(seed)
    epoch = start(board, "role")
    for count, _ in enumerate(board.attaching("role", epoch, "many/*", Trigger.NORMAL, 0.0)):
        assert not out(board)
        write(board, f"many/{chance.randrange(MANY):05}", f"new {count}")
    truth = {slot.name: slot.value for slot in board.snapshot("many/*", 0.0)}
    assert out(board) == {"role": (truth, [])}


def test_a_trigger_that_is_given_up_in_the_middle_keeps_nobody_from_being_woken(board):
    """Who asked for it has died: its successor hears of what there is."""
    epoch = start(board, "role", x=Trigger.NORMAL)
    steps = board.attaching("role", epoch, "many/*", Trigger.NORMAL, 0.0)
    next(steps)
    write(board, "x", 1)
    assert not out(board)
    steps.close()
    assert out(board)["role"][0]["x"] == 1


def outcome(steps: Generator[None, None, Any]) -> Any:
    """What steps come to."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def crowded() -> tuple[SlotTable[Any], list[Change[Any]]]:
    """A table of values that expire at the same moment, and what it tells."""
    told: list[Change[Any]] = []
    table: SlotTable[Any] = SlotTable(lambda change, slot: told.append(change))
    for number in range(3 * AT_ONCE):
        table.write(Put(f"many/{number}", number, validity=1.0), 0.0, ANNE)
    told.clear()
    return table, told


def test_an_act_does_not_wait_for_all_that_happens_at_its_moment():
    """Of many values that expire at once, an act of another slot waits for a few; all follow, in order."""
    table, told = crowded()
    for number in range(100):
        table.write(Put(f"other/{number}", 1), 1.0, ANNE)
    assert len(told) == AT_ONCE + 100
    while table.lags:
        before = len(told)
        table.advance(1.0, AT_ONCE)
        assert len(told) <= before + AT_ONCE
    expired = [change.name for change in told if change.kind is Kind.EXPIRED]
    assert expired == [f"many/{number}" for number in range(3 * AT_ONCE)]
    assert {change.at for change in told} == {1.0}


def test_a_slot_is_as_it_should_be_at_any_moment():
    """What is over is not read, and holds nothing, also if its end was not told yet; it is told once."""
    table, told = crowded()
    last = f"many/{3 * AT_ONCE - 1}"
    assert table.get(last, 1.0) is None
    assert table.write(Put(last, "new", priority=-1.0), 1.0, ANNE)
    table.advance(1.0)
    assert [change.kind for change in told if change.name == last] == [Kind.EXPIRED, Kind.WRITTEN]


def test_a_delayed_value_is_there_at_its_time_whatever_else_happens():
    """It becomes readable, and expires, at its own moments, though others come first."""
    table, told = crowded()
    table.write(Put("late", 1, validity=0.5, delay=0.25), 0.5, ANNE)
    told.clear()
    for number in range(AT_ONCE):
        table.write(Put(f"more/{number}", 1, validity=0.1), 0.0, ANNE)
    slot = table.get("late", 1.0)
    assert slot is not None
    assert slot.value == 1
    table.advance(2.0)
    mine = [(change.kind, change.at) for change in told if change.name == "late"]
    assert mine == [(Kind.WRITTEN, 0.75), (Kind.EXPIRED, 1.25)]


def test_names_that_are_over_leave_room_though_their_end_was_not_told(monkeypatch):
    """A full table has room as soon as what was in it is over."""
    monkeypatch.setattr("agentspace.core.slot.MAX_SLOTS", 3 * AT_ONCE)
    table, _ = crowded()
    assert table.write(Put("new", 1), 1.0, ANNE)


def test_a_snapshot_waits_for_what_happens_at_its_moment(board):
    """What is over is not in it, however much ends at once."""
    for number in range(3 * AT_ONCE):
        write(board, f"short/{number}", number, validity=1.0)
    found = outcome(board.present.gathering("short/*", 1.0))
    assert list(found) == []
    assert read(board, "short/0", 1.0) == "empty"
