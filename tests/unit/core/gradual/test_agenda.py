"""The agenda: what happens by itself happens in order, and what is put off leaves nothing behind."""

from __future__ import annotations

import math
import random

import pytest

from agentspace.core.values.agenda import FOREVER, Agenda


class World:
    """Names with deadlines, and an agenda of them."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[float, int]] = {}
        self.agenda = Agenda(lambda name: self.of.get(name, (FOREVER, 0)))
        self._places = 0

    def put(self, name: str, when: float) -> None:
        """Something will happen to a name then."""
        self._places += 1
        self.of[name] = when, self._places
        self.agenda.note(name)

    def until(self, now: float) -> list[str]:
        """What happens until then."""
        met = []
        while self.agenda.lags(now):
            if (taken := self.agenda.take()) is not None:
                met.append(taken[0])
                assert self.of.pop(taken[0])[0] == taken[1]
                self.agenda.note(taken[0])
        return met


@pytest.mark.parametrize("seed", range(50))
def test_all_happens_in_order(seed):
    """By time, and what happens at one moment in the order in which it was put there last."""
    chance, world = random.Random(seed), World()
    now = 0.0
    for _ in range(300):
        world.put(f"n{chance.randrange(10)}", now + chance.randrange(1, 6))
        if chance.random() < 0.2:
            world.of.pop(f"n{chance.randrange(10)}", None)
        if chance.random() < 0.3:
            now += 1.0
            due = sorted((at, name) for name, at in world.of.items() if at[0] <= now)
            assert world.until(now) == [name for _, name in due]
        assert world.agenda.first() == min((at[0] for at in world.of.values()), default=None)


def test_what_is_put_off_again_and_again_has_one_reminder():
    """However often that is: to look through all of them would take long."""
    world = World()
    for number in range(100_000):
        world.put(f"n{number % 10}", float(number))
    assert len(world.agenda) == 10
    assert world.agenda.first(most=1) <= 99_990.0
    assert world.agenda.first() == 99_990.0


def test_what_comes_ever_earlier_leaves_few_reminders():
    """Those that count no more are let go."""
    world = World()
    for number in range(10_000):
        world.put("n", -float(number))
    assert len(world.agenda) <= 64 + 4
    assert world.until(math.inf) == ["n"]
    assert world.agenda.first() is None
