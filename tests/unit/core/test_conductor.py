"""Who has a turn in simulated time, and when the clock jumps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.simulated.conductor import START, STEP, TURNS, Actor, Conductor, Turn
from tests.support.examples import examples

A, B, C = (Actor("DATA", name) for name in "abc")


class Agent(NamedTuple):
    """What one does in each of its turns, and how often it has one by itself."""

    wakes: tuple[str, ...]
    period: float | None


class World:
    """Agents that wake each other, led by a conductor."""

    def __init__(self, agents: dict[str, Agent], joins: Sequence[str], horizon: float) -> None:
        self.agents = agents
        self.ready: dict[str, float] = {}
        self.dues = {
            name: None if agent.period is None else START + agent.period for name, agent in agents.items()
        }
        self.story: list[tuple[float, str]] = []
        self.conductor = Conductor()
        self.conductor.horizon = horizon
        for name in joins:
            actor = Actor("DATA", name)
            self.conductor.wait(actor, self.conductor.begin(actor), self.dues[name])

    def run(self, most: int = 10_000) -> None:
        """Until the clock stands."""
        for _ in range(most):
            waiting = [(since, Actor("DATA", name)) for name, since in self.ready.items()]
            step = self.conductor.next(waiting, None)
            if step is None:
                return
            if isinstance(step, Turn):
                self.take_turn(step.actor.role)
                self.conductor.wait(step.actor, step.number, self.dues[step.actor.role])

    def take_turn(self, name: str) -> None:
        """What a handler does."""
        now, agent = self.conductor.now, self.agents[name]
        self.story.append((now, name))
        self.ready.pop(name, None)
        due = self.dues[name]
        if agent.period is not None and due is not None and due <= now:
            self.dues[name] = due + agent.period
        for other in agent.wakes:
            self.ready.setdefault(other, now)


def naive(agents: dict[str, Agent], horizon: float) -> list[tuple[float, str]]:
    """The same story, looked up in a list of all that could be next."""
    now, ready = START, dict[str, float]()
    dues = {name: agent.period and START + agent.period for name, agent in agents.items()}
    story: list[tuple[float, str]] = []
    while True:
        wanted = [*((since, name) for name, since in ready.items()), *((due, n) for n, due in dues.items() if due)]
        often = {name for name in agents if story.count((now, name)) >= TURNS}
        wanted = sorted((max(when, now + STEP) if name in often else when, name) for when, name in wanted)
        if not wanted or wanted[0][0] > horizon:
            return story
        now, name = max(now, wanted[0][0]), wanted[0][1]
        story.append((now, name))
        ready.pop(name, None)
        due, period = dues[name], agents[name].period
        if due and period and due <= now:
            dues[name] = due + period
        for other in agents[name].wakes:
            ready.setdefault(other, now)


PERIODS = st.sampled_from([None, 0.25, 0.5, 0.1, 1.0])
WORLDS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(Agent, st.lists(st.sampled_from("abcdef"), max_size=2).map(tuple), PERIODS),
    min_size=1,
).map(
    lambda agents: {
        name: agent._replace(wakes=tuple(other for other in agent.wakes if other > name and other in agents))
        for name, agent in agents.items()
    }
)


@examples(300)
@given(WORLDS)
def test_turns_are_those_of_a_naive_model(agents: dict[str, Agent]) -> None:
    """Whatever wakes whom: the same turns at the same times as if everything that could be next were sorted."""
    world = World(agents, list(agents), START + 2.0)
    world.run()
    assert world.story == naive(agents, START + 2.0)


@examples(300)
@given(WORLDS, st.randoms())
def test_the_order_of_joining_does_not_matter(agents: dict[str, Agent], random) -> None:
    """Roles that join in another order have the same turns."""
    first = World(agents, list(agents), START + 2.0)
    joins = list(agents)
    random.shuffle(joins)
    second = World(agents, joins, START + 2.0)
    first.run()
    second.run()
    assert first.story == second.story


@examples(200)
@given(WORLDS, st.lists(st.floats(0.0, 1.0), max_size=6))
def test_how_the_clock_is_driven_does_not_matter(agents: dict[str, Agent], parts: list[float]) -> None:
    """In many small steps or in one, until the same time: the same turns."""
    end = START + math.fsum(parts)
    whole, stepped = World(agents, list(agents), end), World(agents, list(agents), START)
    whole.run()
    for part in [*parts, 0.0]:
        stepped.conductor.horizon = min(stepped.conductor.horizon + part, end) if part else end
        stepped.run()
        assert stepped.conductor.now <= stepped.conductor.horizon
    assert stepped.story == whole.story
    assert stepped.conductor.now == whole.conductor.now


def test_a_circle_of_roles_does_not_hold_the_clock() -> None:
    """Two that wake each other for ever get `TURNS` turns in a moment; what else is due is not kept waiting."""
    agents = {"a": Agent(("b",), None), "b": Agent(("a",), None), "z": Agent((), 0.01)}
    world = World(agents, "abz", START + 0.02)
    world.ready["a"] = START
    world.run()
    assert [now for now, name in world.story if name == "z"] == [START + 0.01, START + 0.02]
    assert max(world.story.count(each) for each in world.story) == TURNS


def test_nobody_else_has_a_turn_until_one_is_over() -> None:
    """The clock stands, too."""
    conductor = Conductor()
    conductor.horizon = math.inf
    number = conductor.begin(A)
    conductor.wait(B, conductor.begin(B), START + 1.0)
    assert conductor.next([(START, B)], START + 0.5) is None
    assert conductor.busy == {A: number}
    conductor.wait(A, number, None)
    assert conductor.next([(START, B)], START + 0.5) == Turn(B, number + 2)


def test_who_has_not_heard_of_a_turn_still_has_it() -> None:
    """That one waits, said before it heard that it has another turn, ends nothing."""
    conductor = Conductor()
    conductor.horizon = math.inf
    old = conductor.begin(A)
    conductor.wait(A, old, START)
    turn = conductor.next([], None)
    assert isinstance(turn, Turn)
    conductor.wait(A, old, None)
    assert conductor.busy == {A: turn.number}
    conductor.wait(A, turn.number, None)
    assert not conductor.busy


def test_a_cast_begins_in_its_order_when_all_are_there() -> None:
    """Whoever comes first waits for the others; then `init` of one follows that of the other."""
    conductor = Conductor()
    conductor.expect([C, A])
    conductor.wait(A, conductor.begin(A), None, new=True)
    assert conductor.next([], None) is None
    assert conductor.awaited == [C]
    conductor.wait(C, conductor.begin(C), None, new=True)
    first = conductor.next([], None)
    assert isinstance(first, Turn)
    assert first.actor == C
    conductor.wait(C, first.number, START + 1.0)
    second = conductor.next([(START, C)], None)
    assert isinstance(second, Turn)
    assert second.actor == A
    conductor.wait(A, second.number, None)
    third = conductor.next([], None)
    assert third == START + 1.0


def test_the_clock_stands_when_one_of_the_cast_ends() -> None:
    """Until it is there again, or is not expected any more."""
    conductor = Conductor()
    conductor.expect([A, B])
    for actor in (A, B):
        conductor.wait(actor, conductor.begin(actor), None)
    assert conductor.next([], START + 1.0) == START + 1.0
    conductor.leave(A)
    assert conductor.next([], START + 2.0) is None
    conductor.expect([B])
    assert conductor.next([], START + 2.0) == START + 2.0


def test_nothing_but_beginnings_happens_before_the_clock_is_driven() -> None:
    """Whoever has joined may run `init`; what woke it waits."""
    conductor = Conductor()
    conductor.wait(A, conductor.begin(A), None, new=True)
    turn = conductor.next([(START, A)], START)
    assert isinstance(turn, Turn)
    conductor.wait(A, turn.number, START)
    assert conductor.next([(START, A)], START) is None
    conductor.horizon = START
    assert isinstance(conductor.next([(START, A)], START), Turn)
